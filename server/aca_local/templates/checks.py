"""What the service checks of a plan after the engine has expanded it:

twins, unknown dependencies and cycles.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aca_local.templates.errors import AS_IT_IS, AT, TemplateError, fault
from aca_local.templates.machine import evaluate
from aca_local.templates.resource import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aca_local.templates.model import PlannedResource
    from aca_local.templates.resource import Declared
    from aca_local.templates.values import JSON, Value

SYNTAX = "https://aka.ms/arm-syntax"
RESOURCES = "https://aka.ms/arm-syntax-resources"


def dependencies(
    pairs: Sequence[tuple[Declared, PlannedResource]], all_declared: Iterable[Declared], *, strict: bool
) -> tuple[PlannedResource, ...]:
    """Give the planned resources, each with the ids of those it must wait for.

    With `strict`, what only the service checks is checked too. Raises TemplateError.
    """
    known = _names(all_declared)
    planned = {resource.id.lower(): resource.id for _, resource in pairs}
    made: list[PlannedResource] = []
    for declared, resource in pairs:
        wanted = [
            *_explicit(declared, known, strict=strict),
            *(str(parent.id) for parent in declared.parents),
        ]
        wanted += [name for name in resource.depends_on if name.lower() in planned]
        ids = dict.fromkeys(planned[name.lower()] for name in wanted if name.lower() in planned)
        ids.pop(resource.id, None)
        made.append(replace(resource, depends_on=tuple(ids)))
    if strict:
        _check_twins(pairs)
        _check_cycles(made)
    return tuple(made)


def _names(declared: Iterable[Declared]) -> dict[str, list[str]]:
    """Give the ids that each name, symbol, loop and id stands for."""
    known: dict[str, list[str]] = {}
    for made in declared:
        names = [str(made.id), str(made.name)]
        names += [made.symbol] if made.symbol else []
        names += [made.copy.name, f"{made.symbol}[{made.copy.index}]"] if made.copy else []
        names.append(f"{made.type}/{made.name}")
        for name in dict.fromkeys(name.lower() for name in names):
            known.setdefault(name, []).append(str(made.id))
    return known


def _explicit(declared: Declared, known: Mapping[str, list[str]], *, strict: bool) -> list[str]:
    listed = declared.json.get("dependsOn")
    found: list[str] = []
    for item in listed if isinstance(listed, list) else []:
        name = _asked(item, declared)
        ids = known.get(str(name).strip("/").lower()) or known.get(str(name).lower())
        if ids is None and strict and not _of_empty_loop(declared, str(name)):
            raise fault(f"The resource '{_short(str(name))}' is not defined in the template.", SYNTAX)
        found.extend(ids or [])
    return found


def _of_empty_loop(declared: Declared, name: str) -> bool:
    return name.partition("[")[0].lower() in declared.context.empty_loops


def _asked(item: JSON, declared: Declared) -> Value:
    try:
        return evaluate(declared.context.compile(item), declared.env)
    except AS_IT_IS:
        raise
    except TemplateError as error:
        raise invalid(declared, error) from error


def _short(name: str) -> str:
    """Give "type/name" for an id, as the service names what it does not find."""
    return name.partition("/providers/")[2] or name


def _check_twins(plan: Sequence[tuple[Declared, PlannedResource]]) -> None:
    seen: set[str] = set()
    for declared, resource in plan:
        key = resource.id.lower()
        if key in seen and not resource.existing:
            error = fault(
                f"The resource '{resource.type}/{resource.name}'{AT} is defined multiple times in a "
                "template.",
                RESOURCES,
            )
            error.path = declared.where
            raise error
        seen.add(key)


def _check_cycles(resources: Sequence[PlannedResource]) -> None:
    waits = {resource.id: set(resource.depends_on) for resource in resources}
    ready = [name for name, wanted in waits.items() if not wanted]
    followers: dict[str, list[str]] = {}
    for name, wanted in waits.items():
        for other in wanted:
            followers.setdefault(other, []).append(name)
    done = 0
    while ready:
        name = ready.pop()
        done += 1
        for follower in followers.get(name, ()):
            waits[follower].discard(name)
            if not waits[follower]:
                ready.append(follower)
    if done < len(waits):
        stuck = next(name for name, wanted in waits.items() if wanted)
        raise TemplateError(
            f"Circular dependency detected on resource: '{stuck}'. Please see {RESOURCES} for usage details."
        )
