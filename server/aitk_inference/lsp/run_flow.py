"""One flow a project at a time, from the first message to the last."""

from __future__ import annotations

import asyncio
import gc
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import attrs

from aitk_inference.core.errors import AppError, Cancelled, Dismissed, system_error
from aitk_inference.core.user_interface import Level
from aitk_inference.lsp import settings
from aitk_inference.lsp.buttons import addressed, offer, plain_actions
from aitk_inference.lsp.codec import to_json
from aitk_inference.lsp.failures import RunsHere, as_answer, as_failure
from aitk_inference.lsp.ui import LspUserInterface
from aitk_inference.lsp.wire import RunResult, Severity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from lsprotocol.types import ProgressToken

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clouds, MakeClouds, OpenShare
    from aitk_inference.core.user_interface import Document
    from aitk_inference.flows.outcome import Outcome
    from aitk_inference.lsp.channels import Channels, Followers
    from aitk_inference.lsp.editor import Editor
    from aitk_inference.lsp.problems import Problems
    from aitk_inference.lsp.settings import EditorSettings
    from aitk_inference.lsp.status_bar import StatusBar
    from aitk_inference.lsp.warm_up import WarmUp

_COLLECT_AFTER = 1.0
"""Seconds after a run until its garbage is collected: the program looks for it rarely, and a server lives long."""
_AGAIN = "Run it again to pick up from there."
_LEVELS = {Severity.INFO: Level.INFO, Severity.WARNING: Level.WARNING, Severity.ERROR: Level.ERROR}


class Running:
    """The running flows of one server, by project."""

    def __init__(self) -> None:
        self._flows: dict[Path, tuple[str, LspUserInterface]] = {}

    @contextmanager
    def hold(self, title: str, project: Path, ui: LspUserInterface) -> Iterator[None]:
        """Hold a project while its flow runs.

        Raises:
            RunsHere: a flow runs on it; says which, and how far it is.
        """
        key = project.resolve()
        if key in self._flows:
            other, progress = self._flows[key]
            raise RunsHere(
                f"“{other}” is running on {project.name} ({progress.where}).",
                suggestion="Wait for it to end, or cancel it.",
            )
        self._flows[key] = (title, ui)
        try:
            yield
        finally:
            del self._flows[key]


@dataclass(frozen=True)
class Run:
    """A run that has begun: what a flow takes, and what becomes of its outcome.

    Attributes:
        settings: The editor's, as they are now.
        clouds: The targets that the settings lead to.
    """

    title: str
    editor: Editor
    ui: LspUserInterface
    settings: EditorSettings
    clouds: Clouds

    def result(self, outcome: Outcome) -> Json:
        """Write the outcome down, offer its buttons where the client does not, and return it."""
        endpoint = f"\nEndpoint: {outcome.endpoint}" if outcome.endpoint else ""
        if outcome.in_short():
            self.editor.log(Level.INFO, f"{self.title}: {outcome.summary}{endpoint}")
        if outcome.key:  # the output panel is kept on disk, a message is not
            self.editor.background(self._show_key(f"The key, shown this once: {outcome.key}"))
        offered = plain_actions(outcome.actions)
        if offered and not self.editor.features.notifications:
            self.editor.background(offer(self.editor, Level.INFO, outcome.summary, offered))
        message = _message(outcome)
        if outcome.document is not None and self.editor.features.documents:
            self.editor.background(self._show(outcome.document))
            message = attrs.evolve(message, details=())  # the page has them
        return to_json(message)

    async def _show_key(self, words: str) -> None:
        """Show it until a person says that they have it: a message without a button is cut off in VS Code."""
        await self.editor.choose(Level.INFO, words, ["I have it"])

    async def _show(self, document: Document) -> None:
        await self.editor.show_document(document)


@dataclass(frozen=True)
class Session:
    """What the commands of one editor share.

    Attributes:
        folders: The folders that are open in the editor, as URIs.
        make_clouds: Makes the targets from the editor's settings.
        open_share: Opens a share by its URL.
    """

    editor: Editor
    running: Running
    problems: Problems
    channels: Channels
    followers: Followers
    status_bar: StatusBar
    warm_up: WarmUp
    folders: Callable[[], Sequence[str]]
    make_clouds: MakeClouds
    open_share: OpenShare


@dataclass(frozen=True)
class Call:
    """One call of a command: which, by whom, and the client's progress token."""

    session: Session
    verb: str
    title: str
    token: ProgressToken | None

    @asynccontextmanager
    async def run(self, project: Path, *, alone: bool = True) -> AsyncIterator[Run]:
        """Begin a run on a project, with progress and cancellation on the token.

        Args:
            project: Its folder.
            alone: False for what only reads: it goes on beside another run.

        Raises:
            JsonRpcException: it did not end well; ``data`` is a :class:`~aitk_inference.lsp.wire.Failure`.
        """
        try:
            async with self._begun(project, alone=alone) as run:
                yield run
        except (AppError, OSError) as error:
            known = error if isinstance(error, AppError) else system_error(error)
            self._report(known, project)
            raise as_answer(known, project, self.verb) from None
        finally:
            asyncio.get_running_loop().call_later(_COLLECT_AFTER, gc.collect)
            self.session.status_bar.refresh()

    @asynccontextmanager
    async def _begun(self, project: Path, *, alone: bool) -> AsyncIterator[Run]:
        editor, session = self.session.editor, self.session
        token = await editor.progress_token(self.token)
        ui = LspUserInterface(editor, self.title, token)
        task = asyncio.current_task()
        if token is not None and task is not None:
            editor.cancels(token, task)
        held = session.running.hold(self.title, project, ui) if alone else nullcontext()
        with held, ui.shown(), session.problems.of_run(project) if alone else nullcontext():
            editor.log(Level.INFO, f"{self.title}: {project}")
            try:
                chosen = await settings.read(editor)
                tokens = editor if editor.features.access_token else None
                yield Run(self.title, editor, ui, chosen, session.make_clouds(chosen.settings, tokens))
            except asyncio.CancelledError:
                raise Cancelled(f"“{self.title}” was stopped.", suggestion=_AGAIN) from None

    def _report(self, error: AppError, project: Path) -> None:
        editor, failure = self.session.editor, as_failure(error, project, self.verb)
        if isinstance(error, Dismissed):
            editor.log(Level.INFO, f"{self.title}: {error.message}")
            return
        lines = "\n".join(failure.details)
        level = Level.WARNING if failure.severity is Severity.INFO else _LEVELS[failure.severity]
        editor.log(level, f"{self.title}: {lines}")
        if error.detail:
            editor.log(Level.DEBUG, error.detail)


def _message(outcome: Outcome) -> RunResult:
    severity = Severity.INFO if outcome.in_short() else Severity.NONE
    return RunResult(
        outcome.summary,
        Severity.WARNING if outcome.failed else severity,
        outcome.in_short(),
        outcome.at_length(),
        outcome.endpoint,
        outcome.config.absolute().as_uri() if outcome.config else None,
        tuple(addressed(action) for action in outcome.actions),
        dict(outcome.data),
    )
