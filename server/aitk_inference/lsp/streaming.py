"""What streams: logs that are followed beside other work, and answers of the model, each in a channel of its own.

A client without channels gets lines of the output panel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.logs import NOTICE
from aitk_inference.core.user_interface import Level
from aitk_inference.flows.operate import logs
from aitk_inference.flows.outcome import Outcome
from aitk_inference.lsp.channels import ANSWERS, LOGS
from aitk_inference.lsp.log_lines import log_text
from aitk_inference.lsp.ui import LspUserInterface

if TYPE_CHECKING:
    from aitk_inference.core.logs import ShowLine
    from aitk_inference.core.model import LogLine
    from aitk_inference.flows.api import AskRequest, LogsRequest
    from aitk_inference.lsp.editor import Editor
    from aitk_inference.lsp.run_flow import Run, Session


def panel_lines(editor: Editor) -> ShowLine:
    """Return what shows lines in the output panel."""

    def show(line: LogLine) -> None:
        if line.source != NOTICE:
            editor.log(Level.INFO, line.text)

    return show


def follow_logs(session: Session, request: LogsRequest, run: Run) -> Outcome:
    """Follow the logs in their channel until that is stopped, and bring the channel to the front."""
    channel = session.channels[LOGS]
    if session.followers.follows(request.project):
        channel.write("", reveal=True)
        return Outcome("", data={"following": True})
    channel.write(f"— Logs of {request.project.name}\n", reveal=True)
    ui = LspUserInterface(run.editor, run.title, None)
    work = logs.logs(request, ui=ui, clouds=run.clouds, show=lambda line: channel.write(log_text(line)))
    session.followers.start(request.project, work)
    return Outcome("", data={"following": True})  # the channel is the answer: no message beside it


class AnswerText:
    """Shows a question and its answer."""

    def __init__(self, session: Session, run: Run, request: AskRequest) -> None:
        self._channel = session.channels[ANSWERS] if run.editor.features.channels else None
        self._editor = run.editor
        self._text: list[str] = []
        if self._channel is not None:
            self._channel.write(f"> {request.text}\n\n", reveal=True)

    def add(self, text: str) -> None:
        """Show what came of the answer."""
        if self._channel is None:
            self._text.append(text)
        else:
            self._channel.write(text)

    async def end(self, outcome: Outcome) -> Outcome:
        """Show how it came, and wait until all is shown.

        Returns:
            What is left to say: nothing beside the channel, which a message would lie over.
        """
        if self._channel is None:
            self._editor.log(Level.INFO, "".join(self._text).strip())
            return outcome
        self._channel.write(f"\n— {outcome.summary}\n\n")
        await self._channel.drain()
        return outcome._replace(summary="", actions=())
