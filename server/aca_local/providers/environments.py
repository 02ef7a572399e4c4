"""Microsoft.App/managedEnvironments and their storages (shapes as recorded, and OpenAPI 2024-03-01)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from aca_local.arm import locations
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import parse
from aca_local.arm.operations import active_operation
from aca_local.providers import profiles
from aca_local.providers.model import RESOURCE, Call, Write, deep_merge

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.arm.ids import ResourceId
    from aca_local.state import JsonObject

ENVIRONMENT = "Microsoft.App/managedEnvironments"
APP = "Microsoft.App/containerApps"

_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,58}[a-zA-Z0-9])?")
_STORAGE_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,78}[a-zA-Z0-9])?")
ENVIRONMENT_LIMIT = 40
GPU_QUOTA = 20  # A100 of dedicated profiles, a region
_CORES = {"GeneralPurpose": 100, "MemoryOptimized": 50, "Consumption": 100}


def write(cloud: Cloud, request: Write) -> JsonObject:
    """A PUT: the whole environment as asked; what the body leaves out goes back to its default."""
    if _NAME.fullmatch(request.target.name) is None:
        raise ArmError(
            400,
            "ManagedEnvironmentInvalidName",
            f"Invalid ManagedEnvironment name '{request.target.name}'. A name must consist of alphanumeric"
            " characters"
            " or '-', start and end with an alphanumeric character, and have at most 60 characters.",
        )
    check_idle(cloud, request.target)
    asked = request.body.get("properties") or {}
    existing = request.existing
    before = existing["properties"].get("workloadProfiles") if existing else None
    location = request.body["location"]
    wanted = profiles.check(asked.get("workloadProfiles") or [], location, before)
    _check_in_use(cloud, request.target, wanted, before or [])
    _check_quota(cloud, request.target, wanted, location)
    document: JsonObject = {
        "id": str(request.target),
        "name": request.target.name,
        "type": ENVIRONMENT,
        "location": locations.display(location),
        "systemData": system_data(cloud, existing),
        "properties": _properties(request.target, asked, wanted, location),
        "private": {"sharedKey": _shared_key(asked)},
    }
    if request.body.get("tags"):
        document["tags"] = request.body["tags"]
    return document


def patch(cloud: Cloud, request: Write) -> JsonObject:
    """A PATCH: a JSON merge."""
    existing = request.existing
    assert existing is not None
    merged = deep_merge({key: existing.get(key) for key in ("location", "tags", "properties")}, request.body)
    patched = write(
        cloud,
        Write(request.target, {**merged, "location": existing["location"]}, request.api_version, existing),
    )
    if patched["private"]["sharedKey"] is None:
        patched["private"] = existing["private"]
    return patched


def _properties(target: ResourceId, asked: JsonObject, wanted: list[JsonObject], location: str) -> JsonObject:
    digest, vnet = hashlib.sha256(target.key.encode()).hexdigest(), asked.get("vnetConfiguration")
    return {
        "provisioningState": "Waiting",
        "daprAIInstrumentationKey": None,
        "daprAIConnectionString": None,
        "vnetConfiguration": {"internal": False} | vnet if vnet else None,
        "defaultDomain": f"local-{digest[:8]}.{locations.canonical(location)}.aca-local.invalid",
        "staticIp": "127.0.0.1",
        "appLogsConfiguration": _app_logs(asked),
        "openTelemetryConfiguration": None,
        "appInsightsConfiguration": None,
        "ingressConfiguration": None,
        "diskEncryptionConfiguration": None,
        "availabilityZones": None,
        "publicNetworkAccess": asked.get("publicNetworkAccess") or "Enabled",
        "zoneRedundant": bool(asked.get("zoneRedundant", False)),
        "kedaConfiguration": {"version": "2.17.2"},
        "daprConfiguration": {"version": "1.13.6"},
        "eventStreamEndpoint": None,
        "customDomainConfiguration": {
            "customDomainVerificationId": hashlib.sha256(digest.encode()).hexdigest().upper(),
            "dnsSuffix": None,
            "certificateKeyVaultProperties": None,
            "certificateValue": None,
            "certificatePassword": None,
            "thumbprint": None,
            "subjectName": None,
            "expirationDate": None,
        },
        "workloadProfiles": wanted or None,
        "infrastructureResourceGroup": asked.get("infrastructureResourceGroup"),
        "peerAuthentication": asked.get("peerAuthentication") or {"mtls": {"enabled": False}},
        "peerTrafficConfiguration": asked.get("peerTrafficConfiguration")
        or {"encryption": {"enabled": False}},
    }


def _stream_base(cloud: Cloud, target: ResourceId) -> str:
    return f"{cloud.settings.arm_url}{target.group_id}/managedEnvironments/{target.name}"


def _app_logs(asked: JsonObject) -> JsonObject:
    logs = asked.get("appLogsConfiguration") or {}
    analytics = logs.get("logAnalyticsConfiguration")
    if logs.get("destination") == "log-analytics" and not (analytics or {}).get("customerId"):
        raise ArmError(
            400,
            "LogAnalyticsConfigurationInvalid",
            "The logAnalyticsConfiguration needs a customerId and a sharedKey when the destination is"
            " log-analytics.",
        )
    shown = (
        {
            "customerId": analytics["customerId"],
            "sharedKey": None,
            "dynamicJsonColumns": bool(analytics.get("dynamicJsonColumns")),
        }
        if analytics
        else None
    )
    return {"destination": logs.get("destination"), "logAnalyticsConfiguration": shown}


def _shared_key(asked: JsonObject) -> str | None:
    logs = asked.get("appLogsConfiguration") or {}
    key: str | None = (logs.get("logAnalyticsConfiguration") or {}).get("sharedKey")
    return key


def system_data(cloud: Cloud, existing: JsonObject | None) -> JsonObject:
    """``systemData``: who made and last changed a resource, and when."""
    now = cloud.clock().strftime("%Y-%m-%dT%H:%M:%S.%f")
    before = (existing or {}).get("systemData", {})
    return {
        "createdBy": before.get("createdBy", "developer@aca-local.invalid"),
        "createdByType": "User",
        "createdAt": before.get("createdAt", now),
        "lastModifiedBy": "developer@aca-local.invalid",
        "lastModifiedByType": "User",
        "lastModifiedAt": now,
    }


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raises ManagedEnvironmentOperationInProgress (wording from an issue thread)."""
    if active_operation(cloud, target) is not None:
        raise ArmError(
            409,
            "ManagedEnvironmentOperationInProgress",
            f"Cannot modify Container Apps environment {target.name} because another operation is in"
            " progress.",
        )


def _check_quota(cloud: Cloud, target: ResourceId, wanted: list[JsonObject], location: str) -> None:
    """Raises MaxRegionalQuotaExceeded for more dedicated GPU nodes than the region gives."""
    others = [one for one in _profiles_in(cloud, location) if one["environment"] != target.key]
    if wanted and _gpus([*others, *wanted]) > GPU_QUOTA:
        raise ArmError(
            400,
            "MaxRegionalQuotaExceeded",
            f"Regional max quota limit threshold hit. The subscription {cloud.settings.subscription_id}"
            " cannot have"
            f" more than {GPU_QUOTA} SubscriptionNCA100Gpus in region {locations.display(location)}.",
        )


def _profiles_in(cloud: Cloud, location: str) -> list[JsonObject]:
    region = locations.canonical(location)
    return [
        {**profile, "environment": parse(one["id"]).key}
        for one in cloud.store.list(RESOURCE)
        if one["type"] == ENVIRONMENT and locations.canonical(one["location"]) == region
        for profile in one["properties"].get("workloadProfiles") or []
    ]


def _gpus(asked: list[JsonObject]) -> int:
    """How many A100 a list of profiles may grow to."""
    total = 0
    for one in asked:
        kind = profiles.find(one["workloadProfileType"])
        if kind is not None and kind.gpus and profiles.dedicated(kind):
            total += int(one.get("maximumCount", 0)) * kind.gpus
    return total


def _check_in_use(
    cloud: Cloud, target: ResourceId, wanted: list[JsonObject], before: list[JsonObject]
) -> None:
    left = {one["name"].lower() for one in before} - {one["name"].lower() for one in wanted}
    for app in apps_of(cloud, target):
        name = app["properties"].get("workloadProfileName") or ""
        if name.lower() in left:
            raise ArmError(
                400,
                "WorkloadProfileInUse",
                f"The workload profile '{name}' cannot be removed: the container app '{app['name']}' uses"
                " it.",
            )


def apps_of(cloud: Cloud, environment: ResourceId) -> list[JsonObject]:
    """The apps that run in an environment."""
    apps = (one for one in cloud.store.list(RESOURCE) if one["type"] == APP)
    return [one for one in apps if one["properties"]["environmentId"].lower() == environment.key]


def before_remove(cloud: Cloud, target: ResourceId) -> None:
    """An environment with apps in it is not removed."""
    check_idle(cloud, target)
    if apps_of(cloud, target):
        raise ArmError(
            400,
            "ManagedEnvironmentHasContainerApps",
            f"The environment '{target.name}' cannot be deleted because it has container apps. Delete them"
            " first.",
        )


def show(cloud: Cloud, document: JsonObject) -> JsonObject:
    """An environment without its secrets."""
    shown = {key: value for key, value in document.items() if key != "private"}
    endpoint = f"{_stream_base(cloud, parse(document['id']))}/eventstream"
    return {**shown, "properties": {**document["properties"], "eventStreamEndpoint": endpoint}}


def usages(cloud: Cloud, call: Call) -> JsonObject:
    """``GET …/usages`` of an environment (recorded shape): cores in use, by kind of profile."""
    used = dict.fromkeys(_CORES, 0.0)
    environment = cloud.store.get(RESOURCE, call.target.key)
    kinds = {
        one["name"].lower(): one for one in (environment or {})["properties"].get("workloadProfiles") or []
    }
    for app in apps_of(cloud, call.target):
        profile = kinds.get((app["properties"].get("workloadProfileName") or "consumption").lower())
        kind = profiles.find(profile["workloadProfileType"] if profile else "Consumption")
        if kind is not None and kind.category in used:
            containers = app["properties"]["template"]["containers"]
            used[kind.category] += sum(one["resources"]["cpu"] for one in containers)
    return {
        "value": [
            _usage(f"ManagedEnvironment{kind}Cores", used[kind], limit) for kind, limit in _CORES.items()
        ]
    }


def _usage(name: str, value: float, limit: int) -> JsonObject:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {
        "name": {"value": name, "localizedValue": words},
        "usage": value,
        "currentValue": value,
        "limit": limit,
    }


def region_usages(cloud: Cloud, location: str) -> JsonObject:
    """``GET …/locations/{location}/usages`` (recorded shape, with the GPU quotas that the service lists)."""
    here = [
        one
        for one in cloud.store.list(RESOURCE)
        if one["type"] == ENVIRONMENT
        and locations.canonical(one["location"]) == locations.canonical(location)
    ]
    return {
        "value": [
            _usage("ManagedEnvironmentCount", len(here), ENVIRONMENT_LIMIT),
            _usage("SubscriptionNCA100Gpus", _gpus(_profiles_in(cloud, location)), GPU_QUOTA),
            _usage("SubscriptionConsumptionNCA100Gpus", 0, 20),
            _usage("SubscriptionConsumptionT4Gpus", 0, 20),
        ]
    }


def profile_states(cloud: Cloud, call: Call) -> JsonObject:
    """``GET …/workloadProfileStates``: how many nodes each profile has now."""
    environment = cloud.store.get(RESOURCE, call.target.key)
    assert environment is not None
    states = []
    for one in environment["properties"].get("workloadProfiles") or []:
        properties = {
            "minimumCount": one.get("minimumCount", 0),
            "maximumCount": one.get("maximumCount", 0),
            "currentCount": one.get("minimumCount", 0),
        }
        states.append(
            {
                "properties": properties,
                "id": f"{call.target}/workloadProfileStates/{one['name']}",
                "name": one["name"],
                "type": f"{ENVIRONMENT}/workloadProfileStates",
            }
        )
    return {"value": states}


def write_storage(cloud: Cloud, request: Write) -> JsonObject:
    """A PUT of a storage: done at once; the key is kept apart and never shown. Of an existing one only the
    key changes.
    """
    name = request.target.name
    if _STORAGE_NAME.fullmatch(name) is None:
        raise ArmError(400, "ManagedEnvironmentStorageInvalidName", f"Invalid storage name '{name}'.")
    file = (request.body.get("properties") or {}).get("azureFile") or {}
    needed = [key for key in ("accountName", "shareName", "accessMode") if not file.get(key)]
    if needed:
        raise ArmError(
            400, "ManagedEnvironmentStorageBadRequest", f"The storage '{name}' needs azureFile.{needed[0]}."
        )
    if file["accessMode"] not in {"ReadOnly", "ReadWrite"}:
        raise ArmError(
            400, "ManagedEnvironmentStorageBadRequest", "azureFile.accessMode is ReadOnly or ReadWrite."
        )
    shown = {key: file[key] for key in ("accountName", "shareName", "accessMode")}
    _check_storage_update(request, shown, file.get("accountKey"))
    old_key = request.existing["private"]["accountKey"] if request.existing else None
    return {
        "id": str(request.target),
        "name": name,
        "type": "Microsoft.App/managedenvironments/storages",
        "properties": {"azureFile": shown},
        "private": {"accountKey": file.get("accountKey") or old_key},
    }


def _check_storage_update(request: Write, shown: JsonObject, key: str | None) -> None:
    name = request.target.name
    if request.existing is None:
        if not key:
            raise ArmError(
                400,
                "ManagedEnvironmentStorageBadRequest",
                f"The storage '{name}' needs azureFile.accountKey.",
            )
        return
    if request.existing["properties"]["azureFile"] != shown:
        raise ArmError(
            400,
            "ManagedEnvironmentStorageUpdateBadRequest",
            f"Only accountKey can be updated on the storage '{name}'. Delete it and create it anew to change"
            " the rest.",
        )


def storage_missing(target: ResourceId) -> Exception:
    """Recorded wording."""
    return ArmError(
        404, "ManagedEnvironmentStorageNotFound", f"ManagedEnvironment Storage '{target.name}' was not found."
    )


def show_storage(_: Cloud, document: JsonObject) -> JsonObject:
    """A storage without its key."""
    return {key: value for key, value in document.items() if key != "private"}
