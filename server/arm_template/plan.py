"""What goes into an evaluation and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from arm_template.values import Expression, find_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from arm_template.values import JSON


DEPLOYMENT = "Microsoft.Resources/deployments"


def open_expressions(value: JSON) -> list[Expression]:
    """Return the expressions in a value of a plan that only existing resources can finish, in order.

    An empty list means that the value is known; names of properties count, too.
    """
    found: list[Expression] = []
    pending: list[JSON] = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Expression):
            found.append(item)
        elif isinstance(item, dict):
            pending.extend(part for pair in reversed(item.items()) for part in reversed(pair))
        elif isinstance(item, list):
            pending.extend(reversed(item))
    return found


@dataclass(frozen=True)
class Scope:
    """Where and by whom a template is deployed: what `resourceGroup()`, `subscription()`, `deployment()` …
    answer.

    Without a `resource_group` it is a deployment to the subscription; with `above`, to what lies above all
    subscriptions: the id of a management group, or nothing for the tenant. Facts that are None are not known:
    calls that ask for them stay expressions until `resolve`, which takes Azure's public cloud for an unknown
    environment.
    """

    tenant_id: str
    subscription_id: str
    resource_group: str | None
    location: str | None
    deployment_name: str
    group_tags: Mapping[str, JSON] | None = None
    group_managed_by: str | None = None
    subscription_name: str | None = None
    environment: Mapping[str, JSON] | None = None
    deployer: Mapping[str, JSON] | None = None
    above: str | None = None
    planned_group: Mapping[str, JSON] | None = None
    """What the templates of the deployment say of the group, in a preview: nothing else of it is known."""

    @property
    def subscription(self) -> str:
        """The id of the subscription."""
        return f"/subscriptions/{self.subscription_id}"

    @property
    def base(self) -> str:
        """The id of the group, or of what is above it: what resources without a scope of their own lie in."""
        if self.above is not None:
            return self.above
        if self.resource_group is None:
            return self.subscription
        return f"{self.subscription}/resourceGroups/{self.resource_group}"

    @property
    def deployment_id(self) -> str:
        """The id of the deployment."""
        return f"{self.base}/providers/Microsoft.Resources/deployments/{self.deployment_name}"


@dataclass(frozen=True)
class Volatile:
    """Where `utcNow()` and `newGuid()` come from. Without it they stay expressions, as in a snapshot."""

    now: datetime
    new_guid: Callable[[], str]


@dataclass(frozen=True)
class CopyInfo:
    """Which turn of which loop a resource is.

    `serial` loops run `batch_size` at a time, others all at once.
    """

    name: str
    index: int
    count: int
    serial: bool = False
    batch_size: int = 1


@dataclass(frozen=True)
class Output:
    """An output of a template: its declared type and its value, which may hold expressions."""

    type: str
    value: JSON


@dataclass(frozen=True)
class PlannedResource:
    """A resource that a template asks for, with everything in it evaluated that can be.

    `body` is the whole resource as the service would take it: type, name, apiVersion, location, properties
    and so on. `depends_on` holds ids of other resources of the same plan that must be deployed first, those
    that expressions imply included. `existing` resources are only read.

    A nested deployment has its own plan in `nested`, in the scope `nested_scope`. `nested` is None where its
    template is linked, or where how much it deploys is known only at run time: then resolve the parameters in
    `body["properties"]`, and evaluate the template beside them in `nested_scope`.
    """

    id: str
    type: str
    name: str
    api_version: str
    location: str | None
    scope: str
    existing: bool
    symbolic_name: str | None
    body: dict[str, JSON]
    depends_on: tuple[str, ...] = ()
    copy: CopyInfo | None = None
    nested: Plan | None = None
    nested_scope: Scope | None = None

    def is_a(self, resource_type: str) -> bool:
        """Return True if the resource is of a type, whatever its case."""
        return self.type.lower() == resource_type.lower()


@dataclass(frozen=True)
class Plan:
    """All that a deployment will do. Nested deployments are resources whose `nested` is a plan of its own."""

    scope: Scope
    resources: tuple[PlannedResource, ...]
    outputs: Mapping[str, Output]
    parameters: Mapping[str, Output] = field(default_factory=dict)

    def all_resources(self) -> Iterator[PlannedResource]:
        """Return the resources in order, each nested deployment followed by what it deploys."""
        pending = list(reversed(self.resources))
        while pending:
            resource = pending.pop()
            yield resource
            if resource.nested is not None:
                pending.extend(reversed(resource.nested.resources))

    def leaves(self) -> Iterator[PlannedResource]:
        """Return the resources that will be put: no deployments, none that exists already."""
        return (one for one in self.all_resources() if not one.existing and not one.is_a(DEPLOYMENT))

    def output(self, name: str) -> Output | None:
        """Return an output, whatever the case of its name."""
        key = find_key(self.outputs, name)
        return None if key is None else self.outputs[key]


class Runtime(Protocol):
    """The running cloud, as far as templates ask it."""

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> JSON:
        """Return a resource's properties, or with `full` the whole resource.

        Raises TemplateError when it is missing.
        """
        ...

    def list_call(self, function: str, resource_id: str, api_version: str, body: JSON | None) -> JSON:
        """Answer a `list*` function, such as listKeys.

        Raises TemplateError when the resource has no such action.
        """
        ...
