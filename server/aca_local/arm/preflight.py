"""What is checked before a deployment starts: types, api-versions, registration, locations, taken names."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from aca_local.arm import errors, groups, locations, registration
from aca_local.arm.errors import ArmError
from aca_local.arm.ids import parse
from aca_local.providers.model import Write
from aca_local.templates import Expression

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.arm.deployments import Place
    from aca_local.providers.registry import Registry
    from aca_local.state import JsonObject
    from aca_local.templates import Plan, PlannedResource

_OWN = frozenset({"microsoft.resources/deployments", "microsoft.resources/resourcegroups"})


def check(cloud: Cloud, registry: Registry, place: Place, plan: Plan) -> None:
    """Raises MissingSubscriptionRegistration, or InvalidTemplateDeployment with what is wrong below it."""
    problems: list[JsonObject] = []
    for one in plan.leaves():
        if one.type.lower() in _OWN:
            continue
        try:
            _check(cloud, registry, one)
        except ArmError as error:
            if error.code == "MissingSubscriptionRegistration":
                raise
            problems.append({"target": one.id} | error.body())
    if problems:
        raise _invalid(place, problems)


def _invalid(place: Place, problems: list[JsonObject]) -> ArmError:
    preflight = {
        "code": "PreflightValidationCheckFailed",
        "message": "Preflight validation failed. Please refer to the details for the specific errors.",
        "details": problems,
    }
    return errors.gateway(
        400,
        "InvalidTemplateDeployment",
        f"The template deployment '{place.name}' is not valid according to the validation procedure. The"
        " tracking id is"
        f" '{uuid.uuid4()}'. See inner errors for details.",
        details=[preflight],
    )


def _check(cloud: Cloud, registry: Registry, one: PlannedResource) -> None:
    namespace, _, name = one.type.partition("/")
    kind = registry.require(namespace, name, one.api_version)
    registration.check_registered(cloud, kind.namespace)
    if kind.write is None:
        raise errors.unsupported_method("PUT")
    if kind.tracked:
        _check_location(kind.full_name, one)
    if kind.preflight is None or isinstance(one.name, Expression):
        return
    target = parse(one.id)
    existing = kind.find(cloud, target) if cloud.store.get(groups.GROUP, target.group) else None
    kind.preflight(cloud, Write(target, one.body, one.api_version, existing))


def _check_location(full_name: str, one: PlannedResource) -> None:
    if one.location is None:
        raise errors.location_required()
    if not isinstance(one.location, Expression) and not locations.known(one.location):
        raise errors.location_unavailable(one.location, full_name, locations.NAMES)
