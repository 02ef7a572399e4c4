"""The parameters of the template, and what the fine-tuning step left in the project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.config import read_object
from aitk_inference.core.errors import InvalidProject, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json

PARAMETER_PATHS = (
    Path("infra/provision/inference.parameters.json"),
    Path("infra/inference.parameters.json"),
)
"""The documents name both; the first wins."""
BICEP_PARAMETERS = Path("infra/provision/inference.bicepparam")
"""A project that has it needs no JSON parameters."""
FINETUNING_CONFIG = Path("infra/finetuning.config.json")
FINETUNING_PARAMETERS = (
    Path("infra/provision/finetuning.parameters.json"),
    Path("infra/finetuning.parameters.json"),
)
SHARED_NAMES = (
    "storageAccountName",
    "fileShareName",
    "acaEnvironmentName",
    "acaEnvironmentStorageName",
    "acaLogAnalyticsName",
)
"""Resources that the fine-tuning step made and inference uses again."""


@dataclass(frozen=True)
class Parameters:
    """What the project says about the template's parameters.

    Attributes:
        path: The file they came from.
        values: Name to plain value; a ``null`` (use the template's default) is left out. A ``.bicepparam``
            has none before it is compiled.
        warnings: What a person should know about the files.
    """

    path: Path
    values: Mapping[str, Json]
    warnings: tuple[str, ...] = ()

    def problem(self, name: str, message: str) -> Problem:
        """A problem at the place where a parameter stands in its file."""
        line, column = locate(self.path.read_text(encoding="utf-8-sig"), name)
        return Problem(self.path, message, line, column, "parameter")

    def invalid(self, name: str, message: str, suggestion: str) -> InvalidProject:
        """An error about one parameter, with its place."""
        return InvalidProject(message, [self.problem(name, message)], suggestion=suggestion)


@dataclass(frozen=True)
class FineTuning:
    """What the fine-tuning step left behind.

    Attributes:
        names: Names of its resources by template parameter.
    """

    subscription_id: str | None = None
    resource_group: str | None = None
    names: Mapping[str, str] = field(default_factory=dict)


def read_parameters(project: Path) -> Parameters:
    """Read the parameters of a project.

    Raises:
        InvalidProject: no file, not JSON, another shape; says where.
    """
    present = [project / path for path in (BICEP_PARAMETERS, *PARAMETER_PATHS) if (project / path).exists()]
    if not present:
        raise _missing(project / PARAMETER_PATHS[0])
    used, *others = present
    warnings = tuple(f"{other} is not used: {used} is there and comes first." for other in others)
    return Parameters(used, {} if is_bicep(used) else _values(used), warnings)


def is_bicep(path: Path) -> bool:
    """True for parameters that the Bicep CLI must compile."""
    return path.suffix == BICEP_PARAMETERS.suffix


def read_finetuning(project: Path) -> FineTuning:
    """What the fine-tuning step left in the project; empty where there was none."""
    config = project / FINETUNING_CONFIG
    known = read_object(config) if config.exists() else {}
    names = {name: value for name, value in _finetuning_names(project).items() if isinstance(value, str)}
    for name, key in (("storageAccountName", "STORAGE_ACCOUNT_NAME"), ("fileShareName", "FILE_SHARE_NAME")):
        value = _text(known.get(key))
        if value:
            names.setdefault(name, value)
    return FineTuning(_text(known.get("SUBSCRIPTION_ID")), _text(known.get("RESOURCE_GROUP_NAME")), names)


def locate(text: str, name: str) -> tuple[int, int]:
    """Zero-based line and column of a name: the first key in a JSON text, ``param name`` in Bicep's.

    Returns:
        (0, 0) where there is none.
    """
    quoted = re.escape(name)
    found = re.search(rf'("{quoted}")\s*:|^[ \t]*param[ \t]+({quoted})\b', text, re.MULTILINE)
    if found is None:
        return 0, 0
    before = text[: found.start(found.lastindex or 0)]
    line_start = before.rfind("\n") + 1
    return before.count("\n"), len(before[line_start:].encode("utf-16-le")) // 2


def _finetuning_names(project: Path) -> Mapping[str, Json]:
    present = [project / path for path in FINETUNING_PARAMETERS if (project / path).exists()]
    values = _values(present[0]) if present else {}
    return {name: values[name] for name in SHARED_NAMES if name in values}


def _values(path: Path) -> dict[str, Json]:
    return values_of(path, read_object(path))


def values_of(path: Path, document: Mapping[str, Json]) -> dict[str, Json]:
    """The plain values of a parameters file's content; ``path`` is where a person wrote them.

    Raises:
        InvalidProject: it has another shape.
    """
    entries = document.get("parameters")
    if not isinstance(entries, dict):
        raise _shape(path, "parameters", 'The file must hold "parameters": { … }.')
    named = {name: _value(path, name, entry) for name, entry in entries.items()}
    return {name: value for name, value in named.items() if value is not None}


def _value(path: Path, name: str, entry: Json) -> Json:
    if not isinstance(entry, dict):
        raise _shape(path, name, f'{name} must be written as {{ "value": … }}.')
    if "reference" in entry:
        raise _shape(path, name, f"{name} refers to a key vault: that is not supported.")
    if "value" not in entry:
        raise _shape(path, name, f'The parameter {name} has no "value".')
    return entry["value"]


def _shape(path: Path, name: str, message: str) -> InvalidProject:
    line, column = locate(path.read_text(encoding="utf-8-sig"), name)
    problem = Problem(path, message, line, column, "parameter")
    return InvalidProject(message, [problem], suggestion=f"Mend {path} and run the command again.")


def _missing(path: Path) -> InvalidProject:
    message = f"There is no {PARAMETER_PATHS[0].as_posix()} in this project."
    return InvalidProject(
        message,
        [Problem(path, "The file is missing.", code="missing")],
        suggestion="Open the project's own folder, or make a new project with: aitk-inference new DIR",
    )


def _text(value: Json) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
