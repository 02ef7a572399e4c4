"""What Provision would make, change and keep: nothing is changed by looking."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.arm_names import kind, same
from aitk_inference.core.redaction import redact
from aitk_inference.flows.project.template_plan import ENVIRONMENT_STORAGE, short_name
from aitk_inference.flows.provision.existing_resources import KEEPERS, is_shown
from aitk_inference.flows.provision.hand_made import Change, Comparison, compare, kept

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from arm_template import PlannedResource

    from aitk_inference.core.model import Json
    from aitk_inference.flows.project.template import Template
    from aitk_inference.flows.project.template_plan import ProjectResources
    from aitk_inference.flows.provision.existing_resources import Existing

_NOTHING = Comparison((), ())
_LONGEST = 60
"""Characters of a value that a plan shows."""
_MOST_ALONE = 10
"""Resources that a deployment leaves alone, of which a plan shows as many."""
WORDS = {
    "create": "create",
    "update": "change",
    "keep": "unchanged",
    "ignore": "left alone",
    "delete": "DELETE",
}


class PlannedChange(NamedTuple):
    """What happens to one resource.

    Attributes:
        change: ``create``, ``update``, ``keep``; of what the template does not name ``ignore`` or ``delete``.
        kind: What people call such a resource.
        name: Its own name.
        keeps: What people set on it and it keeps.
        loses: What people set on it and would vanish.
        properties: What gets another value.
        id: Its ARM id; empty for what is none of a template's resources.
        compared: True where Resource Manager compared it, so that nothing listed means nothing changed.
    """

    change: str
    kind: str
    name: str
    keeps: tuple[str, ...] = ()
    loses: tuple[str, ...] = ()
    properties: tuple[Change, ...] = ()
    id: str = ""
    compared: bool = False

    @property
    def word(self) -> str:
        """Return what happens to it in a word for people."""
        is_same = self.compared and not self.loses and not self.properties
        return WORDS["keep" if self.change == "update" and is_same else self.change]

    def as_json(self) -> dict[str, Json]:
        """Return the change as programs read it."""
        return {
            "change": self.change,
            "kind": self.kind,
            "name": self.name,
            "keeps": list(self.keeps),
            "loses": list(self.loses),
            "properties": [{"path": c.words, "before": c.before, "after": c.after} for c in self.properties],
        }

    def details(self) -> list[str]:
        """Return what changes, stays and vanishes of it, a line each."""
        lines = [f"{c.words}: {shown(c.before)} → {shown(c.after)}" for c in self.properties]
        lines += [f"keeps {', '.join(self.keeps)}"] if self.keeps else []
        lines += [f"LOSES {', '.join(self.loses)}"] if self.loses else []
        return lines

    def lines(self) -> list[str]:
        """Return the change as a person reads it."""
        return [
            f"  {self.word:<10} {self.kind} {self.name}",
            *(f"               {line}" for line in self.details()),
        ]


def planned_changes(
    fresh: ProjectResources, put: Sequence[PlannedResource], existing: Existing
) -> list[PlannedChange]:
    """Return what happens to each resource of the project.

    Args:
        fresh: What the template makes where nothing exists.
        put: What it puts now that it knows what exists.
        existing: What exists.
    """
    bodies = {resource.id.lower(): resource for resource in put}
    return [
        _change(resource, bodies.get(resource.id.lower()), existing)
        for resource in fresh.resources
        if is_shown(resource)
    ]


def unguarded(changes: Sequence[PlannedChange], template: Template) -> list[PlannedChange]:
    """Return the changes that would take or reset what people set.

    A template that is told of what exists changes a value only where a parameter says so; one that has no
    parameter for it would set every value back.
    """
    knows = {kind(name) for name, keeper in KEEPERS.items() if template.declared(keeper) is not None}
    return [
        change
        for change in changes
        if change.loses or (change.change == "update" and change.properties and change.kind not in knows)
    ]


def counted(changes: Sequence[PlannedChange]) -> str:
    """Return how many resources are made and changed, in words: ``makes 5 resources, changes 1``."""
    words = [change.word for change in changes]
    verbs = (("makes", WORDS["create"]), ("changes", WORDS["update"]), ("deletes", WORDS["delete"]))
    counts = [(verb, words.count(word)) for verb, word in verbs if word in words]
    if not counts:
        return "changes nothing"
    (verb, number), *others = counts
    first = f"{verb} {number} resource{'' if number == 1 else 's'}"
    return ", ".join([first, *(f"{verb} {number}" for verb, number in others)])


def shown(value: Json) -> str:
    """Return a value as a plan shows it: short, and without secrets."""
    if value is None:
        return "none"
    if isinstance(value, dict) and isinstance(value.get("name"), str):
        return str(value["name"])
    text = redact(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def listed_lines(changes: Sequence[PlannedChange]) -> Iterator[str]:
    """Yield the lines of a plan; of what is left alone the first few, and how many there are."""
    alone = [change for change in changes if change.change == "ignore"]
    for change in changes:
        if change not in alone[_MOST_ALONE:]:
            yield from change.lines()
    if alone[_MOST_ALONE:]:
        yield f"  {WORDS['ignore']:<10} {len(alone) - _MOST_ALONE} more resources of the group"


def _change(fresh: PlannedResource, put: PlannedResource | None, existing: Existing) -> PlannedChange:
    label, name, there = kind(fresh.type), short_name(fresh), existing.of(fresh)
    if same(fresh.type, ENVIRONMENT_STORAGE):
        is_there = existing.environment is not None
        return PlannedChange("update" if is_there else "create", label, name, id=fresh.id)
    if there is None:
        return PlannedChange("create" if put is not None else "keep", label, name, id=fresh.id)
    difference = compare(fresh.type, there, put.body) if put is not None else _NOTHING
    keeps = kept(fresh.type, there, fresh.body, put.body if put is not None else None)
    change = "keep" if put is None else "update"
    return PlannedChange(change, label, name, keeps, difference.lost, difference.changed, fresh.id)
