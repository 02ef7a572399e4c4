"""pygls, with its traps closed (each found by trying, see ``tests/lsp/test_traps.py``).

- A malformed request gets ``InvalidParams``; pygls would not answer it at all.
- A command's handler gets the request's ``workDoneToken``; pygls hands it the arguments alone.
- A question whose asker was cancelled is withdrawn in the editor, and its late answer does no harm.
- An unexpected exception answers with words; pygls would send its traceback.
- Places are counted in UTF-16, whatever the client likes best; pygls would promise UTF-8.
- Messages of our own stay plain JSON until ``codec`` reads them; pygls would make named tuples of them.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import TYPE_CHECKING, Any, cast

import attrs
from lsprotocol import types
from pygls.exceptions import (
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
    JsonRpcMethodNotFound,
    JsonRpcRequestCancelled,
    JsonRpcServerNotInitialized,
)
from pygls.protocol import (
    JsonRPCNotification,
    JsonRPCResponseMessage,
    LanguageServerProtocol,
    lsp_method,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from concurrent.futures import Future

    from cattrs import Converter
    from pygls.server import JsonRPCServer

    from aitk_inference.core.model import Json

    CommandHandler = Callable[[object, types.ProgressToken | None], Awaitable[Json]]

log = logging.getLogger(__name__)

_SHUTDOWN_GRACE = 1.5
"""Seconds for running flows to leave things tidy; VS Code waits two seconds for the answer."""


@attrs.frozen
class _Rejected:
    """A request that does not have its shape."""

    id: int | str
    method: str
    jsonrpc: str = "2.0"
    params: None = None


class FlowServerProtocol(LanguageServerProtocol):
    """The protocol of this server; see the module for what it adds."""

    def __init__(self, server: JsonRPCServer, converter: Converter) -> None:
        super().__init__(cast("Any", server), converter)
        self._own: set[int | str] = set()
        self.runs: dict[types.ProgressToken, asyncio.Task[Any]] = {}

    # --- reading ---------------------------------------------------------------------------------------

    def structure_message(self, data: dict[str, Any]) -> Any:
        """One JSON object as a message. Called for nested objects too: those pass through."""
        if "jsonrpc" not in data:
            return data
        if "method" not in data and "error" not in data and data.get("id") in self._own:
            return JsonRPCResponseMessage(data["id"], "2.0", data.get("result"))
        try:
            message = super().structure_message(data)
        except JsonRpcException:
            return _rejected(data)
        if isinstance(message, types.InitializeRequest) and message.params.capabilities.general is not None:
            # positions are in UTF-16, as Bicep's, which each client must take: pygls would promise what the client likes best
            message.params.capabilities.general.position_encodings = None
        return message

    def handle_message(self, message: Any) -> None:
        """Answer what is malformed, hand on the rest."""
        if isinstance(message, _Rejected):
            self._send_response(message.id, error=self._rejection(message.method).to_response_error())
        else:
            super().handle_message(message)

    def _rejection(self, method: str) -> JsonRpcException:
        try:
            self._get_handler(method)
        except JsonRpcMethodNotFound as unknown:
            return unknown
        return JsonRpcInvalidParams(f"The parameters of {method} do not have their shape.")

    # --- commands --------------------------------------------------------------------------------------

    @lsp_method(types.WORKSPACE_EXECUTE_COMMAND)
    async def lsp_workspace__execute_command(  # type: ignore[override]  # a coroutine where pygls has a generator: both are handlers
        self, params: types.ExecuteCommandParams
    ) -> Json:
        """Run a command with its one argument and the client's progress token."""
        if self._workspace is None:
            raise JsonRpcServerNotInitialized("Send initialize first.")
        handler: CommandHandler | None = self.fm.commands.get(params.command)
        if handler is None:
            raise JsonRpcInvalidParams(f"There is no command {params.command!r}.")
        argument = params.arguments[0] if params.arguments else {}
        return await handler(argument, params.work_done_token)

    @lsp_method(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def lsp_work_done_progress_cancel(self, params: types.WorkDoneProgressCancelParams) -> None:
        """Cancel the run behind a progress token, for editors that cancel this way."""
        run = self.runs.pop(params.token, None)
        if run is not None:
            run.cancel()

    @lsp_method(types.SHUTDOWN)
    async def lsp_shutdown(self, *_: object) -> None:  # type: ignore[override]  # as above
        """End running flows and give them a moment to leave things tidy."""
        this = self.msg_id
        futures: dict[Any, Any] = dict(self._request_futures)
        running = [f for i, f in futures.items() if i != this and isinstance(f, asyncio.Task)]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running, timeout=_SHUTDOWN_GRACE)
        self._shutdown = True

    # --- answering -------------------------------------------------------------------------------------

    def _send_handler_result(self, future: Future[Any], *, msg_id: int | str) -> None:
        self._request_futures.pop(msg_id, None)
        error = JsonRpcRequestCancelled() if future.cancelled() else future.exception()
        if error is None:
            self._send_response(msg_id, result=future.result())
        else:
            self._send_response(msg_id, error=_as_answer(error).to_response_error())

    # --- asking ----------------------------------------------------------------------------------------

    async def call(self, method: str, params: Json) -> Json:
        """Send a request of our own and wait for the client's answer as a JSON value.

        Raises:
            JsonRpcException: the client answered with an error.
        """
        msg_id = str(uuid.uuid4())
        self._own.add(msg_id)
        try:
            answer = await self._wait(msg_id, method, params)
        finally:
            self._own.discard(msg_id)
        return cast("Json", answer)

    async def call_standard(self, method: str, params: object) -> Any:
        """Send a request that LSP defines and wait for its typed answer.

        Raises:
            JsonRpcException: the client answered with an error.
        """
        return await self._wait(str(uuid.uuid4()), method, params)

    async def _wait(self, msg_id: str, method: str, params: object) -> Any:
        try:
            return await self.send_request_async(method, params, msg_id)
        except asyncio.CancelledError:
            if self._request_futures.pop(msg_id, None) is not None:
                self.notify(types.CANCEL_REQUEST, types.CancelParams(id=msg_id))
            raise

    def _handle_response(
        self, msg_id: int | str, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        future = self._request_futures.get(msg_id)
        if future is not None and not future.done():
            super()._handle_response(msg_id, result, error)


def _rejected(data: dict[str, Any]) -> object:
    """Return what stands for a malformed message: a request to refuse, a failed answer, or nothing."""
    msg_id, method = data.get("id"), str(data.get("method", ""))
    if not isinstance(msg_id, int | str):
        return JsonRPCNotification(f"$/malformed/{method}", "2.0", None)
    if "method" in data:
        return _Rejected(msg_id, method)
    error = types.ResponseError(JsonRpcInvalidParams.CODE, "The answer does not have its shape.")
    return types.ResponseErrorMessage(id=msg_id, error=error)


def _as_answer(error: BaseException) -> JsonRpcException:
    if isinstance(error, JsonRpcException):
        return error
    log.error("Unexpected %s", type(error).__name__)
    log.debug("The unexpected error in full", exc_info=error)
    return JsonRpcInternalError("Something unexpected happened. The output panel has the details.")
