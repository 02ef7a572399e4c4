"""Tables of bodies, made from Microsoft's API documents by ``scripts/make_api_tables.py``; see NOTICE."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TypedDict


class Node(TypedDict, total=False):
    """What is known of a value: its JSON type, what is inside it, and the api-version that brought it.

    ``values`` is what the members of an object are whose names a person chooses; ``fromText``: a number that
    the service takes as text, too. A node without a type is not looked into.
    """

    type: str
    format: str
    properties: dict[str, Node]
    items: Node
    values: Node
    enum: list[str]
    minimum: int
    maximum: int
    minLength: int
    maxLength: int
    readOnly: bool
    fromText: bool
    since: str


@cache
def load(namespace: str) -> dict[str, Node]:
    """Return the tables of a provider by type and action; none of an unknown provider."""
    file = files(__package__).joinpath(f"{namespace.lower()}.json")
    tables: dict[str, Node] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return tables


def find(name: str) -> Node | None:
    """Return the table of a body, such as that of ``Microsoft.App/jobs/start``."""
    return load(name.partition("/")[0]).get(name.lower())
