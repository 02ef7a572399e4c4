"""References to resources of the template: by symbol, name or id, whole or a part, safe or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.generated_templates.chance import Chance, Names, Target

VERSION = "2023-01-01"


def reference(chance: Chance, kind: str, names: Names, other: Callable[[str], str]) -> str:
    """Return an expression about a resource; what it gives may be of another kind than is wanted."""
    target = chance.choice(names.targets)
    chance.kind("reference")
    if chance.often(0.15):
        return _listed(chance, target, names)
    if target.count is not None and names.symbolic and chance.often(0.4):
        return _several(chance, kind, target)
    base = whole(chance, target, names)
    value = base + "".join(_steps(chance, target, names))
    if chance.often(0.25):
        chance.kind("safe access")
        value = _safe(chance, base, target, names)
    return _as_kind(chance, kind, value, other)


def whole(chance: Chance, target: Target, names: Names) -> str:
    """Return the call that asks for a resource."""
    full = chance.often(0.15)
    if target.symbol is not None and chance.often(0.8):
        named = (
            f"'{target.symbol}'"
            if target.count is None
            else f"format('{target.symbol}[{{0}}]', {_turn(chance, target, names)})"
        )
        return f"reference({named}, '{VERSION}', 'full').properties" if full else f"reference({named})"
    identity = resource_id(chance, target, names)
    if full:
        return f"reference({identity}, '{VERSION}', 'Full'){chance.one('.properties', '.location', '.tags', '.sku')}"
    return f"reference({identity}, '{VERSION}')" if chance.often(0.6) else f"reference({identity})"


def _turn(chance: Chance, target: Target, names: Names) -> str:
    if names.loops and chance.often(0.5):
        return "copyIndex()"
    return str(chance.randrange(max(target.count or 1, 1) + (1 if chance.faults else 0)))


def resource_id(chance: Chance, target: Target, names: Names) -> str:
    """Return the expression of a resource's id, or of its name."""
    name = (
        f"'{target.name}'"
        if target.count is None
        else f"concat('{target.name}', {_turn(chance, target, names)})"
    )
    if "/" not in target.name and target.count is None and chance.often(0.15):
        return name
    parts = name if "/" not in target.name else ", ".join(f"'{part}'" for part in target.name.split("/"))
    return f"resourceId('{target.type}', {parts})"


def _steps(chance: Chance, target: Target, names: Names) -> list[str]:
    if target.deployment:
        return [f".outputs.{chance.choice([*target.members, 'none'] if target.members else ['none'])}.value"]
    if not target.members or chance.often(0.15):
        return [chance.one("", ".unsaid", ".provisioningState", ".unsaid.deeper", "['unsaid'][0]")]
    further = (
        ".name",
        ".deep",
        "[0]",
        "[1]",
        "[9]",
        ".list",
        ".Size",
        "['tags']",
        ".key",
        f"[{_turn(chance, target, names)}]",
    )
    first = _member(chance, chance.choice(list(target.members)))
    return [first, *(chance.choice(further) for _ in range(chance.randint(0, 2)))]


def _member(chance: Chance, name: str) -> str:
    return chance.one(f".{name}", f".{name.upper()}", f"['{name}']", f"[toLower('{name}')]")


def _safe(chance: Chance, base: str, target: Target, names: Names) -> str:
    name = chance.choice([*target.members, "unsaid"])
    if target.deployment:
        return f"tryGet({base}, 'outputs', '{name}', 'value')"
    return chance.one(
        f"tryGet({base}, '{name}')",
        f"tryGet({base}, '{name}', '{chance.one('name', 'deep', 'unsaid')}')",
        f"tryGet({base}, '{name}', {chance.one('0', '5')})",
        f"tryGet({base}.{name}, 'deep', 'name')",
        f"tryGet({base}.{name}, 0)",
        f"tryIndexFromEnd({base}.{name}, 1)",
        f"coalesce(tryGet({base}, '{name}'), tryGet({base}, 'unsaid'), 'default')",
        f"indexFromEnd({base}.{name}, 1)",
    )


def _several(chance: Chance, kind: str, target: Target) -> str:
    chance.kind("references")
    found = f"references('{target.symbol}')"
    name = chance.choice([*target.members, "unsaid"])
    mapped = f"map({found}, lambda('r', lambdaVariables('r').{name}))"
    return {"int": f"length({found})", "array": mapped, "bool": f"empty({found})"}.get(
        kind, f"string({mapped})"
    )


def _listed(chance: Chance, target: Target, names: Names) -> str:
    name = target.name.rpartition("/")[2]
    if target.symbol is not None and target.count is not None and not names.early and chance.often(0.5):
        member = chance.one("id", "name", "type", "apiVersion")
        return f"resourceInfo(format('{target.symbol}[{{0}}]', {_turn(chance, target, names)})).{member}"
    if target.symbol is not None and target.count is None and not names.early:
        return chance.one(
            f"resourceInfo('{target.symbol}').{chance.one('id', 'name', 'type', 'apiVersion')}",
            f"listKeys('{target.symbol}', '{VERSION}').keys[0].value",
        )
    return f"listKeys(resourceId('Microsoft.Storage/storageAccounts', '{name}'), '{VERSION}').keys[0].value"


def _as_kind(chance: Chance, kind: str, value: str, other: Callable[[str], str]) -> str:
    if chance.often(0.7):
        return value
    if kind == "string":
        return chance.one(
            f"string({value})",
            f"concat('x', {value})",
            f"coalesce({value}, {other('string')})",
            f"format('{{0}}', {value})",
        )
    if kind == "int":
        return chance.one(f"length({value})", f"add({value}, 1)", f"coalesce({value}, 1)")
    if kind == "bool":
        return chance.one(
            f"empty({value})",
            f"contains({value}, 'a')",
            f"equals({value}, {other('string')})",
            f"equals({value}, null())",
        )
    if kind == "array":
        return chance.one(
            f"createArray({value})",
            f"union({value}, {other('array')})",
            f"map({value}, lambda('x', lambdaVariables('x')))",
            f"concat({value}, {other('array')})",
            f"items({value})",
        )
    return chance.one(
        f"createObject('a', {value})",
        f"union({value}, {other('object')})",
        f"shallowMerge(createArray({value}, {other('object')}))",
    )
