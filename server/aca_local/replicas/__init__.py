"""Replicas: a container app's containers as real processes of this computer."""

from aca_local.replicas.history import PastLine
from aca_local.replicas.model import (
    ContainerSpec,
    ContainerState,
    Ingress,
    LogLine,
    Mount,
    NotRunningError,
    Probe,
    Replicas,
    ReplicasError,
    ReplicaState,
    RevisionSpec,
    SpecChangedError,
    SystemEvent,
)

__all__ = [
    "ContainerSpec",
    "ContainerState",
    "Ingress",
    "LogLine",
    "Mount",
    "NotRunningError",
    "PastLine",
    "Probe",
    "ReplicaState",
    "Replicas",
    "ReplicasError",
    "RevisionSpec",
    "SpecChangedError",
    "SystemEvent",
]
