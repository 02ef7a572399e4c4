"""Managed identities of resources, with the ids that Microsoft Entra would give them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.kernel.records import Identity
    from aca_local.state import JsonObject

_NAMESPACE = uuid.UUID("c0ffee00-0000-4000-8000-00000000aca1")
NONE: Identity = {"type": "None"}


def read(cloud: Cloud, target: ResourceId, asked: JsonObject | None) -> Identity:
    """Return the identity of a resource whose body asks for one; without a wish it has none."""
    kind = str((asked or {}).get("type") or "None")
    identity: Identity = {"type": kind}
    if "systemassigned" in kind.lower():
        identity |= {"principalId": _id(target.key), "tenantId": cloud.settings.tenant_id}
    named = [
        name for name, held in ((asked or {}).get("userAssignedIdentities") or {}).items() if held is not None
    ]
    if "userassigned" in kind.lower() and named:
        identity["userAssignedIdentities"] = {
            name: {"principalId": _id(name.lower()), "clientId": _id(f"{name.lower()} client")}
            for name in named
        }
    return identity


def _id(text: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, text))
