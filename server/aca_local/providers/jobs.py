"""Microsoft.App/jobs, as far as a fine-tuning deployment needs them (shapes as recorded)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.kernel import locations
from aca_local.kernel.operations import active_operation
from aca_local.kernel.resource_type import Call, Document, Write, deep_merge
from aca_local.providers import app_body, app_configuration, identities
from aca_local.providers import app_messages as messages
from aca_local.providers.app_body import Limit, check_range
from aca_local.providers.app_messages import invalid_field
from aca_local.providers.container_apps import environment_of, profile_of
from aca_local.providers.environments import system_data
from aca_local.providers.job_records import JOB, JOBS

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.providers.job_records import JobConfiguration, JobProperties, JobRecord
    from aca_local.state import JsonObject

_MOST_RETRIES = 10


def write(cloud: Cloud, request: Write) -> JobRecord:
    """Return the whole job as a PUT asks for it."""
    target, before = request.target, cloud.store.get(JOBS, request.target.key)
    app_body.check_name(target.name)
    check_idle(cloud, target)
    asked = request.body.get("properties") or {}
    hidden = app_configuration.secrets(asked.get("configuration") or {})
    document: JobRecord = {
        "id": str(target),
        "name": target.name,
        "type": JOB,
        "location": locations.display(request.body["location"]),
        "systemData": system_data(cloud, before["systemData"] if before else None),
        "properties": _properties(cloud, asked, {one["name"] for one in hidden}),
        "identity": identities.read(cloud, target, request.body.get("identity")),
        "private": {"secrets": hidden},
    }
    if request.body.get("tags"):
        document["tags"] = request.body["tags"]
    return document


def _properties(cloud: Cloud, asked: JsonObject, secrets: set[str]) -> JobProperties:
    environment = environment_of(cloud, asked)
    profile_name, profile_type = profile_of(environment, asked.get("workloadProfileName"))
    template = app_body.template(asked.get("template") or {}, profile_type)
    app_body.check_secret_refs(template, secrets)
    return {
        "provisioningState": "InProgress",
        "environmentId": environment["id"],
        "workloadProfileName": profile_name,
        "outboundIpAddresses": ["127.0.0.1"],
        "configuration": _configuration(asked.get("configuration") or {}),
        "template": {
            "containers": template["containers"],
            "initContainers": None,
            "volumes": template["volumes"],
        },
    }


def _configuration(asked: JsonObject) -> JobConfiguration:
    trigger, path = str(asked.get("triggerType") or "Manual"), "configuration"
    if trigger.lower() != "manual":
        raise invalid_field(f"{path}.triggerType", f"aca-local starts jobs by hand only, not by '{trigger}'.")
    limit = asked.get("replicaTimeout")
    if limit is None or limit < 1:
        raise invalid_field(f"{path}.replicaTimeout", f"Invalid value: {limit}: seconds are required")
    check_range(f"{path}.replicaRetryLimit", asked.get("replicaRetryLimit"), Limit(0, _MOST_RETRIES))
    manual = asked.get("manualTriggerConfig") or {}
    for name in ("parallelism", "replicaCompletionCount"):
        if manual.get(name, 1) != 1:
            details = "aca-local runs one replica of a job at a time."
            raise invalid_field(f"{path}.manualTriggerConfig.{name}", details)
    return {
        "secrets": app_configuration.secret_names(asked),
        "triggerType": "Manual",
        "replicaTimeout": limit,
        "replicaRetryLimit": asked.get("replicaRetryLimit") or 0,
        "manualTriggerConfig": {"replicaCompletionCount": 1, "parallelism": 1},
        "scheduleTriggerConfig": None,
        "eventTriggerConfig": None,
        "registries": asked.get("registries"),
    }


def patch(cloud: Cloud, request: Write) -> JobRecord:
    """Return the job after a PATCH: a JSON merge; the values of secrets that are known are kept."""
    existing = find(cloud, request.target)
    base = {key: existing.get(key) for key in ("location", "tags", "identity", "properties")}
    merged = deep_merge(base, request.body) | {"location": existing["location"]}
    configuration = (merged.get("properties") or {}).get("configuration") or {}
    app_configuration.fill_secrets(configuration, existing["private"]["secrets"])
    return write(cloud, Write(request.target, merged, request.api_version, existing))


def find(cloud: Cloud, target: ResourceId) -> JobRecord:
    """Return a job that is known to be there."""
    job = cloud.store.get(JOBS, target.key)
    assert job is not None
    return job


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raise ContainerAppsJobOperationInProgress where another change of the job is under way."""
    if active_operation(cloud, target) is not None:
        raise messages.JOB_IN_PROGRESS.error(name=target.name)


def show(_: Cloud, document: Document) -> JsonObject:
    """Return a job without the values of its secrets."""
    return {key: value for key, value in document.items() if key != "private"}


def list_secrets(cloud: Cloud, call: Call) -> JsonObject:
    """Return what ``POST …/listSecrets`` answers."""
    return {"value": [dict(one) for one in find(cloud, call.target)["private"]["secrets"]]}
