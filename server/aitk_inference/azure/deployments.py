"""ARM deployments of a resource group."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.enum_text import word
from aitk_inference.azure.error_tree import tree_of
from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.azure.read_shapes import checked
from aitk_inference.core.model import (
    DeploymentRecord,
    DeploymentRef,
    DeploymentState,
    DeploymentStatus,
    ResourceOperation,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.mgmt.resource.deployments.aio.operations import DeploymentsOperations
    from azure.mgmt.resource.deployments.models import Deployment, DeploymentExtended, DeploymentOperation

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.model import Json

FINGERPRINT_TAG = "aitk-inference-fingerprint"
"""The tag of a deployment that holds the fingerprint that it was started with."""

_NESTED = "Microsoft.Resources/deployments"
_GROUP = re.compile(r"/resourceGroups/([^/]+)", re.IGNORECASE)
_DEEPEST = 3
_ACTIVE = frozenset({"DeploymentActive"})
_NOT_CANCELLABLE = frozenset({"DeploymentCannotBeCancelled", "DeploymentNotFound", "ResourceGroupNotFound"})
_FINAL = {state.value.lower(): state for state in DeploymentState if state.is_final}


def incremental(
    template: Json, parameters: Mapping[str, Json], tags: dict[str, str] | None = None
) -> Deployment:
    """Return the body that asks for a deployment, or for its validation: what it does not name stays."""
    from azure.mgmt.resource.deployments.models import (
        Deployment,
        DeploymentParameter,
        DeploymentProperties,
    )

    given = {name: DeploymentParameter(value=value) for name, value in parameters.items()}
    properties = DeploymentProperties(mode="Incremental", template=template, parameters=given)
    return Deployment(properties=properties, tags=tags)


class ArmDeployments:
    """The :class:`~aitk_inference.core.resource_manager.Deployments` port."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

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

        One that runs with this very fingerprint was asked for by us: the first answer was lost, and the
        request sent again.
        """
        body = incremental(template, parameters, {**(tags or {}), FINGERPRINT_TAG: fingerprint})
        with map_azure_errors(f"starting the deployment {ref.name}"):
            try:
                await self._deployments(ref).begin_create_or_update(
                    ref.resource_group, ref.name, body, polling=False
                )
            except HttpResponseError as error:
                if not (codes(tree_of_error(error)) & _ACTIVE and await self._runs(ref, fingerprint)):
                    raise

    async def status(self, ref: DeploymentRef) -> DeploymentStatus | None:
        """Return the deployment as it stands, or None when there is none of that name."""
        with map_azure_errors(f"looking up the deployment {ref.name}"):
            try:
                return _status(await self._deployments(ref).get(ref.resource_group, ref.name))
            except ResourceNotFoundError:
                return None

    async def records(self, subscription_id: str, resource_group: str) -> Sequence[DeploymentRecord]:
        """Return the deployments of a resource group."""
        with map_azure_errors(f"listing the deployments of {resource_group}"):
            pages = self._clients.deployments(subscription_id).deployments.list_by_resource_group(
                resource_group
            )
            return [
                DeploymentRecord(
                    DeploymentRef(subscription_id, resource_group, item.name or ""), _status(item)
                )
                async for item in pages
            ]

    async def delete(self, ref: DeploymentRef) -> None:
        """Delete the record of a deployment; what it made stays."""
        with map_azure_errors(f"deleting the record of the deployment {ref.name}"):
            poller = await self._deployments(ref).begin_delete(ref.resource_group, ref.name)
            await poller.result()

    async def operations(self, ref: DeploymentRef) -> Sequence[ResourceOperation]:
        """Its resources so far; a nested deployment's stand in its place."""
        with map_azure_errors(f"following the deployment {ref.name}"):
            return await self._operations(ref, _DEEPEST)

    async def cancel(self, ref: DeploymentRef) -> bool:
        """Cancel it. False when there was nothing left to cancel."""
        with map_azure_errors(f"cancelling the deployment {ref.name}"):
            try:
                await self._deployments(ref).cancel(ref.resource_group, ref.name)
            except HttpResponseError as error:
                if isinstance(error, ResourceNotFoundError) or codes(tree_of_error(error)) & _NOT_CANCELLABLE:
                    return False
                raise
        return True

    async def _runs(self, ref: DeploymentRef, fingerprint: str) -> bool:
        status = await self.status(ref)
        return status is not None and not status.state.is_final and status.fingerprint == fingerprint

    def _deployments(self, ref: DeploymentRef) -> DeploymentsOperations:
        return self._clients.deployments(ref.subscription_id).deployments

    async def _operations(self, ref: DeploymentRef, depth: int) -> list[ResourceOperation]:
        listed = self._clients.deployments(ref.subscription_id).deployment_operations
        found: dict[str, ResourceOperation] = {}
        async for item in listed.list(ref.resource_group, ref.name):
            operation = _operation(item)
            if operation is not None:
                found[operation.resource_id.lower()] = operation
        inner = [await self._expanded(ref, operation, depth) for operation in found.values()]
        return [operation for operations in inner for operation in operations]

    async def _expanded(
        self, ref: DeploymentRef, operation: ResourceOperation, depth: int
    ) -> list[ResourceOperation]:
        if operation.type != _NESTED or depth == 0:
            return [operation]
        group = _GROUP.search(operation.resource_id)
        nested = replace(ref, resource_group=group[1] if group else "", name=operation.name)
        try:
            return await self._operations(nested, depth - 1) or [operation]
        except ResourceNotFoundError:
            return [operation]


def _status(found: DeploymentExtended) -> DeploymentStatus:
    properties = found.properties
    if properties is None:
        return DeploymentStatus(DeploymentState.RUNNING, {})
    outputs = properties.outputs if isinstance(properties.outputs, dict) else {}
    return checked(
        DeploymentStatus(
            state=_FINAL.get(word(properties.provisioning_state).lower(), DeploymentState.RUNNING),
            outputs={name: item.get("value") for name, item in outputs.items()},
            error=tree_of(properties.error.as_dict()) if properties.error else None,
            template_hash=properties.template_hash or "",
            fingerprint=(found.tags or {}).get(FINGERPRINT_TAG, ""),
            correlation_id=properties.correlation_id or "",
            timestamp=properties.timestamp,
            tags=found.tags or {},
        )
    )


def _operation(item: DeploymentOperation) -> ResourceOperation | None:
    """One resource of a deployment; None for an operation that makes none (evaluating outputs)."""
    properties = item.properties
    target = properties.target_resource if properties else None
    if properties is None or target is None or not target.id:
        return None
    message, failed = properties.status_message, (properties.provisioning_state or "").lower() == "failed"
    return checked(
        ResourceOperation(
            resource_id=target.id,
            type=target.resource_type or "",
            name=target.resource_name or "",
            state=properties.provisioning_state or "Running",
            error=tree_of(message if isinstance(message, str) else message.as_dict())
            if failed and message is not None
            else None,
        )
    )
