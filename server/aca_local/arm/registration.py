"""Resource providers and their registration with the subscription (shapes as recorded)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import errors, locations, wire
from aca_local.arm.subscriptions import check
from aca_local.arm.versions import RESOURCES_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.arm.routing import Ask, Handler
    from aca_local.providers.model import ResourceType
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

REGISTRATION = "registration"
_FREE = frozenset({"microsoft.resources"})


def state_of(cloud: Cloud, namespace: str) -> str:
    """``Registered`` or ``NotRegistered`` (providers are registered here until someone unregisters one)."""
    found = cloud.store.get(REGISTRATION, namespace)
    return found["state"] if found else "Registered"


def check_registered(cloud: Cloud, namespace: str) -> None:
    """Raises MissingSubscriptionRegistration."""
    if state_of(cloud, namespace) != "Registered":
        raise errors.not_registered(namespace)


def document(cloud: Cloud, namespace: str, kinds: Sequence[ResourceType]) -> JsonObject:
    """A provider as ``GET /providers/{namespace}`` shows it."""
    free = namespace.lower() in _FREE
    return {
        "id": f"/subscriptions/{cloud.settings.subscription_id}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [_type(one) for one in kinds],
        "registrationState": state_of(cloud, namespace),
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
    }


def _own(cloud: Cloud) -> JsonObject:
    """ARM's own namespace, which needs no registration."""
    names = ("subscriptions", "resourceGroups", "deployments", "deployments/operations")
    versions, regions = list(RESOURCES_VERSIONS), list(locations.NAMES)
    kinds = [{"resourceType": one, "locations": regions, "apiVersions": versions} for one in names]
    return document(cloud, "Microsoft.Resources", ()) | {"resourceTypes": kinds}


def _type(kind: ResourceType) -> JsonObject:
    return {
        "resourceType": kind.name,
        "locations": list(kind.locations or locations.NAMES) if kind.tracked else [],
        "apiVersions": list(kind.api_versions),
        "capabilities": "SupportsTags, SupportsLocation" if kind.tracked else "None",
    }


def handlers(registry: Registry) -> dict[str, Handler]:
    """The handlers, which need to know all resource types."""

    def show(cloud: Cloud, namespace: str) -> JsonObject:
        if namespace.lower() in _FREE:
            return _own(cloud)
        name, kinds = registry.provider(namespace)
        return document(cloud, name, kinds)

    async def list_all(cloud: Cloud, ask: Ask) -> web.Response:
        check(cloud, ask.path["subscription"])
        return wire.answer(
            {"value": [show(cloud, one) for one in ("Microsoft.Resources", *registry.namespaces())]}
        )

    async def get(cloud: Cloud, ask: Ask) -> web.Response:
        check(cloud, ask.path["subscription"])
        return wire.answer(show(cloud, ask.path["namespace"]))

    def switch(shown: str, kept: str) -> Handler:
        async def handler(cloud: Cloud, ask: Ask) -> web.Response:
            check(cloud, ask.path["subscription"])
            name, _ = registry.provider(ask.path["namespace"])
            before = state_of(cloud, name)
            cloud.store.put(REGISTRATION, name, {"state": kept})
            return wire.answer({**show(cloud, name), "registrationState": kept if before == kept else shown})

        return handler

    return {
        "list": list_all,
        "get": get,
        "register": switch("Registering", "Registered"),
        "unregister": switch("Unregistering", "Unregistered"),
    }
