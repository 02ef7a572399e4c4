"""The table of operations: what a method, `restype` and `comp` mean, who may do it, what it understands.

Everything else is refused by name: a header or parameter that is not listed could change a request's meaning.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

from aiohttp import web

from aca_local.files import (
    copying,
    directory_ops,
    file_ops,
    handles,
    listing,
    range_ops,
    rename,
    service_ops,
    share_ops,
    smb,
)
from aca_local.files.authorization import ANYONE
from aca_local.files.context import Service
from aca_local.files.file_ops import CONTENT_HEADERS
from aca_local.files.request import Call
from aca_local.files.sas import Need

Run = Callable[[Service, Call], Awaitable[web.StreamResponse]]
Key = tuple[str, str, str, str]  # level (service, share, entry), method, restype, comp

COMMON_HEADERS = frozenset(
    {
        "x-ms-version", "x-ms-date", "x-ms-client-request-id", "x-ms-return-client-request-id",
        "x-ms-file-request-intent", "x-ms-meta", "x-ms-useragent",
    }
)  # fmt: skip
COMMON_QUERY = frozenset({"restype", "comp", "timeout"})
LEASE = frozenset({"x-ms-lease-id"})
DOTS = frozenset({"x-ms-allow-trailing-dot"})
RANGE = frozenset({"x-ms-range"})
POSIX = frozenset({"x-ms-owner", "x-ms-group", "x-ms-mode"})  # of NFS shares only: refused
SHARE_SETTINGS = frozenset(
    {
        "x-ms-share-quota", "x-ms-access-tier", "x-ms-enable-snapshot-virtual-directory-access",
        "x-ms-enable-smb-directory-lease",
    }
)  # fmt: skip
LEASE_ACTION = frozenset(
    {
        "x-ms-lease-action",
        "x-ms-lease-id",
        "x-ms-lease-duration",
        "x-ms-proposed-lease-id",
        "x-ms-lease-break-period",
    }
)
SEMANTICS = frozenset({"x-ms-file-property-semantics"})
FILE_SETTINGS = smb.HEADERS | DOTS | LEASE | set(CONTENT_HEADERS) | {"x-ms-content-length"}
STRUCTURED = frozenset({"x-ms-structured-body", "x-ms-structured-content-length"})
FROM_URL = " from url"  # marks the operations that are told apart by the header x-ms-copy-source
RENAME = (
    smb.HEADERS
    | DOTS
    | {
        "x-ms-file-rename-source",
        "x-ms-file-rename-replace-if-exists",
        "x-ms-file-rename-ignore-readonly",
        "x-ms-source-lease-id",
        "x-ms-destination-lease-id",
        "x-ms-source-allow-trailing-dot",
    }
)
COPY = (
    smb.HEADERS
    | DOTS
    | LEASE
    | {
        "x-ms-copy-source",
        "x-ms-type",
        "x-ms-source-allow-trailing-dot",
        "x-ms-file-permission-copy-mode",
        "x-ms-file-copy-ignore-readonly",
        "x-ms-file-copy-set-archive",
    }
)
PAGES = frozenset({"prefix", "marker", "maxresults", "include"})


@dataclass(slots=True, frozen=True)
class Operation:
    """One operation: its name in Microsoft's document, what runs it, and what it takes."""

    name: str
    run: Run
    need: Need
    headers: frozenset[str]
    query: frozenset[str]
    metadata: bool
    writes: bool


def _operation(
    name: str,
    run: Run,
    need: Need,
    headers: Iterable[str] = (),
    query: Iterable[str] = (),
    *,
    metadata: bool = False,
    writes: bool = True,
) -> Operation:
    known, parameters = frozenset(headers) | COMMON_HEADERS, frozenset(query) | COMMON_QUERY
    return Operation(name, run, need, known, parameters, metadata, writes)


def _read(
    name: str, run: Run, need: Need, headers: Iterable[str] = (), query: Iterable[str] = ()
) -> Operation:
    return _operation(name, run, need, headers, query, writes=False)


def _service() -> dict[Key, Operation]:
    return {
        ("service", "GET", "service", "properties"): _read(
            "Service_GetProperties", service_ops.get_properties, Need("r", "s", False)
        ),
        ("service", "PUT", "service", "properties"): _operation(
            "Service_SetProperties", service_ops.set_properties, Need("w", "s", False)
        ),
        ("service", "POST", "service", "userdelegationkey"): _operation(
            "Service_GetUserDelegationKey", service_ops.delegation, ANYONE
        ),
        ("service", "GET", "", "list"): _read(
            "Service_ListSharesSegment", listing.list_shares, Need("l", "s", False), (), PAGES
        ),
    }


def _shares() -> dict[Key, Operation]:
    ops = share_ops
    read, write = Need("r", "c", True), Need("w", "c", False)
    snapshot = {"sharesnapshot"}
    return {
        ("share", "PUT", "share", ""): _operation(
            "Share_Create",
            ops.create,
            Need("cw", "c", False),
            SHARE_SETTINGS | {"x-ms-enabled-protocols"},
            metadata=True,
        ),
        **_reads("share", "share", "", _read("Share_GetProperties", ops.properties, read, LEASE, snapshot)),
        ("share", "DELETE", "share", ""): _operation(
            "Share_Delete", ops.delete, Need("d", "c", False), LEASE | {"x-ms-delete-snapshots"}, snapshot
        ),
        ("share", "PUT", "share", "properties"): _operation(
            "Share_SetProperties", ops.set_properties, write, LEASE | SHARE_SETTINGS
        ),
        **_reads(
            "share", "share", "metadata", _read("Share_GetMetadata", ops.get_metadata, read, LEASE, snapshot)
        ),
        ("share", "PUT", "share", "metadata"): _operation(
            "Share_SetMetadata", ops.set_metadata, write, LEASE, metadata=True
        ),
        **_reads(
            "share",
            "share",
            "acl",
            _read("Share_GetAccessPolicy", ops.get_policies, Need("", "c", False), LEASE),
        ),
        ("share", "PUT", "share", "acl"): _operation(
            "Share_SetAccessPolicy", ops.set_policies, Need("", "c", False), LEASE
        ),
    }


def _share_extras() -> dict[Key, Operation]:
    ops = share_ops
    read = Need("r", "c", True)
    snapshot = {"sharesnapshot"}
    return {
        **_reads("share", "share", "stats", _read("Share_GetStatistics", ops.statistics, read, LEASE)),
        ("share", "PUT", "share", "filepermission"): _operation(
            "Share_CreatePermission", ops.create_permission, Need("cw", "c", True)
        ),
        ("share", "GET", "share", "filepermission"): _read(
            "Share_GetPermission",
            ops.get_permission,
            read,
            {"x-ms-file-permission-key", "x-ms-file-permission-format"},
        ),
        ("share", "PUT", "share", "lease"): _operation(
            "Share_Lease", ops.lease, Need("wd", "c", False), LEASE_ACTION, snapshot
        ),
        ("share", "PUT", "share", "snapshot"): _operation(
            "Share_CreateSnapshot", ops.snapshot, Need("cw", "c", False), metadata=True
        ),
        ("share", "PUT", "share", "undelete"): _operation(
            "Share_Restore",
            ops.restore,
            Need("cw", "c", False),
            {"x-ms-deleted-share-name", "x-ms-deleted-share-version"},
        ),
    }


def _folders() -> dict[Key, Operation]:
    ops = directory_ops
    read, write = Need("r", "o", True), Need("w", "o", True)
    snapshot = {"sharesnapshot"}
    return {
        ("entry", "PUT", "directory", ""): _operation(
            "Directory_Create",
            ops.create,
            Need("cw", "o", True),
            smb.HEADERS | DOTS | SEMANTICS,
            metadata=True,
        ),
        **_reads(
            "entry", "directory", "", _read("Directory_GetProperties", ops.properties, read, DOTS, snapshot)
        ),
        ("entry", "DELETE", "directory", ""): _operation(
            "Directory_Delete", ops.delete, Need("d", "o", True), DOTS
        ),
        ("entry", "PUT", "directory", "properties"): _operation(
            "Directory_SetProperties", ops.set_properties, write, smb.HEADERS | DOTS
        ),
        **_reads(
            "entry",
            "directory",
            "metadata",
            _read("Directory_GetMetadata", ops.get_metadata, read, DOTS, snapshot),
        ),
        ("entry", "PUT", "directory", "metadata"): _operation(
            "Directory_SetMetadata", ops.set_metadata, write, DOTS, metadata=True
        ),
        ("entry", "PUT", "directory", "rename"): _operation(
            "Directory_Rename", rename.folder, write, RENAME, metadata=True
        ),
        ("entry", "GET", "directory", "list"): _read(
            "Directory_ListFilesAndDirectoriesSegment",
            listing.list_folder,
            Need("l", "c", True),
            DOTS | {"x-ms-file-extended-info"},
            PAGES | snapshot,
        ),
    }


def _files() -> dict[Key, Operation]:
    ops = file_ops
    read, write = Need("r", "o", True), Need("w", "o", True)
    snapshot = {"sharesnapshot"}
    return {
        ("entry", "PUT", "", ""): _operation(
            "File_Create",
            ops.create,
            Need("cw", "o", True),
            FILE_SETTINGS | SEMANTICS | STRUCTURED | {"x-ms-type"},
            metadata=True,
        ),
        ("entry", "GET", "", ""): _read(
            "File_Download",
            ops.read,
            read,
            DOTS | LEASE | RANGE | {"x-ms-range-get-content-md5", "x-ms-structured-body"},
            snapshot,
        ),
        ("entry", "HEAD", "", ""): _read("File_GetProperties", ops.properties, read, DOTS | LEASE, snapshot),
        ("entry", "DELETE", "", ""): _operation(
            "File_Delete", ops.delete, Need("d", "o", True), DOTS | LEASE
        ),
        ("entry", "PUT", "", "properties"): _operation(
            "File_SetHTTPHeaders",
            ops.set_properties,
            write,
            FILE_SETTINGS,
        ),
        **_reads(
            "entry", "", "metadata", _read("File_GetMetadata", ops.get_metadata, read, DOTS | LEASE, snapshot)
        ),
        ("entry", "PUT", "", "metadata"): _operation(
            "File_SetMetadata", ops.set_metadata, write, DOTS | LEASE, metadata=True
        ),
        ("entry", "PUT", "", "rename"): _operation(
            "File_Rename", rename.file, write, RENAME | {"x-ms-content-type"}, metadata=True
        ),
    }


def _file_ranges() -> dict[Key, Operation]:
    read, write = Need("r", "o", True), Need("w", "o", True)
    snapshot = {"sharesnapshot"}
    return {
        ("entry", "PUT", "", "range"): _operation(
            "File_UploadRange",
            range_ops.put,
            write,
            DOTS | LEASE | RANGE | STRUCTURED | {"x-ms-write", "x-ms-file-last-write-time"},
        ),
        ("entry", "PUT", "", f"range{FROM_URL}"): _operation(
            "File_UploadRangeFromURL",
            copying.put_range,
            write,
            DOTS
            | LEASE
            | RANGE
            | {
                "x-ms-write",
                "x-ms-file-last-write-time",
                "x-ms-copy-source",
                "x-ms-source-range",
                "x-ms-copy-source-authorization",
                "x-ms-source-allow-trailing-dot",
            },
        ),
        ("entry", "GET", "", "rangelist"): _read(
            "File_GetRangeList",
            range_ops.list_ranges,
            read,
            DOTS | LEASE | RANGE | {"x-ms-file-support-rename"},
            snapshot | {"prevsharesnapshot", "marker", "maxresults"},
        ),
    }


def _file_copies_and_handles() -> dict[Key, Operation]:
    ops = file_ops
    read, write = Need("r", "o", True), Need("w", "o", True)
    snapshot = {"sharesnapshot"}
    return {
        ("entry", "PUT", "", FROM_URL): _operation(
            "File_StartCopy", copying.start, Need("cw", "o", True), COPY, metadata=True
        ),
        ("entry", "PUT", "", "copy"): _operation(
            "File_AbortCopy", copying.abort, write, DOTS | LEASE | {"x-ms-copy-action"}, {"copyid"}
        ),
        ("entry", "PUT", "", "lease"): _operation(
            "File_Lease", ops.lease, Need("wd", "o", True), DOTS | LEASE_ACTION
        ),
        ("entry", "GET", "", "listhandles"): _read(
            "ListHandles",
            handles.list_handles,
            read,
            DOTS | {"x-ms-recursive"},
            snapshot | {"marker", "maxresults"},
        ),
        ("entry", "PUT", "", "forceclosehandles"): _operation(
            "ForceCloseHandles",
            handles.close,
            write,
            DOTS | {"x-ms-recursive", "x-ms-handle-id"},
            snapshot | {"marker"},
        ),
    }


def _reads(level: str, restype: str, comp: str, operation: Operation) -> dict[Key, Operation]:
    return {(level, method, restype, comp): operation for method in ("GET", "HEAD")}


def operations() -> Mapping[Key, Operation]:
    """Return the whole table."""
    tables = (_service, _shares, _share_extras, _folders, _files, _file_ranges, _file_copies_and_handles)
    return {key: operation for table in tables for key, operation in table().items()}
