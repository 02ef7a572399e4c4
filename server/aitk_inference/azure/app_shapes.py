"""The SDK's container apps, replicas and environments in our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.azure.words import word
from aitk_inference.core.config import endpoint_url
from aitk_inference.core.model import (
    ContainerApp,
    ContainerStatus,
    Environment,
    Replica,
    WorkloadProfile,
)

if TYPE_CHECKING:
    from azure.mgmt.appcontainers.models import ContainerApp as SdkApp
    from azure.mgmt.appcontainers.models import (
        ContainerAppProperties,
        ManagedEnvironment,
        ReplicaContainer,
        Scale,
    )
    from azure.mgmt.appcontainers.models import Replica as SdkReplica

    from aitk_inference.core.model import AppRef

_LEAST, _MOST = 0, 10
"""Replicas of an app whose template names none (learn.microsoft.com/azure/container-apps/scale-app)."""


def app_of(ref: AppRef, found: SdkApp, portal: str | None) -> ContainerApp:
    """A container app; ``portal`` is the portal's address, where there is one."""
    properties = found.properties
    scale = properties.template.scale if properties and properties.template else None
    return ContainerApp(
        ref=ref,
        endpoint=_endpoint(properties),
        latest_revision=properties.latest_revision_name if properties else None,
        provisioning_state=word(properties.provisioning_state if properties else None),
        running_status=word(properties.running_status if properties else None),
        environment_id=_environment_id(properties),
        min_replicas=_count(scale, "min_replicas", _LEAST),
        max_replicas=_count(scale, "max_replicas", _MOST),
        portal_url=f"{portal}/#resource{found.id}" if portal and found.id else None,
    )


def environment_of(found: ManagedEnvironment) -> Environment:
    """A managed environment."""
    profiles = (found.properties.workload_profiles if found.properties else None) or []
    return Environment(
        found.name or "",
        found.location,
        tuple(
            WorkloadProfile(item.name, item.workload_profile_type, item.minimum_count, item.maximum_count)
            for item in profiles
        ),
        word(found.properties.provisioning_state if found.properties else None) or "Succeeded",
    )


def replica_of(found: SdkReplica) -> Replica:
    """A replica and its containers."""
    properties = found.properties
    if properties is None:
        return Replica(found.name or "", None, "Unknown")
    return Replica(
        name=found.name or "",
        created=properties.created_time,
        running_state=word(properties.running_state),
        details=properties.running_state_details or "",
        containers=tuple(_container(item) for item in properties.containers or []),
    )


def _container(item: ReplicaContainer) -> ContainerStatus:
    return ContainerStatus(
        name=item.name or "",
        ready=bool(item.ready),
        started=bool(item.started),
        restart_count=item.restart_count or 0,
        running_state=word(item.running_state),
        details=item.running_state_details or "",
    )


def _endpoint(properties: ContainerAppProperties | None) -> str | None:
    ingress = properties.configuration.ingress if properties and properties.configuration else None
    return endpoint_url(ingress.fqdn) if ingress and ingress.fqdn else None


def _environment_id(properties: ContainerAppProperties | None) -> str:
    return ((properties.environment_id or properties.managed_environment_id) if properties else None) or ""


def _count(scale: Scale | None, name: str, default: int) -> int:
    value = getattr(scale, name, None)
    return value if isinstance(value, int) else default
