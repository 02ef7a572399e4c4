"""Request bodies: read in pieces, counted, checked against their MD5, written straight to disk."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from aca_local.files import structured
from aca_local.files.content import remove_quietly
from aca_local.files.errors import FilesError
from aca_local.files.numbers import whole_number
from aca_local.files.request import Call, bad_header

MAX_WRITE = 4 * 1024 * 1024  # "Put Range": at most 4 MiB a request
MAX_DOCUMENT = 64 * 1024
MD5_BYTES = 16
IN_MEMORY = 256 * 1024


def content_length(call: Call) -> int:
    """Return the declared length of the body; raises MissingContentLengthHeader."""
    length = call.headers.get("Content-Length")
    if length is None:
        raise FilesError("MissingContentLengthHeader")
    value = whole_number(length)
    if value is None:
        raise bad_header("Content-Length", length)
    return value


def data_length(call: Call) -> int:
    """Return the length of what the body carries; a structured message is longer than that."""
    length = content_length(call)
    if "x-ms-structured-body" not in call.ms:
        return length
    if call.ms["x-ms-structured-body"] != structured.NAME:
        raise bad_header("x-ms-structured-body", call.ms["x-ms-structured-body"])
    call.required("x-ms-structured-content-length")
    carried = call.number("x-ms-structured-content-length") or 0
    if carried > length:
        raise bad_header("x-ms-structured-content-length", str(carried))
    return carried


async def pieces(call: Call) -> AsyncIterator[bytes]:
    """Yield what the body carries as it arrives; a structured message is unpacked and checked."""
    content = call.request.content
    if "x-ms-structured-body" not in call.ms:
        while data := await content.readany():
            yield data
        return
    decoder = structured.Decoder()
    while data := await content.readany():
        yield decoder.feed(data)
    decoder.close()


async def read_document(call: Call, limit: int = MAX_DOCUMENT) -> bytes:
    """Return a body that is small by nature; raises RequestBodyTooLarge."""
    if content_length(call) > limit:
        raise FilesError("RequestBodyTooLarge")
    return b"".join([piece async for piece in pieces(call)])


def declared_md5(call: Call) -> bytes | None:
    """Return the MD5 that the client declares; raises InvalidMd5."""
    text = call.headers.get("Content-MD5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:
        raise FilesError("InvalidMd5") from None
    if len(digest) != MD5_BYTES:
        raise FilesError("InvalidMd5")
    return digest


@dataclass(slots=True)
class Payload:
    """A whole, checked body: in memory when it is small, else in a file aside that `discard` removes."""

    length: int
    md5: bytes
    data: bytes | None
    path: str

    def discard(self) -> None:
        """Remove the file aside, if there still is one."""
        if self.data is None:
            remove_quietly(self.path)

    def put_aside(self) -> str:
        """Return the file aside that holds the body; it is made where it was in memory so far."""
        if self.data is not None:
            with open(self.path, "xb") as target:
                target.write(self.data)
            self.data = None
        return self.path


async def receive(call: Call, limit: int, aside: str) -> Payload:
    """Take in a body before anything is changed by it; one that is not small goes to the file `aside`.

    Raises RequestBodyTooLarge, MissingContentLengthHeader, and Md5Mismatch where the client declared
    another MD5.
    """
    length = data_length(call)
    if length > limit:
        raise FilesError("RequestBodyTooLarge")
    expected = declared_md5(call)
    payload = await _in_memory(call, length, aside) if length <= IN_MEMORY else await _on_disk(call, aside)
    if payload.length != length:
        payload.discard()
        raise FilesError("InvalidInput", "The body is not as long as it says.")
    if expected is not None and payload.md5 != expected:
        payload.discard()
        raise FilesError("Md5Mismatch")
    return payload


async def _in_memory(call: Call, length: int, aside: str) -> Payload:
    content = call.request.content
    if length and "x-ms-structured-body" not in call.ms:
        data = content.read_nowait() if content.is_eof() else await content.readexactly(length)
    else:
        data = b"".join([piece async for piece in pieces(call)])
    return Payload(len(data), hashlib.md5(data, usedforsecurity=False).digest(), data, aside)


async def _on_disk(call: Call, aside: str) -> Payload:
    digest, length = hashlib.md5(usedforsecurity=False), 0
    try:
        with open(aside, "xb", buffering=0) as target:
            async for piece in pieces(call):
                digest.update(piece)
                length += target.write(piece)
    except BaseException:
        remove_quietly(aside)
        raise
    return Payload(length, digest.digest(), None, aside)


def md5_text(digest: bytes) -> str:
    """Return a digest as HTTP carries it."""
    return base64.b64encode(digest).decode()


def parse_range(call: Call) -> tuple[int, int | None] | None:
    """Return the first and last byte of `x-ms-range` or `Range` (last None: to the end); None without one."""
    text = call.ms.get("x-ms-range") or call.headers.get("Range")
    return parse_span("x-ms-range", text) if text else None


def parse_span(header: str, text: str) -> tuple[int, int | None]:
    """Return the first and last byte that a header's value names."""
    unit, _, span = text.partition("=")
    first, dash, last = span.partition("-")
    start, end = whole_number(first), whole_number(last)
    if unit.strip() != "bytes" or not dash or start is None or (end is None and last):
        raise bad_header(header, text)
    return start, end
