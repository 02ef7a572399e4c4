"""Expressions of the template language by the kind of their value, right ones and wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.generated_templates import references
from support.generated_templates.chance import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.generated_templates.chance import Chance, Names

DEEPEST = 3
WORDS = ("abc", "Contoso", "it''s", "x", "", "a-b", "ÄÖ", "1", "true", "West US", "{0}", "Bicep.Net", "a,b;c")
MEMBERS = ("name", "Size", "tags", "list", "deep", "flag")


def expression(chance: Chance, kind: str, names: Names, depth: int = 0) -> str:
    """Return an expression, brackets left out, whose value is of a kind, unless chance makes it wrong."""
    if chance.often(chance.faults):
        return wrong(chance, kind, names, depth)
    if names.runtime and names.targets and chance.often(0.2):
        return references.reference(
            chance, kind, names, lambda wanted: expression(chance, wanted, names, depth + 1)
        )
    if depth >= DEEPEST or chance.often(0.25):
        return leaf(chance, kind, names)
    if chance.often(0.15):
        return general(chance, kind, names, depth)
    return MAKERS[kind](chance, names, depth + 1)


def text(chance: Chance, kind: str, names: Names) -> str:
    """Return an expression as a template writes it."""
    return f"[{expression(chance, kind, names)}]"


def leaf(chance: Chance, kind: str, names: Names) -> str:
    """Return a name of that kind, or a literal."""
    named = [f"parameters('{_cased(chance, name)}')" for name, of in names.parameters.items() if of == kind]
    named += [f"variables('{_cased(chance, name)}')" for name, of in names.variables.items() if of == kind]
    named += [f"lambdaVariables('{name}')" for name, of in names.lambdas.items() if of == kind]
    if kind == "int" and names.loops:
        named += ["copyIndex()", "copyIndex(1)", f"copyIndex('{names.loops[-1]}')"]
    if named and chance.often(0.75):
        return chance.choice(named)
    return literal(chance, kind)


def _cased(chance: Chance, name: str) -> str:
    return name.upper() if chance.often(0.1) else name


def literal(chance: Chance, kind: str) -> str:
    """Return a value written out."""
    if kind == "string":
        return f"'{chance.choice(WORDS)}'"
    if kind == "int":
        return str(chance.randint(-3, 12))
    if kind == "bool":
        return chance.one("true()", "false()")
    if kind == "array":
        return chance.one(
            "createArray('a', 'b', 'c')", "createArray(3, 1, 2)", "createArray()", "range(0, 3)"
        )
    return chance.one(
        "createObject('name', 'n', 'Size', 2)",
        "createObject()",
        "createObject('deep', createObject('name', 'below'), 'list', createArray(1, 2))",
        'json(\'{"tags": {"a": "b"}, "flag": null}\')',
    )


def general(chance: Chance, kind: str, names: Names, depth: int) -> str:
    """Return a choice or a look-up, which any kind of value may come from."""

    def of(wanted: str) -> str:
        return expression(chance, wanted, names, depth + 1)

    fitting = [name for name, (_, output) in names.functions.items() if output == kind]
    if fitting and chance.often(0.4):
        name = chance.choice(fitting)
        chance.kind("user function")
        return f"{name}({', '.join(of(one) for one in names.functions[name][0])})"
    form = chance.randrange(6)
    if form == 0:
        return f"if({of('bool')}, {of(kind)}, {of(kind)})"
    if form == 1:
        return f"coalesce({chance.one('null()', of(kind))}, {of(kind)})"
    if form == 2:
        return f"first(createArray({of(kind)}, {of(kind)}))"
    if form == 3:
        return f"createObject('a', {of(kind)}).{chance.one('a', 'A')}"
    if form == 4:
        return (
            f"coalesce(tryGet(createObject('a', {of(kind)}), {chance.one(repr('a'), repr('b'))}), {of(kind)})"
        )
    return f"createArray({of(kind)}, {of(kind)})[{chance.one('0', '1')}]"


def _string(chance: Chance, names: Names, depth: int) -> str:
    def of(kind: str) -> str:
        return expression(chance, kind, names, depth)

    return chance.one(
        lambda: f"concat({of('string')}, {of('string')})",
        lambda: f"format('{{0}}-{{1}}', {of('string')}, {of(chance.choice(KINDS[:3]))})",
        lambda: f"toLower({of('string')})",
        lambda: f"toUpper({of('string')})",
        lambda: f"replace({of('string')}, 'a', {of('string')})",
        lambda: f"string({of(chance.choice(KINDS))})",
        lambda: f"substring({of('string')}, 0, {chance.one('0', of('int')) if chance.faults else '0'})",
        lambda: f"take({of('string')}, {chance.one('2', of('int'))})",
        lambda: f"skip({of('string')}, 1)",
        lambda: f"trim({of('string')})",
        lambda: f"padLeft({of('string')}, 8, '0')",
        lambda: f"uniqueString({of('string')}, {of('string')})",
        lambda: f"guid({of('string')})",
        lambda: f"base64({of('string')})",
        lambda: f"uriComponent({of('string')})",
        lambda: f"join({of('array') if chance.faults else 'createArray(1, 2)'}, ',')",
        lambda: f"first({of('string')})",
        lambda: f"resourceId('Microsoft.Storage/storageAccounts', {of('string')})",
        lambda: f"resourceGroup().{chance.one('name', 'location', 'id')}",
        lambda: f"subscription().{chance.one('subscriptionId', 'id', 'tenantId')}",
        lambda: (
            f"deployment().{chance.one('name', 'name', 'properties.template.contentVersion', 'location')}"
        ),
        lambda: f"tenant().{chance.one('tenantId', 'displayName')}",
        lambda: f"subscriptionResourceId('Microsoft.Authorization/roleDefinitions', {of('string')})",
        lambda: f"extensionResourceId({of('string')}, 'Microsoft.Authorization/locks', 'lock')",
        lambda: "managementGroup().name" if chance.faults else "resourceGroup().id",
        lambda: (
            "toLogicalZone(subscription().subscriptionId, 'westus', 'az1')" if names.runtime else "'zone'"
        ),
        lambda: f"environment().{chance.one('name', 'suffixes.storage')}",
        lambda: f"createObject('name', {of('string')}).{chance.one('name', 'NAME')}",
        lambda: (
            f"string({of('object')}.{chance.choice(MEMBERS)})" if chance.faults else f"string({of('int')})"
        ),
    )()


def _int(chance: Chance, names: Names, depth: int) -> str:
    def of(kind: str) -> str:
        return expression(chance, kind, names, depth)

    return chance.one(
        lambda: f"{chance.one('add', 'sub', 'mul')}({of('int')}, {of('int')})",
        lambda: (
            f"{chance.one('div', 'mod')}({of('int')}, {chance.one('2', '3', of('int') if chance.faults else '5')})"
        ),
        lambda: f"length({of(chance.one('string', 'array', 'object'))})",
        lambda: f"{chance.one('min', 'max')}({of('int')}, {of('int')})",
        lambda: f"{chance.one('indexOf', 'lastIndexOf')}({of('string')}, {of('string')})",
        lambda: f"indexOf({of('array')}, {of(chance.choice(KINDS))})",
        lambda: f"int({chance.one(repr('7'), of('int'))})",
        lambda: (
            f"reduce(range(0, 4), {of('int')}, lambda('sum', 'item', add(lambdaVariables('sum'), lambdaVariables('item'))))"
        ),
    )()


def _bool(chance: Chance, names: Names, depth: int) -> str:
    def of(kind: str) -> str:
        return expression(chance, kind, names, depth)

    same = chance.choice(KINDS)
    return chance.one(
        lambda: f"equals({of(same)}, {of(same)})",
        lambda: f"{chance.one('less', 'greaterOrEquals')}({of('int')}, {of('int')})",
        lambda: f"{chance.one('and', 'or')}({of('bool')}, {of('bool')})",
        lambda: f"not({of('bool')})",
        lambda: f"contains({of('array')}, {of(chance.choice(KINDS[:2]))})",
        lambda: f"contains({of('object')}, {of('string')})",
        lambda: f"contains({of('string')}, {of('string')})",
        lambda: f"empty({of(chance.one('string', 'array', 'object'))})",
        lambda: f"{chance.one('startsWith', 'endsWith')}({of('string')}, {of('string')})",
        lambda: f"bool({chance.one(repr('true'), of('int'), of('bool'))})",
    )()


def _array(chance: Chance, names: Names, depth: int) -> str:
    def of(kind: str, inside: Names = names) -> str:
        return expression(chance, kind, inside, depth)

    def with_item(function: str, result: str) -> str:
        chance.kind("lambda")
        inside = names.with_lambda("item", "int")
        return f"{function}(range(0, {chance.randint(0, 3)}), lambda('item', {of(result, inside)}))"

    return chance.one(
        lambda: f"createArray({of('string')}, {of('string')})",
        lambda: f"createArray({of(chance.choice(KINDS))}, {of(chance.choice(KINDS))})",
        lambda: f"split({of('string')}, {chance.one(repr(','), repr('-'))})",
        lambda: f"{chance.one('union', 'intersection', 'concat')}({of('array')}, {of('array')})",
        lambda: f"{chance.one('take', 'skip')}({of('array')}, {chance.one('1', '2', of('int'))})",
        lambda: f"range({chance.randint(0, 3)}, {chance.one('2', '0', of('int') if chance.faults else '3')})",
        lambda: with_item("map", chance.choice(KINDS)),
        lambda: with_item("filter", "bool"),
        lambda: f"objectKeys({of('object')})",
        lambda: f"items({of('object')})",
        lambda: f"flatten(createArray({of('array')}, {of('array')}))",
        lambda: (
            f"sort(createArray({of('int')}, {of('int')}), lambda('a', 'b', less(lambdaVariables('a'), lambdaVariables('b'))))"
        ),
    )()


def _object(chance: Chance, names: Names, depth: int) -> str:
    def of(kind: str, inside: Names = names) -> str:
        return expression(chance, kind, inside, depth)

    def to_object() -> str:
        chance.kind("lambda")
        inside = names.with_lambda("item", "int")
        key = "lambda('item', concat('k', string(lambdaVariables('item'))))"
        value = f", lambda('item', {of(chance.choice(KINDS), inside)})" if chance.often(0.7) else ""
        return f"toObject(range(0, 2), {key}{value})"

    return chance.one(
        lambda: f"createObject('{chance.choice(MEMBERS)}', {of(chance.choice(KINDS))})",
        lambda: f"createObject('name', {of('string')}, 'list', {of('array')}, 'deep', {of('object')})",
        lambda: f"union({of('object')}, {of('object')})",
        lambda: f"shallowMerge(createArray({of('object')}, {of('object')}))",
        lambda: f"createObject({of('string')}, {of('int')})",
        to_object,
        lambda: f"mapValues({of('object')}, lambda('v', createArray(lambdaVariables('v'))))",
    )()


MAKERS: dict[str, Callable[[Chance, Names, int], str]] = {
    "string": _string,
    "int": _int,
    "bool": _bool,
    "array": _array,
    "object": _object,
}


def wrong(chance: Chance, kind: str, names: Names, depth: int) -> str:
    """Return an expression that fails, or gives another kind of value."""
    chance.kind("fault")

    def of(wanted: str) -> str:
        return expression(chance, wanted, names, min(depth + 1, DEEPEST))

    return chance.one(
        lambda: "parameters('missing')",
        lambda: "variables('missing')",
        lambda: "nothing(1)",
        lambda: f"createArray({of('int')})[{chance.one('3', '-1', of('string'))}]",
        lambda: f"createObject('a', {of('int')}).b",
        lambda: f"div({of('int')}, 0)",
        lambda: f"substring({of('string')}, 0, 50)",
        lambda: f"concat({of('int')}, {of('array')})",
        lambda: f"add({of('string')}, {of('int')})",
        lambda: f"if({of('string')}, 1, 2)",
        lambda: f"and({of('bool')}, {of('int')})",
        lambda: f"toLower({of('array')})",
        lambda: f"length({of('int')})",
        lambda: "concat()",
        lambda: "toLower('a', 'b')",
        lambda: "copyIndex()" if not names.loops else "copyIndex('nowhere')",
        lambda: f"first({of('object')})",
        lambda: f"json({of('string')})",
        lambda: f"int({of('string')})",
        lambda: f"bool({of('string')})",
        lambda: "reference('nowhere').a",
        lambda: "lambdaVariables('none')",
        lambda: "utcNow()",
        lambda: "toLogicalZone('a', 'b', 'c')",
        lambda: "deployment().properties.mode",
        lambda: "null()",
        lambda: "subscription().a.b",
        lambda: chance.one("concat('a'", "1 2", "'it", "add(1,)", "createObject('a', 1).", "[1]", "a.b"),
        lambda: f"indexOf({of('string')}, {of('array')})",
        lambda: f"coalesce({of('array')}, {of('int')}).name",
        lambda: f"variables({of('object')})",
        lambda: f"range(0, {chance.one('-1', '1001')})",
        lambda: f"resourceId({of('string')}, {of('string')})",
        lambda: expression(chance, chance.choice(KINDS), names, depth + 1),
    )()
