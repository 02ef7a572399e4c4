"""Writes ``extension/src/protocol.ts`` from the server's wire module; ``--check`` fails when it is stale."""

from __future__ import annotations

import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import attrs
from aitk_inference.core.interface import ActionKind
from aitk_inference.lsp import wire
from aitk_inference.lsp.codec import camel

if typing.TYPE_CHECKING:
    from enum import StrEnum

TARGET = Path(__file__).resolve().parent.parent / "extension" / "src" / "protocol.ts"
HEAD = "// Generated from server/aitk_inference/lsp/wire.py by `make protocol`. Do not edit.\n"
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean"}
FROM_CLIENT = (wire.ClientFeatures, *(r.result for r in wire.REQUESTS), *(c.arguments for c in wire.COMMANDS))
FROM_SERVER = (*(r.params for r in wire.REQUESTS), wire.RunResult, wire.Failure)
NESTED = (wire.Pick, wire.Question, wire.Button, wire.MissingArgument, wire.FileProblem)


def main(arguments: list[str]) -> int:
    """Write or check; returns the exit code."""
    text = render()
    if "--check" in arguments:
        fresh = TARGET.exists() and TARGET.read_text(encoding="utf-8") == text
        sys.stderr.write("" if fresh else f"{TARGET.name} is stale: run `make protocol`.\n")
        return 0 if fresh else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


def render() -> str:
    """The whole TypeScript file."""
    enums = [_enum(ActionKind), _enum(wire.QuestionKind)]
    server = [_interface(cls, optional_defaults=False) for cls in (*NESTED, *FROM_SERVER)]
    client = [_interface(cls, optional_defaults=True) for cls in FROM_CLIENT]
    return "\n".join([HEAD, *enums, *server, *client, _constants()])


def _enum(cls: type[StrEnum]) -> str:
    values = " | ".join(f"'{member.value}'" for member in cls)
    return f"{_comment(cls)}export type {cls.__name__} = {values};\n"


def _interface(cls: type[Any], *, optional_defaults: bool) -> str:
    hints = typing.get_type_hints(cls)
    lines = [_field(field, hints[field.name], optional_defaults) for field in attrs.fields(cls)]
    return f"{_comment(cls)}export interface {cls.__name__} {{\n" + "".join(lines) + "}\n"


def _field(field: attrs.Attribute[Any], hint: Any, optional_defaults: bool) -> str:
    required = [part for part in _parts(hint) if part is not type(None)]
    may_miss = len(required) < len(_parts(hint)) or (optional_defaults and field.default is not attrs.NOTHING)
    return f"  readonly {camel(field.name)}{'?' if may_miss else ''}: {' | '.join(map(_type, required))};\n"


def _parts(hint: Any) -> tuple[Any, ...]:
    is_union = isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union
    return typing.get_args(hint) if is_union else (hint,)


def _type(hint: Any) -> str:
    arguments = typing.get_args(hint)
    if len(_parts(hint)) > 1:  # Json, as the value of a dictionary
        return "unknown"
    if typing.get_origin(hint) is tuple:
        return f"readonly {_type(arguments[0])}[]"
    if typing.get_origin(hint) is dict:
        return f"Readonly<Record<string, {_type(arguments[1])}>>"
    return PLAIN.get(hint) or str(hint.__name__)


def _comment(cls: type[Any]) -> str:
    words = re.sub(r"\s+", " ", (cls.__doc__ or "").strip()).replace("``", "`")
    return f"/** {words} */\n"


def _constants() -> str:
    methods = [f"  {_name(r.method)}: '{r.method}'," for r in wire.REQUESTS]
    commands = [f"  {c.name.rpartition('.')[2]}: '{c.name}'," for c in wire.COMMANDS]
    lists = [
        _constant("Requests that the server sends.", "Methods", methods),
        _constant("Commands of workspace/executeCommand.", "Commands", commands),
        f"/** The section of the settings. */\nexport const SETTINGS = '{wire.SETTINGS_SECTION}';\n",
    ]
    return "\n".join(lists)


def _constant(comment: str, name: str, lines: list[str]) -> str:
    return "\n".join([f"/** {comment} */", f"export const {name} = {{", *lines, "} as const;", ""])


def _name(method: str) -> str:
    return method.rpartition("/")[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
