"""What `resourceInfo()` may know of a resource at any time, also before the resources are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from arm_template.declarations import canonical, declared_at, head_of, is_existing, loop_name, turn, turns
from arm_template.errors import TemplateError, bare
from arm_template.plan import CopyInfo
from arm_template.resource_identity import identify, read_version
from arm_template.scope import TURN
from arm_template.special_forms import check_cycle

if TYPE_CHECKING:
    from arm_template.errors import Where
    from arm_template.resource import Declared
    from arm_template.scope import Context, Head
    from arm_template.values import JSON


def info_of(context: Context, base: str, section: JSON, where: Where, symbol: str) -> Head | None:
    """Return name, type, id and version of a resource by its symbol, or None where there is none of that symbol.

    Its name may ask for another resource; one that asks for itself is refused. Raises TemplateError,
    in words that don't name the resource.
    """
    match = TURN.fullmatch(symbol)
    key = match[1] if match else symbol
    item = section.get(key) if isinstance(section, dict) else None
    if not isinstance(item, dict):
        return None
    here = f"{symbol} (ResourceInfo)"
    check_cycle(here, context.chain)
    context.chain.append(here)
    whole = declared_at(context, canonical(item), (*where, key), key, base)
    whole.env = replace(whole.env, loops=False)
    try:
        made = _turn(whole, int(match[2])) if match else whole
        found = None if made is None else _head(made)
    except TemplateError as error:
        raise bare(error) from error
    context.chain.pop()
    return found


def _turn(whole: Declared, at: int) -> Declared | None:
    """Return a turn of a loop, or None where there is none. In a preview it lies in no group, as the engine says."""
    copy = whole.json.get("copy")
    if not isinstance(copy, dict):
        return None
    name, count = loop_name(whole, copy), turns(whole, copy)
    if at >= count:
        return None
    body = {
        key: item
        for key, item in whole.json.items()
        if key not in ("resourceGroup", "subscriptionId", "existing")
    }
    alone = replace(whole, json=body, base="") if whole.context.preview else whole
    return turn(alone, CopyInfo(name, at, count))


def _head(made: Declared) -> Head:
    """Find name, id and version, whatever the condition. Raises TemplateError."""
    made.existing = is_existing(made.json)
    made.certain = False
    if made.json.get("name") is None:
        made.json = {**made.json, "name": ""}  # that it has none is told where it is read
    identify(made)
    made.certain = True
    read_version(made)
    return head_of(made)
