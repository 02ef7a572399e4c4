"""Values of functions that Microsoft documents, and of the corners that a guess gets wrong.

Each was answered so by the engine inside the Bicep CLI 0.49.2.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from arm_template import Scope, TemplateError, evaluate
from arm_template.hashing import unique_string
from support.shared import shared

if TYPE_CHECKING:
    from arm_template import JSON

SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
LESS = "less(lambdaVariables('x'), lambdaVariables('y'))"
LONG = "string(range(0, 10000))"
SCOPE = Scope("t", "00000000-0000-0000-0000-000000000001", "rg", "westus", "main")


def value(expression: str) -> JSON:
    """Evaluate an expression as an output."""
    outputs: JSON = {"o": {"type": "object", "value": {"v": f"[{expression}]"}}}
    template: dict[str, JSON] = {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "resources": [],
        "outputs": outputs,
    }
    found = evaluate(template, {}, SCOPE, preview=True).outputs["o"].value
    return found["v"] if isinstance(found, dict) else found


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("length('😀')", 2),
        ("first(createArray())", None),
        ("json('{a:1,}')", {"a": 1}),
        ("json('0x10')", 16),
        ("json('1 2')", 1),
        ("string(createArray(json('1.0'), json('1e21'), json('0.00001')))", "[1.0,1E+21,1E-05]"),
        ("format('{0:N0}', json('2.5'))", "2"),
        ("format('{0:F1}', json('0.35'))", "0.3"),
        ("format('{0:0.0}', json('1.25'))", "1.3"),
        ("format('{0:C}', -5)", "(¤5.00)"),
        ("format('{0}', createObject('a', createArray(1, true())))", "{'a':[1,true]}"),
        ("format('{{{0}}}', 5)", "{5}"),
        ("like('aXbYa', 'A*b*a')", True),
        ("toUpper('i\u0131\u017f\xdf')", "I\u0131\u017f\xdf"),
        ("greater('a', 'B')", True),
        ("indexOf('abc', 'B')", 1),
        ("lastIndexOf('abcdef', '')", 5),
        ("split('abcd', createArray('b', 'bc'))", ["a", "cd"]),
        ("uri('http://CONTOSO.org:80/a', 'b c')", "http://contoso.org/b%20c"),
        ("uri('http://contoso.org/a/b/', '../c')", "http://contoso.org/a/c"),
        ("uriComponentToString('a+b%20c%u0041')", "a b cA"),
        ("dateTimeAdd('2020-04-07T14:53:14+02:00', 'PT1H', 'o')", "2020-04-07T15:53:14.0000000+02:00"),
        ("dateTimeAdd('2020-03-31T00:00:00Z', 'P1M', 'yyyy-MM-dd')", "2020-04-30"),
        ("cidrHost('10.144.3.0/24', -1)", "10.144.3.0"),
        ("union(createObject('x', 1, 'a', 1), createObject('A', 2))", {"x": 1, "A": 2}),
        ("tryGet(createObject('a', null()), 'a', 'b')", None),
        (f"sort(createArray('b', 'A', 'a'), lambda('x', 'y', {LESS}))", ["A", "a", "b"]),
        (
            "last(split(resourceId('one', 'Microsoft.X/a', '1'), '/resourceGroups/'))",
            "one/providers/Microsoft.X/a/1",
        ),
        ("and(false(), reference('x'))", False),
        ("length(createArray(reference('x'), 1))", 2),
    ],
)
def test_values(expression: str, wanted: JSON) -> None:
    assert value(expression) == wanted


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("add(9223372036854775807, 1)", "The template language function 'add' overflowed with the operants"),
        ("concat('a'.x)", "expected token 'RightParenthesis' and actual 'Dot'"),
        ("true('x')", "The function does not accept parameters."),
        ("format('{0', 'a')", "Failure to parse near offset 2. Format item ends prematurely."),
        (
            "filter(createArray(1), lambda('x', 1))",
            "on the input element at position 0 returned a value of type 'Integer'",
        ),
        ("map(createArray(1), 5)", "to be of type 'lambda'. The provided value is of type 'Token'."),
        ("first('😀a')", "Cannot transcode invalid UTF-16 string to UTF-8 JSON text."),
        ("guid(reference('x').y, 1)", "expects its second parameter to be of type 'String'"),
        ("copyIndex()", "The template function 'copyIndex' is not valid."),
        (f"concat({LONG}, {LONG}, {LONG})", "exceeds the maximum length"),
    ],
)
def test_errors(expression: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        value(expression)

    assert message in caught.value.message


def test_unique_string_gives_what_real_deployments_gave() -> None:
    vectors = json.loads(shared("wire/uniquestring-vectors.json").read_text())

    assert [unique_string(*vector["args"]) for vector in vectors] == [vector["out"] for vector in vectors]
