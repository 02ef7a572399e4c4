"""What is wrong with a project's files, told without a cloud: for an editor that shows it while one types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.config import read_config
from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.params import read_parameters
from aitk_inference.flows.parameters import compiled
from aitk_inference.flows.template import FOLDER, SOURCE, check_parameters, is_fresh, read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from aitk_inference.core.ports import TemplateCompiler


def project_of(path: Path) -> Path | None:
    """The project that a file below ``infra/`` belongs to, or None when it is nobody's."""
    folders = (parent.parent for parent in path.parents if parent.name == "infra")
    return next((folder for folder in folders if (folder / FOLDER).is_dir()), None)


def check_files(project: Path) -> tuple[Problem, ...]:
    """Problems of the configuration and of the parameters' JSON: no compiler is needed to see them."""
    return (*_refused(lambda: read_config(project)), *_refused(lambda: read_parameters(project)))


async def check_template(project: Path, compiler: TemplateCompiler) -> tuple[Problem, ...]:
    """Problems of the Bicep sources; without errors there, those of the parameters against the template.

    The compiler is not started for sources that are as they were when they were compiled.

    Raises:
        NotFound: there is no Bicep CLI, and the sources were edited.
        AppError: the Bicep CLI does not answer.
    """
    found = await _lint(project, compiler)
    if any(problem.severity == "error" for problem in found):
        return found
    try:
        template = await read_template(project, compiler)
        check_parameters(template, await compiled(read_parameters(project), compiler))
    except InvalidProject as error:
        return (*found, *error.problems)
    return found


async def _lint(project: Path, compiler: TemplateCompiler) -> tuple[Problem, ...]:
    source = project / FOLDER / SOURCE
    try:
        edited = source.exists() and not is_fresh(source.parent)
    except InvalidProject as error:
        return error.problems
    return tuple(await compiler.lint(source)) if edited else ()


def _refused(read: Callable[[], object]) -> Sequence[Problem]:
    try:
        read()
    except InvalidProject as error:
        return error.problems
    return ()
