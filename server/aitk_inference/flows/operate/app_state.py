"""How an app stands, from what the platform says: nothing is asked of the app itself, which may sleep."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from aitk_inference.core.model import ContainerApp, Replica, Revision
    from aitk_inference.core.ports import Cloud

_GPU = re.compile(r"gpu|(?:^|-)n[cdv]\d", re.IGNORECASE)
_MANY_RESTARTS = 3


class State(StrEnum):
    """How an app stands, in the words that people read."""

    ANSWERING = "answering"
    STARTING = "starting"
    ASLEEP = "asleep"
    STOPPED = "stopped"
    FAILED = "failed"


class Snapshot(NamedTuple):
    """An app, the revision that answers most requests, and its replicas."""

    app: ContainerApp
    revision: Revision | None
    replicas: tuple[Replica, ...]

    @property
    def state(self) -> State:
        """Return how it stands."""
        if self.app.is_stopped:
            return State.STOPPED
        if any(replica.ready for replica in self.replicas):
            return State.ANSWERING
        if self._fails:
            return State.FAILED
        return State.ASLEEP if not self.replicas and self.app.min_replicas == 0 else State.STARTING

    @property
    def _fails(self) -> bool:
        is_broken = self.revision is not None and self.revision.state in ("Failed", "Degraded")
        containers = [one for replica in self.replicas for one in replica.containers]
        return is_broken or any(
            one.restart_count >= _MANY_RESTARTS
            or (one.restart_count > 0 and one.running_state.lower() != "running")
            for one in containers
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Return the platform's words about its replicas and their containers."""
        return tuple(dict.fromkeys(words for replica in self.replicas for words in replica.reasons))

    @property
    def since(self) -> datetime | None:
        """Return since when its oldest replica is there."""
        return min((one.created for one in self.replicas if one.created), default=None)

    @property
    def gpu(self) -> str:
        """Return the card of its workload profile, or empty: ``T4`` of ``Consumption-GPU-NC8as-T4``."""
        profile = self.app.workload_profile
        return profile.rpartition("-")[2] if _GPU.search(profile) else ""


async def snapshot(app: ContainerApp, cloud: Cloud) -> Snapshot:
    """Return how an app stands.

    Raises:
        NotAuthenticated, Forbidden, Unreachable.
    """
    serving = next(iter(app.serving), "")
    if not serving:
        return Snapshot(app, None, ())
    replicas = tuple(await cloud.apps.replicas(app.ref, serving))
    return Snapshot(app, await cloud.apps.revision(app.ref, serving), replicas)
