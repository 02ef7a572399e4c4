"""What the app needs from an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from openai_api.requests import Call
    from stages import Stages


class CannotServe(Exception):
    """The base or the adapter can't be served; the message says why and what to do."""


class EngineEnded(Exception):
    """The engine ended by itself; the message says how."""


class Engine(Protocol):
    """A model that answers requests of the OpenAI API."""

    name: str

    async def start(self, stages: Stages) -> None:
        """Load the model; returns when it answers.

        Raises:
            CannotServe: it can't be served, and another start would change nothing.
            EngineEnded: it ended by itself.
        """

    async def whole(self, call: Call) -> bytes:
        """Return an answer as JSON.

        Raises:
            ApiError: the request can't be answered.
        """

    def stream(self, call: Call) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Open an answer as whole events, without the ``[DONE]`` at the end. Leaving the context ends it.

        Raises:
            ApiError: the request can't be answered; also while iterating, when the engine breaks.
        """

    async def first_tokens(self, model: str, prompt: str) -> dict[str, float]:
        """Return log probabilities of likely first tokens after a prompt, which were generated for it.

        Raises:
            ApiError: the engine can't tell.
        """

    async def ended(self) -> str:
        """Wait until the engine ends by itself; returns how it did."""

    async def stop(self) -> None:
        """End the engine and all that it started."""
