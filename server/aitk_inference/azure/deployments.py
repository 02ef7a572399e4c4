"""ARM deployments of a resource group."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from aitk_inference.azure.error_tree import tree_of
from aitk_inference.azure.errors import codes, map_azure_errors, tree_of_error
from aitk_inference.azure.words import word
from aitk_inference.core.model import DeploymentState, DeploymentStatus, ResourceOperation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from azure.mgmt.resource.deployments.aio.operations import DeploymentsOperations
    from azure.mgmt.resource.deployments.models import (
        DeploymentExtended,
        DeploymentOperation,
        DeploymentOperationProperties,
    )

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.errors import ErrorNode
    from aitk_inference.core.model import DeploymentRef, Json

FINGERPRINT_TAG = "aitk-inference-fingerprint"
"""The tag of a deployment that holds the fingerprint that it was started with."""

_NESTED = "Microsoft.Resources/deployments"
_DEEPEST = 3
_ACTIVE = frozenset({"DeploymentActive"})
_NOT_CANCELLABLE = frozenset({"DeploymentCannotBeCancelled", "DeploymentNotFound", "ResourceGroupNotFound"})
_FINAL = {state.value.lower(): state for state in DeploymentState if state.is_final}


class ArmDeployments:
    """The :class:`~aitk_inference.core.ports.Deployments` port."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    async def start(
        self, ref: DeploymentRef, template: Json, parameters: Mapping[str, Json], *, fingerprint: str
    ) -> None:
        """Ask for the deployment; returns once ARM accepted it.

        One that runs with this very fingerprint was asked for by us: the first answer was lost, and the
        request sent again.
        """
        from azure.mgmt.resource.deployments.models import (
            Deployment,
            DeploymentParameter,
            DeploymentProperties,
        )

        body = Deployment(
            properties=DeploymentProperties(
                mode="Incremental",
                template=template,
                parameters={name: DeploymentParameter(value=value) for name, value in parameters.items()},
            ),
            tags={FINGERPRINT_TAG: fingerprint},
        )
        with map_azure_errors(f"starting the deployment {ref.name}"):
            try:
                await self._deployments(ref).begin_create_or_update(
                    ref.resource_group, ref.name, body, polling=False
                )
            except HttpResponseError as error:
                if not (codes(tree_of_error(error)) & _ACTIVE and await self._runs(ref, fingerprint)):
                    raise

    async def status(self, ref: DeploymentRef) -> DeploymentStatus | None:
        """The deployment as it stands, or None when there is none of that name."""
        with map_azure_errors(f"looking up the deployment {ref.name}"):
            try:
                return _status(await self._deployments(ref).get(ref.resource_group, ref.name))
            except ResourceNotFoundError:
                return None

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
        nested = replace(ref, resource_group=_group_of(operation.resource_id), name=operation.name)
        try:
            return await self._operations(nested, depth - 1) or [operation]
        except ResourceNotFoundError:
            return [operation]


def _status(found: DeploymentExtended) -> DeploymentStatus:
    properties = found.properties
    if properties is None:
        return DeploymentStatus(DeploymentState.RUNNING, {})
    return DeploymentStatus(
        state=_state(word(properties.provisioning_state)),
        outputs=_outputs(properties.outputs),
        error=tree_of(properties.error.as_dict()) if properties.error else None,
        template_hash=properties.template_hash or "",
        fingerprint=(found.tags or {}).get(FINGERPRINT_TAG, ""),
        correlation_id=properties.correlation_id or "",
        timestamp=properties.timestamp,
    )


def _state(word: str) -> DeploymentState:
    return _FINAL.get(word.lower(), DeploymentState.RUNNING)


def _outputs(outputs: object) -> dict[str, Json]:
    if not isinstance(outputs, dict):
        return {}
    return {name: item.get("value") for name, item in outputs.items()}


def _operation(item: DeploymentOperation) -> ResourceOperation | None:
    """One resource of a deployment; None for an operation that makes none (evaluating outputs)."""
    properties = item.properties
    target = properties.target_resource if properties else None
    if properties is None or target is None or not target.id:
        return None
    return ResourceOperation(
        resource_id=target.id,
        type=target.resource_type or "",
        name=target.resource_name or "",
        state=properties.provisioning_state or "Running",
        error=_operation_error(properties),
    )


def _operation_error(properties: DeploymentOperationProperties) -> ErrorNode | None:
    if (properties.provisioning_state or "").lower() != "failed" or properties.status_message is None:
        return None
    message = properties.status_message
    return tree_of(message if isinstance(message, str) else message.as_dict())


def _group_of(resource_id: str) -> str:
    """The resource group in an ARM id."""
    parts = resource_id.split("/")
    places = [index for index, part in enumerate(parts) if part.lower() == "resourcegroups"]
    return parts[places[0] + 1] if places else ""
