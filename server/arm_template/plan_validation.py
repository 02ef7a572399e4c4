"""What the service checks of a plan after the engine has expanded it:

twins, unknown dependencies and cycles.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.errors import AT, TemplateError, fault
from arm_template.resource_bodies import asked_for
from arm_template.unparser import written
from arm_template.values import Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from arm_template.errors import Where
    from arm_template.plan import PlannedResource
    from arm_template.resource import Declared

SYNTAX = "https://aka.ms/arm-syntax"
RESOURCES = "https://aka.ms/arm-syntax-resources"


def dependencies(
    pairs: Sequence[tuple[Declared, PlannedResource]], all_declared: Iterable[Declared], *, strict: bool
) -> tuple[PlannedResource, ...]:
    """Return the planned resources, each with the ids of those it must wait for.

    With `strict`, what only the service checks is checked too. Raises TemplateError.
    """
    known = _names(all_declared)
    planned = {resource.id.lower(): resource.id for _, resource in pairs}
    made: list[PlannedResource] = []
    for declared, resource in pairs:
        wanted = [
            *_explicit(declared, known, strict=strict),
            *(str(written(parent.id)) for parent in declared.parents),
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
    """Return the ids that each name, symbol, loop and id stands for."""
    known: dict[str, list[str]] = {}
    for made in declared:
        names = [str(written(made.id)), str(written(made.name))]
        names += [made.symbol] if made.symbol else []
        names += [made.copy.name, f"{made.symbol}[{made.copy.index}]"] if made.copy else []
        names.append(f"{made.type}/{made.name}")
        for name in dict.fromkeys(name.lower() for name in names):
            known.setdefault(name, []).append(str(written(made.id)))
    return known


def _explicit(declared: Declared, known: Mapping[str, list[str]], *, strict: bool) -> list[str]:
    found: list[str] = []
    for name in declared.depends_on:
        ids = known.get(str(name).strip("/").lower()) or known.get(str(name).lower())
        if isinstance(name, Node):  # an id that Azure alone can finish: whose it is, nobody can know yet
            ids = known.get(str(written(name)).lower(), [])
        is_of_empty_loop = str(name).partition("[")[0].lower() in declared.context.empty_loops
        if ids is None and strict and not is_of_empty_loop:
            short = (
                str(name).partition("/providers/")[2] or name
            )  # "type/name" for an id, as the service says it
            raise fault(f"The resource '{short}' is not defined in the template.", SYNTAX)
        found.extend(ids or [])
    return found


def processing_order(all_declared: Sequence[Declared]) -> list[Declared]:
    """Return the wanted resources, each after those that it asks for or depends on; in a cycle as they stand.

    What a resource that is not wanted asks for comes where that one stands.
    """
    known = _names(all_declared)
    by_id = {str(written(made.id)).lower(): made for made in reversed(all_declared)}
    by_id |= {str(written(made.id)).lower(): made for made in reversed(all_declared) if made.wanted}
    turns = {(made.where, made.copy.index): made for made in all_declared if made.copy}
    ordered: list[Declared] = []
    seen: set[int] = set()
    for first in all_declared:
        pending: list[tuple[Declared, bool]] = [(first, False)]
        while pending:
            made, ready = pending.pop()
            if ready:
                ordered.append(made)
            elif id(made) not in seen:
                seen.add(id(made))
                chain = _batch_before(made, turns)
                names = asked_for(made) + ([] if chain else _explicit(made, known, strict=False))
                others = [by_id[name.lower()] for name in names if name.lower() in by_id]
                pending += [(made, True), *((other, False) for other in reversed(others + chain))]
    return [made for made in ordered if made.wanted]


def _batch_before(made: Declared, turns: Mapping[tuple[Where, int], Declared]) -> list[Declared]:
    """Return the turns that one of a serial loop waits for: the engine has them in place of its `dependsOn`."""
    copy = made.copy
    if copy is None or not copy.serial or "copy" not in made.json or copy.index < copy.batch_size:
        return []
    start = (copy.index // copy.batch_size - 1) * copy.batch_size
    return [turns[made.where, at] for at in range(start, start + copy.batch_size)]


def _check_twins(plan: Sequence[tuple[Declared, PlannedResource]]) -> None:
    seen: set[str] = set()
    for declared, resource in plan:
        key = resource.id.lower()
        if key in seen and not resource.existing:
            error = fault(
                f"The resource '{resource.type}/{resource.name}'{AT} is defined multiple times in a template.",
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
