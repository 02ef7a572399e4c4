"""What the preflight reads of Resource Manager: plain requests, for the SDKs have no client for most of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

from aitk_inference.azure.deployments import incremental
from aitk_inference.azure.errors import map_azure_errors
from aitk_inference.core import api_versions
from aitk_inference.core.arm_names import region_key
from aitk_inference.core.errors import NotFound
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.preflight import DeletedWorkspace, Grant, NameAnswer, ProfileType, Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.model import DeploymentRef, Json
    from aitk_inference.core.what_if import ResourceChange

_ACCOUNT = "Microsoft.Storage/storageAccounts"


class ArmPreflight:
    """The :class:`~aitk_inference.core.resource_manager.Preflight` port."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._types: dict[str, asyncio.Future[tuple[dict[str, Json], ...]]] = {}

    async def grants(self, scope: str) -> Sequence[Grant]:
        """Return what this person may do on a resource group or a subscription, by its ARM id.

        https://learn.microsoft.com/rest/api/authorization/permissions/list-for-resource-group
        """
        found = await self._get(
            f"{scope}/providers/Microsoft.Authorization/permissions", api_versions.PERMISSIONS
        )
        return [Grant(_texts(item, "actions"), _texts(item, "notActions")) for item in found]

    async def registration(self, subscription_id: str, namespace: str) -> str:
        """Return the state of a resource provider in ARM's word."""
        path = f"/subscriptions/{subscription_id}/providers/{namespace}"
        return text(await self._clients.get(path, api_versions.RESOURCES), "registrationState")

    async def profile_types(self, subscription_id: str, location: str) -> Sequence[ProfileType]:
        """Return the types of workload profiles that a region offers; a region is asked once in a command."""
        path = f"{_region(subscription_id, location)}/availableManagedEnvironmentsWorkloadProfileTypes"
        if path not in self._types:
            self._types[path] = asyncio.ensure_future(self._get(path, api_versions.APPS))
        return [
            ProfileType(
                text(item, "name"),
                _number(item, "properties", "cores"),
                _number(item, "properties", "memoryGiB"),
                int(_number(item, "properties", "gpus")),
            )
            for item in await asyncio.shield(self._types[path])
        ]

    async def region_usages(self, subscription_id: str, location: str) -> Sequence[Usage]:
        """Return the quotas of Container Apps in a region."""
        found = await self._get(f"{_region(subscription_id, location)}/usages", api_versions.APPS)
        return [_usage(item) for item in found]

    async def environment_usages(self, environment_id: str) -> Sequence[Usage]:
        """Return the quotas of an environment that exists."""
        return [_usage(item) for item in await self._get(f"{environment_id}/usages", api_versions.APPS)]

    async def storage_name(self, subscription_id: str, name: str) -> NameAnswer:
        """Return whether a storage account may have this name."""
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.Storage/checkNameAvailability"
        answer = await self._clients.post(path, api_versions.STORAGE, {"name": name, "type": _ACCOUNT})
        invalid = text(answer, "reason") == "AccountNameInvalid"
        return NameAnswer(find(answer, "nameAvailable") is True, invalid, text(answer, "message"))

    async def deleted_workspaces(self, subscription_id: str) -> Sequence[DeletedWorkspace]:
        """Return the Log Analytics workspaces that were deleted lately.

        https://learn.microsoft.com/rest/api/loganalytics/deleted-workspaces/list
        """
        path = f"/subscriptions/{subscription_id}/providers/Microsoft.OperationalInsights/deletedWorkspaces"
        found = await self._get(path, api_versions.WORKSPACES)
        return [
            DeletedWorkspace(
                text(item, "name"), [*text(item, "id").split("/"), *[""] * 5][4], text(item, "location")
            )
            for item in found
        ]

    async def validate(self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json]) -> None:
        """Let Resource Manager check a deployment without starting it.

        The SDK polls where the answer takes a while (202), so its operation is used.
        """
        body = incremental(template, parameters)
        operations = self._clients.deployments(ref.subscription_id).deployments
        with map_azure_errors("validating the template"):
            poller = await operations.begin_validate(ref.resource_group, ref.name, body)
            await poller.result()

    async def what_if(
        self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json]
    ) -> Sequence[ResourceChange]:
        """Let Resource Manager say what a deployment would change."""
        from aitk_inference.azure.what_if import what_if

        return await what_if(self._clients, ref, template, parameters)

    async def _get(self, path: str, api_version: str) -> tuple[dict[str, Json], ...]:
        found = await self._clients.get(path, api_version)
        if found is None:
            raise NotFound("Azure does not answer it here.")
        return objects(found, "value")


def _region(subscription_id: str, location: str) -> str:
    name = quote(region_key(location))
    return f"/subscriptions/{subscription_id}/providers/Microsoft.App/locations/{name}"


def _usage(item: dict[str, Json]) -> Usage:
    used = find(item, "currentValue")
    return Usage(
        text(item, "name", "value"), used if isinstance(used, int | float) else 0, _number(item, "limit")
    )


def _number(document: Json, *path: str) -> float:
    value = find(document, *path)
    return value if isinstance(value, int | float) else 0


def _texts(document: Json, name: str) -> tuple[str, ...]:
    value = find(document, name)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
