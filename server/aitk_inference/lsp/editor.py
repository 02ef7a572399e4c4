"""The editor at the other end: what the server says to it, in standard messages and our own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from aitk_inference.core.errors import Dismissed, NotAuthenticated
from aitk_inference.core.interface import Level
from aitk_inference.core.redaction import redact
from aitk_inference.lsp import wire
from aitk_inference.lsp.codec import WireError, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from aitk_inference.core.model import Json
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
    """One client. Every text that goes out is redacted here.

    Attributes:
        features: What the client announced in ``initializationOptions.aitk``.
        level: Lines below it are not sent.
    """

    def __init__(self, protocol: FlowServerProtocol) -> None:
        self._protocol = protocol
        self.features = wire.ClientFeatures()
        self.level = Level.INFO
        self._background: set[asyncio.Task[None]] = set()

    # --- showing ---------------------------------------------------------------------------------------

    def log(self, level: Level, text: str) -> None:
        """A line of the output panel."""
        if _ORDER.index(level) >= _ORDER.index(self.level):
            params = types.LogMessageParams(type=_TYPES[level], message=redact(text))
            self._protocol.notify(types.WINDOW_LOG_MESSAGE, params)

    def show(self, level: Level, text: str) -> None:
        """A message that disturbs."""
        params = types.ShowMessageParams(type=_TYPES[level], message=redact(text))
        self._protocol.notify(types.WINDOW_SHOW_MESSAGE, params)

    def publish(self, uri: str, diagnostics: Sequence[types.Diagnostic]) -> None:
        """The problems of one file; they replace those that were shown."""
        params = types.PublishDiagnosticsParams(uri=uri, diagnostics=[*diagnostics])
        self._protocol.notify(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS, params)

    async def choose(self, level: Level, text: str, titles: Sequence[str]) -> str | None:
        """A message with buttons; None when it was closed, or the client has no such thing."""
        params = types.ShowMessageRequestParams(
            type=_TYPES[level],
            message=redact(text),
            actions=[types.MessageActionItem(title=title) for title in titles],
        )
        try:
            item = await self._protocol.call_standard(types.WINDOW_SHOW_MESSAGE_REQUEST, params)
        except JsonRpcException:
            return None
        return str(item.title) if item else None

    async def open(self, uri: str, *, external: bool) -> bool:
        """Open a page in the browser, or a file in the editor."""
        params = types.ShowDocumentParams(uri=uri, external=external, take_focus=True)
        try:
            answer = await self._protocol.call_standard(types.WINDOW_SHOW_DOCUMENT, params)
        except JsonRpcException:
            return False
        return bool(answer and answer.success)

    # --- asking ----------------------------------------------------------------------------------------

    async def ask(self, params: wire.AskParams) -> dict[str, str]:
        """Answers by question name.

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
        interactive: bool = True,
    ) -> tuple[str, int]:
        """A token of the editor's account; this is :class:`~aitk_inference.core.ports.EditorTokens`.

        Raises:
            NotAuthenticated: the person is not signed in, or refused.
        """
        params = wire.AccessTokenParams(tuple(scopes), tenant_id, claims, interactive)
        answer = await self._request(wire.ACCESS_TOKEN, params, wire.AccessTokenResult)
        if answer is None or not answer.token:
            raise NotAuthenticated(
                "You are not signed in to Azure.",
                suggestion="Run the command again and sign in with your Microsoft account.",
            )
        return answer.token, answer.expires_on

    async def settings(self) -> dict[str, Json]:
        """The values of our section of the editor's settings; empty where the client has none."""
        item = types.ConfigurationItem(section=wire.SETTINGS_SECTION)
        params = types.ConfigurationParams(items=[item])
        try:
            answer = await self._protocol.call_standard(types.WORKSPACE_CONFIGURATION, params)
        except JsonRpcException:
            return {}
        return answer[0] if answer and isinstance(answer[0], dict) else {}

    async def _request(self, request: wire.Request, params: object, result: type[T]) -> T | None:
        """The client's answer, or None when it answered with an error or nonsense (which the log tells)."""
        try:
            return from_json(result, await self._protocol.call(request.method, to_json(params)))
        except JsonRpcException as error:
            self.log(Level.WARNING, f"The editor could not answer {request.method} (code {error.code}).")
        except WireError as error:
            self.log(Level.WARNING, f"The editor's answer to {request.method} is malformed: {error}")
        return None

    # --- progress --------------------------------------------------------------------------------------

    def progress(self, token: types.ProgressToken, value: Any) -> None:
        """A begin, report or end on the client's token."""
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
