"""The engine OpenVINO: in this process, for CPUs. One answer is written at a time; others wait."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import late_packages
from openai_api.errors import bad_request, engine_failed

from engines.base import CannotServe
from engines.openvino_answers import Writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from openai_api.requests import Call
    from settings import Settings
    from stages import Stages

    from engines.openvino_model import OpenVinoModel, Options, Outcome

T = TypeVar("T")


class OpenVinoEngine:
    """OpenVINO GenAI. Answers are written in one thread, prompts are read in another."""

    name = "openvino"

    def __init__(self, settings: Settings, gigabytes: float) -> None:
        self._settings = settings
        self._gigabytes = gigabytes
        self._writer = ThreadPoolExecutor(1, "answers")
        self._reader = ThreadPoolExecutor(1, "prompts")
        self._loaded: OpenVinoModel | None = None

    @property
    def _model(self) -> OpenVinoModel:
        if self._loaded is None:
            raise RuntimeError("not started")
        return self._loaded

    async def start(self, stages: Stages) -> None:
        """Load the model. Where the first packages are not enough, it waits for all.

        They lack OpenVINO's large libraries where an app with vLLM made them, and those of other devices, which
        OpenVINO looks for once.
        """
        try:
            if self._settings.device != "CPU":
                await self._arrive(stages)
            await self._load(stages)
        except (ImportError, CannotServe):
            if late_packages.are_there():
                raise
            await self._arrive(stages)
            await self._load(stages)

    async def _arrive(self, stages: Stages) -> None:
        stages.begin("Waiting for more packages")
        await late_packages.arrive()

    async def _load(self, stages: Stages) -> None:
        stages.begin("Loading OpenVINO")
        load = await self._in(self._writer, _import_loader)
        stages.begin("Loading the weights", self._gigabytes)
        self._loaded = await self._in(self._writer, lambda: load(self._settings))

    async def whole(self, call: Call) -> bytes:
        """Return an answer."""
        writing = Writing(call)
        async with self._answer(call) as answer:
            text = "".join([piece async for piece in answer])
            return writing.whole(text, answer.ended())

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open an answer."""
        async with self._answer(call) as answer:
            yield Writing(call).events(answer)

    @asynccontextmanager
    async def _answer(self, call: Call) -> AsyncIterator[Answer]:
        prompt = await self._in(self._reader, lambda: self._prompt(call))
        options, adapted = self._options(call), call.model == self._settings.name
        answer = Answer(
            lambda on_text: self._model.answer(prompt, options, adapted=adapted, on_text=on_text),
            self._writer,
        )
        try:
            yield answer
        finally:
            answer.give_up()

    def _prompt(self, call: Call) -> object:
        if call.kind == "chat":
            return self._model.chat_prompt(
                [_plain(message, i) for i, message in enumerate(call.body["messages"])]
            )
        return self._model.text_prompt(_one_text(call.body["prompt"]), "prompt")

    def _options(self, call: Call) -> Options:
        from engines.openvino_model import Options  # noqa: PLC0415  loads OpenVINO, which start() has done

        body = call.body
        names = ("temperature", "top_p", "presence_penalty", "frequency_penalty")
        chosen = {name: float(body[name]) for name in names if name in body}
        default = self._settings.max_new_tokens if call.kind == "chat" else 16  # OpenAI's own default
        seed = int(body.get("seed", 0)) % (1 << 63)
        return Options(call.max_tokens or default, seed=seed, stop=call.stops, **chosen)

    async def first_tokens(self, model: str, prompt: str) -> dict[str, float]:
        """Return the likeliest tokens after a prompt."""
        adapted = model == self._settings.name
        return await self._in(self._writer, lambda: self._model.first_tokens(prompt, adapted=adapted))

    async def ended(self) -> str:
        """Wait for ever: this engine ends with the process."""
        never: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        return await never

    async def stop(self) -> None:
        """Take no more work."""
        self._writer.shutdown(wait=False, cancel_futures=True)
        self._reader.shutdown(wait=False, cancel_futures=True)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, work)


class Answer:
    """An answer that is being written. Iterate over its pieces, then look how it ended."""

    def __init__(self, write: Callable[[Callable[[str], bool]], Outcome], writer: ThreadPoolExecutor) -> None:
        self._write = write
        self._writer = writer
        self._given_up = threading.Event()
        self._outcome: Outcome | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield pieces of text as they come.

        Raises:
            ApiError: the engine broke.
        """
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[str | None] = asyncio.Queue()

        def on_text(text: str) -> bool:
            loop.call_soon_threadsafe(pieces.put_nowait, text)
            return self._given_up.is_set()

        writing = loop.run_in_executor(self._writer, self._unless_given_up, on_text)
        writing.add_done_callback(lambda _: pieces.put_nowait(None))
        while (piece := await pieces.get()) is not None:
            if piece:
                yield piece
        try:
            self._outcome = await writing
        except RuntimeError as error:
            print(f"The engine failed: {type(error).__name__}.", flush=True)
            raise engine_failed() from None

    def _unless_given_up(self, on_text: Callable[[str], bool]) -> Outcome | None:
        return None if self._given_up.is_set() else self._write(on_text)

    def ended(self) -> Outcome:
        """Return how it ended."""
        if self._outcome is None:
            raise engine_failed()
        return self._outcome

    def give_up(self) -> None:
        """End it at the next token, or before it begins."""
        self._given_up.set()


def _import_loader() -> Callable[[Settings], OpenVinoModel]:
    from engines.openvino_model import load_model  # noqa: PLC0415  takes a second, and vLLM's users never need it

    return load_model


def _plain(message: dict[str, object], index: int) -> dict[str, str]:
    """Return a message as chat templates expect it.

    Raises:
        ApiError: it holds what this engine does not read.
    """
    role, content = message["role"], message.get("content")
    if role in ("tool", "function") or message.get("tool_calls"):
        raise bad_request("The engine openvino does not do tools.", f"messages.{index}.role")
    if content is None:
        raise bad_request("A text is expected.", f"messages.{index}.content")
    parts = [content] if isinstance(content, str) else [part["text"] for part in content]  # type: ignore[attr-defined]  # checked before
    return {"role": "system" if role == "developer" else str(role), "content": "".join(parts)}


def _one_text(prompt: object) -> str:
    texts = prompt if isinstance(prompt, list) else [prompt]
    if len(texts) != 1 or not isinstance(texts[0], str):
        raise bad_request("The engine openvino takes one text a request.", "prompt", "unsupported_parameter")
    return texts[0]
