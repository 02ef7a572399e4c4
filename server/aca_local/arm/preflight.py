"""What is checked before a deployment starts: types, api-versions, registration, locations, taken names."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from arm_template import Expression

from aca_local.arm import registration
from aca_local.kernel import body_schema, errors, locations
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.records import GROUP
from aca_local.kernel.resource_type import Write

if TYPE_CHECKING:
    from arm_template import Plan, PlannedResource

    from aca_local.arm.deployments import DeploymentScope
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import ErrorRecord
    from aca_local.providers.registry import Registry

_OWN = frozenset({"microsoft.resources/deployments", "microsoft.resources/resourcegroups"})


def check(cloud: Cloud, registry: Registry, scope: DeploymentScope, plan: Plan) -> None:
    """Raise MissingSubscriptionRegistration, or InvalidTemplateDeployment with what is wrong below it."""
    problems: list[ErrorRecord] = []
    for one in plan.leaves():
        if one.type.lower() in _OWN:
            continue
        try:
            _check(cloud, registry, one)
        except ArmError as error:
            if error.code == "MissingSubscriptionRegistration":
                raise
            body = error.body()
            problems.append({**body, "target": body.get("target", one.id)})
    if problems:
        message = _INVALID.format(name=scope.name, tracking=uuid.uuid4())
        inner: ErrorRecord = {"code": "PreflightValidationCheckFailed", "message": _PREFLIGHT}
        inner["details"] = problems
        raise errors.gateway(400, "InvalidTemplateDeployment", message, details=[inner])


_INVALID = "The template deployment '{name}' is not valid according to the validation procedure. The tracking id is '{tracking}'. See inner errors for details."
_PREFLIGHT = "Preflight validation failed. Please refer to the details for the specific errors."


def _check(cloud: Cloud, registry: Registry, one: PlannedResource) -> None:
    namespace, _, name = one.type.partition("/")
    kind = registry.require(namespace, name, one.api_version)
    registration.check_registered(cloud, kind.namespace)
    if kind.write is None:
        raise errors.UNSUPPORTED_METHOD.error(method="PUT")
    if kind.tracked and one.location is None:
        raise errors.LOCATION_REQUIRED.error()
    if kind.tracked and isinstance(one.location, str) and not locations.known(one.location):
        regions = ",".join(locations.NAMES)
        raise errors.LOCATION_UNAVAILABLE.error(location=one.location, name=kind.full_name, regions=regions)
    try:
        target = parse(one.id)
    except ValueError:
        raise errors.INVALID_SCOPE.error(id=one.id, name=kind.full_name) from None
    cloud.conditions.check_policy(kind.full_name, target.name)
    body = body_schema.read(kind.full_name, dict(one.body))
    if kind.preflight is None or isinstance(one.name, Expression):
        return
    existing = kind.find(cloud, target) if cloud.store.get(GROUP, target.group) else None
    kind.preflight(cloud, Write(target, body, one.api_version, existing))
