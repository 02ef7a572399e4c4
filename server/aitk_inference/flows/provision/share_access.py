"""What keeps an app from mounting its share, or from being restarted: looked at by Provision, and by each Deploy before
it sends anything.

Container Apps mounts SMB, with the account's key, from the environment's network (microsoft/azure-container-apps#850):
a policy, a firewall or a lock that somebody set since Provision is found by reading the resources, and not by a restart
that ends what runs.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aitk_inference.core import api_versions
from aitk_inference.core.errors import AppError, PreflightFailed
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.preflight import CheckState
from aitk_inference.flows.provision.preflight_catalogue import found

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aitk_inference.core.model import AppRef, ContainerApp, Json, ShareRef
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.preflight import Check
    from aitk_inference.core.progress import Reporter

_LOCKS = "/providers/Microsoft.Authorization/locks"


def account_obstacles(
    account: Mapping[str, Json] | None, environment: Mapping[str, Json] | None
) -> Iterator[str]:
    """Yield the codes of what an account's description says against a mount in this environment."""
    if find(account, "properties", "allowSharedKeyAccess") is False:
        yield "keys-forbidden"
    closed = text(account, "properties", "publicNetworkAccess") == "Disabled"
    chosen = text(account, "properties", "networkAcls", "defaultAction") == "Deny"
    if closed or chosen:
        rules = objects(account, "properties", "networkAcls", "ipRules")
        network = find(environment, "properties", "vnetConfiguration", "infrastructureSubnetId")
        yield "network-restricted" if network or (rules and not closed) else "network-closed"


def share_obstacles(share: Mapping[str, Json] | None) -> Iterator[str]:
    """Yield the codes of what a share's description says against a mount."""
    if text(share, "properties", "enabledProtocols").upper() == "NFS":
        yield "share-nfs"


async def check_before_restart(share: ShareRef, app: ContainerApp, cloud: Cloud, report: Reporter) -> None:
    """Refuse a Deploy whose restart could not end well; what can't be read is no reason.

    Raises:
        PreflightFailed: with what is in the way and whom to ask for what.
    """
    mounts, locks = await asyncio.gather(
        mount_checks(share, app.environment_id, cloud), _read_only_locks(app.ref, cloud)
    )
    checks = [*mounts, *(found("app-locked", name=app.ref.name, lock=lock) for lock in locks)]
    for check in checks:
        if check.state is CheckState.WARNING:
            report.warn(check.words)
    if problems := [check for check in checks if check.state is CheckState.PROBLEM]:
        raise PreflightFailed(problems, "Deploy", "sent")


async def mount_checks(share: ShareRef, environment_id: str, cloud: Cloud) -> list[Check]:
    """Return what keeps, or may keep, a share from being mounted in an environment, as both are described now."""
    account_id = share.account_id
    account, file_share, environment = await asyncio.gather(
        _read(account_id, api_versions.STORAGE, cloud),
        _read(f"{account_id}/fileServices/default/shares/{share.share}", api_versions.STORAGE, cloud),
        _read(environment_id, api_versions.APPS, cloud),
    )
    checks = [found(code, name=share.account) for code in account_obstacles(account, environment)]
    return [*checks, *(found(code, name=share.share) for code in share_obstacles(file_share))]


async def _read(resource_id: str, api_version: str, cloud: Cloud) -> Mapping[str, Json]:
    try:
        return await cloud.resources.get(resource_id, api_version) or {} if resource_id else {}
    except AppError:
        return {}


async def _read_only_locks(app: AppRef, cloud: Cloud) -> list[str]:
    """Return the names of the read-only locks on an app and on what it is in: a restart is a write."""
    try:
        listed = await cloud.resources.list(f"{app.id}{_LOCKS}", api_versions.LOCKS)
    except AppError:
        return []
    scopes = [text(lock, "id").lower().partition(_LOCKS.lower())[0] for lock in listed]
    return [
        text(lock, "name")
        for lock, scope in zip(listed, scopes, strict=True)
        if text(lock, "properties", "level") == "ReadOnly" and app.id.lower().startswith(scope)
    ]
