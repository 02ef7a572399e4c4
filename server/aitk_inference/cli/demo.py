"""The whole journey on this computer: new, provision, deploy, one real question."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.cli import chat
from aitk_inference.core.progress import Reporter, duration
from aitk_inference.core.settings import settings_from
from aitk_inference.core.user_interface import Level
from aitk_inference.flows.api import DeployRequest, ProvisionRequest
from aitk_inference.flows.deploy.deploy import deploy
from aitk_inference.flows.project.scaffold import new_project, packaged_infra
from aitk_inference.flows.provision.provision import provision

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clouds, MakeClouds
    from aitk_inference.core.user_interface import Answers, Document, ProgressEvent, Question, UserInterface
    from aitk_inference.flows.outcome import Outcome

GROUP = "aitk-demo"
QUESTION = "Why is the sea salty?"


async def demo(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    """Run it; with ``--once`` stop the local target again where this run has started it.

    Raises:
        AppError: as the flows do.
    """
    project: Path = arguments.project.expanduser().resolve()
    clouds = make_clouds(settings_from(os.environ), None)
    report = Reporter(ui)
    report = replace(report, ui=_OneClock(ui, report))
    running = await clouds.local_running()
    try:
        outcome = await _journey(project, arguments.question or QUESTION, clouds, report)
    finally:
        if arguments.once and not running:
            report.step("Stop", "Stopping the local Azure")
            await clouds.stop_local()
    return _ended(outcome, report, stopped=arguments.once and not running)


class _OneClock:
    """The same user interface with one clock over several flows."""

    def __init__(self, ui: UserInterface, report: Reporter) -> None:
        self._ui = ui
        self._report = report

    @property
    def can_ask(self) -> bool:
        """Return whether a person is there."""
        return self._ui.can_ask

    async def ask(self, questions: Sequence[Question]) -> Answers:
        """Ask."""
        return await self._ui.ask(questions)

    def progress(self, event: ProgressEvent) -> None:
        """Show a step with the time since the first flow began; no flow is the whole."""
        self._ui.progress(event._replace(elapsed=self._report.elapsed, percent=None))

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Say."""
        self._ui.say(level, text, actions)

    async def show(self, document: Document) -> None:
        """Show."""
        await self._ui.show(document)


async def _journey(project: Path, question: str, clouds: Clouds, report: Reporter) -> Outcome:
    ui = report.ui
    if not (project / "infra").is_dir():
        await new_project(project, infra=packaged_infra(), ui=ui)
    target = ProvisionRequest(project, "local", GROUP, assume_yes=True)
    await provision(target, ui=ui, clouds=clouds)
    deployed = await deploy(DeployRequest(project, assume_yes=True), ui=ui, clouds=clouds)
    endpoint = deployed.endpoint or ""
    report.info(f"Endpoint: {endpoint}")
    answers = [await chat.ask(endpoint, name, question) for name in await chat.models(endpoint)]
    report.info(f"Question: {question}")
    for answer in answers:
        report.info(f"{answer.model}: {answer.text}")
    said: dict[str, Json] = {answer.model: answer.text for answer in answers}
    data: dict[str, Json] = {"project": str(project), "question": question, "answers": said}
    return deployed._replace(data={**deployed.data, **data})


def _ended(outcome: Outcome, report: Reporter, *, stopped: bool) -> Outcome:
    took = f"The whole journey took {duration(report.elapsed)}."
    if stopped:
        report.ui.say(Level.INFO, "The local Azure is stopped; its state stays for the next time.")
        return outcome._replace(summary=took, actions=())
    path = Path(sys.executable).with_name("aca-local")
    program = "aca-local" if shutil.which("aca-local") or not path.exists() else str(path)
    how = f"The endpoint goes on running; this stops it: {program} stop"
    return outcome._replace(summary=f"{took} {how}")
