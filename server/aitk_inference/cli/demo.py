"""The whole journey on this computer: new, provision, deploy, one real question."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.cli import chat
from aitk_inference.core.interface import Level
from aitk_inference.core.settings import settings_from
from aitk_inference.flows.deploy import deploy
from aitk_inference.flows.progress import Reporter, duration
from aitk_inference.flows.provision import provision
from aitk_inference.flows.requests import DeployRequest, Outcome, ProvisionRequest
from aitk_inference.flows.scaffold import new_project, packaged_infra

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from aitk_inference.core.interface import Action, Answers, ProgressEvent, Question, UserInterface
    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clouds, Wire

GROUP = "aitk-demo"
QUESTION = "Why is the sea salty?"


async def demo(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    """Run it; with ``--once`` stop the local target again where this run has started it.

    Raises:
        AppError: as the flows do.
    """
    project: Path = arguments.project.expanduser().resolve()
    clouds = wire(settings_from(os.environ), None)
    report = Reporter(ui)
    report = replace(report, ui=_OneClock(ui, report))
    running = await clouds.local_running()
    try:
        outcome = await _journey(project, arguments.question or QUESTION, clouds, report)
    finally:
        if arguments.once and not running:
            report.step("Stop", "Stopping the local Azure")
            await clouds.stop_local()
    return _told(outcome, report, stopped=arguments.once and not running)


class _OneClock:
    """The same user interface with one clock over several flows."""

    def __init__(self, ui: UserInterface, report: Reporter) -> None:
        self._ui = ui
        self._report = report

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask."""
        return await self._ui.ask(questions)

    def progress(self, event: ProgressEvent) -> None:
        """Show a step with the time since the first flow began; no flow is the whole."""
        self._ui.progress(event._replace(elapsed=self._report.elapsed, percent=None))

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Say."""
        self._ui.say(level, text, actions)


async def _journey(project: Path, question: str, clouds: Clouds, report: Reporter) -> Outcome:
    ui = report.ui
    if not (project / "infra").is_dir():
        await new_project(project, infra=packaged_infra(), ui=ui)
    place = ProvisionRequest(project, "local", GROUP, assume_yes=True)
    await provision(place, ui=ui, clouds=clouds)
    deployed = await deploy(DeployRequest(project, assume_yes=True), ui=ui, clouds=clouds)
    endpoint = deployed.endpoint or ""
    report.info(f"Endpoint: {endpoint}")
    answers = [await chat.ask(endpoint, name, question) for name in await chat.models(endpoint)]
    report.info(f"Question: {question}")
    for answer in answers:
        report.info(f"{answer.model}: {answer.text}")
    told: dict[str, Json] = {answer.model: answer.text for answer in answers}
    data: dict[str, Json] = {"project": str(project), "question": question, "answers": told}
    return deployed._replace(data={**deployed.data, **data})


def _told(outcome: Outcome, report: Reporter, *, stopped: bool) -> Outcome:
    took = f"The whole journey took {duration(report.elapsed)}."
    if stopped:
        report.ui.say(Level.INFO, "The local Azure is stopped; its state stays for the next time.")
        return outcome._replace(summary=took, actions=())
    how = f"The endpoint goes on running; this stops it: {_program('aca-local')} stop"
    return outcome._replace(summary=f"{took} {how}")


def _program(name: str) -> str:
    """How to call a program of this installation: by its name where the shell finds it, else by its path."""
    path = Path(sys.executable).with_name(name)
    return name if shutil.which(name) or not path.exists() else str(path)
