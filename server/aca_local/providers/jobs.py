"""Microsoft.App/jobs, as far as a fine-tuning deployment needs them: started by hand, run once, looked at.

An execution is a replica whose containers are not started again when they end. It fails with the first
container
that ends badly, after ``replicaRetryLimit`` more tries, or when ``replicaTimeout`` seconds are over.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import string
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import ResourceId, parse
from aca_local.arm.operations import active_operation
from aca_local.providers import app_body, app_spec
from aca_local.providers.container_apps import environment_of, profile_of
from aca_local.providers.environments import system_data
from aca_local.providers.model import RESOURCE, Call, Write, deep_merge

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject

JOB = "Microsoft.App/jobs"
EXECUTION = "job-execution"
_LOOK = 0.2  # seconds between two looks at a running execution
_EXIT = re.compile(r"exit code: (-?\d+)")
_LETTERS = string.ascii_lowercase + string.digits


def write(cloud: Cloud, request: Write) -> JsonObject:
    """A PUT: the whole job as asked."""
    app_body.check_name(request.target.name)
    check_idle(cloud, request.target)
    asked = request.body.get("properties") or {}
    environment = environment_of(cloud, asked)
    profile_name, profile_type = profile_of(environment, asked.get("workloadProfileName"))
    configuration = asked.get("configuration") or {}
    hidden = app_body.secrets(configuration.get("secrets"))
    template = app_body.template(asked.get("template") or {}, profile_type)
    app_body.check_secret_refs(template, {one["name"] for one in hidden})
    document: JsonObject = {
        "id": str(request.target),
        "name": request.target.name,
        "type": JOB,
        "location": locations.display(request.body["location"]),
        "systemData": system_data(cloud, request.existing),
        "properties": {
            "provisioningState": "InProgress",
            "environmentId": environment["id"],
            "workloadProfileName": profile_name,
            "outboundIpAddresses": ["127.0.0.1"],
            "configuration": _configuration(configuration),
            "template": {key: template[key] for key in ("containers", "initContainers", "volumes")},
        },
        "identity": request.body.get("identity") or {"type": "None"},
        "private": {"secrets": hidden},
    }
    if request.body.get("tags"):
        document["tags"] = request.body["tags"]
    return document


def _configuration(asked: JsonObject) -> JsonObject:
    trigger = str(asked.get("triggerType") or "Manual")
    if trigger.lower() != "manual":
        raise app_body.invalid_field(
            "configuration.triggerType", f"aca-local starts jobs by hand only, not by '{trigger}'."
        )
    limit = asked.get("replicaTimeout")
    if not isinstance(limit, int) or limit < 1:
        raise app_body.invalid_field(
            "configuration.replicaTimeout", f"Invalid value: {limit}: seconds are required"
        )
    manual = asked.get("manualTriggerConfig") or {}
    if (manual.get("parallelism") or 1) > 1:
        raise app_body.invalid_field(
            "configuration.manualTriggerConfig.parallelism", "aca-local runs one replica of a job at a time."
        )
    return {
        "secrets": [{"name": one["name"]} for one in asked.get("secrets") or []] or None,
        "triggerType": "Manual",
        "replicaTimeout": limit,
        "replicaRetryLimit": asked.get("replicaRetryLimit") or 0,
        "manualTriggerConfig": {"replicaCompletionCount": 1, "parallelism": 1},
        "scheduleTriggerConfig": None,
        "eventTriggerConfig": None,
        "registries": asked.get("registries"),
    }


def patch(cloud: Cloud, request: Write) -> JsonObject:
    """A PATCH: a JSON merge; the values of secrets that are known are kept."""
    existing = request.existing
    assert existing is not None
    base = {key: existing.get(key) for key in ("location", "tags", "identity", "properties")}
    merged = deep_merge(base, request.body) | {"location": existing["location"]}
    known = {one["name"]: one["value"] for one in existing["private"]["secrets"]}
    for one in merged["properties"]["configuration"].get("secrets") or []:
        one.setdefault("value", known.get(one["name"]))
    return write(cloud, Write(request.target, merged, request.api_version, existing))


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raises where another change of the job is under way."""
    if active_operation(cloud, target) is not None:
        raise ArmError(
            409,
            "ContainerAppsJobOperationInProgress",
            f"Cannot modify the job '{target.name}' because there is an active provisioning operation in"
            " progress.",
        )


def show(_: Cloud, document: JsonObject) -> JsonObject:
    """A job without the values of its secrets."""
    return {key: value for key, value in document.items() if key != "private"}


def list_secrets(cloud: Cloud, call: Call) -> JsonObject:
    """``POST …/listSecrets``."""
    job = cloud.store.get(RESOURCE, call.target.key)
    assert job is not None
    return {"value": job["private"]["secrets"]}


async def start(cloud: Cloud, call: Call) -> JsonObject:
    """``POST …/start``: a new execution; its body may name other containers."""
    job = cloud.store.get(RESOURCE, call.target.key)
    assert job is not None
    template = job["properties"]["template"]
    if call.body.get("containers"):
        template = {**template, "containers": call.body["containers"]}
    name = f"{job['name']}-{''.join(secrets.choice(_LETTERS) for _ in range(7))}"
    target = call.target.child("executions", name)
    execution = {
        "id": str(target),
        "name": name,
        "type": f"{JOB}/executions",
        "properties": {
            "status": "Running",
            "startTime": cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "template": {key: template[key] for key in ("containers", "initContainers")},
        },
    }
    cloud.store.put(EXECUTION, target.key, execution)
    cloud.tasks.spawn(_carry_out(cloud, job, target, template))
    return {"id": execution["id"], "name": name}


async def _carry_out(cloud: Cloud, job: JsonObject, target: ResourceId, template: JsonObject) -> None:
    configuration = job["properties"]["configuration"]
    limit = cloud.clock().timestamp() + configuration["replicaTimeout"]
    status = "Failed"
    try:
        for _ in range(configuration["replicaRetryLimit"] + 1):
            status = await _try_once(cloud, job, target, template, limit)
            if status != "Failed" or cloud.clock().timestamp() >= limit:
                break
    finally:
        finish(cloud, target, status)


async def _try_once(
    cloud: Cloud, job: JsonObject, target: ResourceId, template: JsonObject, limit: float
) -> str:
    spec = app_spec.build(cloud, job, {"name": target.name, "template": template})
    containers = tuple(replace(one, once=True) for one in spec.containers)
    await cloud.replicas.apply(replace(spec, containers=containers))
    try:
        while cloud.clock().timestamp() < limit:
            found = cloud.store.get(EXECUTION, target.key)
            if found is None or found["properties"]["status"] != "Running":
                return "Stopped"
            codes = _exit_codes(cloud, job, target)
            if any(codes):
                return "Failed"
            if codes and None not in codes:
                return "Succeeded"
            await asyncio.sleep(_LOOK)
    finally:
        await cloud.replicas.stop(job["id"], target.name)
    return "Failed"


def _exit_codes(cloud: Cloud, job: JsonObject, target: ResourceId) -> list[int | None]:
    """What the containers of an execution ended with; None for one that has not ended."""
    codes: list[int | None] = []
    for state in cloud.replicas.states(job["id"], target.name):
        for one in state.containers:
            found = _EXIT.search(one.running_state_details) if one.running_state == "Terminated" else None
            codes.append(int(found[1]) if found else None)
    return codes


def finish(cloud: Cloud, target: ResourceId, status: str) -> None:
    """Note how an execution ended; one that was stopped stays so."""
    with cloud.store.transaction():
        execution = cloud.store.get(EXECUTION, target.key)
        if execution is None or execution["properties"]["status"] != "Running":
            return
        execution["properties"] |= {
            "status": status,
            "endTime": cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
        }
        cloud.store.put(EXECUTION, target.key, execution)


def resume(cloud: Cloud) -> None:
    """After a restart of aca-local: what ran then has ended with it."""
    for one in cloud.store.list(EXECUTION):
        finish(cloud, parse(one["id"]), "Failed")


def find_execution(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """An execution as a resource."""
    return cloud.store.get(EXECUTION, target.key)


def list_executions(cloud: Cloud, prefix: str) -> list[JsonObject]:
    """A job's executions, newest first."""
    found = cloud.store.list(EXECUTION, prefix)
    return sorted(found, key=lambda one: datetime.fromisoformat(one["properties"]["startTime"]), reverse=True)


async def stop_execution(cloud: Cloud, call: Call) -> None:
    """``POST …/executions/{execution}/stop``."""
    finish(cloud, call.target, "Stopped")


async def stop_all(cloud: Cloud, call: Call) -> JsonObject:
    """``POST …/stop``: all that run."""
    running = [
        one
        for one in cloud.store.list(EXECUTION, f"{call.target.key}/executions/")
        if one["properties"]["status"] == "Running"
    ]
    for one in running:
        finish(cloud, parse(one["id"]), "Stopped")
    return {"value": [{"id": one["id"], "name": one["name"]} for one in running]}


async def settle_delete(cloud: Cloud, target: ResourceId) -> None:
    """Carry a DELETE out."""
    cloud.store.delete_under(EXECUTION, f"{target.key}/executions/")


def execution_missing(target: ResourceId) -> Exception:
    """No such execution."""
    return ArmError(404, "JobExecutionNotFound", f"The job execution '{target.name}' was not found.")
