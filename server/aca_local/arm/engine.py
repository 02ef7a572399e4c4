"""The deployment engine: planned resources in the order of their dependencies, side by side where they can be.

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
from typing import TYPE_CHECKING, cast

from arm_template import TemplateError, resolve

from aca_local.arm import bulk_routes, deployments, groups, resources
from aca_local.arm import nested_deployments as nested
from aca_local.arm.deployments import DeploymentScope
from aca_local.arm.runtime import CloudRuntime
from aca_local.kernel import operations
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.records import DEPLOYMENT, DEPLOYMENT_OPERATION, OPERATION
from aca_local.state import TERMINAL, transition_of
from aca_local.state.clock import duration, stamp

if TYPE_CHECKING:
    from arm_template import Plan, PlannedResource

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import (
        DeploymentRecord,
        ErrorRecord,
        StatusMessage,
        StepRecord,
        TargetResource,
        TypedValue,
    )
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON

_LOG = logging.getLogger(__name__)
_GROUPS = "microsoft.resources/resourcegroups"
_FAILED = "At least one resource deployment operation failed. Please list deployment operations for details. Please see https://aka.ms/arm-deployment-operations for usage details."
_OUTPUT_FAILED = "DeploymentOutputEvaluationFailed"
_OUTPUTS_FAILED = "Unable to evaluate template outputs: '{names}'. Please see error details and deployment operations. Please see https://aka.ms/arm-common-errors for usage details."
_TERMINAL_FAILURE = "The resource write operation failed to complete successfully, because it reached terminal provisioning state 'Failed'."


class StepError(Exception):
    """One step of a deployment failed; ``body`` is its part of the error tree."""

    def __init__(self, body: ErrorRecord, status: str) -> None:
        super().__init__(body["code"])
        self.body = body
        self.status = status


@dataclass(frozen=True)
class Run:
    """One deployment that is being carried out."""

    cloud: Cloud
    registry: Registry
    scope: DeploymentScope
    plan: Plan

    @property
    def runtime(self) -> CloudRuntime:
        """Return what answers runtime expressions."""
        return CloudRuntime(self.cloud, self.registry, self.plan)


def task_name(deployment_id: str) -> str:
    """Return the name of the background work that carries a deployment out."""
    return f"deployment {deployment_id.lower()}"


def begin(cloud: Cloud, registry: Registry, scope: DeploymentScope, plan: Plan) -> None:
    """Carry a stored deployment out in the background."""
    cloud.tasks.spawn_once(task_name(scope.id), lambda: carry_out(Run(cloud, registry, scope, plan)))


def cancel(cloud: Cloud, scope: DeploymentScope) -> None:
    """End a deployment where it stands; what a provider has begun goes on."""
    cloud.tasks.cancel(task_name(scope.id))
    found = cloud.store.get(DEPLOYMENT, scope.id)
    if found is None:
        return
    correlation = found["private"]["correlationId"]
    with cloud.store.transaction():
        for one in cloud.store.list(DEPLOYMENT):
            nested = one["private"].get("nested") and one["private"]["correlationId"] == correlation
            if one["id"] == scope.id or nested:
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
    cloud, identifier = run.cloud, run.scope.id
    accepted = transition_of(deployments.TYPE, "accepted", cloud.settings.timing)
    await asyncio.sleep(accepted.seconds)
    if deployments.set_state(cloud, identifier, "Running") is None:
        return
    failures = await _run_all(run)
    if failures:
        error: ErrorRecord = {"code": "DeploymentFailed", "message": _FAILED}
        error["details"] = [one.body for one in failures]
        deployments.set_state(cloud, identifier, "Failed", {"error": error})
        return
    await _remove_others(run)
    _finish(run)


def _finish(run: Run) -> None:
    try:
        outputs = _outputs(run)
    except ArmError as error:
        _record_outputs(run, "Failed", error.body())
        deployments.set_state(run.cloud, run.scope.id, "Failed", {"error": error.body()})
        return
    _record_outputs(run, "Succeeded", None)
    made: list[dict[str, JSON]] = [{"id": one} for one in sorted({one.id for one in run.plan.leaves()})]
    deployments.set_state(run.cloud, run.scope.id, "Succeeded", {"outputs": outputs, "outputResources": made})


def _outputs(run: Run) -> dict[str, TypedValue]:
    outputs: dict[str, TypedValue] = {}
    failed: list[ErrorRecord] = []
    for name, one in run.plan.outputs.items():
        try:
            value = resolve(one.value, run.plan, run.runtime)
        except TemplateError as error:
            message = f"The template output '{name}' is not valid: {error.message}"
            failed.append({"code": _OUTPUT_FAILED, "target": name, "message": message})
        else:
            outputs[deployments.camel(name)] = deployments.typed(type(one)(one.type, value))
    if failed:
        message = _OUTPUTS_FAILED.format(names=",".join(one["target"] for one in failed))
        raise ArmError(400, _OUTPUT_FAILED, message, details=failed)
    return outputs


async def _run_all(run: Run) -> list[StepError]:
    plan = [one for one in run.plan.resources if not one.existing]
    gates = {one.id.lower(): asyncio.Event() for one in plan}
    outcome: dict[str, StepError | None] = {}
    try:
        async with asyncio.TaskGroup() as group:
            for one in plan:
                group.create_task(_step(run, one, gates, outcome))
    except* asyncio.CancelledError:
        raise asyncio.CancelledError from None
    return [error for error in outcome.values() if error is not None]


def waits_for(one: PlannedResource, plan: Plan) -> list[str]:
    """Return what a resource waits for, as keys: its dependencies, and in a serial loop the batch before its own."""
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
            body: ErrorRecord = {"code": "InternalServerError", "target": one.id, "message": message}
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


async def _put(run: Run, one: PlannedResource, record: StepRecord) -> None:
    if one.type.lower() == deployments.TYPE.lower():
        await _put_nested(run, one)
        return
    operation = record.get("waitsFor")
    if operation is None:
        operation = _start(run, one, record)
    if operation is not None:
        await _wait(run, one, operation)


def _start(run: Run, one: PlannedResource, record: StepRecord) -> str | None:
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
        raise StepError(cast("ErrorRecord", error.body()), "BadRequest") from None
    except ArmError as error:
        status = HTTPStatus(error.status).phrase.replace(" ", "")
        raise StepError(_about(one, error.body()), status) from None
    return change.operation["name"]


def _about(one: PlannedResource, error: ErrorRecord) -> ErrorRecord:
    """Return an error that names the resource, where it names nothing."""
    return {**error, "target": error.get("target", one.id)}


def _refuse_on_demand(cloud: Cloud, one: PlannedResource) -> None:
    """Raise the ArmError that locks or the rules of faults have for this PUT."""
    cloud.conditions.check_locks("PUT", one.id)
    found = cloud.refusal(f"{one.id}?api-version={one.api_version}")
    if found is not None:
        status, error = found
        details, info = error.get("details"), error.get("additionalInfo")
        raise ArmError(status, error["code"], error["message"], error.get("target"), details, info)


async def _wait(run: Run, one: PlannedResource, name: str) -> None:
    operation = run.cloud.store.get(OPERATION, name)
    if operation is None:
        return
    ended = await operations.wait(run.cloud, operation)
    if ended["status"] != "Succeeded":
        unknown: ErrorRecord = {"code": "Unknown", "message": "The operation did not succeed."}
        tree: ErrorRecord = {
            "code": "ResourceDeploymentFailure",
            "target": one.id,
            "message": _TERMINAL_FAILURE,
        }
        raise StepError({**tree, "details": [ended["error"] or unknown]}, "Conflict")


async def _put_nested(run: Run, one: PlannedResource) -> None:
    """Carry a nested deployment out: one of its own, with its own operations."""
    group = one.nested_scope.resource_group if one.nested_scope else run.scope.group
    scope = DeploymentScope(run.scope.subscription, group, one.name)
    try:
        properties = nested.properties_of(one, run.plan, run.runtime)
        private = nested.private_of(run.cloud, run.scope, scope, one, properties)
        plan = one.nested or deployments.plan_of(run.cloud, scope, private)
    except ArmError as error:
        raise StepError(_about(one, error.body()), "BadRequest") from None
    inner = Run(run.cloud, run.registry, scope, plan)
    nested.store(run.cloud, scope, plan, str(properties.get("mode") or "Incremental"), private)
    await carry_out(inner)
    ended = run.cloud.store.get(DEPLOYMENT, inner.scope.id)
    if ended is not None and ended["properties"]["provisioningState"] != "Succeeded":
        failed: ErrorRecord = {"code": "DeploymentFailed", "message": _FAILED}
        raise StepError(_about(one, ended["properties"].get("error", failed)), "Conflict")


def _record(run: Run, one: PlannedResource) -> StepRecord:
    """Return the deployment operation of a step: a new one, or the one from before a crash."""
    deployment = run.cloud.store.get(DEPLOYMENT, run.scope.id)
    assert deployment is not None
    seed = f"{deployment['private']['operationId']} {one.id.lower()}"
    operation_id = hashlib.sha256(seed.encode()).hexdigest()[:16].upper()
    identifier = f"{run.scope.id}/operations/{operation_id}"
    found = run.cloud.store.get(DEPLOYMENT_OPERATION, identifier)
    if found is not None:
        return found
    record = _operation(run, operation_id, "Create", "Running")
    record["started"] = stamp(run.cloud.clock())
    target: TargetResource = {"id": one.id, "resourceType": one.type, "resourceName": one.name}
    record["properties"]["targetResource"] = target
    run.cloud.store.put(DEPLOYMENT_OPERATION, identifier, record)
    return record


def _operation(run: Run, operation_id: str, kind: str, state: str) -> StepRecord:
    return {
        "id": f"{run.scope.id}/operations/{operation_id}",
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


def _move(run: Run, record: StepRecord, state: str, status: str, message: StatusMessage | None) -> None:
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


def _record_outputs(run: Run, state: str, error: ErrorRecord | None) -> None:
    deployment = run.cloud.store.get(DEPLOYMENT, run.scope.id)
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
    deployment = run.cloud.store.get(DEPLOYMENT, run.scope.id)
    if deployment is None or deployment["properties"]["mode"] != "Complete" or run.scope.group is None:
        return
    kept = {one.id.lower() for one in run.plan.resources}
    everything = bulk_routes.tracked(run.cloud, run.registry, f"{run.scope.base}/")
    others = [one for one in everything if one["id"].lower() not in kept]
    await bulk_routes.remove_all(run.cloud, run.registry, others)


def is_active(deployment: DeploymentRecord) -> bool:
    """Return True if a deployment has not ended."""
    return deployment["properties"]["provisioningState"] not in TERMINAL
