"""Load on the OpenAI API, over TCP or a Unix socket: load.py MODEL REPEATS STREAMS NAME=ADDRESS…

``STREAMS`` is such as ``1,8,32,128``. The addresses, ``http://127.0.0.1:7860`` or the path of a socket, are measured
in turn, so that what changes with time changes for all; the first round of each number is not reported.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp
from prompts import NEW_TOKENS, Answer, prompt, report

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EVENT = b"data: {"
PATIENCE = aiohttp.ClientTimeout(total=600)


@asynccontextmanager
async def connected(address: str) -> AsyncIterator[aiohttp.ClientSession]:
    is_tcp = address.startswith("http")
    connector = aiohttp.TCPConnector(limit=0) if is_tcp else aiohttp.UnixConnector(address, limit=0)
    base = address if is_tcp else "http://engine"
    async with aiohttp.ClientSession(base, connector=connector, timeout=PATIENCE) as session:
        yield session


async def answer(session: aiohttp.ClientSession, model: str, seed: str) -> Answer:
    body = {"model": model, "prompt": prompt(seed), "max_tokens": NEW_TOKENS, "temperature": 0}
    body |= {"ignore_eos": True, "stream": True, "return_token_ids": True}
    asked, came = time.perf_counter(), []
    async with session.post("/v1/completions", json=body) as response:
        if response.status != 200:
            raise RuntimeError(await response.text())
        async for line in response.content:
            if line.startswith(EVENT):
                now = time.perf_counter()
                choices = json.loads(line[len(EVENT) - 1 :])["choices"]
                came += [now for choice in choices for _ in choice.get("token_ids") or ()]
    return Answer(asked, tuple(came))


async def measure(name: str, session: aiohttp.ClientSession, model: str, streams: int, seed: str) -> str:
    began = time.perf_counter()
    answers = await asyncio.gather(*(answer(session, model, f"{seed}/{i}") for i in range(streams)))
    return report(f"{name}, {model}", streams, time.perf_counter() - began, list(answers))


async def main() -> None:
    model, repeats, streams, *named = sys.argv[1:]
    addresses = dict(pair.split("=", 1) for pair in named)
    for count in map(int, streams.split(",")):
        for name, address in addresses.items():
            async with connected(address) as session:
                await measure(name, session, model, count, f"warm/{name}/{model}/{count}")
        for repeat in range(int(repeats)):
            for name, address in addresses.items():
                async with connected(address) as session:
                    print(
                        await measure(name, session, model, count, f"{name}/{model}/{count}/{repeat}"),
                        flush=True,
                    )


if __name__ == "__main__":
    asyncio.run(main())
