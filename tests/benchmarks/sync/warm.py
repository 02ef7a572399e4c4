"""Our engine in a process that is warm, called again and again, as the language server does.

    python -m benchmarks.sync.warm

Reads ``{"folder": …, "url": …}`` lines; answers each with what the sync took. Ends with its standard input.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from aitk_inference.__main__ import collect_rarely
from aitk_inference.composition import share_at
from aitk_inference.core.actions import Action
from aitk_inference.core.clock import SystemClock
from aitk_inference.core.errors import InputRequired, MissingInput
from aitk_inference.core.settings import Settings
from aitk_inference.core.user_interface import Answers, Level, ProgressEvent, Question
from aitk_inference.flows.deploy.sync_folder import sync_folder
from aitk_inference.flows.sync_request import SyncRequest


class Silent:
    """Nobody watches; nobody is asked."""

    async def ask(self, questions: Sequence[Question]) -> Answers:
        raise InputRequired([MissingInput(one.name, one.flag, one.prompt) for one in questions])

    def progress(self, event: ProgressEvent) -> None: ...

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None: ...


async def sync_once(folder: Path, url: str) -> None:
    """Bring a share to what a folder has."""
    await sync_folder(
        SyncRequest(folder, url, assume_yes=True),
        ui=Silent(),
        open_share=lambda address: share_at(address, os.environ, Settings()),
        clock=SystemClock(),
    )


def highest_memory() -> int:
    """Return the highest resident memory since the last call, in bytes (Linux keeps it)."""
    [line] = [row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith("VmHWM")]
    Path("/proc/self/clear_refs").write_text("5")
    return int(line.split()[1]) * 1024


async def main() -> None:
    collect_rarely()
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        highest_memory()
        began, busy = time.perf_counter(), time.process_time()
        await sync_once(Path(asked["folder"]), asked["url"])
        seconds, cpu = time.perf_counter() - began, time.process_time() - busy
        print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": highest_memory()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
