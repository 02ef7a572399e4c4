"""Holds an answer against Microsoft's OpenAPI (Swagger 2) documents: which operation it is, and what its body
breaks.
"""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Json = Any
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


@cache
def load(path: Path) -> dict[str, Json]:
    found: dict[str, Json] = json.loads(path.read_text())
    return found


@dataclass(frozen=True)
class Node:
    """A schema, and the document that it stands in."""

    schema: dict[str, Json]
    document: Path

    def follow(self) -> "Node":
        """The schema that ``$ref`` points to, if it does."""
        reference = self.schema.get("$ref")
        if reference is None:
            return self
        file, _, pointer = reference.partition("#")
        document = (self.document.parent / file).resolve() if file else self.document
        value: Json = load(document)
        for part in pointer.strip("/").split("/"):
            value = value[part.replace("~1", "/").replace("~0", "~")]
        return Node(value, document).follow()

    def within(self, schema: dict[str, Json]) -> "Node":
        return Node(schema, self.document)


def response_schema(documents: list[Path], method: str, path: str, status: int) -> Node | None:
    """The schema of an answer; None where the operation has no body. Fails where no document knows the
    operation.
    """
    for document in documents:
        for template, operations in load(document)["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", template.rstrip("/"))
            if method.lower() in operations and re.fullmatch(pattern, path.rstrip("/"), re.IGNORECASE):
                responses = operations[method.lower()]["responses"]
                assert str(status) in responses, (
                    f"{method} {template} does not answer {status}: {sorted(responses)}"
                )
                schema = responses[str(status)].get("schema")
                return None if schema is None else Node(schema, document)
    raise AssertionError(f"no document knows {method} {path}")


def violations(value: Json, node: Node, where: str = "") -> list[str]:
    """What of a value breaks a schema; null stands for "not there", as the service writes it."""
    node = node.follow()
    schema = node.schema
    if value is None:
        return []
    kind = schema.get("type", "object" if "properties" in schema else None)
    if kind and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        return [f"{where}: {type(value).__name__} is not {kind}"]
    found = [one for part in schema.get("allOf", ()) for one in violations(value, node.within(part), where)]
    if isinstance(value, dict):
        found += _object(value, node, where)
    if isinstance(value, list) and "items" in schema:
        items = node.within(schema["items"])
        found += [
            one for index, held in enumerate(value) for one in violations(held, items, f"{where}[{index}]")
        ]
    if isinstance(value, str):
        found += _text(value, schema, where)
    return found


def _object(value: dict[str, Json], node: Node, where: str) -> list[str]:
    properties = node.schema.get("properties", {})
    found = [
        f"{where}.{name}: is required" for name in node.schema.get("required", ()) if value.get(name) is None
    ]
    for name, held in value.items():
        if name in properties:
            found += violations(held, node.within(properties[name]), f"{where}.{name}")
        elif isinstance(node.schema.get("additionalProperties"), dict):
            found += violations(held, node.within(node.schema["additionalProperties"]), f"{where}.{name}")
    return found


def _text(value: str, schema: dict[str, Json], where: str) -> list[str]:
    allowed = [str(one).lower() for one in schema.get("enum", ())]
    open_ended = schema.get("x-ms-enum", {}).get("modelAsString", False) and not value
    if allowed and value.lower() not in allowed and not open_ended:
        return [f"{where}: '{value}' is none of {allowed}"]
    if "pattern" in schema and not re.search(schema["pattern"], value):
        return [f"{where}: '{value}' does not match {schema['pattern']}"]
    return []
