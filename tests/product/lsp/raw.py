"""A client made of bytes: it can send what no library would."""

from __future__ import annotations

import asyncio
import json
import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

TIMEOUT = 20.0


class RawClient:
    """Sends any JSON; keeps everything that came. Waits at most ``patience`` seconds for a message."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.patience = TIMEOUT
        self.received: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.settings: dict[str, Any] = {}

    def send(self, **message: Any) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_bytes(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def send_bytes(self, data: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(data)

    def execute(self, msg_id: int, verb: str, *arguments: Any, **more: Any) -> None:
        params = {"command": f"aitk-inference.{verb}", "arguments": list(arguments), **more}
        self.send(id=msg_id, method="workspace/executeCommand", params=params)

    async def until(self, met: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first message, old or new, that fits."""
        for message in self.received:
            if met(message):
                return message
        async with asyncio.timeout(self.patience):
            while not met(message := await self._read()):
                pass
        return message

    async def answer(self, msg_id: int) -> dict[str, Any]:
        return await self.until(lambda m: m.get("id") == msg_id and "method" not in m)

    async def request(self, method: str) -> dict[str, Any]:
        return await self.until(lambda m: m.get("method") == method)

    async def ended(self, msg_id: int, answer: Callable[[str, dict[str, Any]], object]) -> dict[str, Any]:
        """Answer what the server asks until a command has ended; return how.

        Args:
            msg_id: Of the command.
            answer: Takes the method and the parameters of what is asked; returns the result.
        """
        settings = "workspace/configuration"  # answered as it is read
        while True:
            message = await self.until(
                lambda m: "id" in m and m.get("method") != settings and (m["id"] == msg_id or "method" in m)
            )
            self.received.remove(message)
            if "method" not in message:
                return message
            self.send(id=message["id"], result=answer(message["method"], message["params"]))

    async def initialize(
        self, folder: Path, capabilities: dict[str, Any] | None = None, **announced: bool
    ) -> dict[str, Any]:
        params = {
            "processId": None,
            "capabilities": capabilities or {},
            "rootUri": None,
            "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name}],
            "initializationOptions": {"aitk": announced},
        }
        self.send(id=0, method="initialize", params=params)
        answer = await self.answer(0)
        self.send(method="initialized", params={})
        return answer

    def sent(self, method: str) -> list[dict[str, Any]]:
        return [m for m in self.received if m.get("method") == method]

    def everything(self) -> str:
        return json.dumps(self.received)

    async def _read(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := (await self.process.stdout.readline()).strip():
            name, _, value = line.partition(b":")
            assert name in {b"Content-Length", b"Content-Type"}, f"not the protocol: {line!r}"
            length = int(value) if name == b"Content-Length" else length
        assert length, "the server has ended"
        message: dict[str, Any] = json.loads(await self.process.stdout.readexactly(length))
        self.received.append(message)
        if message.get("method") == "workspace/configuration":
            self.send(id=message["id"], result=[self.settings])
        return message


@asynccontextmanager
async def raw_client(command: Sequence[str], **environment: str) -> AsyncIterator[RawClient]:
    """A server process and a raw client of it; the process is gone at the end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        limit=1 << 22,
    )
    try:
        yield RawClient(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
