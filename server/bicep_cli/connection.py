"""One running `bicep jsonrpc --stdio`: JSON-RPC 2.0 with Content-Length headers, as in LSP."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

from bicep_cli.find import environment
from bicep_cli.messages import BicepError

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 64 * 1024 * 1024  # bytes of one answer
HEADER = 1024  # bytes of one header line
FAREWELL = 3.0  # seconds to end by itself


class Connection:
    """A process and the requests that wait for its answers. Raises BicepError for whatever goes wrong."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._waiting: dict[int, asyncio.Future[dict[str, object]]] = {}
        self._next = 0
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """Start the CLI."""
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                "jsonrpc",
                "--stdio",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment(),
            )
        except OSError as error:
            raise BicepError(f"The Bicep CLI at {path} cannot be started: {error.strerror}.") from error
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether it can still be asked."""
        return self._process.returncode is None and not self._reader.done()

    async def request(self, method: str, parameters: dict[str, object], limit: float) -> dict[str, object]:
        """Ask, and wait at most `limit` seconds for the answer."""
        self._next += 1
        number = self._next
        answer: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
            async with asyncio.timeout(limit):
                return _result(await answer)
        except TimeoutError as error:
            raise BicepError(
                f"The Bicep CLI did not answer {method} within {limit:.0f} seconds.",
                "It has been stopped; try again.",
            ) from error
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            raise stopped() from error
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        """End the process: kindly, then firmly."""
        stdin = self._process.stdin
        if stdin is not None:
            stdin.close()
        if self._process.returncode is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await self._process.wait()
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _send(self, message: dict[str, object]) -> None:
        stdin = self._process.stdin
        if stdin is None or not self.alive:
            raise stopped()
        body = json.dumps(message).encode()
        stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        await stdin.drain()

    async def _read(self) -> None:
        """Hand out answers until the process ends; then nobody waits any longer."""
        try:
            while (message := await self._message()) is not None:
                number = message.get("id")
                answer = self._waiting.get(number) if isinstance(number, int) else None
                if answer is not None and not answer.done():
                    answer.set_result(message)
        except (ValueError, OSError, asyncio.IncompleteReadError):
            pass  # what is not the protocol ends the connection, as the end of the stream does
        finally:
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(stopped())

    async def _message(self) -> dict[str, object] | None:
        stdout = self._process.stdout
        assert stdout is not None
        length = 0
        while (line := await stdout.readline()).strip():
            name, _, value = line[:HEADER].partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        if not line or not 0 < length <= LARGEST:
            return None
        message = json.loads(await stdout.readexactly(length))
        return message if isinstance(message, dict) else {}


def stopped() -> BicepError:
    """Say that the CLI is gone."""
    return BicepError(
        "The Bicep CLI stopped unexpectedly.", "Try again; if it stops again, run `bicep build` by hand."
    )


def _result(answer: dict[str, object]) -> dict[str, object]:
    error = answer.get("error")
    if isinstance(error, dict):
        data = error.get("data")
        told = data.get("message") if isinstance(data, dict) else error.get("message")
        first = str(told or "it gave no reason").strip().splitlines()[0]
        raise BicepError(f"The Bicep CLI refused: {first}")
    result = answer.get("result")
    return result if isinstance(result, dict) else {}
