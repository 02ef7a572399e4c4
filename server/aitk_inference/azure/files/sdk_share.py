"""A file share on Azure's SDK: all that the ``Share`` port asks for, also with tokens and proxies."""

from __future__ import annotations

import base64
from datetime import UTC
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)

from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.azure.files.listing import quoted, time_of
from aitk_inference.azure.files.retry import KEYS_FORBIDDEN, Failure
from aitk_inference.core.errors import Conflict
from aitk_inference.core.share import ShareEntry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from azure.storage.fileshare import DirectoryProperties, FileProperties
    from azure.storage.fileshare.aio import ShareClient

    from aitk_inference.azure.files.retry import Backoff
    from aitk_inference.core.ports import Clock

MAX_RANGE = 4 * 1024 * 1024
"""The most that one request carries (Put Range, and Create File with data)."""

_LISTED = ["timestamps", "Etag"]
_THERE = frozenset({"ResourceAlreadyExists"})
_GONE = frozenset({"ResourceNotFound", "ParentNotFound"})
_FULL = frozenset({"DirectoryNotEmpty"})
_NO_DATA_YET = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.LENGTH_REQUIRED})
_COPY_LOOKS = 0.5

_Result = TypeVar("_Result")


class SdkShare:
    """The :class:`~aitk_inference.core.ports.Share` port.

    Args:
        client: The share, with the account's key where there is one.
        with_token: Makes the client that shows the person's token, for when the service refuses the key;
            None where a token can't be sent.
        clock: To wait before a request is sent again.
        backoff: How long.
    """

    def __init__(
        self,
        client: ShareClient,
        with_token: Callable[[], ShareClient] | None,
        *,
        clock: Clock,
        backoff: Backoff,
    ) -> None:
        self._client = client
        self._with_token = with_token
        self._clock = clock
        self._backoff = backoff
        self._one_call = True
        self.requests = 0

    async def __aenter__(self) -> SdkShare:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the connections."""
        await self._client.close()

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Entries of one folder, one level deep; empty when it is missing."""

        async def ask(share: ShareClient) -> Sequence[ShareEntry]:
            pages = share.get_directory_client(directory).list_directories_and_files(include=_LISTED)
            try:
                return [_entry(directory, item) async for item in pages]
            except ResourceNotFoundError as error:
                _raise_if_share_is_gone(error)
                return []

        return await self._run(f"listing {directory or 'the share'}", ask)

    async def entry(self, path: str) -> ShareEntry | None:
        """One file, with its MD5 where there is one; None when it is missing."""

        async def ask(share: ShareClient) -> ShareEntry | None:
            try:
                found = await share.get_file_client(path).get_file_properties()
            except ResourceNotFoundError as error:
                _raise_if_share_is_gone(error)
                return None
            md5 = found.content_settings.content_md5
            return _entry("", found)._replace(path=path, md5=base64.b64encode(md5).decode() if md5 else "")

        return await self._run(f"looking at {path}", ask)

    async def read(self, path: str) -> bytes | None:
        """A whole small file, or None."""

        async def ask(share: ShareClient) -> bytes | None:
            try:
                download = await share.get_file_client(path).download_file()
                return await download.readall()
            except ResourceNotFoundError as error:
                _raise_if_share_is_gone(error)
                return None

        return await self._run(f"reading {path}", ask)

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> bool:
        """Make one folder. False when it was there already.

        A folder that is there with this very metadata counts as made by this call: its answer was lost, and
        the request sent again (by us, or by the HTTP library on a connection that broke).
        """
        marks = dict(metadata) if metadata else None
        made = await self._run(
            f"making the folder {path}",
            lambda share: _done(share.get_directory_client(path).create_directory(metadata=marks), _THERE),
        )
        return made or (marks is not None and await self.directory_metadata(path) == marks)

    async def directory_metadata(self, path: str) -> Mapping[str, str] | None:
        """A folder's metadata, or None when it is missing."""

        async def ask(share: ShareClient) -> Mapping[str, str] | None:
            try:
                found = await share.get_directory_client(path).get_directory_properties()
            except ResourceNotFoundError as error:
                _raise_if_share_is_gone(error)
                return None
            return dict(found.metadata or {})

        return await self._run(f"reading the folder {path}", ask)

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        await self._run(
            f"marking the folder {path}",
            lambda share: share.get_directory_client(path).set_directory_metadata(dict(metadata)),
        )

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of at most 4 MiB, in one request where the service can."""
        time = _utc(modified)

        async def ask(share: ShareClient) -> ShareEntry:
            if not self._one_call:
                return await _create_and_write(share, path, content, time)
            try:
                return await _create_with_data(share, path, content, time)
            except HttpResponseError as error:
                if error.status_code not in _NO_DATA_YET or not content:
                    raise
            entry = await _create_and_write(share, path, content, time)
            self._one_call = False
            return entry

        return await self._run(f"writing {path}", ask)

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""

        async def ask(share: ShareClient) -> ShareEntry:
            file = share.get_file_client(path)
            return _written(path, size, await file.create_file(size, file_last_write_time=_utc(modified)))

        return await self._run(f"writing {path}", ask)

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        await self._run(
            f"writing {path}",
            lambda share: share.get_file_client(path).upload_range(
                content, offset, len(content), file_last_write_mode="preserve"
            ),
        )

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """The parts of a file that were written, ascending."""

        async def ask(share: ShareClient) -> Sequence[tuple[int, int]]:
            found = share.get_file_client(path).list_ranges()
            return [(one.start, one.end + 1) async for one in found if not one.cleared]

        return await self._run(f"looking at {path}", ask)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share; waits for the end.

        Raises:
            Conflict: the service gave up.
        """

        async def ask(share: ShareClient) -> ShareEntry:
            file = share.get_file_client(target)
            await file.start_copy_from_url(
                share.get_file_client(source).url, file_last_write_time=_utc(modified)
            )
            while (found := await file.get_file_properties()).copy.status == "pending":
                await self._clock.sleep(_COPY_LOOKS)
            if found.copy.status != "success":
                raise Conflict(f"{source} could not be copied to {target} on the share.")
            return _entry("", found)._replace(path=target)

        return await self._run(f"copying {source}", ask)

    async def rename(self, source: str, target: str, *, replace: bool) -> None:
        """Rename a file; atomic. With ``replace`` the target may exist."""
        await self._run(
            f"renaming {source}",
            lambda share: share.get_file_client(source).rename_file(target, overwrite=replace),
            idempotent=False,
        )

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists."""
        return await self._run(
            f"renaming {source}",
            lambda share: _done(share.get_directory_client(source).rename_directory(target), _THERE | _GONE),
            idempotent=False,
        )

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""
        return await self._run(
            f"deleting {path}", lambda share: _done(share.get_file_client(path).delete_file(), _GONE)
        )

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""
        return await self._run(
            f"deleting the folder {path}",
            lambda share: _done(share.get_directory_client(path).delete_directory(), _GONE | _FULL),
        )

    async def _run(
        self, doing: str, ask: Callable[[ShareClient], Awaitable[_Result]], *, idempotent: bool = True
    ) -> _Result:
        """Send a request until it is answered for good."""
        attempt = 0
        with map_azure_errors(doing):
            while True:
                attempt += 1
                client = self._client
                self.requests += 1
                try:
                    return await ask(client)
                except AzureError as error:
                    wait = self._wait(client, attempt, error, idempotent=idempotent)
                    if wait is None:
                        raise
                await self._clock.sleep(wait)

    def _wait(
        self, client: ShareClient, attempt: int, error: AzureError, *, idempotent: bool
    ) -> float | None:
        """Seconds until the request is sent again; None: the error is final."""
        if _error_code(error) == KEYS_FORBIDDEN and self._turned_to_token(client):
            return 0.0
        if isinstance(error, ClientAuthenticationError) or not _is_of_the_wire(error):
            return None
        return self._backoff.wait(attempt, _failure(error), idempotent=idempotent)

    def _turned_to_token(self, refused: ShareClient) -> bool:
        """Use the person's token from now on; False when that is what was refused."""
        if refused is not self._client:
            return True
        if self._with_token is None:
            return False
        self._client, self._with_token = self._with_token(), None
        return True


async def _create_with_data(
    share: ShareClient, path: str, content: bytes, time: datetime | None
) -> ShareEntry:
    headers = await share.get_file_client(path).create_file(
        len(content), data=content or None, file_last_write_time=time
    )
    return _written(path, len(content), headers)


async def _create_and_write(
    share: ShareClient, path: str, content: bytes, time: datetime | None
) -> ShareEntry:
    file = share.get_file_client(path)
    created = await file.create_file(len(content), file_last_write_time=time)
    if not content:
        return _written(path, 0, created)
    written = await file.upload_range(content, 0, len(content), file_last_write_mode="preserve")
    return _written(path, len(content), {**created, **written})


async def _done(request: Awaitable[object], else_false: frozenset[str]) -> bool:
    """Whether a request was carried out; False for the service's codes that mean: there was nothing to do."""
    try:
        await request
    except HttpResponseError as error:
        if _error_code(error) in else_false:
            return False
        raise
    return True


def _raise_if_share_is_gone(error: ResourceNotFoundError) -> None:
    if _error_code(error) == "ShareNotFound":
        raise error


def _entry(directory: str, item: DirectoryProperties | FileProperties) -> ShareEntry:
    return ShareEntry(
        path=f"{directory}/{item.name}" if directory else str(item.name),
        is_directory=bool(item.is_directory),
        size=int(getattr(item, "size", 0) or 0),
        etag=quoted(item.etag),
        last_write=time_of(item.last_write_time),
    )


def _written(path: str, size: int, headers: Mapping[str, object]) -> ShareEntry:
    return ShareEntry(
        path, False, size, quoted(headers.get("etag")), time_of(headers.get("file_last_write_time"))
    )


def _utc(modified: datetime | None) -> datetime | None:
    """UTC: the SDK writes a time's digits down without looking at its zone."""
    return None if modified is None else modified.astimezone(UTC)


def _error_code(error: AzureError) -> str:
    """The service's code of an error: ``ShareNotFound``, ``SharingViolation`` …"""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or _header(error, "x-ms-error-code"))


def _header(error: AzureError, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return str(headers.get(name) or "") if headers is not None else ""


def _is_of_the_wire(error: AzureError) -> bool:
    """Whether the service answered, or the connection failed; else the SDK refused by itself."""
    return isinstance(error, HttpResponseError | ServiceRequestError | ServiceResponseError)


def _failure(error: AzureError) -> Failure:
    status = error.status_code if isinstance(error, HttpResponseError) else None
    unsent = isinstance(error, ServiceRequestTimeoutError) or isinstance(
        error.inner_exception, ClientConnectorError
    )
    return Failure(status, _error_code(error), _header(error, "Retry-After"), unsent)
