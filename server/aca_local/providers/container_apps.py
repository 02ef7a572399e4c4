"""Microsoft.App/containerApps: create, change, delete, start, stop, secrets, token (shapes as recorded)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aca_local.kernel import locations
from aca_local.kernel.ids import ResourceId, parse
from aca_local.kernel.operations import active_operation
from aca_local.kernel.resource_type import Call, Document, Write, deep_merge
from aca_local.providers import app_body, app_configuration, identities, revisions, tokens, traffic
from aca_local.providers import app_messages as messages
from aca_local.providers.app_records import APP, APPS, ENVIRONMENT, ENVIRONMENTS
from aca_local.providers.environments import system_data

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.providers.app_records import (
        AppConfiguration,
        AppProperties,
        AppRecord,
        EnvironmentRecord,
        TemplateRecord,
    )
    from aca_local.state import JsonObject


def write(cloud: Cloud, request: Write) -> AppRecord:
    """Return the whole app as a PUT asks for it.

    The revision, if the template changed, comes when the operation is carried out.
    """
    target, before = request.target, cloud.store.get(APPS, request.target.key)
    app_body.check_name(target.name)
    check_idle(cloud, target)
    asked = request.body.get("properties") or {}
    configured = asked.get("configuration") or {}
    environment = environment_of(cloud, asked)
    profile_name, profile_type = profile_of(environment, asked.get("workloadProfileName"))
    secrets = app_configuration.secrets(configured)
    template = app_body.template(asked.get("template") or {}, profile_type)
    app_body.check_secret_refs(template, {one["name"] for one in secrets})
    revisions.check_suffix(cloud, target, template)
    configuration = app_configuration.read(
        configured, before["properties"]["configuration"] if before else None
    )
    _check_traffic(cloud, target, configuration, template)
    properties = _properties(target, environment, configuration, template, before)
    properties["workloadProfileName"] = profile_name
    properties["patchingMode"] = asked.get("patchingMode") or "Automatic"
    document: AppRecord = {
        "id": str(target),
        "name": target.name,
        "type": APP,
        "location": locations.display(request.body["location"]),
        "systemData": system_data(cloud, before["systemData"] if before else None),
        "properties": properties,
        "identity": identities.read(cloud, target, request.body.get("identity")),
        "private": {"secrets": secrets},
    }
    if request.body.get("tags"):
        document["tags"] = request.body["tags"]
    return document


def _check_traffic(
    cloud: Cloud, target: ResourceId, configuration: AppConfiguration, template: TemplateRecord
) -> None:
    """Raise InvalidRequestContent where traffic goes to a revision that is not there."""
    if configuration["ingress"] and configuration["activeRevisionsMode"] == "Multiple":
        known = [one["name"] for one in revisions.all_of(cloud, str(target))]
        traffic.check_names(
            configuration["ingress"]["traffic"], [*known, f"{target.name}--{template['revisionSuffix']}"]
        )


def _properties(
    target: ResourceId,
    environment: EnvironmentRecord,
    configuration: AppConfiguration,
    template: TemplateRecord,
    before: AppRecord | None,
) -> AppProperties:
    old = before["properties"] if before else None
    return {
        "provisioningState": "InProgress",
        "runningStatus": old["runningStatus"] if old else "Running",
        "managedEnvironmentId": environment["id"],
        "environmentId": environment["id"],
        "workloadProfileName": None,
        "patchingMode": "Automatic",
        "outboundIpAddresses": ["127.0.0.1"],
        "latestRevisionName": old["latestRevisionName"] if old else "",
        "latestReadyRevisionName": old["latestReadyRevisionName"] if old else "",
        "latestRevisionFqdn": old["latestRevisionFqdn"] if old else "",
        "customDomainVerificationId": hashlib.sha256(target.key.encode()).hexdigest().upper(),
        "configuration": configuration,
        "template": template,
        "eventStreamEndpoint": None,
        "delegatedIdentities": [],
    }


def patch(cloud: Cloud, request: Write) -> AppRecord:
    """Return the app after a PATCH: a JSON merge; the service keeps the values of secrets that it knows."""
    existing = cloud.store.get(APPS, request.target.key)
    assert existing is not None
    base = {key: existing.get(key) for key in ("location", "tags", "identity", "properties")}
    merged = deep_merge(base, request.body)
    configured = (merged.get("properties") or {}).get("configuration") or {}
    app_configuration.fill_secrets(configured, existing["private"]["secrets"])
    merged["location"] = existing["location"]
    return write(cloud, Write(request.target, merged, request.api_version, existing))


def environment_of(cloud: Cloud, asked: JsonObject) -> EnvironmentRecord:
    """Return the environment that an app or job names, ready to take it."""
    wanted = asked.get("environmentId") or asked.get("managedEnvironmentId")
    if not wanted:
        raise messages.ENVIRONMENT_ID_REQUIRED.error()
    try:
        target = parse(wanted)
    except ValueError:
        raise messages.ENVIRONMENT_ID_INVALID.error(id=wanted) from None
    environment = cloud.store.get(ENVIRONMENTS, target.key)
    if environment is None or target.type.lower() != ENVIRONMENT.lower():
        raise messages.ENVIRONMENT_NOT_FOUND.error(name=target.name)
    if environment["properties"]["provisioningState"] != "Succeeded":
        raise messages.ENVIRONMENT_NOT_PROVISIONED.error(id=environment["id"])
    return environment


def profile_of(environment: EnvironmentRecord, asked: str | None) -> tuple[str | None, str | None]:
    """Return name and type of the workload profile of an app or job (None: a consumption environment)."""
    known = {one["name"].lower(): one for one in environment["properties"].get("workloadProfiles") or []}
    if not asked:
        return ("Consumption", "Consumption") if "consumption" in known else (None, None)
    found = known.get(asked.lower())
    if found is None:
        raise messages.PROFILE_NOT_FOUND.error(profile=asked, environment=environment["name"])
    return found["name"], found["workloadProfileType"]


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raise ContainerAppOperationInProgress: one change at a time."""
    if active_operation(cloud, target) is not None:
        raise messages.APP_IN_PROGRESS.error(name=target.name)


async def complete(cloud: Cloud, target: ResourceId) -> None:
    """Carry a PUT or PATCH out: the address, the revision, its replicas."""
    app = cloud.store.get(APPS, target.key)
    if app is None:
        return
    await _expose(cloud, app)
    revision = revisions.ensure(cloud, app)
    properties = app["properties"]
    properties["latestRevisionName"] = revision["name"]
    ingress = properties["configuration"]["ingress"]
    properties["latestRevisionFqdn"] = ingress["fqdn"] or "" if ingress else ""
    cloud.store.put(APPS, target.key, app)
    if properties["runningStatus"] != "Stopped":
        await _run(cloud, app)


async def _expose(cloud: Cloud, app: AppRecord) -> None:
    ingress = app["properties"]["configuration"]["ingress"]
    if ingress:
        ingress["fqdn"] = await cloud.ingress.expose(
            app["id"], app["name"], target_port=ingress["targetPort"]
        )
    else:
        await cloud.ingress.conceal(app["id"])


async def _run(cloud: Cloud, app: AppRecord) -> None:
    for revision in revisions.all_of(cloud, app["id"]):
        if revision["active"]:
            await revisions.start(cloud, app, revision)
    await traffic.route(cloud, app)
    revisions.follow(cloud, app["id"])


async def resume(cloud: Cloud, app: AppRecord) -> None:
    """Bring an app of the store back to life after a restart of aca-local."""
    if app["properties"]["runningStatus"] == "Stopped" or not revisions.latest(cloud, app):
        return
    await _expose(cloud, app)
    cloud.store.put(APPS, parse(app["id"]).key, app)
    await _run(cloud, app)


async def complete_start(cloud: Cloud, target: ResourceId) -> None:
    """Carry ``start`` out."""
    app = _set_status(cloud, target, "Running")
    await _expose(cloud, app)
    await _run(cloud, app)


async def complete_stop(cloud: Cloud, target: ResourceId) -> None:
    """Carry ``stop`` out."""
    app = _set_status(cloud, target, "Stopped")
    for revision in revisions.all_of(cloud, app["id"]):
        await cloud.replicas.stop(app["id"], revision["name"])


def _set_status(cloud: Cloud, target: ResourceId, status: str) -> AppRecord:
    app = find(cloud, target)
    app["properties"]["runningStatus"] = status
    cloud.store.put(APPS, target.key, app)
    return app


async def complete_delete(cloud: Cloud, target: ResourceId) -> None:
    """Carry a DELETE out: no address, no replicas, no revisions."""
    app = cloud.store.get(APPS, target.key)
    if app is None:
        return
    await cloud.ingress.withdraw(app["id"])
    for revision in revisions.all_of(cloud, app["id"]):
        await cloud.replicas.stop(app["id"], revision["name"])
    revisions.forget(cloud, app["id"])


def find(cloud: Cloud, target: ResourceId) -> AppRecord:
    """Return an app that is known to be there."""
    app = cloud.store.get(APPS, target.key)
    assert app is not None
    return app


def show(cloud: Cloud, document: Document) -> JsonObject:
    """Return an app as GET answers it: no secret values, the id's type in lower case (recorded)."""
    shown = {key: value for key, value in document.items() if key != "private"}
    target = parse(document["id"])
    endpoint = f"{cloud.settings.arm_url}{target.group_id}/containerApps/{target.name}/eventstream"
    properties = {**document["properties"], "eventStreamEndpoint": endpoint}
    spelled = document["id"].replace("/containerApps/", "/containerapps/")
    return {**shown, "id": spelled, "properties": properties}


def list_secrets(cloud: Cloud, call: Call) -> JsonObject:
    """Return what ``POST …/listSecrets`` answers."""
    secrets = find(cloud, call.target)["private"]["secrets"]
    return {"value": [{"name": one["name"], "value": one["value"]} for one in secrets]}


async def get_auth_token(cloud: Cloud, call: Call) -> JsonObject:
    """Return a token for the log streams, good for an hour (recorded shape)."""
    return tokens.answer(cloud, call.target, find(cloud, call.target))
