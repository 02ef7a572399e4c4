"""What is wrong or unwise in a project's files and its model, found without a cloud; nothing is changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aitk_inference.core.config import check_is_project, read_config
from aitk_inference.core.errors import AppError, Dismissed, InvalidProject, Problem
from aitk_inference.core.params import read_parameters
from aitk_inference.core.progress import Reporter
from aitk_inference.core.user_interface import Confirm, Level
from aitk_inference.flows.outcome import Outcome, problem_json
from aitk_inference.flows.project.hardware import hardware_of
from aitk_inference.flows.project.improvements import improvements
from aitk_inference.flows.project.model_findings import ModelCheck, check_project_model, model_json
from aitk_inference.flows.project.model_settings import names_a_model
from aitk_inference.flows.project.parameters import compiled
from aitk_inference.flows.project.template import FOLDER, SOURCE, check_parameters, is_fresh, read_template

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from model_check import Hardware

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import TemplateCompiler
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import DeployRequest

_ADAPTER_CONFIG = "adapter_config.json"
_MEND = "Mend them and run the command again."


async def check(project: Path, *, ui: UserInterface, compiler: TemplateCompiler) -> Outcome:
    """Check a project's configuration, parameters, template and model.

    Returns:
        What is unwise; without errors.

    Raises:
        InvalidProject: it is no project, or something keeps it from being deployed or served as it was trained.
    """
    check_is_project(project)
    Reporter(ui).step("Check", f"Reading {project}")
    model = await check_model_of(project, compiler)
    problems = (*check_files(project), *await _template_problems(project, ui, compiler), *model.problems)
    problems = (*problems, *improvements(project))
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        words = f"{len(errors)} errors" if len(errors) > 1 else "1 error"
        raise InvalidProject(
            f"The project has {words}.",
            sorted(problems, key=lambda problem: problem.severity),
            suggestion=_MEND,
        )
    for problem in problems:
        ui.say(Level.WARNING, f"{problem.path}:{problem.line + 1}: {problem.words}")
    findings: list[Json] = [problem_json(problem) for problem in problems]
    return Outcome(_summary(len(problems), model), data={"findings": findings, **model_json(model)})


def _summary(warnings: int, model: ModelCheck) -> str:
    found = {0: "Nothing is wrong", 1: "1 warning, no errors"}.get(
        warnings, f"{warnings} warnings, no errors"
    )
    fit = model.report.fit if model.report else None
    if fit is None or not fit.load.on_gpu:
        return f"{found}."
    return f"{found}. The GPU holds {fit.together:,} conversations of {fit.context:,} tokens at once."


async def _template_problems(
    project: Path, ui: UserInterface, compiler: TemplateCompiler
) -> tuple[Problem, ...]:
    """Return what the compiler finds; without one the rest is checked all the same."""
    if not (project / FOLDER).is_dir():
        return ()
    try:
        return await check_template(project, compiler)
    except AppError as error:
        ui.say(Level.WARNING, f"The template is not checked: {error.message} {error.suggestion}".rstrip())
        return ()


async def check_model_of(project: Path, compiler: TemplateCompiler | None = None) -> ModelCheck:
    """Check the model that a project serves, against the hardware that its template names.

    Args:
        project: The project's folder.
        compiler: Compiles a template that is there as Bicep alone; without it memory is not checked then.
    """
    if not names_a_model(project):
        return ModelCheck()
    hardware = await _hardware(project, compiler) if compiler is not None else None
    return await asyncio.to_thread(check_project_model, project, hardware)


async def _hardware(project: Path, compiler: TemplateCompiler) -> Hardware | None:
    """Return what the app would run on; None where the template or its parameters can't be read."""
    try:
        template = await read_template(project, compiler)
        parameters = await compiled(read_parameters(project), compiler)
    except AppError:
        return None
    return hardware_of(template, parameters)


async def confirm_model(request: DeployRequest, compiler: TemplateCompiler, report: Reporter) -> None:
    """Refuse to deploy a model that could not be served as it was trained, unless a person wants it so.

    Raises:
        Dismissed: the person does not.
        InputRequired: nobody can be asked; says what is wrong with the model.
    """
    goes_on = request.assume_yes or request.dry_run
    model = await check_model_of(request.project, compiler)
    for problem in model.problems:
        if problem.severity == "warning" or goes_on:
            report.warn(problem.words)
    errors = [problem.words for problem in model.problems if problem.severity == "error"]
    if not errors or goes_on:
        return
    question = Confirm(
        "brokenModel",
        f"The model could not be served: {errors[0]} Deploy all the same?",
        "--yes",
        "Deploy all the same",
        " ".join(errors[1:]),
    )
    if (await report.ui.ask([question]))[question.name] != "yes":
        raise Dismissed


def project_of(path: Path) -> Path | None:
    """Return the project that a file belongs to, or None when it is nobody's.

    These are the files below ``infra/``, the model's settings, and adapters.
    """
    if path.name != _ADAPTER_CONFIG and not {"infra", "inference"} & {parent.name for parent in path.parents}:
        return None
    return next((folder for folder in path.parents if (folder / FOLDER).is_dir()), None)


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
