"""Microsoft.App: its resource types, and what it answers below a location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.providers import container_apps, environments, jobs, revisions, tokens
from aca_local.providers.model import RESOURCE, Call, ResourceType

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject

API_VERSIONS = (
    "2026-07-01",
    "2026-01-01",
    "2025-10-02-preview",
    "2025-07-01",
    "2025-02-02-preview",
    "2025-01-01",
    "2024-10-02-preview",
    "2024-08-02-preview",
    "2024-03-01",
    "2024-02-02-preview",
    "2023-11-02-preview",
    "2023-08-01-preview",
    "2023-05-02-preview",
    "2023-05-01",
    "2023-04-01-preview",
    "2022-11-01-preview",
    "2022-10-01",
    "2022-06-01-preview",
    "2022-03-01",
)


def _show(_: Cloud, document: JsonObject) -> JsonObject:
    return document


async def _environment_token(cloud: Cloud, call: Call) -> JsonObject:
    environment = cloud.store.get(RESOURCE, call.target.key)
    assert environment is not None
    return tokens.answer(cloud, call.target, environment)


_ENVIRONMENTS = ResourceType(
    "Microsoft.App",
    "managedEnvironments",
    API_VERSIONS,
    environments.show,
    write=environments.write,
    patch=environments.patch,
    before_remove=environments.before_remove,
    wire="app",
    actions={"getAuthtoken": _environment_token},
    queries={"usages": environments.usages, "workloadProfileStates": environments.profile_states},
    locations=locations.NAMES,
)

_STORAGES = ResourceType(
    "Microsoft.App",
    "managedEnvironments/storages",
    API_VERSIONS,
    environments.show_storage,
    write=environments.write_storage,
    missing=environments.storage_missing,
)

_APPS = ResourceType(
    "Microsoft.App",
    "containerApps",
    API_VERSIONS,
    container_apps.show,
    write=container_apps.write,
    patch=container_apps.patch,
    before_change=container_apps.check_idle,
    before_remove=container_apps.check_idle,
    settle={
        "put": container_apps.settle,
        "patch": container_apps.settle,
        "delete": container_apps.settle_delete,
        "start": container_apps.settle_start,
        "stop": container_apps.settle_stop,
    },
    wire="app",
    lists={"listSecrets": container_apps.list_secrets},
    actions={"getAuthtoken": container_apps.get_auth_token},
    long_actions={"start": "start", "stop": "stop"},
    locations=locations.NAMES,
)

_REVISIONS = ResourceType(
    "Microsoft.App",
    "containerApps/revisions",
    API_VERSIONS,
    _show,
    find=revisions.find,
    list_all=revisions.list_all,
    remove=False,
    actions={
        "activate": revisions.activate,
        "deactivate": revisions.deactivate,
        "restart": revisions.restart,
    },
    missing=revisions.missing,
)

_REPLICAS = ResourceType(
    "Microsoft.App",
    "containerApps/revisions/replicas",
    API_VERSIONS,
    _show,
    find=revisions.find_replica,
    list_all=revisions.list_replicas,
    remove=False,
    missing=revisions.replica_missing,
)

_JOBS = ResourceType(
    "Microsoft.App",
    "jobs",
    API_VERSIONS,
    jobs.show,
    write=jobs.write,
    patch=jobs.patch,
    before_remove=jobs.check_idle,
    settle={"delete": jobs.settle_delete},
    wire="app",
    lists={"listSecrets": jobs.list_secrets},
    actions={"start": jobs.start, "stop": jobs.stop_all},
    locations=locations.NAMES,
)

_EXECUTIONS = ResourceType(
    "Microsoft.App",
    "jobs/executions",
    API_VERSIONS,
    _show,
    find=jobs.find_execution,
    list_all=jobs.list_executions,
    remove=False,
    actions={"stop": jobs.stop_execution},
    missing=jobs.execution_missing,
)


def _none(_: Cloud, __: object) -> None:
    return None


def _nothing(_: Cloud, __: str) -> tuple[JsonObject, ...]:
    return ()


# What an environment or app may have in Azure and never has here: the list is empty, a PUT is refused.
_NEVER_THERE = (
    "connectedEnvironments",
    "managedEnvironments/certificates",
    "managedEnvironments/managedCertificates",
    "managedEnvironments/daprComponents",
    "containerApps/authConfigs",
    "containerApps/sourcecontrols",
)
_ABSENT = tuple(
    ResourceType("Microsoft.App", name, API_VERSIONS, _show, find=_none, list_all=_nothing, remove=False)
    for name in _NEVER_THERE
)

TYPES = (_ENVIRONMENTS, _STORAGES, _APPS, _REVISIONS, _REPLICAS, _JOBS, _EXECUTIONS, *_ABSENT)
