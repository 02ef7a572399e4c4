"""The last resort for faults of the app itself: said to the client, and logged without words of a request."""

from __future__ import annotations

import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from openai_api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class DiscreetErrors:
    """The app behind it. An exception may quote a prompt: the log gets its type and where it was."""

    def __init__(self, app: ASGIApp, log: Callable[[str], None]) -> None:
        self._app = app
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and answer 500 where the app fails before it has answered."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            self._log(
                f"The app failed: {type(error).__name__}\n{''.join(traceback.format_tb(error.__traceback__))}"
            )
            if scope["type"] == "http" and not started:
                await _failed(error).response()(scope, receive, send)


def _failed(error: Exception) -> ApiError:
    message = f"The app failed ({type(error).__name__}); the console log says more."
    return ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, message)
