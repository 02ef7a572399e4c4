"""Microsoft.App/containerApps: create, change, delete, start, stop, secrets, token (shapes as recorded)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import ResourceId, parse
from aca_local.arm.operations import active_operation
from aca_local.providers import app_body, revisions, tokens
from aca_local.providers.environments import APP, ENVIRONMENT, system_data
from aca_local.providers.model import RESOURCE, Call, Write, deep_merge

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject


def write(cloud: Cloud, request: Write) -> JsonObject:
    """A PUT: the whole app as asked. The revision, if the template changed, comes when the operation is
    carried out.
    """
    app_body.check_name(request.target.name)
    check_idle(cloud, request.target)
    asked = request.body.get("properties") or {}
    environment = environment_of(cloud, asked)
    profile_name, profile_type = profile_of(environment, asked.get("workloadProfileName"))
    secrets = app_body.secrets((asked.get("configuration") or {}).get("secrets"))
    template = app_body.template(asked.get("template") or {}, profile_type)
    app_body.check_secret_refs(template, {one["name"] for one in secrets})
    revisions.check_suffix(cloud, str(request.target), request.target.name, template)
    before = request.existing["properties"] if request.existing else {}
    document: JsonObject = {
        "id": str(request.target),
        "name": request.target.name,
        "type": APP,
        "location": locations.display(request.body["location"]),
        "systemData": system_data(cloud, request.existing),
        "properties": {
            "provisioningState": "InProgress",
            "runningStatus": before.get("runningStatus", "Running"),
            "managedEnvironmentId": environment["id"],
            "environmentId": environment["id"],
            "workloadProfileName": profile_name,
            "patchingMode": asked.get("patchingMode") or "Automatic",
            "outboundIpAddresses": ["127.0.0.1"],
            "latestRevisionName": before.get("latestRevisionName", ""),
            "latestReadyRevisionName": before.get("latestReadyRevisionName", ""),
            "latestRevisionFqdn": before.get("latestRevisionFqdn", ""),
            "customDomainVerificationId": hashlib.sha256(request.target.key.encode()).hexdigest().upper(),
            "configuration": app_body.configuration(
                asked.get("configuration") or {}, before.get("configuration")
            ),
            "template": template,
            "eventStreamEndpoint": None,
            "delegatedIdentities": [],
        },
        "identity": request.body.get("identity") or {"type": "None"},
        "private": {"secrets": secrets},
    }
    if request.body.get("tags"):
        document["tags"] = request.body["tags"]
    return document


def patch(cloud: Cloud, request: Write) -> JsonObject:
    """A PATCH: a JSON merge; the service keeps the values of secrets that it knows."""
    existing = request.existing
    assert existing is not None
    base = {key: existing.get(key) for key in ("location", "tags", "identity", "properties")}
    merged = deep_merge(base, request.body)
    _fill_secrets(merged, existing)
    merged["location"] = existing["location"]
    return write(cloud, Write(request.target, merged, request.api_version, existing))


def _fill_secrets(merged: JsonObject, existing: JsonObject) -> None:
    known = {one["name"]: one["value"] for one in existing["private"]["secrets"]}
    configuration = merged["properties"].get("configuration") or {}
    for one in configuration.get("secrets") or []:
        if one.get("value") is None and one.get("name") in known:
            one["value"] = known[one["name"]]


def environment_of(cloud: Cloud, asked: JsonObject) -> JsonObject:
    """The environment that an app or job names, ready to take it."""
    wanted = asked.get("environmentId") or asked.get("managedEnvironmentId")
    if not wanted:
        raise ArmError(400, "ContainerAppEnvironmentIdRequired", "The property environmentId is required.")
    try:
        target = parse(wanted)
    except ValueError:
        raise ArmError(
            400, "ContainerAppEnvironmentIdInvalid", f"The environmentId '{wanted}' is invalid."
        ) from None
    environment = cloud.store.get(RESOURCE, target.key)
    if environment is None or target.type.lower() != ENVIRONMENT.lower():
        raise ArmError(
            404, "ManagedEnvironmentNotFound", f"ManagedEnvironment '{target.name}' was not found."
        )
    if environment["properties"]["provisioningState"] != "Succeeded":
        raise ArmError(
            400,
            "ManagedEnvironmentNotProvisioned",
            f"The environment '{environment['id']}' has not been provisioned successfully.",
        )
    return environment


def profile_of(environment: JsonObject, asked: str | None) -> tuple[str | None, str | None]:
    """Name and type of the workload profile that an app or job runs on (None: a consumption environment)."""
    known = {one["name"].lower(): one for one in environment["properties"].get("workloadProfiles") or []}
    if not asked:
        return ("Consumption", "Consumption") if "consumption" in known else (None, None)
    found = known.get(asked.lower())
    if found is None:
        raise ArmError(
            400,
            "WorkloadProfileNotFound",
            f"The workload profile '{asked}' was not found in the environment '{environment['name']}'.",
        )
    return found["name"], found["workloadProfileType"]


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raises ContainerAppOperationInProgress: one change at a time."""
    if active_operation(cloud, target) is not None:
        raise ArmError(
            409,
            "ContainerAppOperationInProgress",
            f"Cannot modify a container app '{target.name}' because there is an active provisioning"
            " operation in"
            " progress. Please try again later.",
        )


async def settle(cloud: Cloud, target: ResourceId) -> None:
    """Carry a PUT or PATCH out: the address, the revision, its replicas."""
    app = cloud.store.get(RESOURCE, target.key)
    if app is None:
        return
    await _expose(cloud, app)
    revision = revisions.ensure(cloud, app)
    properties = app["properties"]
    properties["latestRevisionName"] = revision["name"]
    ingress = properties["configuration"]["ingress"]
    properties["latestRevisionFqdn"] = ingress["fqdn"] if ingress else ""
    cloud.store.put(RESOURCE, target.key, app)
    if properties["runningStatus"] != "Stopped":
        await _run(cloud, app)


async def _expose(cloud: Cloud, app: JsonObject) -> None:
    ingress = app["properties"]["configuration"]["ingress"]
    if ingress:
        ingress["fqdn"] = await cloud.ingress.expose(
            app["id"], app["name"], target_port=ingress["targetPort"]
        )
    else:
        await cloud.ingress.conceal(app["id"])


async def _run(cloud: Cloud, app: JsonObject) -> None:
    for revision in revisions.all_of(cloud, app["id"]):
        if revision["active"]:
            await revisions.start(cloud, app, revision)
    await revisions.route(cloud, app)
    revisions.follow(cloud, app["id"])


async def resume(cloud: Cloud, app: JsonObject) -> None:
    """Bring an app of the store back to life after a restart of aca-local."""
    if app["properties"]["runningStatus"] == "Stopped" or not revisions.latest(cloud, app):
        return
    await _expose(cloud, app)
    cloud.store.put(RESOURCE, parse(app["id"]).key, app)
    await _run(cloud, app)


async def settle_start(cloud: Cloud, target: ResourceId) -> None:
    """Carry ``start`` out."""
    app = _set_status(cloud, target, "Running")
    await _expose(cloud, app)
    await _run(cloud, app)


async def settle_stop(cloud: Cloud, target: ResourceId) -> None:
    """Carry ``stop`` out."""
    app = _set_status(cloud, target, "Stopped")
    for revision in revisions.all_of(cloud, app["id"]):
        await cloud.replicas.stop(app["id"], revision["name"])


def _set_status(cloud: Cloud, target: ResourceId, status: str) -> JsonObject:
    app = cloud.store.get(RESOURCE, target.key)
    assert app is not None
    app["properties"]["runningStatus"] = status
    cloud.store.put(RESOURCE, target.key, app)
    return app


async def settle_delete(cloud: Cloud, target: ResourceId) -> None:
    """Carry a DELETE out: no address, no replicas, no revisions."""
    app = cloud.store.get(RESOURCE, target.key)
    if app is None:
        return
    await cloud.ingress.withdraw(app["id"])
    for revision in revisions.all_of(cloud, app["id"]):
        await cloud.replicas.stop(app["id"], revision["name"])
    cloud.store.delete_under(revisions.REVISION, f"{app['id']}/revisions/")


def show(cloud: Cloud, document: JsonObject) -> JsonObject:
    """An app as GET answers it: no secret values, the id's type in lower case (recorded)."""
    shown = {key: value for key, value in document.items() if key != "private"}
    endpoint = f"{cloud.settings.arm_url}{_stream_path(parse(document['id']))}/eventstream"
    properties = {**document["properties"], "eventStreamEndpoint": endpoint}
    return {**shown, "id": wire_id(document["id"]), "properties": properties}


def wire_id(app_id: str) -> str:
    """The service writes ``containerapps`` in an app's id."""
    return app_id.replace("/containerApps/", "/containerapps/")


def list_secrets(cloud: Cloud, call: Call) -> JsonObject:
    """``POST …/listSecrets``."""
    app = cloud.store.get(RESOURCE, call.target.key)
    assert app is not None
    return {"value": [{"name": one["name"], "value": one["value"]} for one in app["private"]["secrets"]]}


async def get_auth_token(cloud: Cloud, call: Call) -> JsonObject:
    """``POST …/getAuthtoken``: a token for the log streams, good for an hour (recorded shape)."""
    app = cloud.store.get(RESOURCE, call.target.key)
    assert app is not None
    return tokens.answer(cloud, call.target, app)


def _stream_path(target: ResourceId) -> str:
    return f"{target.group_id}/containerApps/{target.name}"
