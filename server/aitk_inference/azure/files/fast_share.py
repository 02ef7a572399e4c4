"""A file share with requests of our own: what a sync does most costs as little as it can.

The SDK needs 0.6 ms of processor time a request and 0.7 s to be imported. It does what is rare (copies,
renames of folders), and everything where a proxy or a person's token is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar
from urllib.parse import quote

from aitk_inference.azure.files.listing import entries_of_list, entry_of_headers, ranges_of, wire_time
from aitk_inference.azure.files.retry import KEYS_FORBIDDEN, PUSHED_BACK, Failure
from aitk_inference.azure.files.signing import Request, compose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime

    from aitk_inference.azure.files.http import Pool, Reply
    from aitk_inference.azure.files.pace import Pace
    from aitk_inference.azure.files.retry import Backoff
    from aitk_inference.azure.files.sdk_share import SdkShare
    from aitk_inference.azure.files.signing import Signer
    from aitk_inference.core.errors import AppError
    from aitk_inference.core.ports import Clock
    from aitk_inference.core.share import ShareEntry

    _Result = TypeVar("_Result")

_GONE = frozenset({"ResourceNotFound", "ParentNotFound"})
_THERE = frozenset({"ResourceAlreadyExists"})
_FULL = frozenset({"DirectoryNotEmpty"})
_NO_DATA_YET = frozenset({400, 411})
_DIRECTORY = {"restype": "directory"}


class _KeysForbidden(Exception):
    """A policy wants a person's own token."""


class Wire(NamedTuple):
    """How a share's requests get to the service.

    Attributes:
        host: For the Host header.
        path: Of the share: ``/share``, or ``/account/share`` where addresses are path-style.
        signer: What lets requests in.
        agent: For the User-Agent header.
    """

    host: str
    path: str
    signer: Signer
    agent: str
    pool: Pool
    pace: Pace
    backoff: Backoff
    clock: Clock


class FastShare:
    """The :class:`~aitk_inference.core.ports.Share` port.

    Args:
        wire: How requests get there.
        sdk: Opens the share on the SDK, when it is needed.
    """

    def __init__(self, wire: Wire, sdk: Callable[[], SdkShare]) -> None:
        self._wire = wire
        self._open_sdk = sdk
        self._sdk: SdkShare | None = None
        self._fast = True
        self._one_call = True
        self._sent = 0

    @property
    def requests(self) -> int:
        """How many requests were sent so far."""
        return self._sent + (self._sdk.requests if self._sdk else 0)

    async def close(self) -> None:
        """End the connections."""
        self._wire.pool.close()
        if self._sdk is not None:
            await self._sdk.close()

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Entries of one folder, one level deep; empty when it is missing."""
        return await self._either(lambda: self._list(directory), lambda sdk: sdk.list(directory))

    async def entry(self, path: str) -> ShareEntry | None:
        """One file, with its MD5 where there is one; None when it is missing."""
        return await self._either(lambda: self._entry(path), lambda sdk: sdk.entry(path))

    async def read(self, path: str) -> bytes | None:
        """A whole file, or None."""
        return await self._either(lambda: self._read(path), lambda sdk: sdk.read(path))

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        """Make one folder. False when it was there already, with other metadata."""
        return await self._either(
            lambda: self._make_directory(path, metadata), lambda sdk: sdk.make_directory(path, metadata)
        )

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        """A folder's metadata, or None when it is missing."""
        return await self._either(
            lambda: self._directory_metadata(path), lambda sdk: sdk.directory_metadata(path)
        )

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        await self._either(
            lambda: self._set_directory_metadata(path, metadata),
            lambda sdk: sdk.set_directory_metadata(path, metadata),
        )

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of at most 4 MiB, in one request where the service can."""
        return await self._either(
            lambda: self._put_file(path, content, modified),
            lambda sdk: sdk.put_file(path, content, modified=modified),
        )

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""
        return await self._either(
            lambda: self._create_file(path, size, modified),
            lambda sdk: sdk.create_file(path, size, modified=modified),
        )

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        await self._either(
            lambda: self._put_range(path, offset, content), lambda sdk: sdk.put_range(path, offset, content)
        )

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """The parts of a file that were written, ascending."""
        return await self._either(lambda: self._ranges(path), lambda sdk: sdk.ranges(path))

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share; waits for the end."""
        return await self._slow().copy(source, target, modified=modified)

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        """Rename a file; atomic. With ``replace`` the target may exist."""
        await self._slow().rename(source, target, replace=replace)

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists."""
        return await self._slow().rename_directory(source, target)

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""
        return await self._either(
            lambda: self._delete(path, {}, _GONE, f"deleting {path}"), lambda sdk: sdk.delete_file(path)
        )

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""
        return await self._either(
            lambda: self._delete(path, _DIRECTORY, _GONE | _FULL, f"deleting the folder {path}"),
            lambda sdk: sdk.delete_directory(path),
        )

    # the requests

    async def _list(self, directory: str) -> Sequence[ShareEntry]:
        query = {**_DIRECTORY, "comp": "list", "include": "timestamps,Etag"}
        headers = {"x-ms-file-extended-info": "true"}
        entries: list[ShareEntry] = []
        while True:
            request = self._request("GET", directory, headers, query=query)
            reply = await self._run(f"listing {directory or 'the share'}", request, allowed=_GONE)
            if not reply.ok:
                return []
            page, marker = entries_of_list(directory, reply.body)
            entries += page
            if not marker:
                return entries
            query = {**query, "marker": marker}

    async def _entry(self, path: str) -> ShareEntry | None:
        reply = await self._run(f"looking at {path}", self._request("HEAD", path), allowed=_GONE)
        if not reply.ok:
            return None
        found = entry_of_headers(path, reply.headers, int(reply.headers.get("content-length", 0)))
        return found._replace(md5=reply.headers.get("content-md5", ""))

    async def _read(self, path: str) -> bytes | None:
        reply = await self._run(f"reading {path}", self._request("GET", path), allowed=_GONE)
        return reply.body if reply.ok else None

    async def _make_directory(self, path: str, metadata: Mapping[str, str] | None) -> bool:
        """A folder that is there with this very metadata was made by us: the first answer got lost."""
        request = self._request("PUT", path, _meta(metadata), query=_DIRECTORY)
        reply = await self._run(f"making the folder {path}", request, allowed=_THERE)
        return reply.ok or (bool(metadata) and await self._directory_metadata(path) == metadata)

    async def _directory_metadata(self, path: str) -> Mapping[str, str] | None:
        request = self._request("GET", path, query=_DIRECTORY)
        reply = await self._run(f"reading the folder {path}", request, allowed=_GONE)
        if not reply.ok:
            return None
        mark = "x-ms-meta-"
        return {name[len(mark) :]: value for name, value in reply.headers.items() if name.startswith(mark)}

    async def _set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        request = self._request("PUT", path, _meta(metadata), query={**_DIRECTORY, "comp": "metadata"})
        await self._run(f"marking the folder {path}", request)

    async def _put_file(self, path: str, content: bytes, modified: datetime | None) -> ShareEntry:
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
        return entry_of_headers(path, {**reply.headers, **_written(headers)}, len(content))

    async def _create_file(self, path: str, size: int, modified: datetime | None) -> ShareEntry:
        reply = await self._run(f"writing {path}", self._request("PUT", path, _creation(size, modified)))
        return entry_of_headers(path, reply.headers, size)

    async def _put_range(self, path: str, offset: int, content: bytes) -> None:
        await self._write(path, offset, content)

    async def _write(self, path: str, offset: int, content: bytes) -> Reply:
        headers = {
            "x-ms-range": f"bytes={offset}-{offset + len(content) - 1}",
            "x-ms-write": "update",
            "x-ms-file-last-write-time": "preserve",
        }
        request = self._request("PUT", path, headers, query={"comp": "range"}, length=len(content))
        return await self._run(f"writing {path}", request, content)

    async def _ranges(self, path: str) -> Sequence[tuple[int, int]]:
        request = self._request("GET", path, query={"comp": "rangelist"})
        return ranges_of((await self._run(f"looking at {path}", request)).body)

    async def _delete(self, path: str, query: Mapping[str, str], allowed: frozenset[str], doing: str) -> bool:
        return (await self._run(doing, self._request("DELETE", path, query=query), allowed=allowed)).ok

    # what all requests have in common

    async def _either(
        self, fast: Callable[[], Awaitable[_Result]], slow: Callable[[SdkShare], Awaitable[_Result]]
    ) -> _Result:
        """By a request of our own; where keys are forbidden on the SDK, which shows a person's token."""
        if self._fast:
            try:
                return await fast()
            except _KeysForbidden:
                self._fast = False
        return await slow(self._slow())

    def _slow(self) -> SdkShare:
        if self._sdk is None:
            self._sdk = self._open_sdk()
        return self._sdk

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        length: int = 0,
    ) -> Request:
        """Trailing dots are kept: without the header the service strips them, and ``a.`` would be ``a``."""
        whole = f"{self._wire.path}/{quote(path)}" if path else self._wire.path
        return Request(
            method, whole, query or {}, {"x-ms-allow-trailing-dot": "true", **(headers or {})}, length
        )

    async def _run(
        self,
        doing: str,
        request: Request,
        body: bytes = b"",
        *,
        allowed: frozenset[str] = frozenset(),
        statuses: frozenset[int] = frozenset(),
    ) -> Reply:
        """Send a request until it is answered for good.

        Args:
            doing: What is tried, to follow "while".
            request: What to send.
            body: Its body.
            allowed: Codes of the service that are an answer here, not an error.
            statuses: Statuses that are.

        Raises:
            AppError: it failed for good.
        """
        attempt = 0
        while True:
            attempt += 1
            answer = await self._send(request, body)
            if isinstance(answer, OSError):
                failure = Failure(unsent=False)
            elif answer.ok or answer.status in statuses or (code := _code(answer)) in allowed:
                return answer
            else:
                failure = Failure(answer.status, code, answer.headers.get("retry-after", ""))
            wait = self._wait(attempt, failure)
            if wait is None:
                raise _told(answer, doing)
            await self._wire.clock.sleep(wait)

    async def _send(self, request: Request, body: bytes) -> Reply | OSError:
        wire = self._wire
        async with wire.pace:
            while pause := wire.pace.pause:
                await wire.clock.sleep(pause)
            self._sent += 1
            try:
                answer = await wire.pool.ask(compose(request, wire.signer, wire.host, wire.agent), body)
            except OSError as error:
                return error
        if answer.status not in PUSHED_BACK:
            wire.pace.answered()
        return answer

    def _wait(self, attempt: int, failure: Failure) -> float | None:
        """Seconds until the request is sent again; None: the failure is final.

        Raises:
            _KeysForbidden: keys are.
        """
        if failure.code == KEYS_FORBIDDEN:
            raise _KeysForbidden
        wait = self._wire.backoff.wait(attempt, failure, idempotent=True)
        if failure.status in PUSHED_BACK and wait is not None:
            self._wire.pace.pushed_back(wait)
        return wait


def _told(answer: Reply | OSError, doing: str) -> AppError:
    from aitk_inference.azure.errors import answer_error, translate

    if isinstance(answer, OSError):
        error = translate(answer, doing)
        error.__cause__ = answer
        return error
    return answer_error(answer.status, answer.body.decode("utf-8", "replace"), _code(answer), doing)


def _code(reply: Reply) -> str:
    return reply.headers.get("x-ms-error-code", "")


def _creation(size: int, modified: datetime | None) -> dict[str, str]:
    headers = {"x-ms-type": "file", "x-ms-content-length": str(size)}
    return headers if modified is None else {**headers, "x-ms-file-last-write-time": wire_time(modified)}


def _written(headers: Mapping[str, str]) -> dict[str, str]:
    """The last write time that was asked for: a range's answer may not tell it."""
    name = "x-ms-file-last-write-time"
    return {name: headers[name]} if name in headers else {}


def _meta(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"x-ms-meta-{name}": value for name, value in (metadata or {}).items()}
