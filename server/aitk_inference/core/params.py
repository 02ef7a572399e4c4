"""The parameters of the template, and what the fine-tuning step left in the project."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.config import no_such_file, read_object
from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.json_text import locate, position, text_of
from aitk_inference.core.regular_files import read_text

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

    def get(self, name: str) -> Json:
        """Return a value; the name may be written in any case, as ARM takes it."""
        return next((value for key, value in self.values.items() if key.lower() == name.lower()), None)

    def problem(self, name: str, message: str) -> Problem:
        """Return a problem at the place where a parameter stands in its file."""
        line, column = locate_parameter(self.path, name)
        return Problem(self.path, message, line, column, "parameter")

    def invalid(self, name: str, message: str, suggestion: str) -> InvalidProject:
        """Return an error about one parameter, with its place."""
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
        raise no_such_file(project, PARAMETER_PATHS[0])
    used, *others = present
    warnings = tuple(f"{other} is not used: {used} is there and comes first." for other in others)
    return Parameters(used, {} if is_bicep(used) else _values(used), warnings)


def is_bicep(path: Path) -> bool:
    """Return True for parameters that the Bicep CLI must compile."""
    return path.suffix == BICEP_PARAMETERS.suffix


def read_finetuning(project: Path) -> FineTuning:
    """Return what the fine-tuning step left in the project; empty where there was none."""
    config = project / FINETUNING_CONFIG
    known = read_object(config) if config.exists() else {}
    path = next((project / path for path in FINETUNING_PARAMETERS if (project / path).exists()), None)
    given = {name.lower(): value for name, value in _values(path).items()} if path else {}
    names = {name: value for name in SHARED_NAMES if isinstance(value := given.get(name.lower()), str)}
    for name, key in (("storageAccountName", "STORAGE_ACCOUNT_NAME"), ("fileShareName", "FILE_SHARE_NAME")):
        value = text_of(known.get(key))
        if value:
            names.setdefault(name, value)
    return FineTuning(text_of(known.get("SUBSCRIPTION_ID")), text_of(known.get("RESOURCE_GROUP_NAME")), names)


def locate_parameter(path: Path, name: str) -> tuple[int, int]:
    """Return the zero-based line and column of a parameter in its file; (0, 0) where there is none."""
    text = read_text(path)
    if not is_bicep(path):
        return locate(text, "parameters", name)
    found = re.search(rf"^[ \t]*param[ \t]+({re.escape(name)})\b", text, re.MULTILINE | re.IGNORECASE)
    return position(text, found.start(1)) if found else (0, 0)


def _values(path: Path) -> dict[str, Json]:
    return values_of(path, read_object(path))


def values_of(path: Path, document: Mapping[str, Json]) -> dict[str, Json]:
    """Return the plain values of a parameters file's content; ``path`` is where a person wrote them.

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
    line, column = locate_parameter(path, name)
    problem = Problem(path, message, line, column, "parameter")
    return InvalidProject(message, [problem], suggestion=f"Mend {path} and run the command again.")
