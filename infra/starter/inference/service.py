"""Between the API and the model: what is served, whether it is ready, and answers as they are written."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine import CannotServe, Engine, Options, Outcome, load_engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from settings import Settings


class UnknownModel(Exception):
    """A request names a model that is not served here."""


class NotReady(Exception):
    """Nothing can be answered; the message says why."""


@dataclass(frozen=True)
class Service:
    """What is served. Without an engine, ``problem`` says why there is none."""

    settings: Settings
    engine: Engine | None
    problem: str | None = None

    @property
    def models(self) -> tuple[str, ...]:
        """Names of the models that answer; the first is the default."""
        if self.engine is None:
            return ()
        base = self.settings.base_name
        return (self.settings.name, base) if self.engine.adapted else (base,)

    def pick(self, model: str | None) -> str:
        """The model that answers a request.

        Raises:
            NotReady: there is none.
            UnknownModel: not this one.
        """
        if not self.models:
            raise NotReady(self.problem or "The model is not loaded.")
        if model is not None and model not in self.models:
            raise UnknownModel(f"There is no model {model!r} here. Name one of: {', '.join(self.models)}.")
        return model or self.models[0]

    def start(self, model: str, messages: Sequence[dict[str, str]], options: Options) -> Answer:
        """Begin an answer.

        Raises:
            BadPrompt: the conversation can't be answered.
        """
        if self.engine is None:
            raise NotReady(self.problem or "The model is not loaded.")
        engine, prompt = self.engine, self.engine.prompt(messages)
        adapted = model == self.settings.name
        return Answer(lambda on_text: engine.answer(prompt, options, adapted=adapted, on_text=on_text))


class Answer:
    """An answer that is being written in a thread of its own. Iterate over it, then read ``outcome``."""

    def __init__(self, write: Callable[[Callable[[str], bool]], Outcome]) -> None:
        self._write = write
        self._given_up = threading.Event()
        self.outcome: Outcome | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        """Pieces of text, as they come. Leaving early ends the generation."""
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        def on_text(text: str) -> bool:
            loop.call_soon_threadsafe(pieces.put_nowait, text)
            return self._given_up.is_set()

        writing = asyncio.ensure_future(asyncio.to_thread(self._write, on_text))
        writing.add_done_callback(lambda _: pieces.put_nowait(None))
        try:
            while (piece := await pieces.get()) is not None:
                if piece:
                    yield piece
            self.outcome = await writing
        finally:
            self._given_up.set()

    async def text(self) -> str:
        """The whole answer."""
        return "".join([piece async for piece in self])


def open_service(settings: Settings) -> Service:
    """Load what the settings name. What can't be loaded is said on the page and by ``/ready``."""
    try:
        return Service(settings, load_engine(settings))
    except CannotServe as error:
        return Service(settings, None, str(error))
