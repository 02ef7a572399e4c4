"""Container apps, their environments, revisions and replicas."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.app_shapes import app_of, environment_of, replica_of
from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.core.errors import NotFound
from aitk_inference.core.model import AppRef, ExistingResources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.appcontainers.models import WorkloadProfile as SdkProfile

    from aitk_inference.azure.clients import Clients
    from aitk_inference.azure.log_streams import LogStreams
    from aitk_inference.core.model import (
        ContainerApp,
        Environment,
        Json,
        LogLine,
        Replica,
        WorkloadProfile,
    )
    from aitk_inference.core.ports import Clock

TEMPLATE_API = "2024-03-01"
"""The API version in which ``inference.bicep`` names apps and takes ``existingApp``."""

_STORAGE_API = "2023-05-01"
_WORKSPACE_API = "2023-09-01"
_BUSY = frozenset({"ContainerAppOperationInProgress"})
_BUSY_LIMIT = 180.0
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 15.0

_Result = TypeVar("_Result")


class ArmContainerApps:
    """The :class:`~aitk_inference.core.ports.ContainerApps` port."""

    def __init__(self, clients: Clients, streams: LogStreams, clock: Clock) -> None:
        self._clients = clients
        self._streams = streams
        self._clock = clock

    async def get(self, ref: AppRef) -> ContainerApp | None:
        """The app, or None."""
        with map_azure_errors(f"looking up the container app {ref.name}"):
            try:
                found = await self._apps(ref).container_apps.get(ref.resource_group, ref.name)
            except ResourceNotFoundError:
                return None
        return app_of(ref, found, self._clients.endpoint.portal)

    async def environment(self, subscription_id: str, group: str, name: str) -> Environment | None:
        """The managed environment, or None."""
        environments = self._clients.apps(subscription_id).managed_environments
        with map_azure_errors(f"looking up the environment {name}"):
            try:
                return environment_of(await environments.get(group, name))
            except ResourceNotFoundError:
                return None

    async def existing(self, subscription_id: str, group: str, names: Mapping[str, str]) -> ExistingResources:
        """What is already there."""
        providers = f"/subscriptions/{subscription_id}/resourceGroups/{group}/providers"
        account = f"{providers}/Microsoft.Storage/storageAccounts/{names['storageAccountName']}"
        share = f"{account}/fileServices/default/shares/{names['fileShareName']}"
        workspace = f"{providers}/Microsoft.OperationalInsights/workspaces/{names['acaLogAnalyticsName']}"
        app = f"{providers}/Microsoft.App/containerApps/{names['acaAppName']}"
        storage, files, logs, document, environment = await asyncio.gather(
            self._clients.get(account, _STORAGE_API),
            self._clients.get(share, _STORAGE_API),
            self._clients.get(workspace, _WORKSPACE_API),
            self._clients.get(app, TEMPLATE_API),
            self.environment(subscription_id, group, names["acaEnvironmentName"]),
        )
        ref = AppRef(subscription_id, group, names["acaAppName"])
        return ExistingResources(
            storage_account=storage is not None,
            file_share=files is not None,
            log_analytics=logs is not None,
            environment=environment,
            app=await self.get(ref) if document else None,
            app_document=document or {},
            app_secrets=await self._secrets(app) if document else {},
        )

    async def add_workload_profile(
        self, subscription_id: str, group: str, environment: str, profile: WorkloadProfile
    ) -> None:
        """Add one profile to an environment that exists (a PATCH that keeps the others), and wait."""
        from azure.mgmt.appcontainers.models import ManagedEnvironment, ManagedEnvironmentProperties

        environments = self._clients.apps(subscription_id).managed_environments
        with map_azure_errors(f"adding the workload profile {profile.name} to {environment}"):
            current = await environments.get(group, environment)
            kept = current.properties.workload_profiles if current.properties else None
            changed = ManagedEnvironment(
                location=current.location,
                properties=ManagedEnvironmentProperties(
                    workload_profiles=[
                        *(item for item in kept or [] if item.name != profile.name),
                        _sdk_profile(profile),
                    ]
                ),
            )
            await (await environments.begin_update(group, environment, changed)).result()

    async def restart(self, ref: AppRef, revision: str) -> None:
        """Restart a revision: new replicas of the same revision."""
        revisions = self._apps(ref).container_apps_revisions
        with map_azure_errors(f"restarting {ref.name}"):
            await self._when_free(lambda: revisions.restart_revision(ref.resource_group, ref.name, revision))

    async def replicas(self, ref: AppRef, revision: str) -> Sequence[Replica]:
        """The revision's replicas, oldest first."""
        replicas = self._apps(ref).container_apps_revision_replicas
        with map_azure_errors(f"listing the replicas of {ref.name}"):
            listed = await replicas.list_replicas(ref.resource_group, ref.name, revision)
        found = [replica_of(item) for item in listed.value or []]
        return sorted(found, key=lambda item: item.created.timestamp() if item.created else 0.0)

    async def start(self, ref: AppRef) -> None:
        """Start a stopped app."""
        apps = self._apps(ref).container_apps
        with map_azure_errors(f"starting {ref.name}"):
            poller = await self._when_free(lambda: apps.begin_start(ref.resource_group, ref.name))
            await poller.result()

    async def stop(self, ref: AppRef) -> None:
        """Stop the app: no replica, no bill for one."""
        apps = self._apps(ref).container_apps
        with map_azure_errors(f"stopping {ref.name}"):
            poller = await self._when_free(lambda: apps.begin_stop(ref.resource_group, ref.name))
            await poller.result()

    async def console(
        self, ref: AppRef, revision: str, replica: str, *, tail: int, follow: bool
    ) -> AsyncIterator[LogLine]:
        """Console lines of a replica's first container: the last ``tail`` (0 to 300), then new ones."""
        replicas = self._apps(ref).container_apps_revision_replicas
        with map_azure_errors(f"looking up the replica {replica}"):
            found = await replicas.get_replica(ref.resource_group, ref.name, revision, replica)
        containers = (found.properties.containers if found.properties else None) or []
        address = next((item.log_stream_endpoint for item in containers if item.log_stream_endpoint), None)
        if address is None:
            raise NotFound(
                f"The replica {replica} has no console yet.", suggestion="Wait until its container started."
            )
        async with aclosing(self._streams.console(ref, address, tail=tail, follow=follow)) as lines:
            async for line in lines:
                yield line

    async def events(self, ref: AppRef, *, tail: int, follow: bool) -> AsyncIterator[LogLine]:
        """System log lines of the app (image pulls, volume mounts, probes, restarts)."""
        with map_azure_errors(f"looking up the container app {ref.name}"):
            found = await self._apps(ref).container_apps.get(ref.resource_group, ref.name)
        address = found.properties.event_stream_endpoint if found.properties else None
        if not address:
            raise NotFound(f"The container app {ref.name} has no system log yet.")
        async with aclosing(self._streams.events(ref, address, tail=tail, follow=follow)) as lines:
            async for line in lines:
                yield line

    async def _secrets(self, app: str) -> dict[str, Json]:
        return await self._clients.post(f"{app}/listSecrets", TEMPLATE_API)

    async def _when_free(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Call again while another change of the app is under way (409 ContainerAppOperationInProgress)."""
        deadline, wait = self._clock.monotonic() + _BUSY_LIMIT, _FIRST_WAIT
        while True:
            try:
                return await call()
            except HttpResponseError as error:
                if not codes(tree_of_error(error)) & _BUSY or self._clock.monotonic() + wait > deadline:
                    raise
            await self._clock.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _apps(self, ref: AppRef) -> ContainerAppsAPIClient:
        return self._clients.apps(ref.subscription_id)


def _sdk_profile(profile: WorkloadProfile) -> SdkProfile:
    from azure.mgmt.appcontainers.models import WorkloadProfile as SdkProfile

    return SdkProfile(
        name=profile.name,
        workload_profile_type=profile.type,
        minimum_count=profile.minimum_count,
        maximum_count=profile.maximum_count,
    )
