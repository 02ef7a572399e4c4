"""What can be made to go wrong before a container runs, in the words of Azure's system log.

Container Apps passes on what Kubernetes and containerd say; the words are those that people published
(microsoft/azure-container-apps 1201, 873; MicrosoftDocs/azure-docs 72236, 50114; helm/helm 12189; ceph/ceph-csi 2029).
"""

from __future__ import annotations

from typing import NamedTuple

from aca_local.kernel.replicas import ImagePullError, ReplicasError


class StartFault(NamedTuple):
    """One of them; ``{name}`` and ``{image}`` in its message are the container's."""

    reason: str
    message: str
    error: type[ReplicasError] = ReplicasError


_PULL = 'Failed to pull image "{image}": rpc error: code = Unknown desc = '
START_FAULTS = {
    "image-pull": StartFault(
        "ContainerTerminated",
        "Container '{name}' was terminated with exit code '' and reason 'ImagePullFailure'",
        ImagePullError,
    ),
    "image-rate-limit": StartFault(
        "ImagePullFailure",
        _PULL
        + "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
        ImagePullError,
    ),
    "image-missing": StartFault(
        "ImagePullFailure", _PULL + "manifest for {image} not found: manifest unknown", ImagePullError
    ),
    "image-unauthorized": StartFault(
        "ImagePullFailure", _PULL + "unauthorized: authentication required", ImagePullError
    ),
    "no-capacity": StartFault(
        "AssigningReplicaFailed", "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."
    ),
}
MOUNT_ERRORS = {
    "volume-mount": "mount error(13): Permission denied",
    "volume-missing": "mount error(2): No such file or directory",
    "volume-unreachable": "mount error(115): Operation now in progress",
}
