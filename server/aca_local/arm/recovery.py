"""Taking up again what a killed aca-local left: operations, apps, deployments, groups that were being
deleted.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from aca_local.arm import bulk_routes, deployments, engine
from aca_local.arm.deployments import DeploymentScope
from aca_local.kernel import operations
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.records import DEPLOYMENT, GROUP, OPERATION, RESOURCE
from aca_local.kernel.replicas import ReplicasError
from aca_local.providers import container_apps, job_executions
from aca_local.providers.app_records import APP, APPS
from aca_local.providers.storage_records import ACCOUNT
from aca_local.state import TERMINAL
from aca_local.state.clock import stamp

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import DeploymentRecord, OperationRecord
    from aca_local.providers.registry import Registry


_LOG = logging.getLogger(__name__)
_KEPT = timedelta(days=1)  # how long the status of an ended operation can be asked for


async def resume(cloud: Cloud, registry: Registry) -> None:
    """Bring what the store holds to where it belongs; called once, before the first request."""
    oldest = stamp(cloud.clock() - _KEPT)
    for one in cloud.store.list(RESOURCE):
        if one["type"] == ACCOUNT:
            cloud.shares.create_account(one["name"])
    for operation in cloud.store.list(OPERATION):
        if operation["status"] not in TERMINAL:
            _resume_operation(cloud, registry, operation)
        elif operation["startTime"] < oldest:
            cloud.store.delete(OPERATION, operation["name"])
    job_executions.resume(cloud)
    await _resume_apps(cloud)
    for deployment in cloud.store.list(DEPLOYMENT):
        if engine.is_active(deployment) and not deployment["private"].get("nested"):
            _resume_deployment(cloud, registry, deployment)


def _resume_operation(cloud: Cloud, registry: Registry, operation: OperationRecord) -> None:
    if operation["type"].lower() == "microsoft.resources/resourcegroups":
        cloud.tasks.spawn(bulk_routes.empty_group(cloud, registry, operation))
        return
    kind = registry.get(operation["type"])
    if kind is not None:
        cloud.tasks.spawn(operations.run(cloud, kind, operation))


async def _resume_apps(cloud: Cloud) -> None:
    for app in cloud.store.list(APPS):
        if app["type"] != APP or operations.active_operation(cloud, parse(app["id"])):
            continue
        try:
            await container_apps.resume(cloud, app)
        except (OSError, ReplicasError) as problem:  # one app that cannot run must not keep the rest down
            _LOG.warning("container app '%s' was not started again: %s", app["name"], problem)


def _resume_deployment(cloud: Cloud, registry: Registry, deployment: DeploymentRecord) -> None:
    parts = deployment["id"].strip("/").split("/")
    group = parts[3] if parts[2].lower() == "resourcegroups" else None
    if group is not None and cloud.store.get(GROUP, group) is None:
        return
    scope = DeploymentScope(cloud.settings.subscription_id, group, deployment["name"])
    try:
        plan = deployments.plan_of(cloud, scope, deployment["private"])
    except ArmError as error:
        deployments.set_state(cloud, scope.id, "Failed", {"error": error.body()})
        return
    engine.begin(cloud, registry, scope, plan)
