"""Resources as Resource Manager's JSON, in any type and API version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azure.core.exceptions import ResourceNotFoundError

from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.core.json_paths import objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.model import Json


class ArmResources:
    """The :class:`~aitk_inference.core.resource_manager.Resources` port."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def get(self, resource_id: str, api_version: str) -> Mapping[str, Json] | None:
        """Return a resource, or None when it is not there."""
        return await self._clients.get(resource_id, api_version)

    async def patch(self, resource_id: str, api_version: str, changes: Mapping[str, Json]) -> None:
        """Change what ``changes`` names and wait: objects are merged, lists replaced, all else is kept."""
        await self._clients.patch(resource_id, api_version, changes)

    async def list(self, path: str, api_version: str) -> Sequence[Mapping[str, Json]]:
        """Return the resources of a list, all of its pages."""
        found: list[Mapping[str, Json]] = []
        page = await self._clients.get(path, api_version)
        while page is not None:
            found += objects(page, "value")
            more = text(page, "nextLink")
            page = await self._clients.get(more, api_version) if more else None
        return found

    async def delete(self, resource_id: str, api_version: str) -> None:
        """Delete a resource and wait; one that is not there is fine."""
        with map_azure_errors(f"deleting {resource_id.rpartition('/providers/')[2]}"):
            client = self._clients.resources(resource_id.split("/")[2])
            try:
                poller = await client.resources.begin_delete_by_id(resource_id, api_version=api_version)
                await poller.result()
            except ResourceNotFoundError:
                return

    async def secrets(self, app_id: str, api_version: str) -> Mapping[str, Json]:
        """Return what ``listSecrets`` of a container app answers."""
        return await self._clients.post(f"{app_id}/listSecrets", api_version)
