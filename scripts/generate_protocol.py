"""Write what the extension takes from the server: its messages, its commands and their titles.

That is ``extension/src/protocol.ts``, and the palette's entries in ``package.json`` and ``package.nls.json``.
With ``--check`` nothing is written, and the program fails when one of them is stale.
"""

from __future__ import annotations

import json
import re
import sys
import types
import typing
from pathlib import Path
from typing import Any

import attrs
from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import MissingInput
from aitk_inference.core.user_interface import Option
from aitk_inference.lsp import wire
from aitk_inference.lsp.codec import camel, field_name, is_named_tuple
from aitk_inference.lsp.handlers import COMMANDS, Command

if typing.TYPE_CHECKING:
    from enum import StrEnum

ROOT = Path(__file__).resolve().parent.parent
HEAD = "// Generated from server/aitk_inference/lsp by `make protocol`. Do not edit.\n"
PLAIN = {str: "string", int: "number", float: "number", bool: "boolean", Path: "string"}
REQUESTS = tuple(dict.fromkeys(command.request for command in COMMANDS))
FROM_CLIENT = (wire.ClientFeatures, *(r.result for r in wire.REQUESTS), *REQUESTS)
FROM_SERVER = (
    *(r.params for r in wire.REQUESTS),
    *(n.params for n in wire.NOTIFICATIONS),
    wire.RunResult,
    wire.Failure,
)
NESTED = (Option, wire.Question, Action, MissingInput, wire.FileProblem)
OWN = ({"verb": "showOutput", "title": "Show inference output", "icon": "output"},)
"""Commands of the extension alone."""


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    made = outputs()
    if "--check" in arguments:
        stale = [path.name for path, text in made.items() if path.read_text(encoding="utf-8") != text]
        sys.stderr.writelines(f"{name} is stale: run `make protocol`.\n" for name in stale)
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text, encoding="utf-8")
    return 0


def outputs() -> dict[Path, str]:
    """Return the text of each file."""
    entries = [{"verb": c.verb, "title": c.title, "icon": c.icon} for c in COMMANDS if c.icon]
    entries.extend(OWN)
    return {
        ROOT / "extension/src/protocol.ts": render(),
        ROOT / "package.json": _manifest(ROOT / "package.json", entries),
        ROOT / "package.nls.json": _words(ROOT / "package.nls.json", entries),
    }


def _manifest(path: Path, entries: list[dict[str, str]]) -> str:
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["contributes"]["commands"] = [
        {
            "command": f"aitk.inference.{entry['verb']}",
            "category": "AI Toolkit",
            "title": f"%command.{entry['verb']}%",
            "icon": f"$({entry['icon']})",
        }
        for entry in entries
    ]
    manifest["contributes"]["menus"] = {
        "commandPalette": [
            {"command": f"aitk.inference.{c.verb}", "when": wire.PROJECT_CONTEXT}
            for c in COMMANDS
            if c.icon and not c.always
        ]
    }
    return _json(manifest)


def _words(path: Path, entries: list[dict[str, str]]) -> str:
    words = json.loads(path.read_text(encoding="utf-8"))
    titles = {f"command.{entry['verb']}": entry["title"] for entry in entries}
    others = {key: value for key, value in words.items() if not key.startswith("command.")}
    return _json(others | titles)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def render() -> str:
    """Return the whole TypeScript file."""
    enums = [_enum(ActionKind), _enum(wire.QuestionKind), _enum(wire.Severity)]
    server = [_interface(cls, optional_defaults=False) for cls in (*NESTED, *FROM_SERVER)]
    client = [_interface(cls, optional_defaults=True) for cls in FROM_CLIENT]
    return "\n".join([HEAD, *enums, *server, *client, _constants()])


def _enum(cls: type[StrEnum]) -> str:
    values = " | ".join(f"'{member.value}'" for member in cls)
    return f"{_comment(cls)}export type {cls.__name__} = {values};\n"


def _interface(cls: type[Any], *, optional_defaults: bool) -> str:
    hints = typing.get_type_hints(cls)
    lines = [_field(cls, name, hint, optional_defaults) for name, hint in hints.items()]
    return f"{_comment(cls)}export interface {cls.__name__} {{\n" + "".join(lines) + "}\n"


def _field(cls: type[Any], name: str, hint: Any, optional_defaults: bool) -> str:
    required = [part for part in _parts(hint) if part is not type(None)]
    may_miss = len(required) < len(_parts(hint)) or (optional_defaults and _has_default(cls, name))
    written = field_name(name, hint) if optional_defaults else camel(name)
    return f"  readonly {written}{'?' if may_miss else ''}: {' | '.join(map(_type, required))};\n"


def _has_default(cls: type[Any], name: str) -> bool:
    if is_named_tuple(cls):
        return name in cls._field_defaults or name == "project"  # the only folder that is open, when left out
    return attrs.fields_dict(cls)[name].default is not attrs.NOTHING


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
    words = re.sub(r"\s+", " ", (cls.__doc__ or "").partition("Attributes:")[0].strip()).replace("``", "`")
    return f"/** {words} */\n"


def _constants() -> str:
    methods = [f"  {_name(r.method)}: '{r.method}'," for r in (*wire.REQUESTS, *wire.NOTIFICATIONS)]
    commands = [_command(c) for c in COMMANDS]
    palette = ", ".join(f"'{c.verb}'" for c in COMMANDS if c.icon)
    lists = [
        _constant("Requests and notifications that the server sends.", "Methods", methods),
        _constant(
            "Commands of workspace/executeCommand: what a person calls them, what the palette passes.",
            "Commands",
            commands,
        ),
        "/** A command of the server, by its verb. */\nexport type Verb = keyof typeof Commands;\n",
        "/** Those with an entry in the palette: `aitk.inference.VERB`. */\n"
        f"export const PALETTE = [{palette}] as const;\n",
        f"/** What is set where a project is open: it shows the palette's other entries. */\nexport const PROJECT_CONTEXT = '{wire.PROJECT_CONTEXT}';\n",
        f"/** The section of the settings. */\nexport const SETTINGS = '{wire.SETTINGS_SECTION}';\n",
    ]
    return "\n".join(lists)


def _command(command: Command[Any]) -> str:
    given = json.dumps(dict(command.given)).replace('"', "'")
    given = (
        re.sub(r"'(\w+)':", r"\1:", given).replace("{", "{ ").replace("}", " }") if command.given else "{}"
    )
    return f"  {command.verb}: {{ name: '{command.name}', title: '{command.title}', given: {given} }},"


def _constant(comment: str, name: str, lines: list[str]) -> str:
    return "\n".join([f"/** {comment} */", f"export const {name} = {{", *lines, "} as const;", ""])


def _name(method: str) -> str:
    return method.rpartition("/")[2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
