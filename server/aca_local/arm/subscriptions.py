"""``/subscriptions``, ``/tenants`` and ``/locations``: one subscription in one tenant (as recorded)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import errors, locations, wire

if TYPE_CHECKING:
    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask
    from aca_local.state import JsonObject


def check(cloud: Cloud, subscription: str) -> None:
    """Raises SubscriptionNotFound for any other subscription than ours."""
    if subscription.lower() != cloud.settings.subscription_id.lower():
        raise errors.subscription_not_found(subscription)


def document(cloud: Cloud) -> JsonObject:
    """The one subscription."""
    settings = cloud.settings
    return {
        "id": f"/subscriptions/{settings.subscription_id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "tags": {},
        "subscriptionId": settings.subscription_id,
        "tenantId": settings.tenant_id,
        "displayName": settings.display_name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


async def list_all(cloud: Cloud, _: Ask) -> web.Response:
    """``GET /subscriptions``."""
    return wire.answer({"value": [document(cloud)], "count": {"type": "Total", "value": 1}})


async def get(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET /subscriptions/{subscription}``."""
    check(cloud, ask.path["subscription"])
    return wire.answer(document(cloud))


async def list_locations(cloud: Cloud, ask: Ask) -> web.Response:
    """``GET /subscriptions/{subscription}/locations``."""
    check(cloud, ask.path["subscription"])
    return wire.answer({"value": locations.listing(cloud.settings.subscription_id)})


async def list_tenants(cloud: Cloud, _: Ask) -> web.Response:
    """``GET /tenants``."""
    tenant = cloud.settings.tenant_id
    one = {
        "id": f"/tenants/{tenant}",
        "tenantId": tenant,
        "countryCode": "US",
        "displayName": cloud.settings.display_name,
        "domains": ["aca-local.invalid"],
        "tenantCategory": "Home",
        "defaultDomain": "aca-local.invalid",
        "tenantType": "AAD",
    }
    return wire.answer({"value": [one]})
