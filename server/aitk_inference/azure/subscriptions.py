"""Subscriptions, regions, resource groups and resource providers."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.enum_text import word
from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.azure.read_shapes import checked
from aitk_inference.core.errors import Forbidden
from aitk_inference.core.model import Location, ResourceGroup, Subscription

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.mgmt.resource.resources.models import ResourceGroup as SdkGroup
    from azure.mgmt.resource.subscriptions.models import Subscription as SdkSubscription

    from aitk_inference.azure.clients import Clients

_APPS = "Microsoft.App"
_ENVIRONMENTS = "managedenvironments"
_UNSEEN = frozenset({"SubscriptionNotFound", "InvalidSubscriptionId", "AuthorizationFailed"})
_UNREGISTERED = frozenset({"NotRegistered", "Unregistered", "Unregistering"})


async def list_subscriptions(clients: Clients) -> list[Subscription]:
    """Return every subscription that the token's directory shows and that can be used, sorted by name."""
    with map_azure_errors("listing your subscriptions"):
        found = [item async for item in clients.subscriptions().subscriptions.list()]
        usable = [_subscription(item) for item in found if word(item.state) != "Disabled"]
    return sorted(usable, key=lambda item: item.name.casefold())


async def get_subscription(clients: Clients, subscription_id: str) -> Subscription | None:
    """Return a subscription by its id, of whatever directory; None when this person can't see it."""
    with map_azure_errors("looking up the subscription"):
        try:
            found = await clients.subscriptions().subscriptions.get(subscription_id)
        except HttpResponseError as error:
            if codes(tree_of_error(error)) & _UNSEEN:
                return None
            raise
        return replace(_subscription(found), is_local=clients.endpoint.is_local)


class ArmSubscriptions:
    """The :class:`~aitk_inference.core.resource_manager.Subscriptions` port."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return the subscription, or None when this person can't see it."""
        return await get_subscription(self._clients, subscription_id)

    async def locations(self, subscription_id: str) -> Sequence[Location]:
        """Return the regions where container apps can be made, sorted by display name."""
        offered = await self._offered(subscription_id)
        with map_azure_errors("listing the regions"):
            pages = self._clients.subscriptions().subscriptions.list_locations(subscription_id)
            found = [
                checked(Location(item.name or "", item.display_name or item.name or ""))
                async for item in pages
            ]
        chosen = [item for item in found if not offered or item.display_name in offered]
        return sorted(chosen, key=lambda item: item.display_name)

    async def resource_groups(self, subscription_id: str) -> Sequence[ResourceGroup]:
        """Return the resource groups, sorted by name."""
        with map_azure_errors("listing the resource groups"):
            pages = self._clients.resources(subscription_id).resource_groups.list()
            found = [_group(item) async for item in pages]
        return sorted(found, key=lambda item: item.name.casefold())

    async def resource_group(self, subscription_id: str, name: str) -> ResourceGroup | None:
        """Return one resource group, or None."""
        with map_azure_errors(f"looking up the resource group {name}"):
            try:
                return _group(await self._clients.resources(subscription_id).resource_groups.get(name))
            except ResourceNotFoundError:
                return None

    async def create_resource_group(
        self, subscription_id: str, name: str, location: str, *, tags: Mapping[str, str] | None = None
    ) -> ResourceGroup:
        """Make it (or return the one that exists in that region)."""
        groups = self._clients.resources(subscription_id).resource_groups
        with map_azure_errors(f"creating the resource group {name}"):
            return _group(
                await groups.create_or_update(name, {"location": location, "tags": dict(tags or {})})
            )

    async def delete_resource_group(self, subscription_id: str, name: str) -> None:
        """Delete a group with all that is in it, and wait."""
        with map_azure_errors(f"deleting the resource group {name}"):
            poller = await self._clients.resources(subscription_id).resource_groups.begin_delete(name)
            await poller.result()

    async def register(self, subscription_id: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Register the providers that are not registered; returns those newly registered.

        Nobody waits for one that registers: that is done region by region, and "code shouldn't block the creation
        of resources for a provider that is in the registering state" (learn.microsoft.com/azure/
        azure-resource-manager/management/resource-providers-and-types). A person with rights on one group alone
        may not look: then the deployment says what lacks.
        """
        registered = []
        for name in namespaces:
            with map_azure_errors(f"registering {name}"):
                if await self._lacks_registration(subscription_id, name):
                    await self._register(subscription_id, name)
                    registered.append(name)
        return registered

    async def _register(self, subscription_id: str, namespace: str) -> None:
        try:
            await self._clients.resources(subscription_id).providers.register(namespace)
        except HttpResponseError as error:
            if error.status_code != HTTPStatus.FORBIDDEN:
                raise
            raise Forbidden(
                f"The subscription is not registered for {namespace}, and your account may not register it.",
                suggestion=f"Ask an owner of the subscription to run: az provider register --namespace {namespace} --subscription {subscription_id}",
                link="https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types",
            ) from error

    async def _lacks_registration(self, subscription_id: str, namespace: str) -> bool:
        try:
            found = await self._clients.resources(subscription_id).providers.get(namespace)
        except HttpResponseError as error:
            if error.status_code == HTTPStatus.FORBIDDEN:
                return False
            raise
        return found.registration_state in _UNREGISTERED

    async def _offered(self, subscription_id: str) -> frozenset[str]:
        """Return the display names of the regions where environments can be made."""
        with map_azure_errors(f"looking up the regions of {_APPS}"):
            try:
                provider = await self._clients.resources(subscription_id).providers.get(_APPS)
            except HttpResponseError as error:
                if error.status_code == HTTPStatus.FORBIDDEN:
                    return frozenset()  # rights on one group alone: every region is offered
                raise
            types = provider.resource_types or []
            return frozenset(
                name
                for item in types
                if (item.resource_type or "").lower() == _ENVIRONMENTS
                for name in item.locations or []
            )


def _subscription(item: SdkSubscription) -> Subscription:
    identity = item.subscription_id or ""
    return checked(Subscription(identity, item.display_name or identity, item.tenant_id or ""))


def _group(item: SdkGroup) -> ResourceGroup:
    return checked(ResourceGroup(item.name or "", item.location, item.tags or {}))
