"""Subscriptions, regions, resource groups and resource providers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.azure.words import word
from aitk_inference.core.errors import Unreachable
from aitk_inference.core.model import Location, ResourceGroup, Subscription

if TYPE_CHECKING:
    from collections.abc import Sequence

    from azure.mgmt.resource.resources.models import ResourceGroup as SdkGroup
    from azure.mgmt.resource.subscriptions.models import Subscription as SdkSubscription

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.ports import Clock

_APPS = "Microsoft.App"
_ENVIRONMENTS = "managedenvironments"
_UNSEEN = frozenset({"SubscriptionNotFound", "InvalidSubscriptionId", "AuthorizationFailed"})
_REGISTRATION_POLL = 3.0
_REGISTRATION_LIMIT = 600.0


async def list_subscriptions(clients: Clients) -> list[Subscription]:
    """Every subscription that can be used, sorted by name."""
    with map_azure_errors("listing your subscriptions"):
        found = [item async for item in clients.subscriptions().subscriptions.list()]
    usable = [_subscription(item, clients) for item in found if word(item.state) != "Disabled"]
    return sorted(usable, key=lambda item: item.name.casefold())


class ArmSubscriptions:
    """The :class:`~aitk_inference.core.ports.Subscriptions` port."""

    def __init__(self, clients: Clients, clock: Clock) -> None:
        self._clients = clients
        self._clock = clock

    async def get(self, subscription_id: str) -> Subscription | None:
        """The subscription, or None when this person can't see it."""
        with map_azure_errors("looking up the subscription"):
            try:
                found = await self._clients.subscriptions().subscriptions.get(subscription_id)
            except HttpResponseError as error:
                if codes(tree_of_error(error)) & _UNSEEN:
                    return None
                raise
            return _subscription(found, self._clients)

    async def locations(self, subscription_id: str) -> Sequence[Location]:
        """Regions where container apps can be made, sorted by display name."""
        offered = await self._offered(subscription_id)
        with map_azure_errors("listing the regions"):
            pages = self._clients.subscriptions().subscriptions.list_locations(subscription_id)
            found = [Location(item.name or "", item.display_name or item.name or "") async for item in pages]
        chosen = [item for item in found if not offered or item.display_name in offered]
        return sorted(chosen, key=lambda item: item.display_name)

    async def resource_groups(self, subscription_id: str) -> Sequence[ResourceGroup]:
        """Resource groups, sorted by name."""
        with map_azure_errors("listing the resource groups"):
            pages = self._clients.resources(subscription_id).resource_groups.list()
            found = [_group(item) async for item in pages]
        return sorted(found, key=lambda item: item.name.casefold())

    async def resource_group(self, subscription_id: str, name: str) -> ResourceGroup | None:
        """One resource group, or None."""
        with map_azure_errors(f"looking up the resource group {name}"):
            try:
                return _group(await self._clients.resources(subscription_id).resource_groups.get(name))
            except ResourceNotFoundError:
                return None

    async def create_resource_group(self, subscription_id: str, name: str, location: str) -> ResourceGroup:
        """Make it (or return the one that exists in that region)."""
        groups = self._clients.resources(subscription_id).resource_groups
        with map_azure_errors(f"creating the resource group {name}"):
            return _group(await groups.create_or_update(name, {"location": location}))

    async def register(self, subscription_id: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Register the providers that are not registered, and wait. Returns those newly registered."""
        missing = [name for name in namespaces if not await self._is_registered(subscription_id, name)]
        for name in missing:
            with map_azure_errors(f"registering {name}"):
                await self._clients.resources(subscription_id).providers.register(name)
        for name in missing:
            await self._wait_registered(subscription_id, name)
        return missing

    async def _wait_registered(self, subscription_id: str, namespace: str) -> None:
        deadline = self._clock.monotonic() + _REGISTRATION_LIMIT
        while not await self._is_registered(subscription_id, namespace):
            if self._clock.monotonic() > deadline:
                raise Unreachable(
                    f"The registration of {namespace} takes longer than ten minutes.",
                    suggestion=f"See `az provider show --namespace {namespace}`, then run the command again.",
                )
            await self._clock.sleep(_REGISTRATION_POLL)

    async def _is_registered(self, subscription_id: str, namespace: str) -> bool:
        with map_azure_errors(f"looking up the provider {namespace}"):
            found = await self._clients.resources(subscription_id).providers.get(namespace)
        return found.registration_state == "Registered"

    async def _offered(self, subscription_id: str) -> frozenset[str]:
        """Display names of the regions where environments can be made."""
        with map_azure_errors(f"looking up the regions of {_APPS}"):
            provider = await self._clients.resources(subscription_id).providers.get(_APPS)
        types = provider.resource_types or []
        return frozenset(
            name
            for item in types
            if (item.resource_type or "").lower() == _ENVIRONMENTS
            for name in item.locations or []
        )


def _subscription(item: SdkSubscription, clients: Clients) -> Subscription:
    identity = item.subscription_id or ""
    return Subscription(
        identity, item.display_name or identity, item.tenant_id or "", clients.endpoint.is_local
    )


def _group(item: SdkGroup) -> ResourceGroup:
    return ResourceGroup(item.name or "", item.location)
