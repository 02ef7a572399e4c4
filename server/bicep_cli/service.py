"""The Bicep CLI as a service: started when first needed, kept warm, ended when idle.

CLIs before 0.29 cannot be kept running: `bicep build` and `bicep build-params` are run for each request.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bicep_cli import legacy
from bicep_cli.connection import Connection
from bicep_cli.messages import (
    BicepError,
    Compilation,
    ParametersCompilation,
    diagnostics_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bicep_cli.find import Bicep

LIMIT = 60.0  # seconds for one answer; modules of a registry that is not reached take 13
IDLE = 300.0  # seconds without a question until the process is ended
PLACE = ("tenantId", "subscriptionId", "resourceGroup", "location", "deploymentName")


class BicepService:
    """Compiles and inspects Bicep files. Each method raises BicepError, one line for people.

    Files that have errors are no exception: they are in `diagnostics`, and `template` is None.
    Use it in one event loop, as `async with`, or call `close`.
    """

    def __init__(self, bicep: Bicep, *, limit: float = LIMIT, idle: float = IDLE) -> None:
        self.bicep = bicep
        self._limit = limit
        self._idle = idle
        self._connection: Connection | None = None
        self._opening = asyncio.Lock()
        self._busy = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def running(self) -> bool:
        """Whether a process is kept."""
        return self._connection is not None and self._connection.alive

    async def close(self) -> None:
        """End the process."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ending is not None:
            await self._ending
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def compile(self, path: Path) -> Compilation:
        """Compile a `.bicep` file."""
        if not self.bicep.speaks_rpc:
            return await legacy.compile_file(self.bicep.path, path, self._limit)
        answer = await self._ask("bicep/compile", {"path": _absolute(path)})
        contents = answer.get("contents")
        found = diagnostics_of(answer.get("diagnostics"), Path)
        return Compilation(contents if isinstance(contents, str) and answer.get("success") else None, found)

    async def compile_parameters(self, path: Path) -> ParametersCompilation:
        """Compile a `.bicepparam` file, and the template that it uses."""
        if not self.bicep.speaks_rpc:
            return await legacy.compile_parameters(self.bicep.path, path, self._limit)
        answer = await self._ask("bicep/compileParams", {"path": _absolute(path), "parameterOverrides": {}})
        parameters, template = answer.get("parameters"), answer.get("template")
        good = answer.get("success") is True
        return ParametersCompilation(
            parameters if good and isinstance(parameters, str) else None,
            template if good and isinstance(template, str) else None,
            diagnostics_of(answer.get("diagnostics"), Path),
        )

    async def snapshot(self, path: Path, metadata: Mapping[str, str]) -> dict[str, object]:
        """Evaluate a `.bicepparam` with the engine inside the CLI (keys of `metadata`:

        tenantId, subscriptionId …).
        """
        if not self.bicep.speaks_rpc:
            raise BicepError(
                f"Bicep {self.bicep.version_text} cannot evaluate templates.", "Update it: az bicep upgrade"
            )
        known = {name: metadata[name] for name in PLACE if name in metadata}
        answer = await self._ask("bicep/getSnapshot", {"path": _absolute(path), "metadata": known})
        found = json.loads(str(answer.get("snapshot", "{}")))
        return found if isinstance(found, dict) else {}

    async def _ask(self, method: str, parameters: dict[str, object]) -> dict[str, object]:
        """Ask the process, which is started when there is none. One that does not answer is ended."""
        if self._timer is not None:
            self._timer.cancel()
        self._busy += 1
        connection = await self._open()
        try:
            return await connection.request(method, parameters, self._limit)
        except (BicepError, asyncio.CancelledError) as error:
            if not connection.alive or isinstance(error.__cause__, TimeoutError):
                await self._drop(connection)
            raise
        finally:
            self._busy -= 1
            self._rest()

    async def _open(self) -> Connection:
        async with self._opening:
            if self._connection is None or not self._connection.alive:
                self._connection = await Connection.open(self.bicep.path)
            return self._connection

    async def _drop(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
        await connection.close()

    def _rest(self) -> None:
        """Start to count the idle time."""
        if self._busy == 0:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self._end_idle)

    def _end_idle(self) -> None:
        connection = self._connection
        if self._busy == 0 and connection is not None:
            self._connection = None
            self._ending = asyncio.create_task(connection.close())


def _absolute(path: Path) -> str:
    return str(path.resolve())
