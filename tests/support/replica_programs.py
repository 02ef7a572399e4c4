"""Revisions whose containers are real programs, and what a supervisor says of them."""

import asyncio
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import httpx
from aca_local.kernel.replicas import (
    ContainerSpec,
    Mount,
    Probe,
    RevisionSpec,
)
from aca_local.replicas.container import Pace
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments

APP = "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/containerApps/app"
REVISION = "app--1"
QUICK = Pace(first_back_off=0.05, longest_back_off=0.2, grace=2.0)
PATIENCE = 60.0
SERVER = textwrap.dedent(
    """
    import http.server, os, sys
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200); self.end_headers()
            self.wfile.write(f"{os.environ['CONTAINER_APP_REPLICA_NAME']} {os.getcwd()}".encode())
        def log_message(self, *_): pass
    print("listening on", port)
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
    """
)


class InstantEnvironments(VirtualEnvironments):
    """The running Python as every app's environment: making one has a test of its own."""

    async def ensure(self, folder: Path) -> Path:
        return Path(sys.prefix)


def bash(script: str, share: Path, *probes: Probe, **env: str) -> RevisionSpec:
    container = ContainerSpec(
        "main", "image", ("/bin/bash",), ("-c", script), env, (Mount("/mount", share),), probes
    )
    return RevisionSpec(APP, "app", REVISION, (container,), target_port=8080)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 # what is waited for is another process
            await asyncio.sleep(0.02)


async def until_ready(supervisor: Supervisor) -> int:
    await until(lambda: bool(supervisor.ready_ports(APP, REVISION)))
    return supervisor.ready_ports(APP, REVISION)[0]


async def get(port: int) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"http://127.0.0.1:{port}/")).text


async def lines(supervisor: Supervisor, count: int = 1) -> list[str]:
    """Follow the newest replica's console until it wrote enough."""
    replica = supervisor.states(APP, REVISION)[-1].name
    found: list[str] = []
    async with asyncio.timeout(PATIENCE):
        async for line in supervisor.console(APP, REVISION, replica, "main", tail=300, follow=True):
            found.append(line.text)
            if len(found) >= count:
                break
    return found


async def reasons(supervisor: Supervisor) -> dict[str, str]:
    return {event.reason: event.message async for event in supervisor.events(APP, tail=300, follow=False)}


async def event(supervisor: Supervisor, reason: str) -> str:
    async with asyncio.timeout(PATIENCE):
        async for one in supervisor.events(APP, tail=300, follow=True):
            if one.reason == reason:
                return one.message
    raise AssertionError(reason)
