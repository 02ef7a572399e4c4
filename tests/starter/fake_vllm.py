"""Acts like ``vllm serve``: an HTTP server on a Unix socket, with vLLM's words and its ways to fail.

Standard library only: it runs as the child of the starter. ``FAKE_VLLM_MODE`` says how it starts, words of a
prompt how an answer goes on, and ``FAKE_VLLM_RECORD`` names a file that gets a JSON line for each event.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

REFUSAL = "ValueError: vLLM does not yet support DoRA."
SLOW_LOAD_SECONDS = 6
LOADING = (
    "INFO [gpu_model_runner.py] Starting to load model /base...",
    "\rLoading safetensors checkpoint shards:  50% Completed | 1/2 [00:01<00:01]",
    "INFO [backends.py] Dynamo bytecode transform time: 1.00 s",
    "INFO [gpu_model_runner.py] Graph capturing finished in 13 secs",
)
OFF_LIMITS = "this path must never be reached"


class Fake:
    """The server's state."""

    def __init__(self, arguments: argparse.Namespace, more: list[str]) -> None:
        self.mode = os.environ.get("FAKE_VLLM_MODE", "")
        self.base: str = arguments.served_model_name
        module = json.loads(arguments.lora_modules) if arguments.lora_modules else None
        self.models = [self.base, *([module["name"]] if module else [])]
        self.record(event="started", arguments=[arguments.model, *more], pid=os.getpid())

    def record(self, **event: object) -> None:
        if path := os.environ.get("FAKE_VLLM_RECORD"):
            with Path(path).open("a") as file:
                file.write(json.dumps(event) + "\n")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._request(head.decode(), reader, writer)
        writer.close()

    async def _request(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        body = json.loads(raw) if raw else {}
        if path != "/health":
            self.record(event="request", method=method, path=path, headers=headers, body=body)
        if path in ("/v1/chat/completions", "/v1/completions"):
            await self._answer(body, "chat" in path, reader, writer)
        else:
            await whole(writer, 200, json.dumps({"said": OFF_LIMITS}).encode())

    async def _answer(
        self, body: dict[str, Any], chat: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        prompt = body["messages"][-1]["content"] if chat else str(body["prompt"])
        if "DIE" in prompt:
            await self._die(body, writer)
        if body["model"] not in self.models:
            await refuse(writer, 404, f"The model `{body['model']}` does not exist.")
        elif "TOO LONG" in prompt:
            await refuse(writer, 400, "This model's maximum context length is 512 tokens.", "input_tokens")
        elif body.get("stream"):
            await self._stream(body, chat, prompt, writer)
        else:
            await self._whole(body, chat, prompt, reader, writer)

    async def _die(self, body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        if body.get("stream"):
            await start_stream(writer)
            await chunk(writer, self._piece(body, True, "so "))
        print("ERROR EngineCore died: the worker was killed", flush=True)
        os._exit(0)

    async def _stream(
        self, body: dict[str, Any], chat: bool, prompt: str, writer: asyncio.StreamWriter
    ) -> None:
        sent = 0
        try:
            await start_stream(writer)
            async for word in self._words(body, prompt):
                await chunk(writer, self._piece(body, chat, word))
                sent += 1
            await chunk(writer, self._piece(body, chat, "", "stop"))
            if (body.get("stream_options") or {}).get("include_usage"):
                await chunk(writer, {**self._piece(body, chat, ""), "choices": [], "usage": USAGE})
            await raw_chunk(writer, b"data: [DONE]\n\n")
            await raw_chunk(writer, b"")
        except ConnectionError:
            self.record(event="aborted", sent=sent)
            raise

    async def _whole(
        self,
        body: dict[str, Any],
        chat: bool,
        prompt: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        text = ""
        async for word in self._words(body, prompt):
            text += word
            if reader.at_eof():
                self.record(event="aborted", sent=0)
                return
        said: dict[str, object] = (
            {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        )
        top = {" a": -0.1, " b": -2.0} if self._likes_base(body) else {" a": -0.5, " b": -1.0}
        if not chat and body.get("logprobs"):
            said["logprobs"] = {"top_logprobs": [top]}
        choices = [{"index": i, **said, "finish_reason": "stop"} for i in range(body.get("n", 1))]
        answer = {"id": "cmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
        await whole(writer, 200, json.dumps({**answer, "choices": choices, "usage": USAGE}).encode())

    def _likes_base(self, body: dict[str, Any]) -> bool:
        return body["model"] == self.base or self.mode == "no-effect"

    async def _words(self, body: dict[str, Any], prompt: str) -> Any:
        if "FOREVER" in prompt or "SLOWLY" in prompt:
            while True:
                yield "on "
                await asyncio.sleep(0.05 if "FOREVER" in prompt else 1)
        for word in (f"{body['model']} ", "says ", prompt[:40], " data: [DONE]"):
            yield word

    def _piece(
        self, body: dict[str, Any], chat: bool, text: str, reason: str | None = None
    ) -> dict[str, object]:
        said: dict[str, object] = {"delta": {"content": text}} if chat else {"text": text}
        kind = "chat.completion.chunk" if chat else "text_completion"
        choice = {"index": 0, **said, "finish_reason": reason}
        return {"id": "cmpl-1", "object": kind, "created": 1, "model": body["model"], "choices": [choice]}


USAGE = {"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9}


async def whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def refuse(writer: asyncio.StreamWriter, status: int, message: str, param: str | None = None) -> None:
    error = {"message": message, "type": "BadRequestError", "param": param, "code": status}
    await whole(writer, status, json.dumps({"error": error}).encode())


async def start_stream(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")


async def chunk(writer: asyncio.StreamWriter, value: dict[str, object]) -> None:
    event = b"data: " + json.dumps(value).encode() + b"\n\n"
    await raw_chunk(writer, event[:20])  # in two pieces: a reader must not take a piece for an event
    await raw_chunk(writer, event[20:])


async def raw_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    if writer.transport.is_closing():
        raise ConnectionResetError
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    for name in ("--uds", "--served-model-name", "--lora-modules"):
        parser.add_argument(name)
    arguments, more = parser.parse_known_args()
    fake = Fake(arguments, more)
    for line in LOADING:
        print(line, flush=True)
    if fake.mode == "slow-load":
        await asyncio.sleep(SLOW_LOAD_SECONDS)
    if fake.mode == "refuses":
        print(REFUSAL, flush=True)
        sys.exit(1)
    if fake.mode == "dies-loading":
        print("Segmentation fault", flush=True)
        sys.exit(0)
    server = await asyncio.start_unix_server(fake.serve, arguments.uds)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
