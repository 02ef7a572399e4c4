"""What this Azure serves: the list behind ``aca-local coverage``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from aca_local.arm import http_app
from aca_local.kernel.unsupported import refused
from aca_local.providers.registry import build_registry
from aca_local.state import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from aca_local.kernel.resource_type import ResourceType


class Served(NamedTuple):
    """One operation: method, path, and the api-versions it is served in, newest first."""

    method: str
    path: str
    api_versions: tuple[str, ...]


def served() -> list[Served]:
    """Return all operations of Resource Manager and its providers."""
    registry = build_registry()
    own = [
        Served(one.method, one.template, tuple(one.versions or ()))
        for one in http_app.routes(registry)
        if one.versions
    ]
    return [*own, *(each for kind in registry.all() for each in _of(kind))]


def lines(
    state: Path, *, as_json: bool, others: Iterable[tuple[str, str, tuple[str, ...]]] = ()
) -> Iterator[str]:
    """Return what ``aca-local coverage`` prints: what is served (``others`` too), then what was refused."""
    for one in [*served(), *(Served(*other) for other in others)]:
        versions = one.api_versions
        found = {"served": f"{one.method} {one.path}", "apiVersions": versions}
        yield (
            json.dumps(found) if as_json else f"{one.method:6} {one.path}  ({versions[-1]} to {versions[0]})"
        )
    if not state.exists():
        return
    store = Store(state)
    for each in refused(store):
        words = f"refused {each['count']} times: {each['method']} {each['path']} ({each['code']})"
        yield json.dumps({"refused": each}) if as_json else words
    store.close()


def _of(kind: ResourceType) -> Iterator[Served]:
    segments = kind.name.split("/")
    base = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{kind.namespace}"
    for parent in segments[:-1]:
        base += f"/{parent}/{{{parent}}}"
    collection, one = f"{base}/{segments[-1]}", f"{base}/{segments[-1]}/{{name}}"
    methods = [("GET", collection), ("GET", one), ("HEAD", one)]
    methods += [("PUT", one)] * (kind.write is not None) + [("PATCH", one)] * (kind.patch is not None)
    methods += [("DELETE", one)] * kind.remove
    methods += [("POST", f"{one}/{name}") for name in (*kind.lists, *kind.actions, *kind.long_actions)]
    methods += [("GET", f"{one}/{name}") for name in kind.queries]
    return (Served(method, path, kind.api_versions) for method, path in methods)
