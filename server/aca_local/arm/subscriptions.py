"""``/subscriptions``, ``/tenants`` and ``/locations`` (shapes as recorded).

One subscription in one directory, unless the conditions say more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import access
from aca_local.kernel import errors, locations, responses
from aca_local.kernel.conditions import Tenant

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject


def check(cloud: Cloud, subscription: str) -> None:
    """Raise SubscriptionNotFound for any other subscription than ours."""
    if subscription.lower() != cloud.settings.subscription_id.lower():
        raise errors.SUBSCRIPTION_NOT_FOUND.error(subscription=subscription)


def document(cloud: Cloud) -> JsonObject:
    """Return this Azure's own subscription."""
    settings = cloud.settings
    return _document(access.owner(cloud), settings.subscription_id, settings.display_name, "Enabled")


def _document(tenant: str, identifier: str, name: str, state: str) -> JsonObject:
    return {
        "id": f"/subscriptions/{identifier}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "tags": {},
        "subscriptionId": identifier,
        "tenantId": tenant,
        "displayName": name,
        "state": state,
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


def _visible(cloud: Cloud, tenant: str) -> list[JsonObject]:
    """Return the subscriptions that a token of this directory sees."""
    own = [document(cloud)] if access.owner(cloud) == tenant else []
    others = (one for one in cloud.conditions.state.tenants if one.id == tenant)
    more = [each for one in others for each in one.subscriptions]
    return [*own, *(_document(tenant, one.id, one.name, one.state) for one in more)]


async def list_all(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET /subscriptions``: those of the token's directory."""
    found = _visible(cloud, request.tenant)
    return responses.answer({"value": found, "count": {"type": "Total", "value": len(found)}})


async def get(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET /subscriptions/{subscription}``."""
    wanted = request.path["subscription"].lower()
    for one in _visible(cloud, request.tenant):
        if one["subscriptionId"].lower() == wanted:
            return responses.answer(one)
    raise errors.SUBSCRIPTION_NOT_FOUND.error(subscription=request.path["subscription"])


async def list_locations(cloud: Cloud, request: ArmRequest) -> web.Response:
    """Answer ``GET /subscriptions/{subscription}/locations``."""
    if not any(
        one["subscriptionId"] == request.path["subscription"] for one in _visible(cloud, request.tenant)
    ):
        check(cloud, request.path["subscription"])
    return responses.answer({"value": locations.listing(request.path["subscription"])})


async def list_tenants(cloud: Cloud, _: ArmRequest) -> web.Response:
    """Answer ``GET /tenants``: all directories that the account is in, whatever the token's."""
    own = Tenant(cloud.settings.tenant_id, cloud.settings.display_name)
    found = cloud.conditions.state.tenants or (own,)
    return responses.answer({"value": [_tenant(one, home=one is found[0]) for one in found]})


def _tenant(one: Tenant, *, home: bool) -> JsonObject:
    return {
        "id": f"/tenants/{one.id}",
        "tenantId": one.id,
        "countryCode": "US",
        "displayName": one.name,
        "domains": [one.domain],
        "tenantCategory": "Home" if home else "ProjectedBy",
        "defaultDomain": one.domain,
        "tenantType": "AAD",
    }
