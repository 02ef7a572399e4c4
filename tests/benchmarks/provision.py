"""How long a person waits for Provision's questions: ``python tests/benchmarks/provision.py``.

- from a command to its first question in an editor, on a running aca-local (limit 300 ms), beside the start of an empty Python:
  a new server's first command two seconds after ``initialized``, one that follows it at once, and later ones;
- round trips one after the other before the first question (limit 3) and in the preflight (limit 5, polls of validate and
  what-if apart), where each request takes 50 ms: requests that overlap count once;
- the requests of a whole Provision, polls of the deployment apart.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx
from aca_local import certificates
from aitk_inference.azure.transport import ProxiedTransport
from aitk_inference.core.errors import AppError
from product.lsp.raw import RawClient, raw_client
from support.azure_world import World
from support.desk import Desk
from support.projects import provision_local, small_project
from support.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LATENCY = 0.05
ROUNDS = 7
PAUSE = 2.0
"""Seconds that a person takes at least from opening a folder to a command."""
POLLS = ("operationresults", "/validate", "/whatif", "operationstatuses")
SERVE = [sys.executable, "-m", "aitk_inference", "serve"]


@dataclass(frozen=True)
class Asked:
    """A request: when it began and ended."""

    path: str
    begun: float
    ended: float


@dataclass
class Traffic:
    """The requests that were sent."""

    asked: list[Asked] = field(default_factory=list)

    def sequential(self, since: float = 0.0) -> int:
        """Return the longest chain of requests of which each began after the one before had ended."""
        chain: list[tuple[Asked, int]] = []
        for one in sorted(self.asked, key=lambda asked: asked.begun):
            if one.begun >= since and not any(poll in one.path.lower() for poll in POLLS):
                before = (depth for other, depth in chain if other.ended <= one.begun)
                chain.append((one, 1 + max(before, default=0)))
        return max((depth for _, depth in chain), default=0)


@asynccontextmanager
async def slow_requests(latency: float = LATENCY) -> AsyncIterator[Traffic]:
    """Let each request take longer, and note it."""
    traffic = Traffic()

    def slowed(send: Any) -> Any:
        async def sent(self: Any, request: Any, **more: Any) -> Any:
            begun = time.perf_counter()
            await asyncio.sleep(latency)
            answer = await send(self, request, **more)
            traffic.asked.append(Asked(str(request.url), begun, time.perf_counter()))
            return answer

        return sent

    with (
        patch.object(ProxiedTransport, "send", slowed(ProxiedTransport.send)),
        patch.object(httpx.AsyncClient, "send", slowed(httpx.AsyncClient.send)),
    ):
        yield traffic


async def round_trips(project: Path, world: World) -> tuple[int, int, int, int]:
    """Return those before the first question, of the preflight, of a plan, and the requests of a Provision."""
    async with slow_requests() as before:
        with suppress(AppError):  # nobody is there to be asked: this is where the question would be
            await provision_local(project, world, resource_group=None)
    began: list[float] = []
    ui = Scripted(
        on_step=lambda step: began.append(time.perf_counter()) if step.step == "Preflight" else None
    )
    async with slow_requests() as checked:
        await provision_local(project, world, ui, check_only=True)
    async with slow_requests() as planned:
        await provision_local(project, world, plan_only=True)
    async with slow_requests(0) as provisioned:
        await provision_local(project, world)
    polls = [one for one in provisioned.asked if _is_poll(one.path)]
    return (
        before.sequential(),
        checked.sequential(min(began)),
        planned.sequential(),
        len(provisioned.asked) - max(0, len(polls) - 2),  # one look at state and operations each is needed
    )


def _is_poll(path: str) -> bool:
    return "/deployments/aitk-inference-" in path.lower() and not path.lower().endswith("/validate")


@dataclass(frozen=True)
class FirstQuestion:
    """Milliseconds from Provision's command to its first question: medians."""

    after_a_pause: float
    at_once: float
    later: float


async def first_question(folder: Path) -> FirstQuestion:
    """Return how long the first question takes of new servers, and of one that has had commands."""
    project = small_project(folder / "project")
    desk = Desk(folder / "home")
    desk.run("provision", "--project", str(project), "--subscription", "local", "--resource-group", "warm")
    try:
        rounds = [[await _questions(project, desk, pause) for pause in (PAUSE, 0.0)] for _ in range(ROUNDS)]
    finally:
        desk.local("stop")
    paused, at_once = zip(*rounds, strict=True)
    first = [statistics.median(asked[0] for asked in side) for side in (paused, at_once)]
    return FirstQuestion(*first, statistics.median(ms for asked in paused for ms in asked[1:]))


async def _questions(project: Path, desk: Desk, pause: float) -> list[float]:
    async with raw_client(SERVE, **desk.environment) as client:
        await client.initialize(project, ask=True)
        await asyncio.sleep(pause)
        client.patience = 120
        return [await _question(client, number) for number in range(1, 5)]


async def _question(client: RawClient, number: int) -> float:
    client.received.clear()
    begun = time.perf_counter()
    client.execute(number, "provision", {"subscription": "local"})
    question = await client.request("workspace/aitk/ask")
    took = 1000 * (time.perf_counter() - begun)
    client.send(id=question["id"], result={})
    await client.answer(number)
    return took


def empty_python_ms() -> float:
    """Return milliseconds that a Python takes which does nothing: what this machine can give now."""
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        os.environ["AITK_STATE_DIR"] = str(folder / "state")
        world = World(folder / "azure", stack, certificates.ensure(folder / "certificates"))
        project = small_project(folder / "counted")
        before, checked, planned, requests = asyncio.run(round_trips(project, world))
        print(f"round trips before the first question: {before} (limit 3)")
        print(f"round trips of the preflight: {checked} (limit 5)")
        print(f"round trips of a plan: {planned}")
        print(f"requests of a Provision: {requests} (was 20 before the preflight)")
        asked, empty = asyncio.run(first_question(folder)), empty_python_ms()
        print(
            f"command to first question (limit 300 ms): {asked.after_a_pause:.0f} ms, {PAUSE:.0f} s after initialized; "
            f"{asked.at_once:.0f} ms at once after it; {asked.later:.0f} ms of later commands; "
            f"an empty Python takes {empty:.0f} ms"
        )


if __name__ == "__main__":
    main()
