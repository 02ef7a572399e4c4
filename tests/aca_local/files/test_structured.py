"""Structured messages, against the SDK's own streams where its checksums can be made here."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO

import pytest
from aca_local.files import FilesError
from aca_local.files.structured import Decoder, crc64, encode, message_length
from azure.storage.fileshare._shared import streams
from hypothesis import given, settings
from hypothesis import strategies as st


async def _message(content: bytes) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    return b"".join([piece async for piece in encode(pieces(), len(content))])


def message(content: bytes) -> bytes:
    return asyncio.run(_message(content))


def test_the_checksum_is_that_of_the_standard() -> None:
    assert crc64()(b"123456789") == 0xAE8B14860A799888  # the check value of CRC-64/NVME


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=5000), st.integers(1, 700))
def test_a_message_decodes_to_its_content_however_it_arrives(content: bytes, step: int) -> None:
    whole, decoder = message(content), Decoder()
    assert len(whole) == message_length(len(content))
    found = b"".join(decoder.feed(whole[at : at + step]) for at in range(0, len(whole), step))
    decoder.close()
    assert found == content


def test_a_message_is_the_one_that_the_sdk_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "calculate_crc64", crc64())
    content = bytes(range(256)) * 40_000  # three segments
    flags = streams.StructuredMessageProperties.CRC64
    theirs = streams.StructuredMessageEncodeStream(BytesIO(content), len(content), flags).read()
    assert message(content) == theirs


@pytest.mark.parametrize("at", [-1, -9, 30])
def test_a_changed_message_is_refused(at: int) -> None:
    whole = bytearray(message(b"some content that matters"))
    whole[at] ^= 1
    decoder = Decoder()
    with pytest.raises(FilesError, match="Crc64Mismatch"):
        decoder.feed(bytes(whole))


def test_an_incomplete_message_is_refused() -> None:
    decoder = Decoder()
    decoder.feed(message(b"abc")[:-1])
    with pytest.raises(FilesError, match="InvalidInput"):
        decoder.close()
