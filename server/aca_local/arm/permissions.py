"""What the caller may do, and what is locked: ``GET …/providers/Microsoft.Authorization/permissions`` and ``…/locks``.

Shapes: https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group and
https://learn.microsoft.com/rest/api/resources/management-locks/list-by-scope. Permissions refuse nobody anything
here; ``conditions`` may say less than everything, and which locks there are: those do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aca_local.arm import groups
from aca_local.arm.subscriptions import check
from aca_local.kernel import responses
from aca_local.kernel.routing import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import ArmRequest

VERSIONS = ("2022-04-01", "2018-07-01", "2015-07-01")
_OWNER: dict[str, Any] = {"actions": ["*"], "notActions": [], "dataActions": [], "notDataActions": []}
_PATH = "providers/Microsoft.Authorization/permissions"
LOCK_VERSIONS = ("2020-05-01", "2017-04-01", "2016-09-01")
_LOCKS = "providers/Microsoft.Authorization/locks"


def routes() -> list[Route]:
    """Return its paths, of a resource group and of the subscription."""
    subscription = "/subscriptions/{subscription}"
    scopes = (subscription, f"{subscription}/resourcegroups/{{group}}")
    resource = f"{scopes[1]}/providers/{{namespace}}/{{kind}}/{{name}}"
    return [
        *(Route("GET", f"{scope}/{_PATH}", _listing, versions=VERSIONS) for scope in scopes),
        *(Route("GET", f"{scope}/{_LOCKS}", _locks, versions=LOCK_VERSIONS) for scope in (*scopes, resource)),
    ]


async def _listing(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    check(cloud, request.path["subscription"])
    if "group" in request.path:
        groups.find(cloud, request.path["group"])
    given = cloud.conditions.state.permissions
    return responses.answer({"value": [{**_OWNER, **one} for one in given or ({},)]})


async def _locks(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """Answer the locks of a scope: those on it, below it, and above it, which it inherits."""
    check(cloud, request.path["subscription"])
    here = f"{request.http.path.lower().partition(f'/{_LOCKS.lower()}')[0]}/"
    locked = [(one, f"{one['scope'].lower()}/") for one in cloud.conditions.state.locks]
    found = [_lock(one) for one, scope in locked if scope.startswith(here) or here.startswith(scope)]
    return responses.answer({"value": found})


def _lock(one: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": f"{one['scope']}/{_LOCKS}/{one['name']}",
        "type": "Microsoft.Authorization/locks",
        "name": one["name"],
        "properties": {"level": one["level"]},
    }
