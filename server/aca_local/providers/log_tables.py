"""The two tables that Container Apps fill in a Log Analytics workspace, read from what is kept of the logs.

Columns: https://learn.microsoft.com/azure/container-apps/log-monitoring and published queries. Kept are the
logs of running replicas and of the last ones that ended, some MiB each; those of deleted apps are gone.
"""

from __future__ import annotations

from heapq import merge
from typing import TYPE_CHECKING

from aca_local.providers.app_records import APP, APPS, ENVIRONMENT, ENVIRONMENTS
from aca_local.providers.job_records import JOB
from aca_local.providers.kql import Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.replicas import PastLine, SystemEvent
    from aca_local.providers.app_records import AppRecord
    from aca_local.providers.kql import Row
    from aca_local.providers.kql_text import Kind

CONSOLE, SYSTEM = "ContainerAppConsoleLogs_CL", "ContainerAppSystemLogs_CL"
_WITH_LOGS = frozenset({APP, JOB})


def tables() -> dict[str, Table]:
    """Return the tables by their names."""
    absent = {
        "Stream_s": "stdout and stderr are one log here",
        "ContainerId_s": "it is not kept with the log",
        "ContainerImage_s": "no images run here",
    }
    console = _columns("ContainerGroupName_s", "ContainerName_s", "ContainerJobName_s")
    system = _columns("ReplicaName_s", "JobName_s", "Reason_s", "Type_s", "EventSource_s")
    return {
        CONSOLE: Table(CONSOLE, {**console, "_timestamp_d": "real"}, absent),
        SYSTEM: Table(SYSTEM, {**system, "Count_d": "real"}),
    }


def _columns(*more: str) -> dict[str, Kind]:
    texts = ("ContainerAppName_s", "EnvironmentName_s", "RevisionName_s", *more, "Log_s", "TenantId", "Type")
    columns: dict[str, Kind] = dict.fromkeys(texts, "string")
    return {"TimeGenerated": "datetime", **columns}


def rows(cloud: Cloud, workspace: str, table: str) -> Iterator[Row]:
    """Return a table's rows in a workspace (its ``customerId``), oldest first; iterating reads files."""
    make = _console if table == CONSOLE else _system
    environments = _logging_to(cloud, workspace)
    owners = (one for one in cloud.store.list(APPS) if one["type"] in _WITH_LOGS)
    sources = [
        make(cloud, one, environments[home])
        for one in owners
        if (home := one["properties"]["environmentId"].lower()) in environments
    ]
    common = {"TenantId": workspace, "Type": table}
    return ({**row, **common} for row in merge(*sources, key=_time))


def _time(row: Row) -> float:
    moment = row["TimeGenerated"]
    assert not isinstance(moment, str | float)
    return moment.timestamp()


def _logging_to(cloud: Cloud, workspace: str) -> dict[str, str]:
    """Return the environments that send their logs to a workspace: their keys and names."""
    found = {}
    for one in cloud.store.list(ENVIRONMENTS):
        if one["type"] != ENVIRONMENT:
            continue
        logs = one["properties"]["appLogsConfiguration"]
        analytics = logs["logAnalyticsConfiguration"]
        if (
            logs["destination"] == "log-analytics"
            and analytics
            and analytics["customerId"].lower() == workspace
        ):
            found[one["id"].lower()] = one["name"]
    return found


def _names(resource: AppRecord, environment: str, revision: str, job_column: str) -> dict[str, str]:
    job = resource["type"] == JOB
    return {
        "ContainerAppName_s": "" if job else resource["name"],
        "EnvironmentName_s": environment,
        "RevisionName_s": "" if job else revision,
        job_column: resource["name"] if job else "",
    }


def _console(cloud: Cloud, resource: AppRecord, environment: str) -> Iterator[Row]:
    def row(line: PastLine) -> Row:
        return {
            "TimeGenerated": line.time,
            **_names(resource, environment, line.revision, "ContainerJobName_s"),
            "ContainerGroupName_s": line.replica,
            "ContainerName_s": line.container,
            "Log_s": line.text,
            "_timestamp_d": line.time.timestamp(),
        }

    return map(row, cloud.replicas.past_lines(resource["id"]))


def _system(cloud: Cloud, resource: AppRecord, environment: str) -> Iterator[Row]:
    def row(event: SystemEvent) -> Row:
        return {
            "TimeGenerated": event.time,
            **_names(resource, environment, event.revision, "JobName_s"),
            "ReplicaName_s": event.replica,
            "Reason_s": event.reason,
            "Type_s": event.type,
            "EventSource_s": "ContainerAppController",
            "Log_s": event.message,
            "Count_d": float(event.count),
        }

    return map(row, cloud.replicas.past_events(resource["id"]))
