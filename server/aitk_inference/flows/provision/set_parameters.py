"""Writes values into a project's parameters file; all else in it stays."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from aitk_inference.core.config import read_object, write_atomically
from aitk_inference.core.errors import InvalidProject, Misuse
from aitk_inference.core.params import is_bicep, read_parameters
from aitk_inference.core.progress import Reporter
from aitk_inference.core.regular_files import read_text
from aitk_inference.flows.project.template import read_template, wrong_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import TemplateCompiler
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.project.template import Template


async def set_given(
    project: Path, given: Sequence[str], compiler: TemplateCompiler, ui: UserInterface
) -> None:
    """Write parameters that a command line gives, each as ``NAME=VALUE``; what is no text is written as JSON.

    Raises:
        Misuse: one is not of that form, is none of the template's, or does not fit it; none is written.
        InvalidProject: template or parameters can't be read.
    """
    template = await read_template(project, compiler)
    set_parameters(project, dict(_parsed(words, template) for words in given), Reporter(ui))


def set_parameters(project: Path, values: Mapping[str, Json], report: Reporter) -> None:
    """Write values and say so.

    Raises:
        InvalidProject: the file is a ``.bicepparam``, or malformed.
    """
    path = read_parameters(project).path
    if is_bicep(path):
        names = ", ".join(f"{name} = {value}" for name, value in values.items())
        raise InvalidProject(f"{path.name} is written by hand.", [], suggestion=f"Set in it: {names}.")
    document, text = read_object(path), read_text(path)
    entries = document.setdefault("parameters", {})
    assert isinstance(entries, dict), "read_parameters has refused another shape"
    for name, value in values.items():
        known = next((key for key in entries if key.lower() == name.lower()), name)
        entry: dict[str, Json] = {"value": value}
        entries[known] = entry
    indent = re.search(r"^([ \t]+)\S", text, re.MULTILINE)
    write_atomically(path, json.dumps(document, indent=indent[1] if indent else 2, ensure_ascii=False) + "\n")
    for name, value in values.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        report.info(f"{path.name}: {name} is {shown} now.")


def _parsed(words: str, template: Template) -> tuple[str, Json]:
    name, equals, text = words.partition("=")
    if not equals or not name:
        raise Misuse(f"--set takes NAME=VALUE, not {words!r}.", suggestion="For example: --set cpu=4")
    declared = template.parameters.get(template.declared(name) or "", {})
    kind = str(declared.get("type", "")).lower()
    if kind.startswith("secure"):
        raise Misuse(
            f"{name} is a secret, and others read a command's words in the list of processes.",
            suggestion="Keep secrets out of the parameters: aitk-inference secrets set NAME takes one from standard input.",
        )
    value = text if kind == "string" else _json(text)
    if message := wrong_value(template, name, value):
        raise Misuse(message, suggestion="Correct --set and run the command again.")
    return name, value


def _json(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return text
    return value
