"""Status for programs: the ``data`` of ``status --json``, and of the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, cast

from aitk_inference.flows.app.protection import protection

if TYPE_CHECKING:
    from aitk_inference.core.model import Json, ProbeResult, Replica
    from aitk_inference.flows.deploy.last_deploy import LastDeploy
    from aitk_inference.flows.operate.app_state import Snapshot
    from aitk_inference.flows.operate.running_cost import RunningCost


class AppFacts(TypedDict):
    """The app: Azure's word for its status, and the revision that answers."""

    name: str
    status: str
    revision: str | None
    minReplicas: int
    maxReplicas: int


class ReplicaFacts(TypedDict):
    """A replica; ``details`` are the platform's reasons."""

    name: str
    state: str
    ready: bool
    restarts: int
    since: str | None
    details: list[str]


class StatusFacts(TypedDict):
    """How an app stands.

    Attributes:
        state: ``answering``, ``starting``, ``asleep``, ``stopped`` or ``failed``.
        since: Since when its oldest replica is there (ISO 8601), or null.
        gpu: The card, or null.
        answers: Whether the endpoint answered; null: it was not asked, since that would wake the app.
        public: Whether everybody who finds the address may use it.
        cost: What it costs an hour now, an estimate, or null.
        lastDeploy: Who deployed last, when and what, or null.
    """

    app: AppFacts
    state: str
    since: str | None
    gpu: str | None
    workloadProfile: str
    replicas: list[ReplicaFacts]
    revisionDetails: str
    answers: bool | None
    httpStatus: int | None
    protection: list[str]
    public: bool
    cost: dict[str, Json] | None
    lastDeploy: LastDeploy | None


def facts(
    found: Snapshot, health: ProbeResult | None, cost: RunningCost | None, last: LastDeploy | None
) -> dict[str, Json]:
    """Return how an app stands, as JSON."""
    app, protected = found.app, protection(found.app)
    made = StatusFacts(
        app=AppFacts(
            name=app.ref.name,
            status=app.running_status,
            revision=next(iter(app.serving), None),
            minReplicas=app.min_replicas,
            maxReplicas=app.max_replicas,
        ),
        state=str(found.state),
        since=found.since.isoformat() if found.since else None,
        gpu=found.gpu or None,
        workloadProfile=app.workload_profile,
        replicas=[_replica(one) for one in found.replicas],
        revisionDetails=found.revision.details if found.revision else "",
        answers=health.answered if health else None,
        httpStatus=health.status if health else None,
        protection=[*protected],
        public=not protected,
        cost=cost.as_json() if cost else None,
        lastDeploy=last,
    )
    return cast("dict[str, Json]", made)


def _replica(replica: Replica) -> ReplicaFacts:
    return ReplicaFacts(
        name=replica.name,
        state=replica.running_state,
        ready=replica.ready,
        restarts=replica.restarts,
        since=replica.created.isoformat() if replica.created else None,
        details=[*replica.reasons],
    )
