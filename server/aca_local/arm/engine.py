"""The deployment engine: planned resources in the order of their dependencies, side by side where they can
be.

Each step is stored in a transaction, so that ``carry_out`` can be called again after a crash: what is done is
skipped, what was going on is waited for. A failed resource ends the deployment when everything that does not
depend on it has ended too, as in Azure.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import uuid
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aca_local.arm import deployments, generic, groups, operations, resources
from aca_local.arm.deployments import DEPLOYMENT, DEPLOYMENT_OPERATION, Place
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import parse
from aca_local.arm.runtime import CloudRuntime
from aca_local.state import TERMINAL, transition_of
from aca_local.state.clock import duration, stamp
from aca_local.templates import TemplateError, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm.cloud import Cloud
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject
    from aca_local.templates import Plan, PlannedResource

_LOG = logging.getLogger(__name__)
_GROUPS = "microsoft.resources/resourcegroups"
_FAILED = (
    "At least one resource deployment operation failed. Please list deployment operations for details."
    " Please see"
    " https://aka.ms/arm-deployment-operations for usage details."
)
_TERMINAL_FAILURE = (
    "The resource write operation failed to complete successfully, because it reached terminal provisioning"
    " state"
    " 'Failed'."
)


class StepError(Exception):
    """One step of a deployment failed; ``body`` is its place in the error tree."""

    def __init__(self, body: JsonObject, status: str) -> None:
        super().__init__(body["code"])
        self.body = body
        self.status = status


@dataclass(frozen=True)
class Run:
    """One deployment that is being carried out."""

    cloud: Cloud
    registry: Registry
    place: Place
    plan: Plan

    @property
    def runtime(self) -> CloudRuntime:
        """What runtime expressions ask."""
        return CloudRuntime(self.cloud, self.registry, self.plan)


def task_name(deployment_id: str) -> str:
    """The name of the background work that carries a deployment out."""
    return f"deployment {deployment_id.lower()}"


def begin(cloud: Cloud, registry: Registry, place: Place, plan: Plan) -> None:
    """Carry a stored deployment out in the background."""
    cloud.tasks.spawn_once(task_name(place.id), lambda: carry_out(Run(cloud, registry, place, plan)))


def cancel(cloud: Cloud, place: Place) -> None:
    """End a deployment where it stands; what a provider has begun goes on."""
    cloud.tasks.cancel(task_name(place.id))
    found = cloud.store.get(DEPLOYMENT, place.id)
    if found is None:
        return
    correlation = found["private"]["correlationId"]
    with cloud.store.transaction():
        for one in cloud.store.list(DEPLOYMENT):
            nested = one["private"].get("nested") and one["private"]["correlationId"] == correlation
            if one["id"] == place.id or nested:
                _cancel_one(cloud, one["id"])


def _cancel_one(cloud: Cloud, deployment_id: str) -> None:
    if deployments.set_state(cloud, deployment_id, "Canceled") is None:
        return
    for record in cloud.store.list(DEPLOYMENT_OPERATION, f"{deployment_id}/operations/"):
        if record["properties"]["provisioningState"] not in TERMINAL:
            record["properties"]["provisioningState"] = "Canceled"
            cloud.store.put(DEPLOYMENT_OPERATION, record["id"], record)


async def carry_out(run: Run) -> None:
    """Carry a deployment to its end."""
    cloud, identifier = run.cloud, run.place.id
    accepted = transition_of(deployments.TYPE, "accepted", cloud.settings.timing)
    await asyncio.sleep(accepted.seconds)
    if deployments.set_state(cloud, identifier, "Running") is None:
        return
    failures = await _run_all(run)
    if failures:
        deployments.set_state(cloud, identifier, "Failed", {"error": _tree(failures)})
        return
    await _remove_others(run)
    _finish(run)


def _tree(failures: Sequence[StepError]) -> JsonObject:
    return {"code": "DeploymentFailed", "message": _FAILED, "details": [one.body for one in failures]}


def _finish(run: Run) -> None:
    try:
        outputs = _outputs(run)
    except ArmError as error:
        _record_outputs(run, "Failed", error.body())
        deployments.set_state(run.cloud, run.place.id, "Failed", {"error": error.body()})
        return
    _record_outputs(run, "Succeeded", None)
    done = {"outputs": outputs, "outputResources": [{"id": one} for one in _output_resources(run.plan)]}
    deployments.set_state(run.cloud, run.place.id, "Succeeded", done)


def _output_resources(plan: Plan) -> list[str]:
    return sorted({one.id for one in plan.leaves()})


def _outputs(run: Run) -> JsonObject:
    outputs: JsonObject = {}
    failed: dict[str, str] = {}
    for name, one in run.plan.outputs.items():
        try:
            value = resolve(one.value, run.plan, run.runtime)
        except TemplateError as error:
            failed[name] = error.message
        else:
            outputs[deployments.camel(name)] = deployments.typed(type(one)(one.type, value))
    if failed:
        names = ",".join(failed)
        details = [
            {
                "code": "DeploymentOutputEvaluationFailed",
                "target": name,
                "message": f"The template output '{name}' is not valid: {message}",
            }
            for name, message in failed.items()
        ]
        message = (
            f"Unable to evaluate template outputs: '{names}'. Please see error details and deployment"
            " operations. Please"
            " see https://aka.ms/arm-common-errors for usage details."
        )
        raise ArmError(400, "DeploymentOutputEvaluationFailed", message, details=details)
    return outputs


async def _run_all(run: Run) -> list[StepError]:
    steps: dict[str, asyncio.Task[None]] = {}
    plan = [one for one in run.plan.resources if not one.existing]
    gates = {one.id.lower(): asyncio.Event() for one in plan}
    outcome: dict[str, StepError | None] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for one in plan:
                steps[one.id] = group.create_task(_step(run, one, gates, outcome))
    except* asyncio.CancelledError:
        raise asyncio.CancelledError from None
    return [error for error in outcome.values() if error is not None]


def waits_for(one: PlannedResource, plan: Plan) -> list[str]:
    """What a resource waits for, as keys: its dependencies, and in a serial loop the batch before its own."""
    needed = [each.lower() for each in one.depends_on]
    if one.copy is None or not one.copy.serial:
        return needed
    before = one.copy.index // one.copy.batch_size - 1
    turns = [each for each in plan.resources if each.copy is not None and each.copy.name == one.copy.name]
    return needed + [
        each.id.lower() for each in turns if each.copy and each.copy.index // each.copy.batch_size == before
    ]


async def _step(
    run: Run, one: PlannedResource, gates: dict[str, asyncio.Event], outcome: dict[str, StepError | None]
) -> None:
    needed = [each for each in waits_for(one, run.plan) if each in gates]
    for each in needed:
        await gates[each].wait()
    if all(each in outcome and outcome[each] is None for each in needed):
        try:
            await _deploy(run, one)
            outcome[one.id.lower()] = None
        except StepError as error:
            outcome[one.id.lower()] = error
        except Exception:
            _LOG.exception("the deployment of %s failed", one.id)
            message = "Encountered internal server error: see aca-local's log."
            body = {"code": "InternalServerError", "target": one.id, "message": message}
            outcome[one.id.lower()] = StepError(body, "InternalServerError")
    gates[one.id.lower()].set()


async def _deploy(run: Run, one: PlannedResource) -> None:
    record = _record(run, one)
    state = record["properties"]["provisioningState"]
    if state == "Succeeded":
        return
    try:
        await _put(run, one, record)
    except StepError as error:
        _move(run, record, "Failed", error.status, {"status": "Failed", "error": error.body})
        raise
    _move(run, record, "Succeeded", "OK", None)


async def _put(run: Run, one: PlannedResource, record: JsonObject) -> None:
    if one.type.lower() == deployments.TYPE.lower():
        await _put_nested(run, one)
        return
    operation = record.get("waitsFor")
    if operation is None:
        operation = _start(run, one, record)
    if operation is not None:
        await _wait(run, one, operation)


def _start(run: Run, one: PlannedResource, record: JsonObject) -> str | None:
    """PUT the resource; the step remembers the operation it waits for in the same transaction."""
    cloud = run.cloud
    try:
        body = resolve(one.body, run.plan, run.runtime)
        assert isinstance(body, dict)
        with cloud.store.transaction():
            if one.type.lower() == _GROUPS:
                groups.write(cloud, one.name, body)
                return None
            _refuse_on_demand(cloud, one)
            change = resources.put(cloud, run.registry, parse(one.id), body, one.api_version)
            if change.operation is None:
                return None
            record["waitsFor"] = change.operation["name"]
            cloud.store.put(DEPLOYMENT_OPERATION, record["id"], record)
    except TemplateError as error:
        raise StepError(error.body(), "BadRequest") from None
    except ArmError as error:
        raise StepError({"target": one.id} | error.body(), _phrase(error.status)) from None
    name: str = change.operation["name"]
    return name


def _refuse_on_demand(cloud: Cloud, one: PlannedResource) -> None:
    """Raise the ArmError that the rules of faults have for this PUT."""
    found = cloud.refusal(f"{one.id}?api-version={one.api_version}")
    if found is not None:
        status, error = found
        details, info = error.get("details"), error.get("additionalInfo")
        raise ArmError(
            status, error["code"], error["message"], error.get("target"), details, additional_info=info
        )


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase.replace(" ", "")


async def _wait(run: Run, one: PlannedResource, name: str) -> None:
    operation = operations.find_operation(run.cloud, name)
    if operation is None:
        return
    ended = await operations.wait(run.cloud, operation)
    if ended["status"] != "Succeeded":
        inner = ended["error"] or {"code": "Unknown", "message": "The operation did not succeed."}
        tree = {"code": "ResourceDeploymentFailure", "target": one.id, "message": _TERMINAL_FAILURE}
        raise StepError(tree | {"details": [inner]}, "Conflict")


async def _put_nested(run: Run, one: PlannedResource) -> None:
    """A nested deployment: a deployment of its own, with its own operations."""
    if one.nested is None:
        raise StepError(
            {
                "code": "InvalidTemplateLink",
                "target": one.id,
                "message": "aca-local does not fetch linked templates.",
            },
            "BadRequest",
        )
    inner = Run(
        run.cloud,
        run.registry,
        Place(run.place.subscription, one.nested.scope.resource_group, one.name),
        one.nested,
    )
    _store_nested(run, inner, one)
    await carry_out(inner)
    ended = run.cloud.store.get(DEPLOYMENT, inner.place.id)
    if ended is not None and ended["properties"]["provisioningState"] != "Succeeded":
        error = ended["properties"].get("error") or {"code": "DeploymentFailed", "message": _FAILED}
        raise StepError({"target": one.id} | error, "Conflict")


def _store_nested(run: Run, inner: Run, one: PlannedResource) -> None:
    outer = run.cloud.store.get(DEPLOYMENT, run.place.id)
    assert outer is not None
    existing = run.cloud.store.get(DEPLOYMENT, inner.place.id)
    correlation = outer["private"]["correlationId"]
    if existing is not None and existing["private"]["correlationId"] == correlation:
        return
    properties = one.body.get("properties")
    assert isinstance(properties, dict)
    request = {"template": properties.get("template") or {}, "parameters": {}}
    private = deployments.new_private(run.cloud, request, correlation) | {"nested": True}
    mode = str(properties.get("mode") or "Incremental")
    run.cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{inner.place.id}/")
    document = deployments.document(run.cloud, inner.place, mode, inner.plan, private=private, extra={})
    run.cloud.store.put(DEPLOYMENT, inner.place.id, document)


def _record(run: Run, one: PlannedResource) -> JsonObject:
    """The deployment operation of a step: a new one, or the one from before a crash."""
    deployment = run.cloud.store.get(DEPLOYMENT, run.place.id)
    assert deployment is not None
    seed = f"{deployment['private']['operationId']} {one.id.lower()}"
    operation_id = hashlib.sha256(seed.encode()).hexdigest()[:16].upper()
    identifier = f"{run.place.id}/operations/{operation_id}"
    found = run.cloud.store.get(DEPLOYMENT_OPERATION, identifier)
    if found is not None:
        return found
    target = {"id": one.id, "resourceType": one.type, "resourceName": one.name}
    record = _operation(run, operation_id, "Create", "Running") | {"started": stamp(run.cloud.clock())}
    record["properties"]["targetResource"] = target
    run.cloud.store.put(DEPLOYMENT_OPERATION, identifier, record)
    return record


def _operation(run: Run, operation_id: str, kind: str, state: str) -> JsonObject:
    return {
        "id": f"{run.place.id}/operations/{operation_id}",
        "operationId": operation_id,
        "properties": {
            "provisioningOperation": kind,
            "provisioningState": state,
            "timestamp": stamp(run.cloud.clock()),
            "duration": "PT0S",
            "trackingId": str(uuid.uuid4()),
            "serviceRequestId": str(uuid.uuid4()),
        },
    }


def _move(run: Run, record: JsonObject, state: str, status: str, message: JSON) -> None:
    now = run.cloud.clock()
    since = datetime.fromisoformat(record["started"][:26] + "+00:00")
    fresh = run.cloud.store.get(DEPLOYMENT_OPERATION, record["id"]) or record
    fresh["properties"] |= {
        "provisioningState": state,
        "timestamp": stamp(now),
        "duration": duration(now - since),
        "statusCode": status,
    }
    if message is not None:
        fresh["properties"]["statusMessage"] = message
    run.cloud.store.put(DEPLOYMENT_OPERATION, record["id"], fresh)


def _record_outputs(run: Run, state: str, error: JsonObject | None) -> None:
    deployment = run.cloud.store.get(DEPLOYMENT, run.place.id)
    if deployment is None or not run.plan.outputs:
        return
    record = _operation(run, deployment["private"]["operationId"], "EvaluateDeploymentOutput", state)
    record["properties"]["statusCode"] = "OK" if error is None else "BadRequest"
    if error is not None:
        record["properties"]["statusMessage"] = {"error": error}
    del record["properties"]["serviceRequestId"]
    run.cloud.store.put(DEPLOYMENT_OPERATION, record["id"], record)


async def _remove_others(run: Run) -> None:
    """Complete mode: what the group has and the template does not name is removed."""
    deployment = run.cloud.store.get(DEPLOYMENT, run.place.id)
    if deployment is None or deployment["properties"]["mode"] != "Complete" or run.place.group is None:
        return
    kept = {one.id.lower() for one in run.plan.resources}
    everything = generic.tracked(run.cloud, run.registry, f"{run.place.base}/")
    others = [one for one in everything if one["id"].lower() not in kept]
    await generic.remove_all(run.cloud, run.registry, others)


def is_active(deployment: JsonObject) -> bool:
    """Whether a deployment has not ended."""
    return deployment["properties"]["provisioningState"] not in TERMINAL
