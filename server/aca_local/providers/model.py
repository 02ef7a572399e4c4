"""What a resource type is to ARM: one value, made of small functions, in its provider's module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aca_local.arm.ids import ResourceId
from aca_local.state import JSON, JsonObject

if TYPE_CHECKING:
    from aca_local.arm.cloud import Cloud

RESOURCE = "resource"

Action = Literal["put", "patch", "delete", "start", "stop"]

# How a long-running operation looks on the wire: see arm/waiting.py.
Wire = Literal["sync", "app", "storage", "insights"]


@dataclass(frozen=True)
class Write:
    """A PUT or PATCH: the body as it came, and the resource as it is (None before its creation)."""

    target: ResourceId
    body: JsonObject
    api_version: str
    existing: JsonObject | None


@dataclass(frozen=True)
class Call:
    """A POST action, or a GET below a resource: its body and query options."""

    target: ResourceId
    body: JsonObject
    query: Mapping[str, str]
    api_version: str


Show = Callable[["Cloud", JsonObject], JsonObject]
Find = Callable[["Cloud", ResourceId], JsonObject | None]
ListAll = Callable[["Cloud", str], Sequence[JsonObject]]
Writer = Callable[["Cloud", Write], JsonObject]
Settle = Callable[["Cloud", ResourceId], Awaitable[None]]
Lookup = Callable[["Cloud", Call], JSON]
Act = Callable[["Cloud", Call], Awaitable[JSON]]


def stored(cloud: Cloud, target: ResourceId) -> JsonObject | None:
    """Find a resource in the store."""
    return cloud.store.get(RESOURCE, target.key)


def stored_under(cloud: Cloud, prefix: str) -> Sequence[JsonObject]:
    """List what the store has below an id; ``prefix`` ends with a slash."""
    return cloud.store.list(RESOURCE, prefix)


@dataclass(frozen=True)
class ResourceType:
    """A resource type.

    ``write`` and ``patch`` check a request and give the document to store (they raise ArmError, change
    nothing
    else); ``settle`` does the work that goes on after the answer, one function an action: it must be able to
    run
    twice, since a killed aca-local runs it again. ``show`` makes of the stored document what a client sees.
    ``quick`` names what is done at once although the type takes time otherwise: ``update`` (a PUT on an
    existing
    resource), ``patch``, ``delete``. ``preflight`` is asked before a deployment starts. ``before_change`` and
    ``before_remove`` may refuse (an operation is under way); ``check_include`` looks at a DELETE's
    ``$include``, which other types do not know; ``missing`` words the 404.
    ``lists`` are POSTs that only read (a template may call them too: ``listKeys``), ``actions`` POSTs that do
    something, ``long_actions`` those that go on after the answer, ``queries`` GETs below the resource.
    """

    namespace: str
    name: str
    api_versions: tuple[str, ...]
    show: Show
    find: Find = stored
    list_all: ListAll = stored_under
    write: Writer | None = None
    patch: Writer | None = None
    remove: bool = True
    preflight: Callable[[Cloud, Write], None] | None = None
    before_change: Callable[[Cloud, ResourceId], None] | None = None
    before_remove: Callable[[Cloud, ResourceId], None] | None = None
    check_include: Callable[[Cloud, ResourceId, str], None] | None = None
    missing: Callable[[ResourceId], Exception] | None = None
    settle: Mapping[Action, Settle] = field(default_factory=dict)
    wire: Wire = "sync"
    quick: frozenset[str] = frozenset()
    created_status: int = 200
    lists: Mapping[str, Lookup] = field(default_factory=dict)
    actions: Mapping[str, Act] = field(default_factory=dict)
    long_actions: Mapping[str, Action] = field(default_factory=dict)
    queries: Mapping[str, Lookup] = field(default_factory=dict)
    locations: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """``Microsoft.App/managedEnvironments``."""
        return f"{self.namespace}/{self.name}"

    @property
    def tracked(self) -> bool:
        """Whether it has a place of its own in a resource group's list."""
        return "/" not in self.name


def deep_merge(old: JSON, new: JSON) -> JSON:
    """JSON merge patch (RFC 7396), which Microsoft.App's PATCH speaks: null removes, lists are replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = deep_merge(merged.get(key), value)
    return merged
