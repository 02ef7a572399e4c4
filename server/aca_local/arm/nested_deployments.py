"""Nested deployments that begin: what they are given, and what is kept to carry them out again after a crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template import TemplateError, resolve

from aca_local.arm import deployments
from aca_local.kernel.errors import ArmError
from aca_local.kernel.records import DEPLOYMENT, DEPLOYMENT_OPERATION

if TYPE_CHECKING:
    from arm_template import Plan, PlannedResource, Runtime

    from aca_local.arm.deployments import DeploymentScope
    from aca_local.kernel.context import Cloud
    from aca_local.kernel.records import DeploymentPrivate
    from aca_local.state import JsonObject


def properties_of(one: PlannedResource, plan: Plan, runtime: Runtime) -> JsonObject:
    """Return the properties of a nested deployment, finished now if it could not be planned before.

    Raise ArmError where they hold no template.
    """
    stated = one.body.get("properties")
    if one.nested is not None:
        assert isinstance(stated, dict)
        return stated
    try:
        properties = resolve(stated, plan, runtime)
    except TemplateError as error:
        raise deployments.invalid_template(error) from None
    found = properties if isinstance(properties, dict) else {}
    if "templateLink" in found:
        raise ArmError(400, "InvalidTemplateLink", "aca-local does not fetch linked templates.")
    if not isinstance(found.get("template"), dict):
        message = f"The deployment '{one.id}' must have either the TemplateLink or Template property set."
        raise ArmError(400, "InvalidTemplate", message)
    return found


def private_of(
    cloud: Cloud,
    around: DeploymentScope,
    scope: DeploymentScope,
    one: PlannedResource,
    properties: JsonObject,
) -> DeploymentPrivate:
    """Return what a nested deployment is carried out with: after a crash, the same again."""
    outer = cloud.store.get(DEPLOYMENT, around.id)
    assert outer is not None
    correlation = outer["private"]["correlationId"]
    existing = cloud.store.get(DEPLOYMENT, scope.id)
    if existing is not None and existing["private"]["correlationId"] == correlation:
        return existing["private"]
    parameters = {} if one.nested is not None else properties.get("parameters")
    request = {"template": properties.get("template") or {}, "parameters": parameters}
    private = deployments.new_private(cloud, request, correlation)
    private["nested"] = True
    return private


def store(cloud: Cloud, scope: DeploymentScope, plan: Plan, mode: str, private: DeploymentPrivate) -> None:
    """Store a nested deployment, unless it was before a crash."""
    existing = cloud.store.get(DEPLOYMENT, scope.id)
    if existing is not None and existing["private"]["correlationId"] == private["correlationId"]:
        return
    cloud.store.delete_under(DEPLOYMENT_OPERATION, f"{scope.id}/")
    document = deployments.document(cloud, scope, mode, plan, private=private)
    cloud.store.put(DEPLOYMENT, scope.id, document)
