"""The editor at the other end: what the server says to it, in standard messages and our own."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from aitk_inference.core.errors import Dismissed, NotAuthenticated
from aitk_inference.core.redaction import redact
from aitk_inference.core.terminal_text import printable
from aitk_inference.core.user_interface import Level
from aitk_inference.lsp import wire
from aitk_inference.lsp.codec import WireError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aitk_inference.core.model import Json
    from aitk_inference.core.user_interface import Document
    from aitk_inference.lsp.protocol import FlowServerProtocol

T = TypeVar("T")

_TYPES = {
    Level.DEBUG: types.MessageType.Log,
    Level.INFO: types.MessageType.Info,
    Level.WARNING: types.MessageType.Warning,
    Level.ERROR: types.MessageType.Error,
}
_ORDER = tuple(Level)


class Editor:
    """One client. Every text that goes out is freed here of secrets and of what steers a terminal.

    Attributes:
        features: What the client announced in ``initializationOptions.aitk``.
        capabilities: What the client announced of LSP.
        level: Lines below it are not sent.
        sent_settings: Our section of the settings as a client sent it unasked.
    """

    def __init__(self, protocol: FlowServerProtocol) -> None:
        self._protocol = protocol
        self.features = wire.ClientFeatures()
        self.capabilities = types.ClientCapabilities()
        self.level = Level.INFO
        self.sent_settings: dict[str, Json] = {}
        self._background: set[asyncio.Task[None]] = set()

    # --- showing ---------------------------------------------------------------------------------------

    def log(self, level: Level, text: str) -> None:
        """Write a line of the output panel."""
        if _ORDER.index(level) >= _ORDER.index(self.level):
            params = types.LogMessageParams(type=_TYPES[level], message=_shown(text))
            self._protocol.notify(types.WINDOW_LOG_MESSAGE, params)

    def show(self, level: Level, text: str) -> None:
        """Show a message that disturbs."""
        params = types.ShowMessageParams(type=_TYPES[level], message=_shown(text))
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, params)

    async def append(self, channel: str, text: str, *, reveal: bool) -> bool:
        """Add text to an output channel of its own and wait until it is shown; False where it was not."""
        params = wire.AppendParams(channel, _shown(text), reveal)
        return await self._request(wire.APPEND, params, wire.AppendResult) is not None

    def status(self, params: wire.StatusParams) -> None:
        """Say in the status bar how a project stands."""
        self._protocol.notify(wire.STATUS.method, to_json(params))

    def publish(self, uri: str, diagnostics: Sequence[types.Diagnostic]) -> None:
        """Send the problems of one file; they replace those that were shown."""
        params = types.PublishDiagnosticsParams(uri=uri, diagnostics=[*diagnostics])
        self._protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)

    @property
    def opens_documents(self) -> bool:
        """Return True for a client that opens pages and files on request."""
        window = self.capabilities.window
        return bool(window and window.show_document and window.show_document.support)

    async def choose(self, level: Level, text: str, titles: Sequence[str]) -> str | None:
        """Show a message with buttons; return the pressed one, None when it was closed or there are none."""
        params = types.ShowMessageRequestParams(
            type=_TYPES[level],
            message=_shown(text),
            actions=[types.MessageActionItem(title=title) for title in titles],
        )
        try:
            item = await self._protocol.call_standard(types.WINDOW_SHOW_MESSAGE_REQUEST, params)
        except JsonRpcException:
            return None
        return str(item.title) if item else None

    async def open(self, uri: str, *, external: bool) -> bool:
        """Open a page in the browser, or a file in the editor; False when the client can't, or did not."""
        if not self.opens_documents:
            return False
        params = types.ShowDocumentParams(uri=uri, external=external, take_focus=True)
        try:
            answer = await self._protocol.call_standard(types.WINDOW_SHOW_DOCUMENT, params)
        except JsonRpcException:
            return False
        return bool(answer and answer.success)

    async def show_document(self, document: Document) -> bool:
        """Show something to read as a page; False when the client can't, or did not."""
        if not self.features.documents:
            return False
        params = wire.ShowParams(document.title, printable(redact(document.markdown)))
        answer = await self._request(wire.SHOW, params, wire.ShowResult)
        return answer is not None and answer.shown

    # --- asking ----------------------------------------------------------------------------------------

    async def ask(self, params: wire.AskParams) -> dict[str, str]:
        """Return answers by question name.

        Raises:
            Dismissed: the person closed a question, or the client could not put it.
        """
        answer = await self._request(wire.ASK, params, wire.AskResult)
        if answer is None or answer.answers is None:
            raise Dismissed
        return answer.answers

    async def token(
        self,
        scopes: Sequence[str],
        *,
        tenant_id: str | None = None,
        claims: str | None = None,
        www_authenticate: str | None = None,
        interactive: bool = True,
    ) -> tuple[str, int]:
        """Return a token of the editor's account; this is :class:`~aitk_inference.core.ports.EditorTokens`.

        Raises:
            NotAuthenticated: the person is not signed in, or refused.
        """
        params = wire.AccessTokenParams(tuple(scopes), tenant_id, claims, interactive, www_authenticate)
        answer = await self._request(wire.ACCESS_TOKEN, params, wire.AccessTokenResult)
        if answer is None or not answer.token:
            raise NotAuthenticated(
                "You are not signed in to Azure.",
                suggestion="Run the command again and sign in with your Microsoft account.",
            )
        return answer.token, answer.expires_on

    async def settings(self) -> dict[str, Json]:
        """Return our section of the editor's settings; what it sent last where it can't be asked."""
        workspace = self.capabilities.workspace
        if not (workspace and workspace.configuration):
            return self.sent_settings
        item = types.ConfigurationItem(section=wire.SETTINGS_SECTION)
        params = types.ConfigurationParams(items=[item])
        try:
            answer = await self._protocol.call_standard(types.WORKSPACE_CONFIGURATION, params)
        except JsonRpcException:
            return {}
        return answer[0] if answer and isinstance(answer[0], dict) else {}

    async def _request(self, request: wire.Request, params: object, result: type[T]) -> T | None:
        """Return the client's answer; None, with a line in the log, for an error or nonsense."""
        try:
            return from_json(result, await self._protocol.call(request.method, to_json(params)))
        except JsonRpcException as error:
            self.log(Level.WARNING, f"The editor could not answer {request.method} (code {error.code}).")
        except WireError as error:
            self.log(Level.WARNING, f"The editor's answer to {request.method} is malformed: {error}")
        return None

    # --- progress --------------------------------------------------------------------------------------

    async def progress_token(self, given: types.ProgressToken | None) -> types.ProgressToken | None:
        """Return the client's token, else one made now, where the client lets a server begin progress."""
        window = self.capabilities.window
        if given is not None or not (window and window.work_done_progress):
            return given
        token = str(uuid.uuid4())
        try:
            params = types.WorkDoneProgressCreateParams(token)
            await self._protocol.call_standard(types.WINDOW_WORK_DONE_PROGRESS_CREATE, params)
        except JsonRpcException:
            return None
        return token

    def progress(self, token: types.ProgressToken, value: Any) -> None:
        """Send a begin, report or end on a token."""
        self._protocol.notify(types.PROGRESS, types.ProgressParams(token=token, value=value))

    def cancels(self, token: types.ProgressToken, run: asyncio.Task[Any]) -> None:
        """Let ``window/workDoneProgress/cancel`` on this token cancel a task, until it is done."""
        tokens = self._protocol.runs
        tokens[token] = run
        run.add_done_callback(lambda _: tokens.pop(token, None))

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _shown(text: str) -> str:
    return printable(redact(text))
