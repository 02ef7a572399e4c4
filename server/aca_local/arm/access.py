"""Who asks, and may they: tokens of several directories, claims challenges, rights on a group alone.

Words and headers as Resource Manager answers them (issue threads; Microsoft's page on claims challenges).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aca_local.kernel import errors
from aca_local.kernel.records import GROUP

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud

CheckToken = Callable[[str], bool]
_LOGIN = "https://login.microsoftonline.com"
_READS = frozenset({"GET", "HEAD"})
_CLIENT = "developer@aca-local.invalid"


@dataclass(frozen=True)
class Caller:
    """The account that asks: the directory that its token is of."""

    tenant: str


def authenticate(cloud: Cloud, check_token: CheckToken, token: str, method: str) -> Caller | None:
    """Return who a token belongs to; None where it is not ours. Raise where it is not good for this."""
    known = cloud.conditions.state.tokens.get(token)
    if known is None:
        return Caller(home(cloud)) if check_token(token) else None
    if known.expired:
        raise errors.expired_token(f"{_LOGIN}/{known.tenant}")
    if known.claims and method not in _READS:
        raise errors.claims_challenge(known.claims)
    return Caller(known.tenant)


def home(cloud: Cloud) -> str:
    """Return the directory that the instance's own token is of."""
    tenants = cloud.conditions.state.tenants
    return tenants[0].id if tenants else cloud.settings.tenant_id


def owner(cloud: Cloud) -> str:
    """Return the directory that this Azure's own subscription is in."""
    return cloud.conditions.state.owner or home(cloud)


def check_subscription(cloud: Cloud, caller: Caller, path: str) -> None:
    """Raise InvalidAuthenticationTokenTenant for a subscription of another directory than the token's."""
    parts = path.strip("/").lower().split("/")
    if len(parts) < 2 or parts[0] != "subscriptions":  # noqa: PLR2004 - nothing below a subscription
        return
    tenant = _tenant_of(cloud, parts[1])
    if tenant and tenant != caller.tenant:
        raise errors.wrong_tenant(caller.tenant, tenant)


def _tenant_of(cloud: Cloud, subscription: str) -> str:
    if subscription == cloud.settings.subscription_id.lower():
        return owner(cloud)
    tenants = cloud.conditions.state.tenants
    holding = (
        one.id for one in tenants if any(each.id.lower() == subscription for each in one.subscriptions)
    )
    return next(holding, "")


def check_rights(cloud: Cloud, method: str, path: str) -> None:
    """Raise AuthorizationFailed for what is asked of the subscription itself with rights on a group alone.

    Lists of subscriptions, locations and groups are there for everybody, less what they may not see.
    """
    parts = path.strip("/").split("/")
    if cloud.conditions.state.rights != "group" or len(parts) < 3 or parts[0].lower() != "subscriptions":  # noqa: PLR2004 - the subscription's own page is open
        return
    kind, below, reads = parts[2].lower(), parts[3:], method in _READS
    if kind == "resourcegroups" and (below or reads):
        group = below[0] if below else ""
        if reads or len(below) > 1 or cloud.store.get(GROUP, group) is not None:
            return
    elif kind in {"locations", "resources"} and reads:
        return
    action = _action(method, parts[2:])
    scope = f"/subscriptions/{parts[1]}" + (f"/resourcegroups/{below[0]}" if kind == "resourcegroups" else "")
    raise errors.NO_RIGHTS.error(client=_CLIENT, id=home(cloud), action=action, scope=scope)


def _action(method: str, parts: list[str]) -> str:
    verb = "read" if method in _READS else "delete" if method == "DELETE" else "write"
    if parts[0].lower() == "resourcegroups":
        return f"Microsoft.Resources/subscriptions/resourceGroups/{verb}"
    if parts[0].lower() != "providers":
        return f"Microsoft.Resources/subscriptions/{parts[0]}/{verb}"
    if len(parts) <= 2:  # noqa: PLR2004 - a provider, not what it has
        return "Microsoft.Resources/subscriptions/providers/read"
    if parts[2].lower() in {"register", "unregister"}:
        return f"{parts[1]}/{parts[2]}/action"
    return f"{parts[1]}/{'/'.join(parts[2::2])}/{verb}"
