"""Taking up again what a killed aca-local left: operations, apps, deployments, groups that were being
deleted.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_local.arm import deployments, engine, generic, groups, operations
from aca_local.arm.deployments import DEPLOYMENT, Place
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import parse
from aca_local.providers import container_apps, jobs
from aca_local.providers.accounts import ACCOUNT
from aca_local.providers.environments import APP
from aca_local.providers.model import RESOURCE
from aca_local.replicas import ReplicasError
from aca_local.state import TERMINAL
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject


_LOG = logging.getLogger(__name__)
_KEPT = timedelta(days=1)  # how long the status of an ended operation can be asked for


async def resume(cloud: Cloud, registry: Registry) -> None:
    """Bring what the store holds to where it belongs; called once, before the first request."""
    oldest = stamp(cloud.clock() - _KEPT)
    for one in cloud.store.list(RESOURCE):
        if one["type"] == ACCOUNT:
            cloud.shares.create_account(one["name"])
    for operation in cloud.store.list(operations.OPERATION):
        if operation["status"] not in TERMINAL:
            _resume_operation(cloud, registry, operation)
        elif operation["startTime"] < oldest:
            cloud.store.delete(operations.OPERATION, operation["name"])
    jobs.resume(cloud)
    await _resume_apps(cloud)
    for deployment in cloud.store.list(DEPLOYMENT):
        if engine.is_active(deployment) and not deployment["private"].get("nested"):
            _resume_deployment(cloud, registry, deployment)


def _resume_operation(cloud: Cloud, registry: Registry, operation: JsonObject) -> None:
    if operation["type"].lower() == "microsoft.resources/resourcegroups":
        cloud.tasks.spawn(generic.empty_group(cloud, registry, operation))
        return
    kind = registry.get(operation["type"])
    if kind is not None:
        cloud.tasks.spawn(operations.run(cloud, kind, operation))


async def _resume_apps(cloud: Cloud) -> None:
    for app in cloud.store.list(RESOURCE):
        if app["type"] != APP or operations.active_operation(cloud, parse(app["id"])):
            continue
        try:
            await container_apps.resume(cloud, app)
        except (OSError, ReplicasError) as problem:  # one app that cannot run must not keep the rest down
            _LOG.warning("container app '%s' was not started again: %s", app["name"], problem)


def _resume_deployment(cloud: Cloud, registry: Registry, deployment: JsonObject) -> None:
    parts = deployment["id"].strip("/").split("/")
    group = parts[3] if parts[2].lower() == "resourcegroups" else None
    if group is not None and cloud.store.get(groups.GROUP, group) is None:
        return
    place = Place(cloud.settings.subscription_id, group, deployment["name"])
    try:
        plan = deployments.plan_of(cloud, place, deployment.get("location", ""), deployment["private"])
    except ArmError as error:
        deployments.set_state(cloud, place.id, "Failed", {"error": error.body()})
        return
    engine.begin(cloud, registry, place, plan)
