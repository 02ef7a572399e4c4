"""Executions of jobs: started by hand, run once, looked at, stopped.
 An execution is a replica whose containers are not started again when they end. It fails with the first
container that ends badly, after ``replicaRetryLimit`` more tries, or when ``replicaTimeout`` seconds are
over.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import string
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from aca_local.kernel.ids import ResourceId, parse
from aca_local.kernel.replicas import RevisionSpec
from aca_local.providers import app_body, app_spec, jobs
from aca_local.providers import app_messages as messages
from aca_local.providers.job_records import EXECUTIONS, JOB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.resource_type import Call
    from aca_local.providers.app_records import ContainerRecord
    from aca_local.providers.job_records import ExecutionRecord, JobRecord
    from aca_local.state import JsonObject

_LOOK = 0.2  # seconds between two looks at a running execution
_EXIT = re.compile(r"exit code: (-?\d+)")
_LETTERS = string.ascii_lowercase + string.digits


async def start(cloud: Cloud, call: Call) -> JsonObject:
    """Start a new execution of a job; the body may name other containers."""
    job = jobs.find(cloud, call.target)
    containers = job["properties"]["template"]["containers"]
    if call.body.get("containers"):
        volumes = job["properties"]["template"]["volumes"] or []
        template = app_body.template({"containers": call.body["containers"], "volumes": volumes}, None)
        app_body.check_secret_refs(template, {one["name"] for one in job["private"]["secrets"]})
        containers = template["containers"]
    name = f"{job['name']}-{''.join(secrets.choice(_LETTERS) for _ in range(7))}"
    target = call.target.child("executions", name)
    execution: ExecutionRecord = {
        "id": str(target),
        "name": name,
        "type": f"{JOB}/executions",
        "properties": {
            "status": "Running",
            "startTime": cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "template": {"containers": containers, "initContainers": None},
        },
    }
    cloud.store.put(EXECUTIONS, target.key, execution)
    cloud.tasks.spawn(_carry_out(cloud, job, target, containers))
    return {"id": execution["id"], "name": name}


async def _carry_out(
    cloud: Cloud, job: JobRecord, target: ResourceId, containers: Sequence[ContainerRecord]
) -> None:
    configuration = job["properties"]["configuration"]
    limit = cloud.clock().timestamp() + configuration["replicaTimeout"]
    status = "Failed"
    try:
        for _ in range(configuration["replicaRetryLimit"] + 1):
            status = await _try_once(cloud, job, target, containers, limit)
            if status != "Failed" or cloud.clock().timestamp() >= limit:
                break
    finally:
        _finish(cloud, target, status)


async def _try_once(
    cloud: Cloud, job: JobRecord, target: ResourceId, asked: Sequence[ContainerRecord], limit: float
) -> str:
    volumes = job["properties"]["template"]["volumes"] or ()
    containers = app_spec.containers(cloud, job, asked, volumes)
    once = tuple(replace(one, once=True) for one in containers)
    await cloud.replicas.apply(RevisionSpec(job["id"], job["name"], target.name, once, 0, 10))
    try:
        while cloud.clock().timestamp() < limit:
            found = cloud.store.get(EXECUTIONS, target.key)
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


def _exit_codes(cloud: Cloud, job: JobRecord, target: ResourceId) -> list[int | None]:
    """Return what the containers of an execution ended with; None for one that has not ended."""
    codes: list[int | None] = []
    for state in cloud.replicas.states(job["id"], target.name):
        for one in state.containers:
            found = _EXIT.search(one.running_state_details) if one.running_state == "Terminated" else None
            codes.append(int(found[1]) if found else None)
    return codes


def _finish(cloud: Cloud, target: ResourceId, status: str) -> None:
    """Store how an execution ended; one that was stopped stays so."""
    with cloud.store.transaction():
        execution = cloud.store.get(EXECUTIONS, target.key)
        if execution is None or execution["properties"]["status"] != "Running":
            return
        execution["properties"]["status"] = status
        execution["properties"]["endTime"] = cloud.clock().strftime("%Y-%m-%dT%H:%M:%S+00:00")
        cloud.store.put(EXECUTIONS, target.key, execution)


def resume(cloud: Cloud) -> None:
    """End, after a restart of aca-local, what ran before: it has ended with it."""
    for one in cloud.store.list(EXECUTIONS):
        _finish(cloud, parse(one["id"]), "Failed")


def find(cloud: Cloud, target: ResourceId) -> ExecutionRecord | None:
    """Return an execution as a resource."""
    return cloud.store.get(EXECUTIONS, target.key)


def list_all(cloud: Cloud, prefix: str) -> list[ExecutionRecord]:
    """Return a job's executions, newest first."""
    found = cloud.store.list(EXECUTIONS, prefix)
    return sorted(found, key=lambda one: datetime.fromisoformat(one["properties"]["startTime"]), reverse=True)


async def stop(cloud: Cloud, call: Call) -> None:
    """Carry ``POST …/executions/{execution}/stop`` out."""
    _finish(cloud, call.target, "Stopped")


async def stop_all(cloud: Cloud, call: Call) -> JsonObject:
    """Carry ``POST …/stop`` of a job out: all that run."""
    found = cloud.store.list(EXECUTIONS, f"{call.target.key}/executions/")
    running = [one for one in found if one["properties"]["status"] == "Running"]
    for one in running:
        _finish(cloud, parse(one["id"]), "Stopped")
    return {"value": [{"id": one["id"], "name": one["name"]} for one in running]}


async def complete_delete(cloud: Cloud, target: ResourceId) -> None:
    """Carry the DELETE of a job out."""
    cloud.store.delete_under(EXECUTIONS, f"{target.key}/executions/")


def missing(target: ResourceId) -> Exception:
    """Return the error of an execution that is not there."""
    return messages.EXECUTION_NOT_FOUND.error(name=target.name)
