"""Programs that insist on a port, and replicas that share one GPU: who gets it, and what is said."""

import asyncio
import os
import socket
from pathlib import Path

import pytest
from aca_local.fault_middleware import Faults
from aca_local.fault_rules import read
from aca_local.kernel.replicas import (
    ContainerSpec,
    Mount,
    RevisionSpec,
)
from aca_local.replicas.replica import free_port
from aca_local.replicas.supervisor import Supervisor
from support.replica_programs import (
    APP,
    PATIENCE,
    REVISION,
    bash,
    event,
    get,
    lines,
    reasons,
    until,
    until_ready,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for bash")


def fixed(share: Path, port: int, revision: str, app: str = "app", script: str = "") -> RevisionSpec:
    """A revision whose program binds a port whatever PORT says."""
    command = script or f"python /mount/server.py {port}"
    container = ContainerSpec("main", "i", ("/bin/bash",), ("-c", command), {}, (Mount("/mount", share),))
    return RevisionSpec(APP + app.removeprefix("app"), app, revision, (container,), target_port=port)


PORT_TAKEN = {
    "said": "python /mount/server.py {port}",
    "silent": "python /mount/server.py {port} 2>/dev/null",
    "another": "python /mount/server.py {port} 2>/dev/null || python /mount/server.py {other}",
}


@pytest.mark.parametrize("script", PORT_TAKEN.values(), ids=PORT_TAKEN)
async def test_a_newer_revision_gets_a_fixed_port_from_the_older_one(
    supervisor: Supervisor, share: Path, script: str
) -> None:
    port, other = free_port(), free_port()
    await supervisor.apply(fixed(share, port, "app--old"))
    await until(lambda: bool(supervisor.ready_ports(APP, "app--old")))
    await supervisor.apply(fixed(share, port, "app--new", script=script.format(port=port, other=other)))
    await until(lambda: supervisor.ready_ports(APP, "app--new") == [port])
    (old,), (new,) = supervisor.states(APP, "app--old"), supervisor.states(APP, "app--new")
    assert (await get(port)).startswith(new.name)
    assert old.running_state == "NotRunning"
    said = await event(supervisor, "PortInUse")
    assert f"'{old.name}'" in said
    assert "the app does not answer until" in said
    await supervisor.stop(APP, "app--new")  # a person goes back to the old revision
    await until(lambda: supervisor.ready_ports(APP, "app--old") == [port])


async def test_a_restart_of_a_program_with_a_fixed_port_ends_the_old_replica_first(
    supervisor: Supervisor, share: Path
) -> None:
    port = free_port()
    await supervisor.apply(fixed(share, port, REVISION))
    assert await until_ready(supervisor) == port
    old = supervisor.states(APP, REVISION)[0].name
    await supervisor.restart(APP, REVISION)
    await until(lambda: [one.name != old for one in supervisor.states(APP, REVISION)] == [True])
    assert await until_ready(supervisor) == port
    assert f"'{old}'" in await event(supervisor, "PortInUse")


async def test_two_apps_with_one_fixed_port_are_told_apart_in_words(
    supervisor: Supervisor, share: Path
) -> None:
    port = free_port()
    await supervisor.apply(fixed(share, port, "first--1", app="app-first"))
    await until(lambda: bool(supervisor.ready_ports(APP + "-first", "first--1")))
    await supervisor.apply(fixed(share, port, REVISION))
    said = await event(supervisor, "PortInUse")
    assert f"Port {port} is bound by the container app 'app-first'" in said
    assert "$PORT" in said
    assert any(said in line for line in await lines(supervisor, 30))
    assert supervisor.ready_ports(APP + "-first", "first--1") == [port]
    await supervisor.stop(APP + "-first", "first--1")
    assert await until_ready(supervisor) == port


async def test_a_crash_is_not_blamed_on_another_apps_port(supervisor: Supervisor, share: Path) -> None:
    port = free_port()
    await supervisor.apply(fixed(share, port, "first--1", app="app-first"))
    await until(lambda: bool(supervisor.ready_ports(APP + "-first", "first--1")))
    await supervisor.apply(fixed(share, port, REVISION, script="exit 3"))
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].restart_count >= 5)
    assert "PortInUse" not in await reasons(supervisor)


@pytest.mark.parametrize("script", ["exit 3", "echo ModuleNotFoundError; exit 1"])
async def test_a_revision_that_fails_for_another_reason_leaves_the_older_one_its_port(
    supervisor: Supervisor, share: Path, script: str
) -> None:
    port = free_port()
    await supervisor.apply(fixed(share, port, "app--old"))
    await until(lambda: supervisor.ready_ports(APP, "app--old") == [port])
    await supervisor.apply(fixed(share, port, "app--new", script=script))
    await until(lambda: supervisor.states(APP, "app--new")[0].containers[0].restart_count >= 5)
    await until(lambda: supervisor.ready_ports(APP, "app--old") == [port])
    assert not supervisor.has_left(APP, "app--old")


async def test_another_program_on_a_fixed_port_is_named(supervisor: Supervisor, share: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        await supervisor.apply(fixed(share, port, REVISION))
        assert f"process {os.getpid()}" in await event(supervisor, "PortInUse")
    assert await until_ready(supervisor) == port


async def test_with_one_gpu_a_new_replica_waits_for_the_old_one_to_end(
    faulty: tuple[Supervisor, Faults], share: Path
) -> None:
    supervisor, faults = faulty
    await supervisor.apply(bash("python /mount/server.py", share))
    serving = await until_ready(supervisor)
    faults.rules = read('[{"service": "replicas", "fault": "one-gpu", "times": 0}]')
    await supervisor.restart(APP, REVISION)
    async with asyncio.timeout(PATIENCE):
        async for one in supervisor.events(APP, tail=300, follow=True):
            if one.message.endswith("no GPU is free."):
                break
    assert supervisor.states(APP, REVISION)[-1].running_state == "NotRunning"
    assert supervisor.ready_ports(APP, REVISION) == [serving]
    await supervisor.stop(APP, REVISION)
    await supervisor.apply(bash("python /mount/server.py", share))
    await until_ready(supervisor)
