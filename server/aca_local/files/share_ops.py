"""Operations on shares: properties, metadata, policies, statistics, permissions, leases, snapshots."""

import asyncio
import errno
import json
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from xml.sax.saxutils import escape

from aiohttp import web

from aca_local.files import leases
from aca_local.files.body import read_document
from aca_local.files.clock import http_date
from aca_local.files.context import Service
from aca_local.files.errors import FilesError
from aca_local.files.policies import policies_xml, read_policies
from aca_local.files.records import ShareProperties
from aca_local.files.request import Call, bad_header
from aca_local.files.response import empty, headers_for, metadata_headers, xml
from aca_local.files.sddl import to_binary
from aca_local.files.smb import keep_permission, stored_permission

TIERS = {"transactionoptimized": "TransactionOptimized", "hot": "Hot", "cool": "Cool"}
MAX_QUOTA = 102_400  # GiB


async def create(service: Service, call: Call) -> web.Response:
    """Create a share."""
    _refuse_nfs(call)
    made = service.shares.create_share(
        call.account,
        call.share,
        quota_gib=_quota(call) or 5120,
        access_tier=_tier(call) or "TransactionOptimized",
        metadata=call.metadata,
    )
    _set_flags(call, made)
    service.shares.save(made, changed=False)
    headers = headers_for(call, made.changed)
    headers["x-ms-share-quota"] = str(made.quota_gib)
    return empty(201, headers)


def _refuse_nfs(call: Call) -> None:
    protocols = call.ms.get("x-ms-enabled-protocols", "SMB")
    if protocols.upper() != "SMB":
        raise FilesError(
            "UnsupportedHeader", "NFS shares need a premium account.", HeaderName="x-ms-enabled-protocols"
        )


def _quota(call: Call) -> int | None:
    quota = call.number("x-ms-share-quota", least=1)
    if quota is not None and quota > MAX_QUOTA:
        raise bad_header("x-ms-share-quota", str(quota))
    return quota


def _tier(call: Call) -> str | None:
    text = call.ms.get("x-ms-access-tier")
    if text is None:
        return None
    if text.lower() not in TIERS:
        raise bad_header("x-ms-access-tier", text)
    return TIERS[text.lower()]


def _set_flags(call: Call, share: ShareProperties) -> None:
    access = call.flag("x-ms-enable-snapshot-virtual-directory-access")
    lease = call.flag("x-ms-enable-smb-directory-lease")
    share.snapshot_access = share.snapshot_access if access is None else access
    share.directory_lease = share.directory_lease if lease is None else lease


def the_share(service: Service, call: Call, *, writes: bool = False) -> ShareProperties:
    """Return the share of a request, its lease checked."""
    share = service.shares.get_share(call.account, call.share, call.query.get("sharesnapshot", ""))
    leases.check_lease(call, share.lease, service.clock.now(), writes=writes)
    return share


def listed_properties(service: Service, share: ShareProperties) -> str:
    """Return the XML of a share's properties, as a listing carries them."""
    now = service.clock.now()
    state = leases.state(share.lease, now)
    fields = {
        "Last-Modified": http_date(share.changed),
        "Etag": share.etag,
        "Quota": str(share.quota_gib),
        "AccessTier": share.access_tier,
        "AccessTierChangeTime": http_date(share.tier_changed),
        "LeaseStatus": "locked" if leases.is_locked(share.lease, now) else "unlocked",
        "LeaseState": state,
        "EnabledProtocols": "SMB",
    }
    if share.lease and state == "leased":
        fields["LeaseDuration"] = "infinite" if share.lease.until is None else "fixed"
    if share.deleted:
        fields["DeletedTime"] = http_date(share.deleted_at)
        fields["RemainingRetentionDays"] = str(service.shares.retention(share.account))
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in fields.items())


async def properties(service: Service, call: Call) -> web.Response:
    """Answer GET and HEAD: the properties of a share or a snapshot."""
    share = the_share(service, call)
    headers = headers_for(call, share.changed)
    metadata_headers(headers, share.metadata)
    headers["x-ms-share-quota"] = str(share.quota_gib)
    headers["x-ms-has-immutability-policy"] = "false"
    headers["x-ms-has-legal-hold"] = "false"
    headers["x-ms-access-tier"] = share.access_tier
    headers["x-ms-access-tier-change-time"] = http_date(share.tier_changed)
    headers["x-ms-enabled-protocols"] = "SMB"
    headers["x-ms-enable-snapshot-virtual-directory-access"] = str(share.snapshot_access).lower()
    headers["x-ms-enable-smb-directory-lease"] = str(share.directory_lease).lower()
    leases.lease_headers(headers, share.lease, service.clock.now())
    return empty(200, headers)


async def get_metadata(service: Service, call: Call) -> web.Response:
    """Answer GET and HEAD for the metadata of a share."""
    share = the_share(service, call)
    headers = headers_for(call, share.changed)
    metadata_headers(headers, share.metadata)
    return empty(200, headers)


async def set_properties(service: Service, call: Call) -> web.Response:
    """Set quota, tier and switches of a share."""
    share = the_share(service, call)
    quota, tier = _quota(call), _tier(call)
    _set_flags(call, share)
    changed = service.shares.update_share(call.account, share.name, quota_gib=quota, access_tier=tier)
    headers = headers_for(call, changed.changed)
    headers["x-ms-share-quota"] = str(changed.quota_gib)
    return empty(200, headers)


async def set_metadata(service: Service, call: Call) -> web.Response:
    """Replace a share's metadata."""
    share = the_share(service, call)
    changed = service.shares.update_share(call.account, share.name, metadata=call.metadata)
    return empty(200, headers_for(call, changed.changed))


async def delete(service: Service, call: Call) -> web.Response:
    """Delete a share (with its snapshots where that is asked for), or one snapshot."""
    share = the_share(service, call, writes=True)
    option = call.ms.get("x-ms-delete-snapshots")
    if option not in (None, "include", "include-leased"):
        raise bad_header("x-ms-delete-snapshots", option)
    if share.snapshot:
        service.shares.delete_snapshot(call.account, share.name, share.snapshot)
    else:
        snapshots = [
            one
            for one in service.shares.list_shares(call.account, snapshots=True)
            if one.snapshot and one.name == call.share
        ]
        now = service.clock.now()
        if option == "include" and any(leases.is_locked(one.lease, now) for one in snapshots):
            raise FilesError("LeaseIdMissing")
        service.shares.delete_share(call.account, share.name, snapshots=option is not None)
    return empty(202, headers_for(call))


async def get_policies(service: Service, call: Call) -> web.Response:
    """Return the stored access policies of a share."""
    share = the_share(service, call)
    return xml(headers_for(call, share.changed), policies_xml(share.policies))


async def set_policies(service: Service, call: Call) -> web.Response:
    """Replace the stored access policies of a share."""
    share = the_share(service, call)
    share.policies = read_policies(await read_document(call))
    return empty(200, headers_for(call, service.shares.save(share).changed))


async def statistics(service: Service, call: Call) -> web.Response:
    """Return how many bytes a share's files take."""
    share = the_share(service, call)
    usage = await asyncio.to_thread(_usage, str(service.shares.folder_of(share)))
    body = f"<ShareStats><ShareUsageBytes>{usage}</ShareUsageBytes></ShareStats>"
    return xml(headers_for(call, share.changed), body)


def _usage(folder: str) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # gone since it was listed
                total += os.lstat(os.path.join(parent, name)).st_size
    return total


async def create_permission(service: Service, call: Call) -> web.Response:
    """Store a permission of a share and return its key."""
    area = service.entries.area(call)
    try:
        document = json.loads(await read_document(call))
        text, form = document["permission"], document.get("format") or "sddl"
    except (ValueError, KeyError, TypeError):
        raise FilesError("InvalidInput") from None
    headers = headers_for(call)
    headers["x-ms-file-permission-key"] = keep_permission(area, service.store, str(text), str(form))
    return empty(201, headers)


async def get_permission(service: Service, call: Call) -> web.Response:
    """Return the permission behind a key."""
    key = call.required("x-ms-file-permission-key")
    text = stored_permission(service.entries.area(call), service.store, key)
    if text is None:
        raise FilesError("ResourceNotFound")
    headers = headers_for(call)
    headers["Content-Type"] = "application/json"
    form = call.ms.get("x-ms-file-permission-format", "sddl").lower()
    if form not in ("sddl", "binary"):
        raise bad_header("x-ms-file-permission-format", form)
    shown = to_binary(text) if form == "binary" else text
    return web.Response(headers=headers, body=json.dumps({"permission": shown}).encode())


async def lease(service: Service, call: Call) -> web.Response:
    """Acquire, renew, release, change or break a lease on a share or a snapshot."""
    share = service.shares.get_share(call.account, call.share, call.query.get("sharesnapshot", ""))
    outcome = leases.act(call, share.lease, service.clock.now(), timed=True)
    share.lease = outcome.lease
    service.shares.save(share, changed=False)
    headers = headers_for(call, share.changed)
    headers.update(outcome.headers)
    return empty(outcome.status, headers)


async def snapshot(service: Service, call: Call) -> web.Response:
    """Take a snapshot: a copy of the share's files as they are now."""
    share = service.shares.get_share(call.account, call.share)
    taken = service.shares.begin_snapshot(share, call.metadata or dict(share.metadata))
    copied = service.shares.staging()
    await asyncio.to_thread(_copy_share, service.shares.folder_of(share), copied)
    service.shares.finish_snapshot(share, taken, Path(copied))
    headers = headers_for(call, taken.changed)
    headers["x-ms-snapshot"] = taken.snapshot
    return empty(201, headers)


def _copy_share(folder: Path, target: str) -> None:
    """Copy the files and folders of a share: to read a FIFO or a device would never end."""

    def special(parent: str, names: list[str]) -> set[str]:
        modes = ((name, os.lstat(os.path.join(parent, name)).st_mode) for name in names)
        served = (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)
        return {name for name, mode in modes if stat.S_IFMT(mode) not in served}

    try:
        shutil.copytree(folder, target, symlinks=True, ignore=special)
    except shutil.Error:
        shutil.rmtree(target, ignore_errors=True)
        raise PermissionError(errno.EACCES, "a file of the share cannot be read") from None


async def restore(service: Service, call: Call) -> web.Response:
    """Bring a deleted share back."""
    if call.required("x-ms-deleted-share-name") != call.share:
        raise bad_header("x-ms-deleted-share-name", call.ms["x-ms-deleted-share-name"])
    version = call.required("x-ms-deleted-share-version")
    restored = service.shares.restore_share(call.account, call.share, version)
    return empty(201, headers_for(call, restored.changed))
