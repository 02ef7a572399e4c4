"""What a resource type is to ARM: one value, made of small functions, in its provider's module."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aca_local.kernel.ids import ResourceId
from aca_local.kernel.records import RESOURCE, Action, Protocol
from aca_local.kernel.version_view import at_version
from aca_local.state import JSON, JsonObject

if TYPE_CHECKING:
    from aca_local.kernel.context import Cloud

Document = Mapping[str, Any]
"""A resource of any type, stored or made up from what runs, to be read; its provider knows its type."""


@dataclass(frozen=True)
class Write:
    """A PUT or PATCH: the body as it came, and the resource as it is (None before its creation)."""

    target: ResourceId
    body: JsonObject
    api_version: str
    existing: Document | None


@dataclass(frozen=True)
class Call:
    """A POST action, or a GET below a resource: its body and query options."""

    target: ResourceId
    body: JsonObject
    query: Mapping[str, str]
    api_version: str


Show = Callable[["Cloud", Document], JsonObject]
Find = Callable[["Cloud", ResourceId], Document | None]
ListAll = Callable[["Cloud", str], Sequence[Document]]
Writer = Callable[["Cloud", Write], Document]
Complete = Callable[["Cloud", ResourceId], Awaitable[None]]
Lookup = Callable[["Cloud", Call], JSON]
Act = Callable[["Cloud", Call], Awaitable[JSON]]


def stored(cloud: Cloud, target: ResourceId) -> Document | None:
    """Find a resource in the store."""
    return cloud.store.get(RESOURCE, target.key)


def stored_under(cloud: Cloud, prefix: str) -> Sequence[Document]:
    """List what the store has below an id; ``prefix`` ends with a slash."""
    return cloud.store.list(RESOURCE, prefix)


@dataclass(frozen=True)
class ResourceType:
    """A resource type.
     ``write`` and ``patch`` check a request and give the document to store (they raise ArmError, change
    nothing else); ``on_complete`` does the work that goes on after the answer, one function an action: it
    must be able to run twice, since a killed aca-local runs it again. ``show`` makes of the stored document
    what a client sees. ``quick`` names what is done at once although the type takes time otherwise:
    ``update`` (a PUT on an existing resource), ``patch``, ``delete``. ``merge_patch``: a null in a PATCH
    removes. ``preflight`` checks what a deployment can know before it starts. ``before_change`` and
    ``before_remove`` may refuse (an operation is under way); ``check_include`` looks at a DELETE's
    ``$include``, which other types do not know; ``missing`` words the 404. ``lists`` are POSTs that only read
    (a template may call them too: ``listKeys``), ``actions`` POSTs that do something, ``long_actions`` those
    that go on after the answer, ``queries`` GETs below the resource.
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
    on_complete: Mapping[Action, Complete] = field(default_factory=dict)
    protocol: Protocol = "sync"
    quick: frozenset[str] = frozenset()
    merge_patch: bool = False
    created_status: int = 200
    lists: Mapping[str, Lookup] = field(default_factory=dict)
    actions: Mapping[str, Act] = field(default_factory=dict)
    long_actions: Mapping[str, Action] = field(default_factory=dict)
    queries: Mapping[str, Lookup] = field(default_factory=dict)
    locations: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """Return ``Microsoft.App/managedEnvironments``."""
        return f"{self.namespace}/{self.name}"

    def view(self, cloud: Cloud, document: Document, api_version: str) -> JsonObject:
        """Return what a client of this api-version sees of a stored document."""
        return at_version(self.full_name, self.show(cloud, document), api_version)

    @property
    def tracked(self) -> bool:
        """Return True where it stands in a resource group's list."""
        return "/" not in self.name


def deep_merge(old: Any, new: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396), as Microsoft.App does: null removes, lists are replaced."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    merged = dict(old)
    for key, value in new.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = deep_merge(merged.get(key), value)
    return merged
