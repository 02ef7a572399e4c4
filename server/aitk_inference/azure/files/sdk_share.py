"""A file share on Azure's SDK: the ``Share`` port where a token or a proxy is needed."""

from __future__ import annotations

import base64
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from aiohttp import ClientConnectorError
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)

from aitk_inference.azure.errors import map_azure_errors, translate
from aitk_inference.azure.files.retry import Failure, Retry
from aitk_inference.azure.files.sas_advice import explained
from aitk_inference.azure.files.sdk_results import (
    directory_found,
    directory_made,
    entry_found,
    file_written,
    utc,
)
from aitk_inference.core.errors import AppError, Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from azure.storage.fileshare.aio import ShareClient, ShareDirectoryClient, ShareFileClient

    from aitk_inference.core.share import Directory, ShareEntry

_LISTED = ["timestamps", "Etag"]
_TAKEN = frozenset({"ResourceAlreadyExists"})
_GONE = frozenset({"ResourceNotFound", "ParentNotFound"})
_FULL = frozenset({"DirectoryNotEmpty"})
_NO_DATA_YET = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.LENGTH_REQUIRED})
_COPY_LOOKS = 0.5

_Result = TypeVar("_Result")


class SdkShare:
    """The :class:`~aitk_inference.core.share.Share` port.

    Args:
        client: The share.
        folder: The folder in it that stands for the share; empty: the share itself.
        retry: Sends requests again.
        sas: The signature that lets requests in, for the words about a refusal; empty: another credential does.
    """

    def __init__(self, client: ShareClient, retry: Retry, *, folder: str = "", sas: str = "") -> None:
        self._client = client
        self._retry = retry
        self._folder = folder
        self._sas = sas
        self._check: Callable[[], Awaitable[None]] | None = None
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

    def before_writes(self, check: Callable[[], Awaitable[None]] | None) -> None:
        """Run a check before each request that changes files."""
        self._check = check

    async def list(self, directory: str = "") -> Sequence[ShareEntry]:
        """Return the entries of one folder, one level deep; none when it is missing."""

        async def ask() -> Sequence[ShareEntry]:
            pages = self._directory(directory).list_directories_and_files(include=_LISTED)
            try:
                return [entry_found(directory, item) async for item in pages]
            except ResourceNotFoundError as error:
                _raise_if_share_is_gone(error)
                return []

        return await self._read(f"listing {directory or 'the share'}", ask)

    async def entry(self, path: str) -> ShareEntry | None:
        """Return one file, with its MD5 where there is one; None when it is missing."""

        async def ask() -> ShareEntry | None:
            found = await _unless_missing(self._file(path).get_file_properties())
            if found is None:
                return None
            md5 = found.content_settings.content_md5
            return entry_found("", found)._replace(
                path=path, md5=base64.b64encode(md5).decode() if md5 else ""
            )

        return await self._read(f"looking at {path}", ask)

    async def read(self, path: str) -> bytes | None:
        """Return the content of a small file, or None."""

        async def ask() -> bytes | None:
            download = await _unless_missing(self._file(path).download_file())
            return None if download is None else await download.readall()

        return await self._read(f"reading {path}", ask)

    async def read_range(self, path: str, offset: int, length: int) -> bytes | None:
        """Return a part of a file, or None when it is missing."""

        async def ask() -> bytes | None:
            download = await _unless_missing(self._file(path).download_file(offset, length))
            return None if download is None else await download.readall()

        return await self._read(f"reading {path}", ask)

    async def make_directory(self, path: str, metadata: Mapping[str, str] | None = None) -> Directory | None:
        """Make one folder, and the one that stands for the share where it is missing; None: the name was taken.

        A folder that is there with this very metadata counts as made by this call: its answer was lost, and
        the request sent again (by us, or by the HTTP library on a connection that broke).
        """
        noted = dict(metadata) if metadata else None
        doing = f"making the folder {path}"
        try:
            made = await self._write(
                doing, lambda: self._directory(path).create_directory(metadata=noted), else_none=_TAKEN
            )
        except NotFound:
            if "/" in path or not self._folder:
                raise
            await self._make_root()
            return await self.make_directory(path, metadata)
        if made is not None:
            return directory_made(made, metadata or {})
        found = await self.directory(path) if noted else None
        return found if found and found.metadata == noted else None

    async def directory(self, path: str) -> Directory | None:
        """Return one folder, or None when it is missing."""
        answered: list[str] = []

        async def ask() -> Directory | None:
            found = await _unless_missing(
                self._directory(path).get_directory_properties(
                    raw_response_hook=lambda answer: answered.append(
                        str(answer.http_response.headers.get("Date", ""))
                    )
                )
            )
            return None if found is None else directory_found(found, answered[-1] if answered else "")

        return await self._read(f"reading the folder {path}", ask)

    async def set_directory_metadata(self, path: str, metadata: Mapping[str, str]) -> None:
        """Replace a folder's metadata."""
        await self._read(
            f"noting at the folder {path}",
            lambda: self._directory(path).set_directory_metadata(dict(metadata)),
        )

    async def put_file(self, path: str, content: bytes, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a small file, in one request where the service can."""
        time = utc(modified)

        async def ask() -> ShareEntry:
            if not self._one_call:
                return await self._create_and_write(path, content, time)
            try:
                created = await self._file(path).create_file(
                    len(content), data=content or None, file_last_write_time=time
                )
                return file_written(path, len(content), created)
            except HttpResponseError as error:
                if error.status_code not in _NO_DATA_YET or not content:
                    raise
            entry = await self._create_and_write(path, content, time)
            self._one_call = False
            return entry

        return await self._write(f"writing {path}", ask)

    async def create_file(self, path: str, size: int, *, modified: datetime | None = None) -> ShareEntry:
        """Create or replace a file of a size, zeros inside; its ranges follow."""

        async def ask() -> ShareEntry:
            created = await self._file(path).create_file(size, file_last_write_time=utc(modified))
            return file_written(path, size, created)

        return await self._write(f"writing {path}", ask)

    async def put_range(self, path: str, offset: int, content: bytes) -> None:
        """Write at most 4 MiB at an offset; the file's last write time stays."""
        await self._write(
            f"writing {path}",
            lambda: self._file(path).upload_range(
                content, offset, len(content), file_last_write_mode="preserve"
            ),
        )

    async def ranges(self, path: str) -> Sequence[tuple[int, int]]:
        """Return the parts of a file that were written, ascending."""

        async def ask() -> Sequence[tuple[int, int]]:
            found = self._file(path).list_ranges()
            return [(one.start, one.end + 1) async for one in found if not one.cleared]

        return await self._read(f"looking at {path}", ask)

    async def copy(self, source: str, target: str, *, modified: datetime) -> ShareEntry:
        """Copy a file within the share; waits for the end.

        Raises:
            Conflict: the service gave up.
        """

        async def ask() -> ShareEntry:
            file = self._file(target)
            await file.start_copy_from_url(self._file(source).url, file_last_write_time=utc(modified))
            while (found := await file.get_file_properties()).copy.status == "pending":
                await self._retry.clock.sleep(_COPY_LOOKS)
            if found.copy.status != "success":
                raise Conflict(f"{source} could not be copied to {target} on the share.")
            return entry_found("", found)._replace(path=target)

        return await self._write(f"copying {source}", ask)

    async def rename(self, source: str, target: str, *, replace: bool) -> ShareEntry:
        """Rename a file; atomic. With ``replace`` the target may exist."""
        doing = f"renaming {source}"
        renamed = await self._write(
            doing,
            lambda: self._file(source).rename_file(self._at(target), overwrite=replace),
            idempotent=False,
        )
        found = await self._read(doing, renamed.get_file_properties)
        return entry_found("", found)._replace(path=target)

    async def rename_directory(self, source: str, target: str) -> bool:
        """Rename a folder; False when the source is gone or the target exists."""
        renamed = await self._write(
            f"renaming {source}",
            lambda: self._directory(source).rename_directory(self._at(target)),
            else_none=_TAKEN | _GONE,
            idempotent=False,
        )
        return renamed is not None

    async def delete_file(self, path: str) -> bool:
        """Delete a file; False when it was not there."""

        async def ask() -> bool:
            await self._file(path).delete_file()
            return True

        return bool(await self._write(f"deleting {path}", ask, else_none=_GONE))

    async def delete_directory(self, path: str) -> bool:
        """Delete an empty folder; False when it was not there or is not empty."""

        async def ask() -> bool:
            await self._directory(path).delete_directory()
            return True

        return bool(await self._write(f"deleting the folder {path}", ask, else_none=_GONE | _FULL))

    # what several requests have in common

    def _at(self, path: str) -> str:
        return f"{self._folder}/{path}".strip("/")

    def _file(self, path: str) -> ShareFileClient:
        return self._client.get_file_client(self._at(path))

    def _directory(self, path: str) -> ShareDirectoryClient:
        return self._client.get_directory_client(self._at(path))

    async def _create_and_write(self, path: str, content: bytes, time: datetime | None) -> ShareEntry:
        file = self._file(path)
        created = await file.create_file(len(content), file_last_write_time=time)
        if not content:
            return file_written(path, 0, created)
        written = await file.upload_range(content, 0, len(content), file_last_write_mode="preserve")
        return file_written(path, len(content), {**created, **written})

    async def _make_root(self) -> None:
        """Make the folder that stands for the share, and those above it."""
        parts = self._folder.split("/")
        for depth in range(1, len(parts) + 1):
            above = self._client.get_directory_client("/".join(parts[:depth]))
            await self._write(f"making the folder {self._folder}", above.create_directory, else_none=_TAKEN)

    async def _write(
        self,
        doing: str,
        ask: Callable[[], Awaitable[_Result]],
        *,
        else_none: frozenset[str] = frozenset(),
        idempotent: bool = True,
    ) -> _Result | Any:
        """Send a request that changes files; None for the codes that mean that there was nothing to do."""

        async def checked() -> _Result | None:
            if self._check is not None:
                await self._check()
            try:
                return await ask()
            except HttpResponseError as error:
                if _error_code(error) in else_none:
                    return None
                raise

        return await self._read(doing, checked, idempotent=idempotent)

    async def _read(
        self, doing: str, ask: Callable[[], Awaitable[_Result]], *, idempotent: bool = True
    ) -> _Result:
        """Send a request until it is answered for good."""

        async def send() -> _Result | Failure:
            self.requests += 1
            try:
                return await ask()
            except AzureError as error:
                return _failure(error, doing, self._sas)

        with map_azure_errors(doing):
            return await self._retry.run(send, idempotent=idempotent)


async def _unless_missing(request: Awaitable[_Result]) -> _Result | None:
    """Return what a request brings; None when the file or folder is missing, but not when the share is."""
    try:
        return await request
    except ResourceNotFoundError as error:
        _raise_if_share_is_gone(error)
        return None


def _raise_if_share_is_gone(error: ResourceNotFoundError) -> None:
    if _error_code(error) == "ShareNotFound":
        raise error


def _error_code(error: AzureError) -> str:
    """Return the service's code of an error: ``ShareNotFound``, ``SharingViolation`` …"""
    code = getattr(error, "error_code", None)
    return str(getattr(code, "value", code) or _header(error, "x-ms-error-code"))


def _header(error: AzureError, name: str) -> str:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return str(headers.get(name) or "") if headers is not None else ""


def _failure(error: AzureError, doing: str, sas: str) -> Failure:
    """Return the failure; what the SDK refused by itself, and credentials that don't work, are final."""

    def to_app_error() -> AppError:
        translated = translate(error, doing)
        translated.__cause__ = error
        return explained(translated, _error_code(error), sas, _header(error, "Date")) if sas else translated

    answered = isinstance(error, HttpResponseError | ServiceRequestError | ServiceResponseError)
    status = error.status_code if isinstance(error, HttpResponseError) else None
    unsent = isinstance(error, ServiceRequestTimeoutError) or isinstance(
        error.inner_exception, ClientConnectorError
    )
    is_final = isinstance(error, ClientAuthenticationError | DecodeError) or not answered
    return Failure(to_app_error, status, _error_code(error), _header(error, "Retry-After"), unsent, is_final)
