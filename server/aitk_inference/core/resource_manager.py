"""What the flows need from Azure Resource Manager, as small Protocols; ``ports.py`` says how they behave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.model import (
        DeploymentRecord,
        DeploymentRef,
        DeploymentStatus,
        Json,
        Location,
        ResourceGroup,
        ResourceOperation,
        Subscription,
    )
    from aitk_inference.core.preflight import DeletedWorkspace, Grant, NameAnswer, ProfileType, Usage
    from aitk_inference.core.what_if import ResourceChange


class Subscriptions(Protocol):
    """A subscription's regions, resource groups and providers."""

    async def get(self, subscription_id: str) -> Subscription | None:
        """Return the subscription, or None when this person can't see it."""
        ...

    async def locations(self, subscription_id: str) -> Sequence[Location]:
        """Regions where container apps can be made, sorted by display name."""
        ...

    async def resource_groups(self, subscription_id: str) -> Sequence[ResourceGroup]:
        """Resource groups, sorted by name."""
        ...

    async def resource_group(self, subscription_id: str, name: str) -> ResourceGroup | None:
        """One resource group, or None."""
        ...

    async def create_resource_group(
        self, subscription_id: str, name: str, location: str, *, tags: Mapping[str, str] | None = None
    ) -> ResourceGroup:
        """Make it (or return the one that exists in that region)."""
        ...

    async def delete_resource_group(self, subscription_id: str, name: str) -> None:
        """Delete a group with all that is in it, and wait."""
        ...

    async def register(self, subscription_id: str, namespaces: Sequence[str]) -> Sequence[str]:
        """Register the providers that are not registered; waits for none. Returns those newly registered.

        A person who may not look at the subscription's providers registers none: Azure then says what lacks when
        something is made.
        """
        ...


class Deployments(Protocol):
    """ARM deployments of a resource group."""

    async def start(
        self,
        ref: DeploymentRef,
        template: Json,
        parameters: Mapping[str, Json],
        *,
        fingerprint: str,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Ask for the deployment; returns once ARM accepted it.

        Args:
            ref: The name is the caller's choice; one stable name an app is enough.
            template: The ARM template.
            parameters: Parameter names to plain values.
            fingerprint: What tells this deployment from others of the same name: it goes into its tags and
                comes back as ``DeploymentStatus.fingerprint``. The caller makes it of what was wished for,
                without what was read from Azure, so that it is the same after a crash.
            tags: More tags of the deployment itself; they come back as ``DeploymentStatus.tags``.

        Raises:
            ProvisionFailed: ARM refused the template or a parameter (preflight).
            Conflict: a deployment of that name with another fingerprint is running.
        """
        ...

    async def status(self, ref: DeploymentRef) -> DeploymentStatus | None:
        """Return the deployment as it stands, or None when there is none of that name."""
        ...

    async def operations(self, ref: DeploymentRef) -> Sequence[ResourceOperation]:
        """Its resources so far."""
        ...

    async def records(self, subscription_id: str, resource_group: str) -> Sequence[DeploymentRecord]:
        """Return the deployments of a resource group."""
        ...

    async def delete(self, ref: DeploymentRef) -> None:
        """Delete the record of a deployment; what it made stays."""
        ...

    async def cancel(self, ref: DeploymentRef) -> bool:
        """Cancel it. False when there was nothing left to cancel."""
        ...


class Resources(Protocol):
    """Resources as Resource Manager's JSON: what a template is compared with."""

    async def get(self, resource_id: str, api_version: str) -> Mapping[str, Json] | None:
        """Return a resource by its ARM id, or None when it is not there."""
        ...

    async def patch(self, resource_id: str, api_version: str, changes: Mapping[str, Json]) -> None:
        """Change what ``changes`` names and wait: objects are merged, lists replaced, all else is kept.

        Raises:
            Conflict: another change of the resource is under way.
        """
        ...

    async def list(self, path: str, api_version: str) -> Sequence[Mapping[str, Json]]:
        """Return the resources of a list by its path; none where it is not there."""
        ...

    async def delete(self, resource_id: str, api_version: str) -> None:
        """Delete a resource and wait; one that is not there is fine."""
        ...

    async def secrets(self, app_id: str, api_version: str) -> Mapping[str, Json]:
        """Return what ``listSecrets`` of an app answers: ``{"value": [...]}``. Never shown, never logged."""
        ...


class Preflight(Protocol):
    """What is read before anything is made; nothing is changed by it."""

    async def grants(self, scope: str) -> Sequence[Grant]:
        """Return what this person may do on a resource group or a subscription, by its ARM id."""
        ...

    async def registration(self, subscription_id: str, namespace: str) -> str:
        """Return the state of a resource provider in ARM's word: ``Registered``, ``NotRegistered`` …"""
        ...

    async def profile_types(self, subscription_id: str, location: str) -> Sequence[ProfileType]:
        """Return the types of workload profiles that a region offers."""
        ...

    async def region_usages(self, subscription_id: str, location: str) -> Sequence[Usage]:
        """Return the quotas of Container Apps in a region."""
        ...

    async def environment_usages(self, environment_id: str) -> Sequence[Usage]:
        """Return the quotas of an environment that exists."""
        ...

    async def storage_name(self, subscription_id: str, name: str) -> NameAnswer:
        """Return whether a storage account may have this name."""
        ...

    async def deleted_workspaces(self, subscription_id: str) -> Sequence[DeletedWorkspace]:
        """Return the Log Analytics workspaces that were deleted lately."""
        ...

    async def validate(self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json]) -> None:
        """Let Resource Manager check a deployment without starting it: policies, locks, limits.

        Raises:
            AppError: what a deployment would be refused with.
        """
        ...

    async def what_if(
        self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json]
    ) -> Sequence[ResourceChange]:
        """Return what Resource Manager says that a deployment would change, and what else the group holds.

        Raises:
            AppError: what a deployment would be refused with.
        """
        ...
