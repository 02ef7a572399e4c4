"""Deployments as documents: how one is checked, stored and shown (shapes as recorded)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

from aca_local.arm import errors, groups
from aca_local.arm.template_hash import template_hash
from aca_local.state import TERMINAL, ticks
from aca_local.state.clock import duration, stamp
from aca_local.templates import Scope, TemplateError, Volatile, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aca_local.arm.cloud import Cloud
    from aca_local.state import JSON, JsonObject
    from aca_local.templates import Output, Plan, PlannedResource

DEPLOYMENT = "deployment"
DEPLOYMENT_OPERATION = "deployment-operation"
TYPE = "Microsoft.Resources/deployments"

_NAME = re.compile(r"[-\w.()]{1,64}")
_LIFE = timedelta(days=7)
_KNOWN = frozenset(
    {
        "template",
        "parameters",
        "mode",
        "debugsetting",
        "expressionevaluationoptions",
        "whatifsettings",
        "validationlevel",
    }
)


@dataclass(frozen=True)
class Place:
    """Where a deployment is: in a group, or (``group`` None) in the subscription."""

    subscription: str
    group: str | None
    name: str

    @property
    def base(self) -> str:
        """The id of the group or subscription."""
        base = f"/subscriptions/{self.subscription}"
        return base if self.group is None else f"{base}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        """The id of the deployment."""
        return f"{self.base}/providers/{TYPE}/{self.name}"


def read_request(body: JsonObject) -> JsonObject:
    """The ``properties`` of a request, checked for what is supported. Raises InvalidRequestContent and
    others.
    """
    properties = body.get("properties")
    if not isinstance(properties, dict):
        raise errors.invalid_body("The deployment has no 'properties'.")
    mode = properties.get("mode")
    if mode not in {"Incremental", "Complete"}:
        raise errors.invalid_body(f"The mode '{mode}' is not Incremental or Complete.")
    unknown = [key for key, value in properties.items() if key.lower() not in _KNOWN and value is not None]
    if unknown:
        raise errors.gateway(
            400,
            "InvalidRequestContent",
            f"aca-local does not support '{unknown[0]}' in a deployment: give the template and its"
            " parameters inline.",
        )
    if not isinstance(properties.get("template"), dict):
        raise errors.gateway(400, "InvalidTemplate", "Deployment template is null or not an object.")
    return properties


def check_name(name: str) -> None:
    """Raises InvalidDeploymentName."""
    if _NAME.fullmatch(name) is None:
        raise errors.gateway(
            400,
            "InvalidDeploymentName",
            f"The deployment name '{name}' is invalid: at most 64 letters, digits, '-', '.', '_', '(' and"
            " ')'.",
        )


def new_private(cloud: Cloud, properties: JsonObject, correlation_id: str) -> JsonObject:
    """What is needed to carry a deployment out, and to do so again after a crash."""
    now = cloud.clock()
    return {
        "template": properties["template"],
        "parameters": properties.get("parameters") or {},
        "started": stamp(now),
        "correlationId": correlation_id,
        "operationId": f"{2**63 - 1 - ticks(now):020d}",
    }


def plan_of(cloud: Cloud, place: Place, location: str, private: JsonObject) -> Plan:
    """Evaluate a deployment's template: always the same for the same ``private``. Raises InvalidTemplate."""
    seed = Random(private["correlationId"] + private["started"])  # noqa: S311 - newGuid() must be repeatable
    started = datetime.fromisoformat(private["started"][:26] + "+00:00")
    volatile = Volatile(started, lambda: str(uuid.UUID(int=seed.getrandbits(128), version=4)))
    return _guarded(
        lambda: evaluate(
            private["template"], private["parameters"], scope_of(cloud, place, location), volatile=volatile
        )
    )


def _guarded(work: object) -> Plan:
    assert callable(work)
    try:
        plan: Plan = work()
    except TemplateError as error:
        raise invalid_template(error) from None
    return plan


def invalid_template(error: TemplateError) -> errors.ArmError:
    """A template that cannot be evaluated, as the service words it (recorded)."""
    message = error.message
    if error.code == "InvalidTemplate" and not message.startswith("Deployment template"):
        message = f"Deployment template validation failed: '{message}'."
    unknown = {"type": "TemplateViolation", "info": {"lineNumber": 0, "linePosition": 0, "path": ""}}
    info = [_located(one) for one in error.additional_info if isinstance(one, dict)] or [unknown]
    return errors.gateway(400, error.code, message, additional_info=info)


def _located(one: JsonObject) -> JsonObject:
    info = one.get("info")
    if not isinstance(info, dict) or not info.get("path"):
        return one
    return {**one, "info": {**info, "path": f"properties.template.{info['path']}"}}


def scope_of(cloud: Cloud, place: Place, location: str) -> Scope:
    """What ``resourceGroup()``, ``subscription()`` and the like answer in a deployment."""
    group = groups.find(cloud, place.group) if place.group is not None else None
    return Scope(
        tenant_id=cloud.settings.tenant_id,
        subscription_id=cloud.settings.subscription_id,
        resource_group=group["name"] if group else None,
        location=group["location"] if group else location,
        deployment_name=place.name,
        group_tags=group.get("tags") or {} if group else None,
        subscription_name=cloud.settings.display_name,
    )


def document(
    cloud: Cloud, place: Place, mode: str, plan: Plan, *, private: JsonObject, extra: JsonObject
) -> JsonObject:
    """A new deployment, ``Accepted``; ``extra`` is what stands beside its properties."""
    now = cloud.clock()
    return {
        "id": place.id,
        "name": place.name,
        "type": TYPE,
        **extra,
        "properties": {
            "templateHash": template_hash(private["template"]),
            "parameters": {camel(name): typed(one) for name, one in plan.parameters.items()},
            "mode": mode,
            "provisioningState": "Accepted",
            "timestamp": stamp(now),
            "duration": "PT0S",
            "correlationId": private["correlationId"],
            "providers": providers_of(plan),
            "dependencies": dependencies_of(plan),
        },
        "private": private,
    }


def show(deployment: JsonObject) -> JsonObject:
    """A deployment as GET answers it."""
    return {key: value for key, value in deployment.items() if key != "private"}


_TYPES = {
    "string": "String",
    "int": "Int",
    "bool": "Bool",
    "object": "Object",
    "array": "Array",
    "securestring": "SecureString",
    "secureobject": "SecureObject",
}


def typed(one: Output) -> JsonObject:
    """A parameter or output on the wire: secure ones without their value."""
    kind = _TYPES.get(one.type.lower(), one.type)
    return {"type": kind} if kind.startswith("Secure") else {"type": kind, "value": one.value}


def camel(name: str) -> str:
    """How the service writes the name of an output: ``AZURE_REGION`` → ``azurE_REGION``, ``NewNSG`` →
    ``newNSG``.

    Recorded twice (azd and the CLI): names go through .NET's camel-case rule, which lowers the capitals at
    the
    start up to the last one before another kind of letter.
    """
    letters = list(name)
    for index, letter in enumerate(letters):
        following = letters[index + 1] if index + 1 < len(letters) else None
        if not letter.isupper() or (index and following is not None and not following.isupper()):
            break
        letters[index] = letter.lower()
    return "".join(letters)


def providers_of(plan: Plan) -> list[JsonObject]:
    """``providers``: namespaces, types and locations of a deployment."""
    found: dict[str, dict[str, list[JSON]]] = {}
    for one in _deployed(plan):
        namespace, _, name = one.type.partition("/")
        locations = found.setdefault(namespace, {}).setdefault(name, [])
        location = one.location.replace(" ", "").lower() if isinstance(one.location, str) else None
        if location not in locations:
            locations.append(location)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [{"resourceType": name, "locations": held} for name, held in kinds.items()],
        }
        for namespace, kinds in found.items()
    ]


def dependencies_of(plan: Plan) -> list[JsonObject]:
    """``dependencies``: which resource waits for which."""
    known = {one.id.lower(): one for one in plan.resources}
    return [
        {
            "dependsOn": [_named(known[each.lower()]) for each in one.depends_on if each.lower() in known],
            **_named(one),
        }
        for one in _deployed(plan)
        if one.depends_on
    ]


def _named(one: PlannedResource) -> JsonObject:
    return {"id": one.id, "resourceType": one.type, "resourceName": one.name}


def _deployed(plan: Plan) -> list[PlannedResource]:
    return [one for one in plan.resources if not one.existing]


def check_inactive(cloud: Cloud, place: Place) -> JsonObject | None:
    """The deployment of this name, if any. Raises DeploymentActive while it goes on (wording from issue
    threads).
    """
    existing = cloud.store.get(DEPLOYMENT, place.id)
    if existing is not None and existing["properties"]["provisioningState"] not in TERMINAL:
        since = datetime.fromisoformat(existing["private"]["started"][:26])
        raise errors.gateway(
            409,
            "DeploymentActive",
            f"Unable to edit or replace deployment '{place.name}': previous deployment from"
            f" '{american(since)}' is still"
            f" active (expiration time is '{american(since + _LIFE)}'). Please see"
            " https://aka.ms/arm-deploy-resources for usage details.",
        )
    return existing


def expiration(deployment: JsonObject) -> str:
    """When a deployment expires, as messages write it."""
    return american(datetime.fromisoformat(deployment["private"]["started"][:26]) + _LIFE)


def american(moment: datetime) -> str:
    """``4/23/2021 8:17:44 AM``."""
    hour = moment.hour % 12 or 12
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {moment:%p}"


def set_state(
    cloud: Cloud, deployment_id: str, state: str, more: Mapping[str, JSON] | None = None
) -> JsonObject | None:
    """Move a deployment on; one that has ended stays as it is."""
    with cloud.store.transaction():
        deployment = cloud.store.get(DEPLOYMENT, deployment_id)
        if deployment is None or deployment["properties"]["provisioningState"] in TERMINAL:
            return None
        now = cloud.clock()
        since = datetime.fromisoformat(deployment["private"]["started"][:26] + "+00:00")
        deployment["properties"] |= {
            "provisioningState": state,
            "timestamp": stamp(now),
            "duration": duration(now - since),
            **(more or {}),
        }
        cloud.store.put(DEPLOYMENT, deployment_id, deployment)
        return deployment
