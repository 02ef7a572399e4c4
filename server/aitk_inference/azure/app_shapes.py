"""The SDK's container apps, replicas and environments in our own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.azure.enum_text import word
from aitk_inference.azure.read_shapes import checked
from aitk_inference.core.config import endpoint_url
from aitk_inference.core.model import (
    ContainerApp,
    ContainerStatus,
    Replica,
    Revision,
    Traffic,
)

if TYPE_CHECKING:
    from azure.mgmt.appcontainers.models import (
        Container,
        ReplicaContainer,
        Scale,
        Template,
    )
    from azure.mgmt.appcontainers.models import ContainerApp as SdkApp
    from azure.mgmt.appcontainers.models import Replica as SdkReplica
    from azure.mgmt.appcontainers.models import Revision as SdkRevision

    from aitk_inference.core.model import AppRef

_MOUNT = "/mount"
_LEAST, _MOST = 0, 10
"""Replicas of an app whose template names none (learn.microsoft.com/azure/container-apps/scale-app)."""


def app_of(ref: AppRef, found: SdkApp, *, portal_url: str | None) -> ContainerApp:
    """Return a container app; ``portal_url``: its page in the portal, if there is one."""
    properties = found.properties
    template = properties.template if properties else None
    configuration = properties.configuration if properties else None
    ingress = configuration.ingress if configuration else None
    container = next(iter((template.containers if template else None) or []), None)
    return checked(
        ContainerApp(
            ref=ref,
            endpoint=endpoint_url(ingress.fqdn) if ingress and ingress.fqdn else None,
            latest_revision=properties.latest_revision_name if properties else None,
            provisioning_state=word(properties.provisioning_state if properties else None),
            running_status=word(properties.running_status if properties else None),
            environment_id=(properties.environment_id or properties.managed_environment_id or "")
            if properties
            else "",
            min_replicas=_count(template.scale if template else None, "min_replicas", _LEAST),
            max_replicas=_count(template.scale if template else None, "max_replicas", _MOST),
            portal_url=portal_url,
            probe_path=_probe_path(container),
            ready_path=_variable(container, "READY_PATH"),
            key_file=_variable(container, "INFERENCE_API_KEY_FILE"),
            external=ingress.external is not False if ingress else True,
            ip_rules=tuple(
                rule.name for rule in (ingress.ip_security_restrictions if ingress else None) or []
            ),
            several_revisions=word(configuration.active_revisions_mode if configuration else None)
            == "Multiple",
            traffic=tuple(
                checked(Traffic(part.revision_name or "", part.weight or 0, bool(part.latest_revision)))
                for part in (ingress.traffic if ingress else None) or []
            ),
            workload_profile=(properties.workload_profile_name if properties else None) or "",
            command=(*(container.command or ()), *(container.args or ())) if container else (),
            mount_path=_mount_path(template, container),
        )
    )


def revision_of(found: SdkRevision) -> Revision:
    """Return a revision."""
    properties = found.properties
    if properties is None:
        return Revision(found.name or "", active=False, state="Unknown")
    details = (
        properties.provisioning_error,
        properties.get("runningStateDetails"),
    )  # the SDK lacks the latter
    return checked(
        Revision(
            found.name or "",
            bool(properties.active),
            word(properties.running_state),
            " ".join(text for text in details if text),
            properties.replicas or 0,
        )
    )


def replica_of(found: SdkReplica) -> Replica:
    """Return a replica and its containers."""
    properties = found.properties
    if properties is None:
        return Replica(found.name or "", None, "Unknown")
    return checked(
        Replica(
            name=found.name or "",
            created=properties.created_time,
            running_state=word(properties.running_state),
            details=properties.running_state_details or "",
            containers=tuple(_container(item) for item in properties.containers or []),
        )
    )


def _container(item: ReplicaContainer) -> ContainerStatus:
    return checked(
        ContainerStatus(
            name=item.name or "",
            ready=bool(item.ready),
            started=bool(item.started),
            restart_count=item.restart_count or 0,
            running_state=word(item.running_state),
            details=item.running_state_details or "",
        )
    )


def _probe_path(container: Container | None) -> str:
    """Return what the readiness probe asks for, else any probe; Azure's own default is a TCP probe."""
    probes = (container.probes if container else None) or []
    asked = {word(probe.type): probe.http_get.path for probe in probes if probe.http_get}
    return asked.get("Readiness") or next((path for path in asked.values() if path), "/")


def _mount_path(template: Template | None, container: Container | None) -> str:
    """Return where the first share is mounted; our template's own place where none is."""
    volumes = (template.volumes if template else None) or []
    shares = {volume.name for volume in volumes if word(volume.storage_type) == "AzureFile"}
    mounts = (container.volume_mounts if container else None) or []
    paths = (mount.mount_path for mount in mounts if mount.volume_name in shares and mount.mount_path)
    return next(paths, _MOUNT).rstrip("/")


def _variable(container: Container | None, name: str) -> str:
    variables = (container.env if container else None) or []
    return next((variable.value for variable in variables if variable.name == name and variable.value), "")


def _count(scale: Scale | None, name: str, default: int) -> int:
    value = getattr(scale, name, None)
    return default if value is None else value
