"""Resources of a template: plain, in loops, with conditions, below one another, existing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from support.generated_templates.chance import KINDS, Target
from support.generated_templates.expressions import leaf, text
from support.generated_templates.values import loop, members, value

if TYPE_CHECKING:
    from support.generated_templates.chance import Chance, Names

TYPES = (
    "Microsoft.Storage/storageAccounts",
    "Microsoft.App/containerApps",
    "Microsoft.Network/virtualNetworks",
)
VERSION = "2023-01-01"
Resource = dict[str, Any]


def target(chance: Chance, at: int, *, symbolic: bool, deployment: bool = False) -> Target:
    """Return what a resource will be called, before it is made."""
    count = chance.one(1, 2, 3, 0) if chance.often(0.25) else None
    kind = "Microsoft.Resources/deployments" if deployment else chance.choice(TYPES)
    return Target(
        f"res{at}" if symbolic else None, kind, f"{'dep' if deployment else 'name'}{at}", count, deployment
    )


def described(chance: Chance, one: Target, names: Names) -> tuple[Target, Resource]:
    """Return the resource, and the target that knows its members."""
    inside = names.in_loop(f"loop-{one.name}") if one.count is not None else names
    body = members(chance, inside.at_runtime())
    made = head(chance, one, inside) | {"properties": body}
    if chance.often(0.07):
        made["properties"] = text(chance, "object", inside.at_runtime())
    elif chance.often(0.05):
        made["properties"] = [body, value(chance, chance.choice(KINDS), inside.at_runtime())]
    if chance.often(0.1):
        del made["properties"]
        body = {}
    extra(chance, made, inside)
    if chance.often(0.1):
        _scope(chance, made, inside)
    known = {name: "any" for name in body if name != "copy" and not name.startswith("[")}
    return replace(one, members=known), made


def _scope(chance: Chance, made: Resource, names: Names) -> None:
    """Let a resource extend another, or lie above the group."""
    chance.kind("scope")
    near = [other for other in names.targets if other.count is None]
    if near and chance.often(0.7):
        other = chance.choice(near)
        identity = f"[resourceId('{other.type}', {', '.join(names_of(other.name))})]"
        options = [identity, f"{other.type}/{other.name}"]
        if other.symbol is not None and not names.early:
            options += [f"[resourceInfo('{other.symbol}').id]"] * 2
        made["scope"] = chance.choice(options)
    else:
        made["scope"] = chance.one(
            "/",
            "[subscription().id]",
            "[resourceGroup().id]",
            "[tenantResourceId('Microsoft.Management/managementGroups', 'mg')]",
            "Microsoft.Management/managementGroups/mg",
        )


def head(chance: Chance, one: Target, names: Names) -> Resource:
    """Return type, version, name, loop and condition."""
    made: Resource = {"type": one.type, "apiVersion": VERSION, "name": one.name}
    if one.count is not None:
        chance.kind("resource copy")
        index = chance.one("copyIndex()", f"copyIndex('loop-{one.name}')")
        made["name"] = f"[concat('{one.name}', {index})]"
        made["copy"] = {"name": f"loop-{one.name}", "count": one.count}
        if chance.often(0.1):
            made["copy"]["count"] = f"[length(range(0, {one.count}))]"
        if chance.often(0.2):
            made["copy"] |= {"mode": chance.one("serial", "Parallel")}
            if made["copy"]["mode"] == "serial" and chance.often(0.5):
                made["copy"]["batchSize"] = chance.one(1, 2)
    elif chance.often(0.1):
        made["name"] = f"[{chance.one('toLower', 'trim')}('{one.name}')]"
    if chance.often(0.2):
        chance.kind("condition")
        made["condition"] = chance.one(
            True,
            False,
            f"[equals({leaf(chance, 'int', names)}, 1)]",
            f"[equals({leaf(chance, 'string', names)}, environment().name)]",
            f"[not({leaf(chance, 'bool', names)})]",
            text(chance, "string" if chance.faults else "bool", names),
        )
    if names.targets and chance.often(0.2):
        chance.kind("dependency")
        made["dependsOn"] = [_depended(chance, other) for other in chance.some(names.targets, 2)]
    return made


def _depended(chance: Chance, other: Target) -> str:
    """Return the name of a resource as a `dependsOn` writes it: of all turns of a loop, or of the first."""
    if other.count is not None and other.symbol is not None and chance.often(0.5):
        return chance.one(other.symbol, f"{other.symbol}[0]", f"[format('{other.symbol}[{{0}}]', 0)]")
    if other.count is not None:
        return chance.one(
            f"loop-{other.name}", f"[resourceId('{other.type}', {', '.join(names_of(other.name + '0'))})]"
        )
    known = other.symbol or f"[resourceId('{other.type}', {', '.join(names_of(other.name))})]"
    return chance.one(known, other.name) if other.symbol is None else known


def names_of(name: str) -> list[str]:
    """Return the arguments of `resourceId` for a name."""
    return [f"'{part}'" for part in name.split("/")]


def extra(chance: Chance, made: Resource, names: Names) -> None:
    """Add members beside the properties."""
    running = names.at_runtime()
    if chance.often(0.5):
        made["location"] = chance.one("westus", "[resourceGroup().location]", text(chance, "string", names))
    if chance.often(0.25):
        made["tags"] = {"team": value(chance, "string", running), "n": text(chance, "string", running)}
    if chance.often(0.2):
        made["sku"] = {"name": value(chance, "string", running)}
        if chance.often(0.2):
            made["sku"]["copy"] = [loop(chance, running, "turns")]
    if chance.often(0.1):
        made["kind"] = value(chance, "string", names)
    if chance.often(0.1):
        made["identity"] = {"type": "SystemAssigned"}
        made["zones"] = [value(chance, "string", names), "[toLogicalZone('s', 'westus', 'az1')]"]
    if chance.faults:
        _break(chance, made)


def _break(chance: Chance, made: Resource) -> None:
    """Make some resources wrong in their form."""
    if chance.often(0.03):
        tags = chance.one("[createArray(1)]", "abc", 3, None, "[resourceGroup()]", "[resourceGroup().tags]")
        made["tags"] = tags
    if chance.often(0.02):
        chance.kind("wrong form")
        made.pop("apiVersion" if "condition" in made else chance.one("name", "apiVersion", "location"), None)
    elif chance.often(0.02):
        made |= chance.one({"name": ""}, {"apiVersion": ""}, {"name": 3}, {"name": "a/b"})


def child(chance: Chance, parent: Target, made: Resource, names: Names) -> None:
    """Write a resource inside another."""
    chance.kind("child")
    inside = {
        "type": "parts",
        "apiVersion": VERSION,
        "name": chance.one(
            "part", "[toLower('PART')]", f"[concat('part', length({leaf(chance, 'string', names)}))]"
        ),
    }
    if chance.often(0.5):
        inside = inside | {"type": f"{parent.type}/parts", "name": f"{parent.name}/part"}
    inside["properties"] = {"of": value(chance, chance.choice(KINDS), names.at_runtime())}
    if chance.often(0.3):
        inside["condition"] = chance.one(
            True, False, text(chance, "bool", names), "[equals(environment().name, 'x')]"
        )
    if chance.often(0.1):
        inside["name"] = chance.one("", "a/b", text(chance, "string", names))
    made["resources"] = [inside]
    if chance.often(0.2):
        other = {"type": "others", "apiVersion": VERSION, "name": "other", "properties": {}}
        made["resources"].append(
            other | chance.one({}, {"condition": False}, {"condition": text(chance, "bool", names)})
        )
    if chance.often(0.15) and inside["type"] == "parts":
        inside["resources"] = [{"type": "deeper", "apiVersion": VERSION, "name": "deep", "properties": {}}]


def existing(chance: Chance, at: int) -> tuple[Target, Resource]:
    """Return a resource that is only read, or a loop of them."""
    chance.kind("existing")
    count = chance.one(1, 2) if chance.often(0.15) else None
    one = Target(f"res{at}", chance.choice(TYPES), f"there{at}", count)
    made: Resource = {"existing": True, "type": one.type, "apiVersion": VERSION, "name": one.name}
    if count is not None:
        made |= {
            "name": f"[concat('{one.name}', copyIndex())]",
            "copy": {"name": f"loop-{one.name}", "count": count},
        }
    elif chance.often(0.2):
        made["name"] = "[resourceGroup().name]"
    if chance.often(0.3):
        made["scope"] = (
            f"[format('/subscriptions/{{0}}/resourceGroups/{{1}}', subscription().subscriptionId, '{one.name}')]"
        )
    elif chance.often(0.3):
        made["resourceGroup"] = chance.one("elsewhere", "[toLower('ELSEWHERE')]", "RG")
        if chance.often(0.4):
            made["subscriptionId"] = "00000000-0000-0000-0000-000000000009"
    if chance.often(0.15):
        made["condition"] = chance.one(True, False)
    if chance.often(0.1) and chance.faults:
        made |= chance.one({"properties": {}}, {"location": "westus"}, {"tags": {}})
    return one, made
