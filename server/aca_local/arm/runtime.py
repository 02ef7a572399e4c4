"""What templates ask the running cloud: ``reference`` and the ``list*`` functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aca_local.arm import resources
from aca_local.arm.deployments import DEPLOYMENT, show
from aca_local.arm.errors import ArmError
from aca_local.arm.groups import GROUP
from aca_local.arm.ids import parse
from aca_local.providers.model import Call
from aca_local.templates import TemplateError

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud
    from aca_local.providers.registry import Registry
    from aca_local.state import JSON, JsonObject
    from aca_local.templates import Plan, PlannedResource


class CloudRuntime:
    """The ``Runtime`` of the template engine, on this cloud."""

    def __init__(self, cloud: Cloud, registry: Registry, plan: Plan) -> None:
        self._cloud = cloud
        self._registry = registry
        self._plan = plan

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> JSON:
        """A resource's properties, or the whole of it. Raises TemplateError."""
        resource_id = _identify(self._plan, resource_id)
        whole = self._whole(resource_id, api_version)
        return _full(resource_id, whole, api_version) if full else whole.get("properties", {})

    def list_call(self, function: str, resource_id: str, api_version: str, body: JSON | None) -> JSON:
        """What a ``list*`` function answers. Raises TemplateError."""
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
                return group
        try:
            target = parse(resource_id)
            kind = self._registry.get(target.type)
            version = api_version or (kind.api_versions[0] if kind else "")
            kind, document = resources.find(self._cloud, self._registry, target, version)
        except (ArmError, ValueError) as error:
            raise _failed(error, resource_id) from None
        return kind.show(self._cloud, document)


def _identify(plan: Plan, text: str) -> str:
    """A resource of the same template may be named by its name, or by type and name (recorded)."""
    if text.startswith("/"):
        return text
    wanted = text.lower()
    for one in plan.resources:
        if wanted in {one.name.lower(), _type_and_name(one).lower(), (one.symbolic_name or one.name).lower()}:
            return one.id
    return text


def _type_and_name(one: PlannedResource) -> str:
    namespace, *types = one.type.split("/")
    pairs = zip(types, one.name.split("/"), strict=False)
    return "/".join((namespace, *(f"{kind}/{name}" for kind, name in pairs)))


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
