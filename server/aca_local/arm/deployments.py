"""Deployments as documents: how one is checked, stored and shown (shapes as recorded)."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, TypedDict, cast

from arm_template import Scope, TemplateError, Volatile, evaluate

from aca_local.arm import groups
from aca_local.arm.template_hash import template_hash
from aca_local.kernel import body_schema, errors, locations
from aca_local.kernel.records import DEPLOYMENT
from aca_local.state import TERMINAL, ticks
from aca_local.state.clock import duration, stamp

if TYPE_CHECKING:
    from arm_template import Output, Plan, PlannedResource

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import (
        DeploymentPrivate,
        DeploymentProperties,
        DeploymentRecord,
        ErrorRecord,
        TypedValue,
    )
    from aca_local.state import JSON, JsonObject

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


class DeploymentEnd(TypedDict, total=False):
    """What a deployment that has ended has besides its state."""

    error: ErrorRecord
    outputs: dict[str, TypedValue]
    outputResources: list[dict[str, JSON]]


@dataclass(frozen=True)
class DeploymentScope:
    """Where a deployment is: in a group, or (``group`` None) in the subscription."""

    subscription: str
    group: str | None
    name: str

    @property
    def base(self) -> str:
        """Return the id of the group or subscription."""
        base = f"/subscriptions/{self.subscription}"
        return base if self.group is None else f"{base}/resourceGroups/{self.group}"

    @property
    def id(self) -> str:
        """Return the id of the deployment."""
        return f"{self.base}/providers/{TYPE}/{self.name}"


def read_request(body: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Return a request's body and its ``properties``, checked for what is supported.

    Raise InvalidRequestContent, InvalidTemplate.
    """
    given = body.get("properties")
    body = body_schema.read(TYPE, body)
    properties = body.get("properties")
    if properties is None or not isinstance(given, dict):
        raise errors.INVALID_BODY.error(why="The deployment has no 'properties'.")
    if properties.get("mode") not in {"Incremental", "Complete"}:
        raise errors.INVALID_BODY.error(
            why=f"The mode '{properties.get('mode')}' is not Incremental or Complete."
        )
    unknown = [key for key, value in given.items() if key.lower() not in _KNOWN and value is not None]
    if unknown:
        raise errors.DEPLOYMENT_UNSUPPORTED.error(name=unknown[0])
    if not isinstance(properties.get("template"), dict):
        raise errors.INVALID_TEMPLATE.error()
    return body, properties


def check_name(name: str) -> None:
    """Raise InvalidDeploymentName."""
    if _NAME.fullmatch(name) is None:
        raise errors.DEPLOYMENT_NAME.error(name=name)


def new_private(
    cloud: Cloud, properties: JsonObject, correlation_id: str, location: str = ""
) -> DeploymentPrivate:
    """Return what is needed to carry a deployment out, and to do so again after a crash."""
    now = cloud.clock()
    return {
        "template": properties["template"],
        "parameters": properties.get("parameters") or {},
        "started": stamp(now),
        "correlationId": correlation_id,
        "operationId": f"{2**63 - 1 - ticks(now):020d}",
        "location": location,
    }


def plan_of(cloud: Cloud, scope: DeploymentScope, private: DeploymentPrivate) -> Plan:
    """Evaluate a deployment's template: always the same for the same ``private``. Raise InvalidTemplate."""
    seed = Random(private["correlationId"] + private["started"])  # noqa: S311 - newGuid() must be repeatable
    started = datetime.fromisoformat(private["started"][:26] + "+00:00")
    volatile = Volatile(started, lambda: str(uuid.UUID(int=seed.getrandbits(128), version=4)))
    known = scope_of(cloud, scope, private.get("location", ""))
    try:
        return evaluate(private["template"], private["parameters"], known, volatile=volatile)
    except TemplateError as error:
        raise invalid_template(error) from None


def invalid_template(error: TemplateError) -> errors.ArmError:
    """Return the error of a template that cannot be evaluated, as the service words it (recorded)."""
    message = error.message
    if error.code == "InvalidTemplate" and not message.startswith("Deployment template"):
        message = f"Deployment template validation failed: '{message}'."
    unknown: dict[str, Any] = {
        "type": "TemplateViolation",
        "info": {"lineNumber": 0, "linePosition": 0, "path": ""},
    }
    known: list[dict[str, Any]] = [{**one} for one in error.additional_info if isinstance(one, dict)]
    for one in known:
        info = one.get("info")
        if isinstance(info, dict) and info.get("path"):  # it starts in the request, not in the template
            one["info"] = {**info, "path": f"properties.template.{info['path']}"}
    return errors.gateway(400, error.code, message, additional_info=known or [unknown])


def scope_of(cloud: Cloud, scope: DeploymentScope, location: str) -> Scope:
    """Return what ``resourceGroup()``, ``subscription()`` and the like answer in a deployment."""
    group = groups.find(cloud, scope.group) if scope.group is not None else None
    return Scope(
        tenant_id=cloud.settings.tenant_id,
        subscription_id=cloud.settings.subscription_id,
        resource_group=group["name"] if group else None,
        location=group["location"] if group else location,
        deployment_name=scope.name,
        group_tags=group.get("tags") or {} if group else None,
        subscription_name=cloud.settings.display_name,
    )


def document(
    cloud: Cloud, scope: DeploymentScope, mode: str, plan: Plan, *, private: DeploymentPrivate
) -> DeploymentRecord:
    """Return a new deployment, ``Accepted``."""
    now = cloud.clock()
    return {
        "id": scope.id,
        "name": scope.name,
        "type": TYPE,
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


def show(deployment: DeploymentRecord) -> JsonObject:
    """Return a deployment as GET answers it."""
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


def typed(one: Output) -> TypedValue:
    """Return a parameter or output as it is shown: secure ones without their value."""
    kind = _TYPES.get(one.type.lower(), one.type)
    if kind.startswith("Secure"):
        return {"type": kind}
    return {"type": kind, "value": one.value}


def camel(name: str) -> str:
    """Return how the service writes the name of an output: ``azurE_REGION`` for ``AZURE_REGION``.
     Recorded twice (azd and the CLI): names go through .NET's camel-case rule, which lowers the capitals at
    the start up to the last one before another kind of letter (``newNSG`` for ``NewNSG``).
    """
    letters = list(name)
    for index, letter in enumerate(letters):
        following = letters[index + 1] if index + 1 < len(letters) else None
        if not letter.isupper() or (index and following is not None and not following.isupper()):
            break
        letters[index] = letter.lower()
    return "".join(letters)


def providers_of(plan: Plan) -> list[dict[str, JSON]]:
    """Return ``providers``: namespaces, types and locations of a deployment."""
    found: dict[str, dict[str, list[JSON]]] = {}
    for one in _deployed(plan):
        namespace, _, name = one.type.partition("/")
        held = found.setdefault(namespace, {}).setdefault(name, [])
        location = locations.canonical(one.location) if isinstance(one.location, str) else None
        if location not in held:
            held.append(location)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [{"resourceType": name, "locations": held} for name, held in kinds.items()],
        }
        for namespace, kinds in found.items()
    ]


def dependencies_of(plan: Plan) -> list[dict[str, JSON]]:
    """Return ``dependencies``: which resource waits for which."""
    known = {one.id.lower(): one for one in plan.resources}
    return [
        {
            "dependsOn": [_named(known[each.lower()]) for each in one.depends_on if each.lower() in known],
            **_named(one),
        }
        for one in _deployed(plan)
        if one.depends_on
    ]


def _named(one: PlannedResource) -> dict[str, JSON]:
    return {"id": one.id, "resourceType": one.type, "resourceName": one.name}


def _deployed(plan: Plan) -> list[PlannedResource]:
    return [one for one in plan.resources if not one.existing]


def check_inactive(cloud: Cloud, scope: DeploymentScope) -> DeploymentRecord | None:
    """Return the deployment of this name, if any. Raise DeploymentActive while it goes on."""
    existing = cloud.store.get(DEPLOYMENT, scope.id)
    if existing is not None and existing["properties"]["provisioningState"] not in TERMINAL:
        since = american(datetime.fromisoformat(existing["private"]["started"][:26]))
        raise errors.ACTIVE_DEPLOYMENT.error(name=scope.name, since=since, until=expiration(existing))
    return existing


def expiration(deployment: DeploymentRecord) -> str:
    """Return when a deployment expires, as messages write it."""
    return american(datetime.fromisoformat(deployment["private"]["started"][:26]) + _LIFE)


def american(moment: datetime) -> str:
    """Return a moment as messages write it: ``4/23/2021 8:17:44 AM``."""
    hour = moment.hour % 12 or 12
    return f"{moment.month}/{moment.day}/{moment.year} {hour}:{moment:%M:%S} {moment:%p}"


def set_state(
    cloud: Cloud, deployment_id: str, state: str, more: DeploymentEnd | None = None
) -> DeploymentRecord | None:
    """Move a deployment on; one that has ended stays as it is."""
    with cloud.store.transaction():
        deployment = cloud.store.get(DEPLOYMENT, deployment_id)
        if deployment is None or deployment["properties"]["provisioningState"] in TERMINAL:
            return None
        now = cloud.clock()
        since = datetime.fromisoformat(deployment["private"]["started"][:26] + "+00:00")
        properties = deployment["properties"]
        properties |= {"provisioningState": state, "timestamp": stamp(now), "duration": duration(now - since)}
        if more is not None:
            properties.update(cast("DeploymentProperties", more))
        cloud.store.put(DEPLOYMENT, deployment_id, deployment)
        return deployment
