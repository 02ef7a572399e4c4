"""What templates ask of the running cloud: ``reference`` and the ``list*`` functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from arm_template import TemplateError

from aca_local.arm import resources
from aca_local.arm.deployments import show
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.records import DEPLOYMENT, GROUP
from aca_local.kernel.resource_type import Call

if TYPE_CHECKING:
    from arm_template import Plan

    from aca_local.kernel.context import Cloud
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject


class CloudRuntime:
    """The ``Runtime`` of the template engine, on this cloud."""

    def __init__(self, cloud: Cloud, registry: Registry, plan: Plan) -> None:
        self._cloud = cloud
        self._registry = registry
        self._plan = plan

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> JSON:
        """Return a resource's properties, or the whole of it. Raise TemplateError."""
        resource_id = _identify(self._plan, resource_id)
        whole = self._whole(resource_id, api_version)
        return _full(resource_id, whole, api_version) if full else whole.get("properties", {})

    def list_call(self, function: str, resource_id: str, api_version: str, body: JSON | None) -> JSON:
        """Return what a ``list*`` function answers. Raise TemplateError."""
        resource_id = _identify(self._plan, resource_id)
        try:
            target = parse(resource_id)
            call = Call(target, body if isinstance(body, dict) else {}, {}, api_version)
            return resources.list_call(self._cloud, self._registry, function, target, call)
        except (ArmError, ValueError) as error:
            raise _failed(error, resource_id) from None

    def _whole(self, resource_id: str, api_version: str | None) -> JsonObject:
        deployment = self._cloud.store.get(DEPLOYMENT, resource_id)
        if deployment is not None:
            return show(deployment)
        parts = resource_id.strip("/").split("/")
        if len(parts) == 4 and parts[2].lower() == "resourcegroups":  # noqa: PLR2004 - the id of a group
            group = self._cloud.store.get(GROUP, parts[3])
            if group is not None:
                return dict(group)
        try:
            target = parse(resource_id)
            kind = self._registry.get(target.type)
            version = api_version or (kind.api_versions[0] if kind else "")
            kind, document = resources.find(self._cloud, self._registry, target, version)
        except (ArmError, ValueError) as error:
            raise _failed(error, resource_id) from None
        return kind.view(self._cloud, document, version)


def _identify(plan: Plan, text: str) -> str:
    """Return an id: a resource of the template may be named by its name, or by type and name (recorded)."""
    if text.startswith("/"):
        return text
    wanted = text.lower()
    for one in plan.resources:
        namespace, *types = one.type.split("/")
        pairs = [f"{kind}/{name}" for kind, name in zip(types, one.name.split("/"), strict=False)]
        typed = "/".join((namespace, *pairs))
        if wanted in {one.name.lower(), typed.lower(), (one.symbolic_name or one.name).lower()}:
            return one.id
    return text


def _full(resource_id: str, whole: JsonObject, api_version: str | None) -> JsonObject:
    parts = resource_id.strip("/").split("/")
    extra: JsonObject = {
        "apiVersion": api_version,
        "subscriptionId": parts[1],
        "resourceId": resource_id.partition("/providers/")[2],
        "referenceApiVersion": api_version,
        "condition": True,
        "isConditionTrue": True,
    }
    if len(parts) > 3 and parts[2].lower() == "resourcegroups":  # noqa: PLR2004 - the id of something in a group
        extra["resourceGroupName"] = parts[3]
    return {key: value for key, value in whole.items() if key not in {"id", "name", "type"}} | extra


def _failed(error: Exception, resource_id: str) -> TemplateError:
    if isinstance(error, ArmError):
        return TemplateError(error.message, code=error.code, target=resource_id)
    return TemplateError(str(error), code="InvalidResourceId", target=resource_id)
