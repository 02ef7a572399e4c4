"""The engine vLLM: a child that listens on a Unix socket alone; we pass checked requests on to it."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import tempfile
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from openai_api.errors import ApiError, engine_failed

from engines.base import CannotServe, EngineEnded
from engines.vllm_output import is_progress_bar, percent_of, refusal_in, stage_of
from engines.vllm_process import IDLE_SECONDS, ChildProcess, start_child

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from openai_api.requests import Call
    from stages import Stages

    from engines.vllm_command import VllmCommand

PATHS = {"chat": "/v1/chat/completions", "text": "/v1/completions"}
HEADERS = {"accept-encoding": "identity", "content-type": "application/json"}
LONGEST_ERROR = 1 << 16
END_OF_EVENT = b"\n\n"
DATA = b"data: "
DONE = b"\ndata: [DONE]"
ERROR = b'data: {"error"'


class VllmEngine:
    """vLLM behind its socket."""

    name = "vllm"

    def __init__(self, command: VllmCommand, gigabytes: float, log: Callable[[str], None]) -> None:
        self._command = command
        self._gigabytes = gigabytes
        self._log = log
        self._folder = Path(tempfile.mkdtemp(prefix="vllm-"))
        self._socket = self._folder / "socket"
        self._child: ChildProcess | None = None
        self._session: aiohttp.ClientSession | None = None

    @property
    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("not started")
        return self._session

    async def start(self, stages: Stages) -> None:
        """Start vLLM and wait until it answers."""
        # aiohttp: a hundred streams bring thousands of events a second, and its parser is compiled
        self._session = aiohttp.ClientSession(
            "http://vllm",
            connector=aiohttp.UnixConnector(str(self._socket), limit=0, keepalive_timeout=IDLE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            headers=HEADERS,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        stages.begin("Starting vLLM")
        self._child = await start_child(
            self._command.words(self._socket), lambda line: self._hear(line, stages)
        )
        healthy = asyncio.create_task(self._healthy())
        ended = asyncio.create_task(self._child.wait())
        try:
            await asyncio.wait({healthy, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise self._not_started(ended.result())
        finally:
            healthy.cancel()
            ended.cancel()

    def _hear(self, line: str, stages: Stages) -> None:
        if (percent := percent_of(line)) is not None:
            stages.progress(percent)
        if not is_progress_bar(line):
            self._log(f"vllm | {line}")
        if title := stage_of(line):
            stages.begin(title, self._gigabytes if "weights" in title else None)

    async def _healthy(self) -> None:
        while True:
            try:
                async with self._client.get("/health") as response:
                    if response.status == HTTPStatus.OK:
                        return
            except aiohttp.ClientError:
                pass  # nothing listens until the model is loaded
            await asyncio.sleep(0.2)

    def _not_started(self, code: int) -> Exception:
        lines = list(self._child.lines) if self._child else []
        if words := refusal_in(lines):
            return CannotServe(words)
        return EngineEnded(_ending(code, lines))

    async def whole(self, call: Call) -> bytes:
        """Return vLLM's answer."""
        try:
            async with self._client.post(PATHS[call.kind], data=_encoded(call)) as response:
                if response.status != HTTPStatus.OK:
                    raise await _refusal(response)
                return await response.read()
        except aiohttp.ClientError:
            raise engine_failed() from None

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open vLLM's answer. Its connection is closed at the end, whatever the end is: that aborts it."""
        try:
            async with self._client.post(PATHS[call.kind], data=_encoded(call)) as response:
                if response.status != HTTPStatus.OK:
                    raise await _refusal(response)
                yield _events(response)
        except aiohttp.ClientError:
            raise engine_failed() from None

    async def first_tokens(self, model: str, prompt: str) -> dict[str, float]:
        """Return the five likeliest tokens after a prompt."""
        body = {"model": model, "prompt": prompt, "max_tokens": 1, "temperature": 0, "logprobs": 5}
        async with self._client.post(PATHS["text"], json=body) as response:
            if response.status != HTTPStatus.OK:
                raise await _refusal(response)
            answer: Any = await response.json()
        top = answer["choices"][0]["logprobs"]["top_logprobs"][0]
        return {token: value for token, value in top.items() if math.isfinite(value)}

    async def ended(self) -> str:
        """Wait until vLLM ends by itself. Its code says nothing: it is 0 after a worker was killed, too."""
        if self._child is None:
            raise RuntimeError("not started")
        code = await self._child.wait()
        return _ending(code, list(self._child.lines))

    async def stop(self) -> None:
        """End vLLM and all its processes."""
        if self._child is not None:
            await self._child.stop()
        if self._session is not None:
            await self._session.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _encoded(call: Call) -> bytes:
    return json.dumps(call.body).encode()


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield whole events, so that an event of ours never stands within one; ends at ``[DONE]``.

    Raises:
        ApiError: vLLM says so, or stopped before the end.
    """
    held = b""
    async for read in response.content.iter_any():
        held += read
        cut = held.rfind(END_OF_EVENT) + len(END_OF_EVENT)
        if cut < len(END_OF_EVENT):
            continue
        events, held = held[:cut], held[cut:]
        if events.startswith(ERROR):
            raise ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, *_message(events[len(DATA) :].split(b"\n")[0]))
        if DONE in b"\n" + events:
            if before := (b"\n" + events).partition(DONE)[0][1:]:
                yield before + b"\n"
            return
        yield events
    raise engine_failed()


async def _refusal(response: aiohttp.ClientResponse) -> ApiError:
    """Return vLLM's error in OpenAI's shape."""
    read = b""
    async for part in response.content.iter_any():
        read += part
        if len(read) > LONGEST_ERROR:
            break
    message, param = _message(read)
    status = response.status
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    return ApiError(status, message, param)


def _message(body: bytes) -> tuple[str, str | None]:
    try:
        error: Any = json.loads(body)
        error = error.get("error", error)
        param = error.get("param")
        return str(error["message"]), str(param) if param else None
    except (ValueError, KeyError, AttributeError, TypeError):
        return "The engine refused the request.", None


def _ending(code: int, lines: list[str]) -> str:
    last = "\n".join(f"  {line}" for line in lines[-20:])
    return f"The engine vLLM ended by itself (exit code {code}). Its last lines:\n{last}"
