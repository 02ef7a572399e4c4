"""Structured messages: a body in segments, each with its CRC64, and a CRC64 of the whole.

All numbers are little-endian, as in the Azure SDKs' streams (`XSM/1.0; properties=crc64`). The message:
version 1 (1 byte), its whole length (8), flags (2; 1 means CRC64), the number of segments (2). Each segment:
its number (2), the length of its content (8), the content, its CRC64 (8). At the end: the CRC64 of all (8).
"""

import struct
from collections.abc import AsyncIterator, Callable, Generator

import crcmod

from aca_local.files.errors import FilesError

NAME = "XSM/1.0; properties=crc64"
SEGMENT = 4 * 1024 * 1024
HEADER = struct.Struct("<BQHH")
SEGMENT_HEADER = struct.Struct("<HQ")
CRC = struct.Struct("<Q")
POLYNOMIAL = 0x1AD93D23594C93659  # CRC-64/NVME

Crc64 = Callable[..., int]


def crc64() -> Crc64:
    """Return the checksum function: `f(data)`, or `f(more, so_far)`."""
    function: Crc64 = crcmod.mkCrcFun(POLYNOMIAL, initCrc=0, rev=True, xorOut=0xFFFF_FFFF_FFFF_FFFF)
    return function


def message_length(content: int) -> int:
    """Return how long the message of so many bytes is."""
    segments = max(1, -(-content // SEGMENT))
    return HEADER.size + segments * (SEGMENT_HEADER.size + CRC.size) + content + CRC.size


class Decoder:
    """Takes a message in pieces, gives its content, and checks lengths and checksums."""

    def __init__(self) -> None:
        self._crc64 = crc64()
        self._buffer = bytearray()
        self._content: list[bytes] = []
        self._layout = self._read()
        self._wanted = next(self._layout)
        self._done = False

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return the content in it. Raises FilesError Crc64Mismatch, InvalidInput."""
        self._buffer += data
        while not self._done and len(self._buffer) >= max(1, self._wanted):
            self._advance()
        if self._done and self._buffer:
            raise FilesError("InvalidInput", "Bytes follow the structured message.")
        content = b"".join(self._content)
        self._content.clear()
        return content

    def close(self) -> None:
        """Raise InvalidInput unless the message is complete."""
        if not self._done:
            raise FilesError("InvalidInput", "The structured message is incomplete.")

    def _advance(self) -> None:
        count = self._wanted or len(self._buffer)
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        try:
            self._wanted = self._layout.send(taken)
        except StopIteration:
            self._done = True

    def _read(self) -> Generator[int, bytes, None]:
        """Ask for bytes: how many, or 0 for any number of content."""
        version, _, flags, segments = HEADER.unpack((yield HEADER.size))
        if version != 1 or flags != 1:
            raise FilesError("InvalidInput", "Only version 1 with CRC64 is supported.")
        total = 0
        for number in range(1, segments + 1):
            found, length = SEGMENT_HEADER.unpack((yield SEGMENT_HEADER.size))
            if found != number:
                raise FilesError("InvalidInput", "The segments are out of order.")
            total = yield from self._segment(length, total)
        if CRC.unpack((yield CRC.size))[0] != total:
            raise FilesError("Crc64Mismatch")

    def _segment(self, length: int, total: int) -> Generator[int, bytes, int]:
        crc = 0
        while length:
            piece = yield 0
            if len(piece) > length:
                self._buffer[:0] = piece[length:]
                piece = piece[:length]
            length -= len(piece)
            crc, total = self._crc64(piece, crc), self._crc64(piece, total)
            self._content.append(piece)
        if CRC.unpack((yield CRC.size))[0] != crc:
            raise FilesError("Crc64Mismatch")
        return total


async def encode(pieces: AsyncIterator[bytes], length: int) -> AsyncIterator[bytes]:
    """Yield the message of `length` bytes of content that come in pieces."""
    checksum = crc64()
    segments = max(1, -(-length // SEGMENT))
    yield HEADER.pack(1, message_length(length), 1, segments)
    total, left, number, room, crc = 0, length, 0, 0, 0
    async for given in pieces:
        data = given
        while data:
            if not room:
                number, room, crc = number + 1, min(SEGMENT, left), 0
                yield SEGMENT_HEADER.pack(number, room)
            part, data = data[:room], data[room:]
            crc, total = checksum(part, crc), checksum(part, total)
            room, left = room - len(part), left - len(part)
            yield part
            if not room:
                yield CRC.pack(crc)
    if not length:
        yield SEGMENT_HEADER.pack(1, 0) + CRC.pack(0)
    yield CRC.pack(total)
