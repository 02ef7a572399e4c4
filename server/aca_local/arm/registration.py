"""Resource providers and their registration with the subscription (shapes as recorded)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from aca_local.arm.subscriptions import check
from aca_local.arm.versions import RESOURCES_VERSIONS
from aca_local.kernel import errors, locations, responses
from aca_local.kernel.records import REGISTRATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import RegistrationRecord
    from aca_local.kernel.resource_type import ResourceType
    from aca_local.kernel.routing import ArmRequest, Handler
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject

_FREE = frozenset({"microsoft.resources"})


def state_of(cloud: Cloud, namespace: str) -> str:
    """Return a provider's state (they are registered here until someone unregisters one)."""
    found = cloud.store.get(REGISTRATION, namespace)
    state = found["state"] if found else "Registered"
    stuck = state == "Registered" and namespace.lower() in cloud.conditions.state.registering
    return "Registering" if stuck else state


def check_registered(cloud: Cloud, namespace: str) -> None:
    """Raise MissingSubscriptionRegistration."""
    if state_of(cloud, namespace) not in {
        "Registered",
        "Registering",
    }:  # regions that are done take resources
        raise errors.not_registered(namespace)


def document(cloud: Cloud, namespace: str, kinds: Sequence[ResourceType]) -> JsonObject:
    """Return a provider as ``GET /providers/{namespace}`` shows it."""
    free = namespace.lower() in _FREE
    return {
        "id": f"/subscriptions/{cloud.settings.subscription_id}/providers/{namespace}",
        "namespace": namespace,
        "resourceTypes": [_type(one) for one in kinds],
        "registrationState": state_of(cloud, namespace),
        "registrationPolicy": "RegistrationFree" if free else "RegistrationRequired",
    }


def _own(cloud: Cloud) -> JsonObject:
    """Return ARM's own namespace, which needs no registration."""
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
    """Return the handlers, which need to know all resource types."""
    return {
        "list": partial(_list, registry),
        "get": partial(_get, registry),
        "register": partial(_switch, registry, "Registering", "Registered"),
        "unregister": partial(_switch, registry, "Unregistering", "Unregistered"),
    }


def _show(cloud: Cloud, registry: Registry, namespace: str) -> JsonObject:
    if namespace.lower() in _FREE:
        return _own(cloud)
    name, kinds = registry.provider(namespace)
    return document(cloud, name, kinds)


async def _list(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    check(cloud, request.path["subscription"])
    names = ("Microsoft.Resources", *registry.namespaces())
    return responses.answer({"value": [_show(cloud, registry, one) for one in names]})


async def _get(registry: Registry, cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    check(cloud, request.path["subscription"])
    return responses.answer(_show(cloud, registry, request.path["namespace"]))


async def _switch(
    registry: Registry, shown: str, kept: str, cloud: Cloud, request: ArmRequest
) -> web.StreamResponse:
    """Answer ``register`` and ``unregister``: the state on the way there, unless it is there already."""
    check(cloud, request.path["subscription"])
    if request.path["namespace"].lower() in _FREE:
        return responses.answer(_own(cloud))
    name, _ = registry.provider(request.path["namespace"])
    before = state_of(cloud, name)
    record: RegistrationRecord = {"state": kept}
    cloud.store.put(REGISTRATION, name, record)
    state = kept if before == kept else shown
    return responses.answer({**_show(cloud, registry, name), "registrationState": state})
