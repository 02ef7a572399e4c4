"""How answers are compared with the template engine's own (../shared/oracle/README.md)."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from arm_template import Scope, TemplateError, evaluate, snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from arm_template import JSON

PLACE = re.compile(r" at line '(?:\d+|<null>)'(?: and)? column '(?:\d+|<null>)'")


def scope_of(place: Mapping[str, str]) -> Scope:
    """Read the scope of the oracle."""
    return Scope(
        tenant_id=place["tenantId"],
        subscription_id=place["subscriptionId"],
        resource_group=place.get("resourceGroup"),
        location=place["location"],
        deployment_name=place["deploymentName"],
    )


def ours(template: str, parameters: Mapping[str, JSON], scope: Scope) -> dict[str, JSON]:
    """Answer as the oracle does: a snapshot or an error's message."""
    given: dict[str, JSON] = {name: {"value": value} for name, value in parameters.items()}
    try:
        return {"snapshot": snapshot(evaluate(template, given, scope, strict=False, preview=True))}
    except TemplateError as error:
        return {"error": error.message}


def wording(message: str) -> str:
    """Take away what need not be the same: places, and where to read on."""
    return PLACE.sub("", message).partition(" Please see")[0]


def unresolved(value: JSON) -> bool:
    """Tell whether the engine could not know a value before run time."""
    return isinstance(value, str) and value.startswith("[") and not value.startswith("[[")


def difference(got: JSON, wanted: JSON, path: str = "") -> str | None:
    """Find the first leaf that differs, or None."""
    if unresolved(wanted):
        return None if unresolved(got) else f"{path}: {got!r} is known, {wanted!r} is not"
    if type(got) is not type(wanted):
        return f"{path}: {got!r} instead of {wanted!r}"
    if isinstance(got, dict) and isinstance(wanted, dict):
        got, wanted = _by_known_names(got), _by_known_names(wanted)
        if got.keys() != wanted.keys():
            return f"{path}: keys {sorted(got)} instead of {sorted(wanted)}"
        pairs = [(got[key], wanted[key], f"{path}.{key}") for key in wanted]
    elif isinstance(got, list) and isinstance(wanted, list):
        if len(got) != len(wanted):
            return f"{path}: {len(got)} elements instead of {len(wanted)}"
        pairs = [(one, two, f"{path}[{at}]") for at, (one, two) in enumerate(zip(got, wanted, strict=True))]
    else:
        return None if got == wanted else f"{path}: {got!r} instead of {wanted!r}"
    return next((found for one, two, below in pairs if (found := difference(one, two, below))), None)


def _by_known_names(value: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return an object in which names that are not known before run time are counted, as its values are."""
    known = {name: item for name, item in value.items() if not unresolved(name)}
    waiting = [item for name, item in value.items() if unresolved(name)]
    return known | {f"[{at}]": item for at, item in enumerate(waiting)}


def snapshot_difference(got: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> str | None:
    """Compare two snapshots: resources by id in any order, outputs by name."""
    mine, theirs = _by_id(got["predictedResources"]), _by_id(wanted["predictedResources"])
    return difference(mine, theirs, "resources") or difference(got["outputs"], wanted["outputs"], "outputs")


def _by_id(resources: JSON) -> list[JSON]:
    assert isinstance(resources, list)
    return sorted(resources, key=_order)


def _order(resource: JSON) -> tuple[bool, str, str, list[str], str]:
    assert isinstance(resource, dict)
    open_id, known = unresolved(resource["id"]), json.dumps(_known(resource), sort_keys=True)
    return open_id, "" if open_id else str(resource["id"]), str(resource["type"]), sorted(resource), known


def _known(value: JSON) -> JSON:
    """Return a value without what only run time can know, whose words differ."""
    if isinstance(value, dict):
        return {"[" if unresolved(name) else name: _known(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_known(item) for item in value]
    return "[" if unresolved(value) else value


@dataclass
class Tally:
    """Counts how cases went, and keeps what went wrong."""

    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, got: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> None:
        """Count one case."""
        kind, words = judged(got, wanted)
        self.counts[kind] += 1
        if words:
            self.wrong.append(f"{kind}: {name}: {words}")

    @property
    def total(self) -> int:
        """How many cases there were."""
        return sum(self.counts.values())

    @property
    def errors(self) -> int:
        """How many of them are errors on both sides."""
        return self.counts["same words"] + self.counts["other words"]

    def share_of_words(self) -> float:
        """Of the errors that are errors here too, how many say the same."""
        return self.counts["same words"] / self.errors if self.errors else 1.0


def judged(got: Mapping[str, JSON], wanted: Mapping[str, JSON]) -> tuple[str, str]:
    """Name how a case went, and what is wrong with it."""
    if "error" in wanted:
        if "error" not in got:
            return "no error", str(wanted["error"])
        same = wording(str(got["error"])) == wording(str(wanted["error"]))
        return (
            ("same words", "")
            if same
            else ("other words", f"{got['error']!r} instead of {wanted['error']!r}")
        )
    if "error" in got:
        return "error", str(got["error"])
    one, two = got["snapshot"], wanted["snapshot"]
    assert isinstance(one, dict)
    assert isinstance(two, dict)
    found = snapshot_difference(one, two)
    return ("different", found) if found else ("same", "")
