"""A file share with requests of our own: what a sync does costs as little as it can.

The SDK needs 0.6 ms of processor time a request and 0.7 s to be imported. It stands in (``sdk_share.py``) where
a proxy or a person's token is needed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from aitk_inference.azure.files.genuine import is_of_the_service
from aitk_inference.azure.files.responses import (
    directory_of_headers,
    entries_of_list,
    entry_of_headers,
    ranges_of,
    service_time,
)
from aitk_inference.azure.files.retry import PUSHED_BACK, Failure, Retry
from aitk_inference.azure.files.signing import Request, Sas, compose
from aitk_inference.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from aitk_inference.azure.files.concurrency_limiter import ConcurrencyLimiter
    from aitk_inference.azure.files.http import Pool, Reply
    from aitk_inference.azure.files.retry import Backoff
    from aitk_inference.azure.files.signing import Signer
    from aitk_inference.core.errors import AppError
    from aitk_inference.core.ports import Clock
    from aitk_inference.core.share import Directory, ShareEntry

_GONE = frozenset({"ResourceNotFound", "ParentNotFound"})
_TAKEN = frozenset({"ResourceAlreadyExists"})
_FULL = frozenset({"DirectoryNotEmpty"})
_NO_DATA_YET = frozenset({400, 411})
_DIRECTORY = {"restype": "directory"}
_READS = frozenset({"GET", "HEAD"})
_COPY_LOOKS = 0.5
_METADATA = "x-ms-meta-"
_SHOWN = 200


class Channel(NamedTuple):
    """How a share's requests get to the service.

    Attributes:
        origin: Scheme and host.
        host: For the Host header.
        path: Of the share: ``/share``, or ``/account/share`` where addresses are path-style.
        folder: The folder in it that stands for the share; ``/`` between parts; empty: the share itself.
        signer: What lets requests in.
        agent: For the User-Agent header.
    """

    origin: str
    host: str
    path: str
    folder: str
    signer: Signer
    agent: str
    pool: Pool
    limiter: ConcurrencyLimiter
    backoff: Backoff
    clock: Clock


class RestShare:
    """The :class:`~aitk_inference.core.share.Share` port.

    Args:
        channel: How requests get there.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._root = f"{channel.path}/{quote(channel.folder)}" if channel.folder else channel.path
        self._retry = Retry(channel.clock, channel.backoff, channel.limiter.pushed_back)
        self._check: Callable[[], Awaitable[None]] | None = None
        self._one_call = True
        self.requests = 0

    async def close(self) -> None:
        """End the connections."""
        self._channel.pool.close()

    def before_writes(self, check: Callable[[], Awaitable[None]] | None) -> None:
        """Run a check before each request that changes files."""
        self._check = check

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Return the entries of one folder, one level deep; none when it is missing."""
        query = {**_DIRECTORY, "comp": "list", "include": "timestamps,Etag"}
        headers = {"x-ms-file-extended-info": "true"}
        entries: list[ShareEntry] = []
        doing = f"listing {directory or 'the share'}"
        while True:
            request = self._request("GET", directory, headers, query=query)
            reply = await self._run(doing, request, allowed=_GONE)
            if not reply.ok:
                return []
            with _reading(reply, doing):
                page, marker = entries_of_list(directory, reply.body)
            if marker and marker == query.get("marker"):
                raise _not_the_service(reply, doing)  # it would list for ever
            entries += page
            if not marker:
                return entries
            query = {**query, "marker": marker}

    async def entry(self, path: str) -> ShareEntry | None:
        """Return one file, with its MD5 where there is one; None when it is missing."""
        doing = f"looking at {path}"
        reply = await self._run(doing, self._request("HEAD", path), allowed=_GONE)
        with _reading(reply, doing):
            return _found(path, reply) if reply.ok else None

    async def read(self, path: str) -> bytes | None:
        """Return a whole file's content, or None."""
        reply = await self._run(f"reading {path}", self._request("GET", path), allowed=_GONE)
        return reply.body if reply.ok else None

    async def read_range(self, path: str, offset: int, length: int) -> bytes | None:
        """Return a part of a file, or None when it is missing."""
        headers = {"x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        reply = await self._run(f"reading {path}", self._request("GET", path, headers), allowed=_GONE)
        return reply.body if reply.ok else None

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> Directory | None:
        """Make one folder, and the one that stands for the share where it is missing; None: the name was taken.

        A folder that is there with this very metadata was made by us: the first answer got lost.
        """
        request = self._request("PUT", path, _meta(metadata), query=_DIRECTORY)
        reply = await self._run(f"making the folder {path}", request, allowed=_TAKEN | _GONE)
        if reply.ok:
            return directory_of_headers(reply.headers)
        if _code(reply) in _GONE:
            if "/" in path or not self._channel.folder:
                raise _to_app_error(reply, f"making the folder {path}", self._channel.signer)
            await self._make_root()
            return await self.make_directory(path, metadata)
        found = await self.directory(path) if metadata else None
        return found if found and found.metadata == metadata else None

    async def directory(self, path: str) -> Directory | None:
        """Return one folder, or None when it is missing."""
        request = self._request("GET", path, query=_DIRECTORY)
        reply = await self._run(f"reading the folder {path}", request, allowed=_GONE)
        return directory_of_headers(reply.headers) if reply.ok else None

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        request = self._request("PUT", path, _meta(metadata), query={**_DIRECTORY, "comp": "metadata"})
        await self._run(f"noting at the folder {path}", request, checked=False)

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of at most 4 MiB, in one request where the service can."""
        doing = f"writing {path}"
        headers = _creation(len(content), modified)
        if self._one_call:
            request = self._request("PUT", path, headers, length=len(content))
            statuses = _NO_DATA_YET if content else frozenset[int]()
            reply = await self._run(doing, request, content, statuses=statuses)
            if reply.ok:
                return entry_of_headers(path, reply.headers, len(content))
        reply = await self._run(doing, self._request("PUT", path, headers))
        if content:
            reply = await self._write(path, 0, content)
        self._one_call = False  # only now: a request that is wrong in itself fails here, too
        time = "x-ms-file-last-write-time"  # a range's answer may not have it
        kept = {time: headers[time]} if time in headers else {}
        return entry_of_headers(path, {**reply.headers, **kept}, len(content))

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""
        reply = await self._run(f"writing {path}", self._request("PUT", path, _creation(size, modified)))
        return entry_of_headers(path, reply.headers, size)

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        await self._write(path, offset, content)

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """Return the parts of a file that were written, ascending."""
        request = self._request("GET", path, query={"comp": "rangelist"})
        doing = f"looking at {path}"
        reply = await self._run(doing, request)
        with _reading(reply, doing):
            return ranges_of(reply.body)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share; waits for the end.

        Raises:
            Conflict: the service gave up.
        """
        doing = f"copying {source}"
        headers = {"x-ms-copy-source": self._url(source), "x-ms-file-last-write-time": service_time(modified)}
        await self._run(doing, self._request("PUT", target, {**_SOURCE_DOTS, **headers}))
        looking = self._request("HEAD", target)
        while (found := await self._run(doing, looking)).headers.get("x-ms-copy-status") == "pending":
            await self._channel.clock.sleep(_COPY_LOOKS)
        if found.headers.get("x-ms-copy-status") != "success":
            raise Conflict(f"{source} could not be copied to {target} on the share.")
        return _found(target, found)

    async def rename(self, source: str, target: str, *, replace: bool) -> ShareEntry:
        """Rename a file; atomic. With ``replace`` the target may exist."""
        headers = {"x-ms-file-rename-replace-if-exists": str(replace).lower()}
        reply = await self._rename(source, target, headers, {})
        return entry_of_headers(target, reply.headers, 0)

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists."""
        return (await self._rename(source, target, {}, _DIRECTORY, allowed=_TAKEN | _GONE)).ok

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""
        request = self._request("DELETE", path)
        return (await self._run(f"deleting {path}", request, allowed=_GONE)).ok

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""
        request = self._request("DELETE", path, query=_DIRECTORY)
        return (await self._run(f"deleting the folder {path}", request, allowed=_GONE | _FULL)).ok

    # what several requests have in common

    async def _write(self, path: str, offset: int, content: bytes) -> Reply:
        headers = {
            "x-ms-range": f"bytes={offset}-{offset + len(content) - 1}",
            "x-ms-write": "update",
            "x-ms-file-last-write-time": "preserve",
        }
        request = self._request("PUT", path, headers, query={"comp": "range"}, length=len(content))
        return await self._run(f"writing {path}", request, content)

    async def _rename(
        self,
        source: str,
        target: str,
        headers: Mapping[str, str],
        query: Mapping[str, str],
        *,
        allowed: frozenset[str] = frozenset(),
    ) -> Reply:
        asked = {"x-ms-file-rename-source": self._url(source), **_SOURCE_DOTS, **headers}
        request = self._request("PUT", target, asked, query={**query, "comp": "rename"})
        return await self._run(f"renaming {source}", request, allowed=allowed, idempotent=False)

    async def _make_root(self) -> None:
        """Make the folder that stands for the share, and those above it."""
        parts = self._channel.folder.split("/")
        for depth in range(1, len(parts) + 1):
            path = f"{self._channel.path}/{quote('/'.join(parts[:depth]))}"
            request = Request("PUT", path, _DIRECTORY, _DOTS)
            await self._run(f"making the folder {'/'.join(parts[:depth])}", request, allowed=_TAKEN)

    def _url(self, path: str) -> str:
        """Return a file's address, with the signature where there is one: the source of a copy or a rename."""
        query = self._channel.signer.query
        return f"{self._channel.origin}{self._root}/{quote(path)}{'?' if query else ''}{query}"

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        length: int = 0,
    ) -> Request:
        whole = f"{self._root}/{quote(path)}" if path else self._root
        return Request(method, whole, query or {}, {**_DOTS, **(headers or {})}, length)

    async def _run(
        self,
        doing: str,
        request: Request,
        body: bytes = b"",
        *,
        allowed: frozenset[str] = frozenset(),
        statuses: frozenset[int] = frozenset(),
        idempotent: bool = True,
        checked: bool = True,
    ) -> Reply:
        """Send a request until it is answered for good.

        Args:
            doing: What is tried, to follow "while".
            request: What to send.
            body: Its body.
            allowed: Codes of the service that are an answer here, not an error.
            statuses: Statuses that are.
            idempotent: Whether it may be sent again when the first may have been carried out.
            checked: Whether the check before writes counts for it.

        Raises:
            AppError: it failed for good.
        """
        checked = checked and request.method not in _READS

        async def send() -> Reply | Failure:
            if checked and self._check is not None:
                await self._check()
            answer = await self._send(request, body, idempotent=idempotent)
            if isinstance(answer, OSError):
                return Failure(lambda: _to_app_error(answer, doing, self._channel.signer))
            if not is_of_the_service(request.method, answer.status, answer.headers):
                return Failure(lambda: _not_the_service(answer, doing), is_final=True)
            if answer.ok or answer.status in statuses or _code(answer) in allowed:
                return answer
            retry_after, signer = answer.headers.get("retry-after", ""), self._channel.signer
            return Failure(
                lambda: _to_app_error(answer, doing, signer), answer.status, _code(answer), retry_after
            )

        answer = await send()
        if not isinstance(answer, Failure):  # nearly always
            return answer
        return await self._retry.run(send, idempotent=idempotent, first=answer)

    async def _send(self, request: Request, body: bytes, *, idempotent: bool) -> Reply | OSError:
        channel = self._channel
        async with channel.limiter:
            while pause := channel.limiter.pause:
                await channel.clock.sleep(pause)
            self.requests += 1
            head = compose(request, channel.signer, channel.host, channel.agent)
            try:
                answer = await channel.pool.ask(head, body, idempotent=idempotent)
            except OSError as error:
                return error
        if answer.status not in PUSHED_BACK:
            channel.limiter.answered()
        return answer


_DOTS = {"x-ms-allow-trailing-dot": "true"}
"""Trailing dots are kept: without the header the service strips them, and ``a.`` would be ``a``."""
_SOURCE_DOTS = {"x-ms-source-allow-trailing-dot": "true"}


def _to_app_error(answer: Reply | OSError, doing: str, signer: Signer) -> AppError:
    from aitk_inference.azure.errors import answer_error, translate

    if isinstance(answer, OSError):
        error = translate(answer, doing)
        error.__cause__ = answer
        return error
    error = answer_error(answer.status, answer.body.decode("utf-8", "replace"), _code(answer), doing)
    if not isinstance(signer, Sas) or isinstance(error, NotFound):
        return error
    from aitk_inference.azure.files.sas_advice import explained

    return explained(error, _code(answer), signer.query, answer.headers.get("date", ""))


def _not_the_service(answer: Reply, doing: str) -> AppError:
    from aitk_inference.azure.errors import unreadable

    return unreadable(f"HTTP {answer.status} {answer.body[:_SHOWN].decode('utf-8', 'replace')}", doing)


@contextmanager
def _reading(answer: Reply, doing: str) -> Iterator[None]:
    """Tell a body or headers that can't be the service's as such; XML's own error is a SyntaxError."""
    try:
        yield
    except (ValueError, SyntaxError) as error:
        raise _not_the_service(answer, doing) from error


def _code(reply: Reply) -> str:
    return reply.headers.get("x-ms-error-code", "")


def _found(path: str, reply: Reply) -> ShareEntry:
    found = entry_of_headers(path, reply.headers, int(reply.headers.get("content-length", 0)))
    return found._replace(md5=reply.headers.get("content-md5", ""))


def _creation(size: int, modified: datetime | None) -> dict[str, str]:
    headers = {"x-ms-type": "file", "x-ms-content-length": str(size)}
    return headers if modified is None else {**headers, "x-ms-file-last-write-time": service_time(modified)}


def _meta(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"{_METADATA}{name}": value for name, value in (metadata or {}).items()}
