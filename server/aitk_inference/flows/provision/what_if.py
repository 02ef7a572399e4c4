"""ARM's what-if as a person reads it: less what it reports of every deployment, whether or not anything changes.

That noise is known (https://github.com/Azure/arm-template-whatif/issues): what the service fills in by itself is said to
be deleted, a key that no GET answers to be new, an expression that only the deployment finishes to be a new value.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aitk_inference.core.arm_names import kind, name_of, type_of
from aitk_inference.core.what_if import ChangeType, PropertyChange, PropertyChangeType
from aitk_inference.flows.provision.hand_made import Change, compares, is_known
from aitk_inference.flows.provision.preview import PlannedChange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aitk_inference.core.model import Json
    from aitk_inference.core.what_if import ResourceChange

_WRITE_ONLY = re.compile(r"(^|\.)(accountKey|sharedKey|secrets(\[\d+\])?(\..*)?)$", re.IGNORECASE)
_READ_ONLY = re.compile(r"^properties\.(provisioningState|runningStatus|latest\w+)$", re.IGNORECASE)
_EXPRESSION = re.compile(r"\[[A-Za-z].*\(.*\].*", re.DOTALL)
_EMPTY: tuple[Json, ...] = (None, "", [], {})
_OTHERS = {ChangeType.IGNORE: "ignore", ChangeType.DELETE: "delete"}


def with_what_if(
    planned: Sequence[PlannedChange], found: Sequence[ResourceChange]
) -> tuple[PlannedChange, ...]:
    """Return a plan with what Resource Manager says of it, and what else it says of the group.

    Args:
        planned: What comparing the template with what exists gave.
        found: What Resource Manager answered.
    """
    said = {change.resource_id.lower(): change for change in found}
    known = {one.id.lower() for one in planned}
    own = (_merged(one, said.get(one.id.lower())) for one in planned)
    others = (_other(change) for change in found if change.resource_id.lower() not in known)
    return (*own, *(one for one in others if one is not None))


def changed_properties(change: ResourceChange) -> tuple[Change, ...]:
    """Return the properties of a resource that really change."""
    resource_type = type_of(change.resource_id)
    return tuple(_changed(resource_type, change.properties))


def _merged(planned: PlannedChange, said: ResourceChange | None) -> PlannedChange:
    if said is None or planned.change != "update" or said.type is ChangeType.UNSUPPORTED:
        return planned
    properties = (*planned.properties, *changed_properties(said))
    is_kept = not properties and not planned.loses and not planned.keeps
    return planned._replace(change="keep" if is_kept else "update", properties=properties, compared=True)


def _other(change: ResourceChange) -> PlannedChange | None:
    """Return a resource that the plan does not list: of another's, or a child that changes."""
    word = _OTHERS.get(change.type)
    properties = changed_properties(change) if change.type is ChangeType.MODIFY else ()
    if word is None and not properties:
        return None
    identity = kind(type_of(change.resource_id)), name_of(change.resource_id)
    return PlannedChange(
        word or "update", *identity, properties=properties, id=change.resource_id, compared=True
    )


def _changed(resource_type: str, changes: Sequence[PropertyChange]) -> Iterator[Change]:
    for one in changes:
        if one.type is PropertyChangeType.ARRAY and one.children:
            lists = [sorted(map(_plain, one)) for one in (one.before, one.after) if isinstance(one, list)]
            if lists[:1] != lists[1:]:  # other members, not the same ones in another order
                yield from _changed(resource_type, one.children)
        elif not _is_noise(resource_type, one):
            yield Change(one.path, one.before, one.after)


def _is_noise(resource_type: str, change: PropertyChange) -> bool:
    if change.type is PropertyChangeType.NO_EFFECT or _WRITE_ONLY.search(change.path):
        return True
    if change.type is PropertyChangeType.DELETE:  # what people set there is compared by ourselves
        return is_known(resource_type) or _READ_ONLY.match(change.path) is not None
    if isinstance(change.after, str) and _EXPRESSION.fullmatch(change.after):
        return True
    is_ours = change.type is PropertyChangeType.MODIFY and compares(resource_type, change.path)
    if change.before in _EMPTY or change.after in _EMPTY:
        return is_ours or (change.before in _EMPTY and change.after in _EMPTY)
    return is_ours or _plain(change.before) == _plain(
        change.after
    )  # ``West US 3`` and ``westus3``, 0.5 and "0.5"


def _plain(value: Json) -> str:
    """Return one spelling of a value: ``West US 3`` and ``westus3`` are one, so are ``0.5`` and ``"0.5"``."""
    words = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return words.replace(" ", "").lower()
