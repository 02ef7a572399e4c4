"""Which template is deployed: the compiled one when it is fresh, else what the CLI makes of the source."""

from __future__ import annotations

import difflib
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from arm_template import find_key

from aitk_inference.core.config import no_such_file, read_object, read_source
from aitk_inference.core.errors import InvalidProject, NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json
    from aitk_inference.core.params import Parameters
    from aitk_inference.core.ports import TemplateCompiler

FOLDER = Path("infra/provision")
SOURCE, COMPILED, LOCK = "inference.bicep", "inference.json", "inference.lock.json"
_OPTIONAL_SOURCES = ("environmentStorage.bicep", "bicepconfig.json")
INSTALL_BICEP = "https://learn.microsoft.com/azure/azure-resource-manager/bicep/install"


@dataclass(frozen=True)
class Template:
    """A template ready to be sent.

    Attributes:
        document: The ARM template.
        parameters: What it declares, by name.
        path: The file that people edit.
    """

    document: dict[str, Json]
    parameters: Mapping[str, Mapping[str, Json]]
    path: Path = FOLDER / SOURCE

    def declared(self, name: str) -> str | None:
        """Return a parameter's name as the template spells it, or None: ARM takes any case."""
        return find_key(self.parameters, name)


def check_present(project: Path) -> None:
    """Refuse a folder without a template, before anything is asked.

    Raises:
        InvalidProject: there is none.
    """
    folder = project / FOLDER
    if not (folder / SOURCE).exists() and not (folder / COMPILED).exists():
        raise no_such_file(project, FOLDER / SOURCE)


async def read_template(project: Path, compiler: TemplateCompiler) -> Template:
    """Return the template of a project; an edited source is compiled, a stale compiled one is never used.

    Raises:
        InvalidProject: there is no template, it is malformed, or it was edited and there is no Bicep CLI.
    """
    folder = project / FOLDER
    source, compiled = folder / SOURCE, folder / COMPILED
    check_present(project)
    fresh = compiled.exists() and (not source.exists() or is_fresh(folder))
    document = read_object(compiled) if fresh else await _compile(source, compiler)
    return _checked(document, compiled if fresh else source)


def is_fresh(folder: Path) -> bool:
    """Return True if the compiled template was made from the sources as they are now."""
    if not (folder / LOCK).exists():
        return False
    noted = read_object(folder / LOCK).get("sources")
    names = (SOURCE, *(name for name in _OPTIONAL_SOURCES if (folder / name).exists()))
    return isinstance(noted, dict) and noted == {name: source_hash(folder / name) for name in names}


def source_hash(path: Path) -> str:
    """SHA-256 of a source as hex; line ends count as LF, as in ``inference.lock.json``."""
    return hashlib.sha256(read_source(path).replace(b"\r\n", b"\n")).hexdigest()


async def _compile(source: Path, compiler: TemplateCompiler) -> dict[str, Json]:
    try:
        document = await compiler.compile(source)
    except NotFound as error:
        raise _no_compiler(source, error) from error
    if not isinstance(document, dict):
        raise InvalidProject(f"{source.name} did not compile to a template.", [])
    return document


def _checked(document: dict[str, Json], path: Path) -> Template:
    parameters = document.get("parameters", {})
    if "resources" not in document or not isinstance(parameters, dict):
        message = f"{path.name} is not an ARM template."
        raise InvalidProject(message, [Problem(path, message, code="template")])
    return Template(document, {n: d for n, d in parameters.items() if isinstance(d, dict)}, path)


def declared_values(template: Template, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return values by the names that the template declares; others are left out."""
    named = ((template.declared(name), value) for name, value in values.items())
    return {name: value for name, value in named if name is not None}


def check_parameters(template: Template, parameters: Parameters) -> None:
    """Refuse parameters that the template does not have, lacks or takes twice, and values of another type.

    Raises:
        InvalidProject: with each problem and its place.
    """
    first_spelled = {name.lower(): name for name in reversed([*parameters.values])}
    problems = [
        parameters.problem(name, message)
        for name, value in parameters.values.items()
        if (message := _wrong(template, name, value, first_spelled[name.lower()]))
    ]
    problems += [
        parameters.problem(name, f"The template's parameter {name} has no default: give it a value.")
        for name, declared in template.parameters.items()
        if "defaultValue" not in declared
        and declared.get("nullable") is not True
        and parameters.get(name) is None
    ]
    if problems:
        first = problems[0].message
        raise InvalidProject(first, problems, suggestion=f"Mend {parameters.path} and run the command again.")


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "securestring": (str,),
    "int": (int,),
    "bool": (bool,),
    "array": (list,),
    "object": (dict,),
    "secureobject": (dict,),
}


def wrong_value(template: Template, name: str, value: Json) -> str:
    """Return why the template takes no such parameter, or not this value; empty where it does."""
    return _wrong(template, name, value, name)


def _wrong(template: Template, name: str, value: Json, first_spelled: str) -> str:
    known = template.declared(name)
    if known is None:
        names = {parameter.lower(): parameter for parameter in template.parameters}
        near = difflib.get_close_matches(name.lower(), names, n=1)
        meant = f"Did you mean {names[near[0]]}?" if near else f"It has: {', '.join(sorted(names.values()))}."
        return f"The template has no parameter {name}. {meant}"
    declared = template.parameters[known]
    kind = str(declared.get("type", "")).lower()
    fits = isinstance(value, _TYPES.get(kind, (object,))) and (kind != "int" or not isinstance(value, bool))
    if not fits:
        return f"The parameter {name} must be of type {kind}."
    if first_spelled != name:
        return f"{name} and {first_spelled} are one parameter to Azure: keep one of them."
    return _outside(name, value, declared)


def _outside(name: str, value: Json, declared: Mapping[str, Json]) -> str:
    allowed = declared.get("allowedValues")
    if isinstance(allowed, list) and not isinstance(value, list) and value not in allowed:
        return f"The parameter {name} must be one of: {', '.join(map(str, allowed))}."
    if isinstance(value, int):
        low, high = declared.get("minValue"), declared.get("maxValue")
        measured: int = value
    elif isinstance(value, str | list):
        low, high = declared.get("minLength"), declared.get("maxLength")
        measured = len(value)
    else:
        return ""
    if (isinstance(low, int) and measured < low) or (isinstance(high, int) and measured > high):
        what = "" if isinstance(value, int) else "length of the "
        return f"The {what}parameter {name} must be between {low or 0} and {high or 'any number'}."
    return ""


def _no_compiler(source: Path, error: NotFound) -> InvalidProject:
    if not source.with_name(COMPILED).exists():
        return _never_compiled(source, error)
    message = f"{source.name} was edited, and there is no Bicep CLI to compile it."
    problem = Problem(source, "It differs from what inference.json was compiled from.", code="stale")
    failed = InvalidProject(
        message,
        [problem],
        suggestion=f"{error.suggestion} Or undo the edit.",
    )
    failed.link = INSTALL_BICEP
    return failed


def _never_compiled(source: Path, error: NotFound) -> InvalidProject:
    message = f"{source.name} was never compiled in this project, and there is no Bicep CLI to do it."
    problem = Problem(source, f"There is no {COMPILED} beside it.", code="uncompiled")
    failed = InvalidProject(message, [problem], suggestion=error.suggestion)
    failed.link = INSTALL_BICEP
    return failed
