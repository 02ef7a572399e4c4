"""A chat with an app's model, by OpenAI's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


class ChatServer(NamedTuple):
    """Whom to ask.

    Attributes:
        address: The app's URL.
        key: What it wants to know, or empty; never shown.
    """

    address: str
    key: str = ""

    def __repr__(self) -> str:
        """Without the key."""
        return f"ChatServer({self.address!r})"


class AnswerPart(NamedTuple):
    """What came of an answer.

    Attributes:
        tokens: How many tokens the whole answer has; only the last part may know.
    """

    text: str = ""
    tokens: int | None = None


class ChatApi(Protocol):
    """Asks a model."""

    async def models(self, server: ChatServer) -> Sequence[str]:
        """Return the names of the models, the adapted one first; none where the app keeps no list of them.

        Raises:
            NotFound: the app has no such API.
            NotAuthenticated: it wants a key, or another one.
            Unreachable.
        """
        ...

    def answer(self, server: ChatServer, model: str, question: str) -> AsyncIterator[AnswerPart]:
        """Yield the answer as it comes.

        Raises:
            NotFound, NotAuthenticated, Unreachable: as ``models``.
        """
        ...
