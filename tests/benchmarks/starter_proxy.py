"""What our app costs between a client and vLLM, in its own CPU time: starter_proxy.py [STREAMS] [TOKENS].

An engine that costs next to nothing takes vLLM's place: every 20 ms it writes one token to each stream, as vLLM does.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
import psutil

STEP_SECONDS = 0.02
ROUNDS = 5
PROMPT = list(range(300, 500))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = {
    "id": "cmpl-0123456789abcdef0123456789abcdef",
    "object": "text_completion",
    "created": 1790000000,
    "model": "tuned",
    "choices": [
        {
            "index": 0,
            "text": " sea",
            "logprobs": None,
            "finish_reason": None,
            "stop_reason": None,
            "prompt_token_ids": None,
            "token_ids": [777],
        }
    ],
    "usage": None,
}


class Engine(asyncio.Protocol):
    """A connection to the engine; ``running`` holds the streams that get tokens."""

    def __init__(self, running: dict[Engine, int]) -> None:
        self._running = running
        self._held = b""
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, ends, body = self._held.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if not ends or len(body) < int(length or 0):
            return
        self._held = b""
        asked = json.loads(body) if body else {}
        if asked.get("stream"):
            self._running[self] = asked["max_tokens"]
            self.transport.write(HEAD)
            return
        top = {"top_logprobs": [{"a": -0.1 if asked.get("model") == "tuned" else -0.5}]}
        answer = (
            b""
            if b" /health " in head
            else json.dumps({"choices": [{"text": "a", "logprobs": top}]}).encode()
        )
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
            + answer
        )

    def connection_lost(self, _: Exception | None) -> None:
        self._running.pop(self, None)


async def engine(options: dict[str, str]) -> None:
    """Serve until killed, on ``--uds`` or ``--port``."""
    running: dict[Engine, int] = {}
    loop = asyncio.get_running_loop()
    if "--uds" in options:
        await loop.create_unix_server(lambda: Engine(running), options["--uds"])
    else:
        await loop.create_server(lambda: Engine(running), "127.0.0.1", int(options["--port"]))
    event, end = b"data: " + json.dumps(EVENT).encode() + b"\n\n", b"data: [DONE]\n\n"
    token = b"%x\r\n%s\r\n" % (len(event), event)
    last = token + b"%x\r\n%s\r\n0\r\n\r\n" % (len(end), end)
    while True:
        await asyncio.sleep(STEP_SECONDS)
        for stream, left in list(running.items()):
            stream.transport.write(token if left > 1 else last)
            running[stream] = left - 1
            if left <= 1:
                del running[stream]


async def load(url: str, streams: int, tokens: int) -> list[float]:
    """Ask for all streams at once; returns the seconds until the first token of each."""
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(_answer(session, tokens) for _ in range(streams)))


async def _answer(session: aiohttp.ClientSession, tokens: int) -> float:
    body = {"model": "tuned", "prompt": PROMPT, "max_tokens": tokens, "temperature": 0, "stream": True}
    asked, first, came = time.perf_counter(), 0.0, 0
    async with session.post("/v1/completions", json=body) as response:
        assert response.status == 200, await response.text()
        async for read in response.content.iter_any():
            first = first or time.perf_counter() - asked
            came += read.count(b'"text"')
    assert came == tokens, (came, tokens)
    return first


def main() -> None:
    from starter.vllm_app import vllm_app  # the engine needs none of it
    from support import starter

    streams, tokens = (int(word) for word in (*sys.argv[1:], "128", "128")[:2])
    command = {"INFERENCE_VLLM_COMMAND": f"{sys.executable} {__file__} engine"}
    with tempfile.TemporaryDirectory() as folder, vllm_app(Path(folder), **command) as app:
        starter.page(app.client)  # importing Gradio would be counted, too
        process = psutil.Process(app.served.process.pid)
        spent: dict[int, list[float]] = {1: [], tokens: []}
        for _ in range(ROUNDS):
            for count, found in spent.items():
                before = sum(process.cpu_times()[:2])
                asyncio.run(load(str(app.client.base_url), streams, count))
                found.append((sum(process.cpu_times()[:2]) - before) / streams)
    request, whole = min(spent[1]), min(spent[tokens])
    event = (whole - request) / (tokens - 1)
    said = {"streams": streams, "ms_per_request": request * 1e3, "us_per_event": event * 1e6}
    print(json.dumps(said | {"tokens": tokens}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["engine"]:
        asyncio.run(engine(dict(itertools.pairwise(sys.argv))))
    else:
        main()
