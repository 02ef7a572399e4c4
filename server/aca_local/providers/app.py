"""Microsoft.App: its resource types, and what it answers below a location."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel import locations
from aca_local.kernel.resource_type import Call, Document, ResourceType
from aca_local.providers import (
    container_apps,
    environment_storages,
    environment_usages,
    environments,
    job_executions,
    jobs,
    revision_views,
    revisions,
    tokens,
)
from aca_local.providers.app_records import ENVIRONMENTS

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
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


def _show(_: Cloud, document: Document) -> JsonObject:
    return dict(document)


async def _environment_token(cloud: Cloud, call: Call) -> JsonObject:
    environment = cloud.store.get(ENVIRONMENTS, call.target.key)
    assert environment is not None
    return tokens.answer(cloud, call.target, environment)


_ENVIRONMENTS = ResourceType(
    "Microsoft.App",
    "managedEnvironments",
    API_VERSIONS,
    environments.show,
    write=environments.write,
    patch=environments.patch,
    merge_patch=True,
    before_remove=environments.before_remove,
    protocol="app",
    actions={"getAuthtoken": _environment_token},
    queries={"usages": environment_usages.usages, "workloadProfileStates": environment_usages.profile_states},
    locations=locations.NAMES,
)

_STORAGES = ResourceType(
    "Microsoft.App",
    "managedEnvironments/storages",
    API_VERSIONS,
    environment_storages.show,
    write=environment_storages.write,
    missing=environment_storages.missing,
)

_APPS = ResourceType(
    "Microsoft.App",
    "containerApps",
    API_VERSIONS,
    container_apps.show,
    write=container_apps.write,
    patch=container_apps.patch,
    merge_patch=True,
    before_change=container_apps.check_idle,
    before_remove=container_apps.check_idle,
    on_complete={
        "put": container_apps.complete,
        "patch": container_apps.complete,
        "delete": container_apps.complete_delete,
        "start": container_apps.complete_start,
        "stop": container_apps.complete_stop,
    },
    protocol="app",
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
    find=revision_views.find,
    list_all=revision_views.list_all,
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
    find=revision_views.find_replica,
    list_all=revision_views.list_replicas,
    remove=False,
    missing=revision_views.replica_missing,
)

_JOBS = ResourceType(
    "Microsoft.App",
    "jobs",
    API_VERSIONS,
    jobs.show,
    write=jobs.write,
    patch=jobs.patch,
    merge_patch=True,
    before_remove=jobs.check_idle,
    on_complete={"delete": job_executions.complete_delete},
    protocol="app",
    lists={"listSecrets": jobs.list_secrets},
    actions={"start": job_executions.start, "stop": job_executions.stop_all},
    locations=locations.NAMES,
)

_EXECUTIONS = ResourceType(
    "Microsoft.App",
    "jobs/executions",
    API_VERSIONS,
    _show,
    find=job_executions.find,
    list_all=job_executions.list_all,
    remove=False,
    actions={"stop": job_executions.stop},
    missing=job_executions.missing,
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
