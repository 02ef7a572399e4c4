"""Container apps, their environments, revisions and replicas."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.app_shapes import app_of, replica_of, revision_of
from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.core.backoff import doubled
from aitk_inference.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from azure.mgmt.appcontainers.aio import ContainerAppsAPIClient
    from azure.mgmt.appcontainers.models import WorkloadProfile as SdkProfile

    from aitk_inference.azure.clients import Clients
    from aitk_inference.azure.log_streams import LogStreams
    from aitk_inference.core.model import AppRef, ContainerApp, LogLine, Replica, Revision, WorkloadProfile
    from aitk_inference.core.ports import Clock

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
        """Return the app, or None."""
        with map_azure_errors(f"looking up the container app {ref.name}"):
            try:
                found = await self._apps(ref).container_apps.get(ref.resource_group, ref.name)
            except ResourceNotFoundError:
                return None
            return app_of(ref, found, portal_url=self._clients.portal_page(found.id or ""))

    async def add_workload_profile(self, environment_id: str, profile: WorkloadProfile) -> None:
        """Add one profile to an environment that exists (a PATCH that keeps the others), and wait."""
        from azure.mgmt.appcontainers.models import ManagedEnvironment, ManagedEnvironmentProperties

        environment = environment_id.rpartition("/")[2]
        with map_azure_errors(f"adding the workload profile {profile.name} to {environment}"):
            _, _, subscription_id, _, group, *_ = environment_id.split("/")
            environments = self._clients.apps(subscription_id).managed_environments
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

    async def revisions(self, ref: AppRef) -> Sequence[Revision]:
        """Return the app's revisions, oldest first."""
        with map_azure_errors(f"listing the revisions of {ref.name}"):
            pages = self._apps(ref).container_apps_revisions.list_revisions(ref.resource_group, ref.name)
            return [revision_of(item) async for item in pages]

    async def revision(self, ref: AppRef, name: str) -> Revision | None:
        """Return one revision, or None."""
        revisions = self._apps(ref).container_apps_revisions
        with map_azure_errors(f"looking up the revision {name}"):
            try:
                return revision_of(await revisions.get_revision(ref.resource_group, ref.name, name))
            except ResourceNotFoundError:
                return None

    async def restart(self, ref: AppRef, revision: str) -> None:
        """Restart a revision: new replicas of the same revision."""
        revisions = self._apps(ref).container_apps_revisions
        with map_azure_errors(f"restarting {ref.name}"):
            await self._when_free(lambda: revisions.restart_revision(ref.resource_group, ref.name, revision))

    async def replicas(self, ref: AppRef, revision: str) -> Sequence[Replica]:
        """Return the revision's replicas, oldest first."""
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
            address = next(
                (item.log_stream_endpoint for item in containers if item.log_stream_endpoint), None
            )
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

    async def _when_free(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Call again while another change of the app is under way (409 ContainerAppOperationInProgress)."""
        deadline, attempt = self._clock.monotonic() + _BUSY_LIMIT, 0
        while True:
            attempt += 1
            wait = doubled(attempt, first=_FIRST_WAIT, longest=_LONGEST_WAIT)
            try:
                return await call()
            except HttpResponseError as error:
                if not codes(tree_of_error(error)) & _BUSY or self._clock.monotonic() + wait > deadline:
                    raise
            await self._clock.sleep(wait)

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
