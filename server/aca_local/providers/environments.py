"""Microsoft.App/managedEnvironments (shapes as recorded, and OpenAPI 2024-03-01)."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from aca_local.kernel import locations
from aca_local.kernel.ids import parse
from aca_local.kernel.operations import active_operation
from aca_local.kernel.resource_type import Document, Write, deep_merge
from aca_local.providers import app_messages as messages
from aca_local.providers import identities, profiles
from aca_local.providers.app_records import APP, APPS, ENVIRONMENT, ENVIRONMENTS

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.ids import ResourceId
    from aca_local.kernel.records import SystemData
    from aca_local.providers.app_records import (
        AppRecord,
        EnvironmentProperties,
        EnvironmentRecord,
        LogsRecord,
        ProfileRecord,
    )
    from aca_local.state import JSON, JsonObject

_NAME = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,58}[a-zA-Z0-9])?")
_NETWORK: dict[str, JSON] = {  # of an environment in a network of one's own (recorded)
    "internal": False,
    "infrastructureSubnetId": None,
    "dockerBridgeCidr": None,
    "platformReservedCidr": None,
    "platformReservedDnsIP": None,
}
_DOMAIN: dict[str, JSON] = {  # no custom domain (recorded)
    "dnsSuffix": None,
    "certificateKeyVaultProperties": None,
    "certificateValue": None,
    "certificatePassword": None,
    "thumbprint": None,
    "subjectName": None,
    "expirationDate": None,
}


def write(cloud: Cloud, request: Write) -> EnvironmentRecord:
    """Return the environment as a PUT asks for it; what the body leaves out gets its default."""
    target, body = request.target, request.body
    if _NAME.fullmatch(target.name) is None:
        raise messages.ENVIRONMENT_NAME.error(name=target.name)
    check_idle(cloud, target)
    asked, location = body.get("properties") or {}, body["location"]
    existing = cloud.store.get(ENVIRONMENTS, target.key)
    before = existing["properties"]["workloadProfiles"] if existing else None
    wanted = profiles.check(asked.get("workloadProfiles") or [], location, before if existing else None)
    _check_in_use(cloud, target, wanted, before or [])
    _check_quota(cloud, target, wanted, location)
    analytics = (asked.get("appLogsConfiguration") or {}).get("logAnalyticsConfiguration") or {}
    document: EnvironmentRecord = {
        "id": str(target),
        "name": target.name,
        "type": ENVIRONMENT,
        "location": locations.display(location),
        "systemData": system_data(cloud, existing["systemData"] if existing else None),
        "properties": _properties(target, asked, wanted, location),
        "private": {"sharedKey": analytics.get("sharedKey")},
    }
    if body.get("identity"):
        document["identity"] = identities.read(cloud, target, body["identity"])
    if body.get("tags"):
        document["tags"] = body["tags"]
    return document


def patch(cloud: Cloud, request: Write) -> EnvironmentRecord:
    """Return the environment after a PATCH: a JSON merge."""
    existing = cloud.store.get(ENVIRONMENTS, request.target.key)
    assert existing is not None
    base = {key: existing.get(key) for key in ("location", "tags", "identity", "properties")}
    merged = {**deep_merge(base, request.body), "location": existing["location"]}
    patched = write(cloud, Write(request.target, merged, request.api_version, existing))
    if patched["private"]["sharedKey"] is None:
        patched["private"] = existing["private"]
    return patched


def _properties(
    target: ResourceId, asked: JsonObject, wanted: list[ProfileRecord], location: str
) -> EnvironmentProperties:
    digest, vnet = hashlib.sha256(target.key.encode()).hexdigest(), asked.get("vnetConfiguration")
    verification = hashlib.sha256(digest.encode()).hexdigest().upper()
    return {
        "provisioningState": "Waiting",
        "daprAIInstrumentationKey": None,
        "daprAIConnectionString": None,
        "vnetConfiguration": {**_NETWORK, **vnet} if vnet else None,
        "defaultDomain": f"local-{digest[:8]}.{locations.canonical(location)}.aca-local.invalid",
        "staticIp": "127.0.0.1",
        "appLogsConfiguration": _app_logs(asked),
        "openTelemetryConfiguration": None,
        "appInsightsConfiguration": None,
        "ingressConfiguration": None,
        "diskEncryptionConfiguration": None,
        "availabilityZones": None,
        "publicNetworkAccess": asked.get("publicNetworkAccess") or "Enabled",
        "zoneRedundant": asked.get("zoneRedundant", False),
        "kedaConfiguration": {"version": "2.17.2"},
        "daprConfiguration": {"version": "1.13.6"},
        "eventStreamEndpoint": None,
        "customDomainConfiguration": {"customDomainVerificationId": verification, **_DOMAIN},
        "workloadProfiles": wanted or None,
        "infrastructureResourceGroup": asked.get("infrastructureResourceGroup"),
        "peerAuthentication": asked.get("peerAuthentication") or {"mtls": {"enabled": False}},
        "peerTrafficConfiguration": asked.get("peerTrafficConfiguration")
        or {"encryption": {"enabled": False}},
    }


def _app_logs(asked: JsonObject) -> LogsRecord:
    logs = asked.get("appLogsConfiguration") or {}
    analytics = logs.get("logAnalyticsConfiguration") or {}
    customer = analytics.get("customerId")
    if logs.get("destination") == "log-analytics" and not customer:
        raise messages.LOG_ANALYTICS.error()
    if not customer:
        return {"destination": logs.get("destination"), "logAnalyticsConfiguration": None}
    dynamic = analytics.get("dynamicJsonColumns", False)
    return {
        "destination": logs.get("destination"),
        "logAnalyticsConfiguration": {
            "customerId": customer,
            "sharedKey": None,
            "dynamicJsonColumns": dynamic,
        },
    }


def system_data(cloud: Cloud, before: SystemData | None) -> SystemData:
    """Return who made and last changed a resource, and when."""
    now = cloud.clock().strftime("%Y-%m-%dT%H:%M:%S.%f")
    return {
        "createdBy": before["createdBy"] if before else "developer@aca-local.invalid",
        "createdByType": "User",
        "createdAt": before["createdAt"] if before else now,
        "lastModifiedBy": "developer@aca-local.invalid",
        "lastModifiedByType": "User",
        "lastModifiedAt": now,
    }


def check_idle(cloud: Cloud, target: ResourceId) -> None:
    """Raise ManagedEnvironmentOperationInProgress (wording from an issue thread)."""
    if active_operation(cloud, target) is not None:
        raise messages.ENVIRONMENT_IN_PROGRESS.error(name=target.name)


def in_region(cloud: Cloud, location: str) -> list[EnvironmentRecord]:
    """Return the environments of a region."""
    region = locations.canonical(location)
    found = (one for one in cloud.store.list(ENVIRONMENTS) if one["type"] == ENVIRONMENT)
    return [one for one in found if locations.canonical(one["location"]) == region]


def _check_quota(cloud: Cloud, target: ResourceId, wanted: list[ProfileRecord], location: str) -> None:
    """Raise MaxRegionalQuotaExceeded for more dedicated GPU nodes than the region gives."""
    others = [one for one in in_region(cloud, location) if parse(one["id"]).key != target.key]
    used = [profile for one in others for profile in one["properties"].get("workloadProfiles") or []]
    if profiles.gpus(wanted) and profiles.gpus([*used, *wanted]) > profiles.GPU_QUOTA:
        raise messages.GPU_QUOTA.error(
            subscription=cloud.settings.subscription_id,
            limit=profiles.GPU_QUOTA,
            region=locations.display(location),
        )


def _check_in_use(
    cloud: Cloud, target: ResourceId, wanted: list[ProfileRecord], before: list[ProfileRecord]
) -> None:
    left = {one["name"].lower() for one in before} - {one["name"].lower() for one in wanted}
    for app in apps_of(cloud, target):
        name = app["properties"].get("workloadProfileName") or ""
        if name.lower() in left:
            raise messages.PROFILE_IN_USE.error(profile=name, app=app["name"])


def apps_of(cloud: Cloud, environment: ResourceId) -> list[AppRecord]:
    """Return the apps that run in an environment."""
    apps = (one for one in cloud.store.list(APPS) if one["type"] == APP)
    return [one for one in apps if one["properties"]["environmentId"].lower() == environment.key]


def before_remove(cloud: Cloud, target: ResourceId) -> None:
    """Refuse to remove an environment with apps in it."""
    check_idle(cloud, target)
    if apps_of(cloud, target):
        raise messages.ENVIRONMENT_HAS_APPS.error(name=target.name)


def show(cloud: Cloud, document: Document) -> JsonObject:
    """Return an environment without its secrets."""
    shown = {key: value for key, value in document.items() if key != "private"}
    target = parse(document["id"])
    endpoint = f"{cloud.settings.arm_url}{target.group_id}/managedEnvironments/{target.name}/eventstream"
    return {**shown, "properties": {**document["properties"], "eventStreamEndpoint": endpoint}}
