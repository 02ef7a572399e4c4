"""One flow a project at a time, from the first message to the last."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import AppError, Busy, Cancelled, Dismissed
from aitk_inference.core.interface import Level
from aitk_inference.lsp import wire
from aitk_inference.lsp.actions import act, as_button, plain_actions
from aitk_inference.lsp.codec import to_json
from aitk_inference.lsp.failures import RunsHere, as_answer, as_failure, as_text
from aitk_inference.lsp.ui import LspUserInterface

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from lsprotocol.types import ProgressToken

    from aitk_inference.core.model import Json
    from aitk_inference.flows.requests import Outcome
    from aitk_inference.lsp.editor import Editor


_AGAIN = "Run it again to pick up from there."


@dataclass(frozen=True)
class Job:
    """What is to run: its title in the palette's words, its project, and the client's progress token."""

    title: str
    project: Path
    token: ProgressToken | None


class Runs:
    """The running flows of one server, by project."""

    def __init__(self) -> None:
        self._running: dict[Path, tuple[str, LspUserInterface]] = {}

    @contextmanager
    def hold(self, job: Job, ui: LspUserInterface) -> Iterator[None]:
        """Hold a project while its flow runs.

        Raises:
            RunsHere: a flow runs on it; says which, and how far it is.
        """
        key = job.project.resolve()
        if key in self._running:
            title, other = self._running[key]
            raise RunsHere(
                f"“{title}” is running on {job.project.name} ({other.where}).",
                suggestion="Wait for it to end, or cancel it.",
            )
        self._running[key] = (job.title, ui)
        try:
            yield
        finally:
            del self._running[key]


async def run(
    editor: Editor, runs: Runs, job: Job, flow: Callable[[LspUserInterface], Awaitable[Outcome]]
) -> Json:
    """Run a flow with progress and cancellation on the client's token.

    Returns:
        The :class:`~aitk_inference.lsp.wire.RunResult` as JSON, at once when the flow ends.

    Raises:
        JsonRpcException: the flow did not end well; ``data`` is a :class:`~aitk_inference.lsp.wire.Failure`.
    """
    ui = LspUserInterface(editor, job.title, job.token)
    try:
        with runs.hold(job, ui):
            outcome = await _told(editor, job, ui, flow)
    except AppError as error:
        _tell(editor, job, error)
        raise as_answer(error, job.project) from None
    where = f"\nEndpoint: {outcome.endpoint}" if outcome.endpoint else ""
    editor.log(Level.INFO, f"{job.title}: {outcome.summary}{where}")
    _offer(editor, outcome)
    return to_json(_result(outcome))


async def _told(
    editor: Editor, job: Job, ui: LspUserInterface, flow: Callable[[LspUserInterface], Awaitable[Outcome]]
) -> Outcome:
    _let_cancel(editor, job)
    editor.log(Level.INFO, f"{job.title}: {job.project}")
    ui.begin()
    try:
        return await flow(ui)
    except asyncio.CancelledError:
        raise Cancelled(f"“{job.title}” was stopped.", suggestion=_AGAIN) from None
    finally:
        ui.end()


def _let_cancel(editor: Editor, job: Job) -> None:
    task = asyncio.current_task()
    if job.token is not None and task is not None:
        editor.cancels(job.token, task)


def _tell(editor: Editor, job: Job, error: AppError) -> None:
    if isinstance(error, Dismissed):
        editor.log(Level.INFO, f"{job.title}: {error.message}")
        return
    level = Level.WARNING if isinstance(error, Cancelled | Busy) else Level.ERROR
    editor.log(level, f"{job.title}: {as_text(as_failure(error, job.project))}")
    if error.detail:
        editor.log(Level.DEBUG, error.detail)


def _offer(editor: Editor, outcome: Outcome) -> None:
    """The outcome's buttons for a client that does not draw them from the result."""
    offered = plain_actions(outcome.actions)
    if offered and not editor.features.notifications:
        editor.background(act(editor, Level.INFO, outcome.summary, offered))


def _result(outcome: Outcome) -> wire.RunResult:
    return wire.RunResult(
        outcome.summary,
        outcome.endpoint,
        outcome.config.absolute().as_uri() if outcome.config else None,
        tuple(as_button(action) for action in outcome.actions),
        dict(outcome.data),
    )
