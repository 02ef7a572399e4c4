"""Replicas as real processes: what a template's command sees, and what happens when it fails."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import psutil
import pytest
from aca_local.faults import read
from aca_local.faulty import Faults
from aca_local.replicas import ContainerSpec, Mount, NotRunningError, Probe, RevisionSpec, SpecChangedError
from aca_local.replicas.container import Pace
from aca_local.replicas.process import can_mount, reap, start_time
from aca_local.replicas.replica import Workshop, free_port
from aca_local.replicas.supervisor import Supervisor
from aca_local.replicas.venvs import VirtualEnvironments, pip_wheel

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
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for bash")


class InstantEnvironments(VirtualEnvironments):
    """The running Python as every app's environment: making one has a test of its own."""

    async def ensure(self, folder: Path) -> Path:
        return Path(sys.prefix)


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    return folder


@pytest.fixture(params=["namespace", "rewriting"])
async def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Supervisor]:
    mounting = request.param == "namespace"
    if mounting and not await can_mount(tmp_path / "probe"):
        pytest.skip("this system has no mount namespaces for us")
    workshop = Workshop(InstantEnvironments(), dict(os.environ), mounting, QUICK)
    made = Supervisor(tmp_path / "apps", workshop)
    yield made
    await made.close()


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[tuple[Supervisor, Faults]]:
    """A supervisor whose replicas go wrong as the rules say."""
    faults = Faults()
    workshop = Workshop(InstantEnvironments(), dict(os.environ), False, QUICK, faults.of_replica)
    made = Supervisor(tmp_path / "apps", workshop)
    yield made, faults
    await made.close()


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


async def test_the_share_stands_where_the_volume_is_mounted(supervisor: Supervisor, share: Path) -> None:
    (share / "hello.txt").write_text("from the share")
    await supervisor.apply(bash("cd /mount && cat hello.txt && echo && echo made > /mount/out.txt", share))
    assert await lines(supervisor) == ["from the share"]
    await until((share / "out.txt").exists)
    assert not Path("/mount").exists()


async def test_a_replica_is_ready_when_it_answers(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("python /mount/server.py", share))
    port = await until_ready(supervisor)
    state = supervisor.states(APP, REVISION)[0]
    assert state.running_state == "Running"
    assert state.containers[0].started
    assert state.containers[0].running_state_details.startswith("Container started at: ")
    assert (await get(port)).startswith(state.name)
    assert set(await reasons(supervisor)) >= {"ImageNotPulled", "ContainerCreated", "ContainerStarted"}


async def test_rewritten_mount_paths_are_said_in_the_system_log(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("sleep 60", share))
    rewriting = not supervisor._workshop.mounting
    assert ("MountPathRewritten" in await reasons(supervisor)) is rewriting


async def test_a_program_that_insists_on_the_target_port_is_found(
    supervisor: Supervisor, share: Path
) -> None:
    unused_port = free_port()
    spec = bash(f"python /mount/server.py {unused_port}", share)
    await supervisor.apply(RevisionSpec(APP, "app", REVISION, spec.containers, target_port=unused_port))
    assert await until_ready(supervisor) == unused_port


async def test_a_crash_restarts_the_container_and_counts(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("echo once; exit 3", share))
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].restart_count >= 2)
    assert await event(supervisor, "ContainerTerminated") == (
        "Container 'main' was terminated with exit code '3' and reason 'ProcessExited'"
    )
    assert await event(supervisor, "ContainerBackOff") == "Persistent Failure to start container"
    assert (await lines(supervisor, 2)) == ["once", "once"]
    await until(
        lambda: "CrashLoopBackOff" in supervisor.states(APP, REVISION)[0].containers[0].running_state_details
    )


async def test_a_failed_step_of_a_joined_command_stops_the_start(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("false && touch /mount/started", share))
    await event(supervisor, "ContainerTerminated")
    assert not (share / "started").exists()


async def test_a_startup_probe_that_never_passes_restarts_the_container(
    supervisor: Supervisor, share: Path
) -> None:
    probe = Probe("Startup", 8080, "http", "/", period=0.05, failure_threshold=2)
    await supervisor.apply(bash("sleep 60", share, probe))
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].restart_count >= 1)
    assert "reason 'ProbeFailure'" in await event(supervisor, "ContainerTerminated")
    assert "ProbeFailed" in await reasons(supervisor)


async def test_a_liveness_probe_that_fails_restarts_the_container(
    supervisor: Supervisor, share: Path
) -> None:
    probe = Probe("Liveness", 8080, "http", "/", period=0.05, failure_threshold=1)
    await supervisor.apply(bash("timeout 2 python /mount/server.py; sleep 60", share, probe))
    await until_ready(supervisor)
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].restart_count >= 1)
    assert "Container main failed liveness probe, will be restarted" in [
        one.message async for one in supervisor.events(APP, tail=300, follow=False)
    ]


async def test_a_restart_puts_a_new_replica_of_the_same_revision(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("python /mount/server.py", share))
    await until_ready(supervisor)
    old = supervisor.states(APP, REVISION)[0].name
    await supervisor.restart(APP, REVISION)
    assert supervisor.ready_ports(APP, REVISION) == []
    port = await until_ready(supervisor)
    (new,) = supervisor.states(APP, REVISION)
    assert new.name != old
    assert new.name.startswith(REVISION + "-")
    assert (await get(port)).startswith(new.name)


async def test_the_end_of_a_replica_ends_all_its_processes(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(
        bash("trap '' TERM; setsid sleep 300 & echo $!; (sleep 301 &) ; echo $$; wait", share)
    )
    pids = [int(line) for line in await lines(supervisor, 2)]
    await supervisor.stop(APP, REVISION)
    await until(lambda: not any(map(psutil.pid_exists, pids)))
    assert supervisor.states(APP, REVISION) == []
    assert not [one for one in psutil.Process().children(recursive=True) if "sleep" in one.name()]


async def test_the_logs_end_with_the_replica(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("echo hi; sleep 60", share))
    replica = supervisor.states(APP, REVISION)[0].name
    console = supervisor.console(APP, REVISION, replica, "main", tail=10, follow=True)
    assert (await anext(console)).text == "hi"
    await supervisor.stop(APP, REVISION)
    assert [line async for line in console] == []
    with pytest.raises(NotRunningError):
        await anext(supervisor.console(APP, REVISION, replica, "main", tail=10, follow=False))


@pytest.mark.parametrize(
    ("fault", "words", "details"),
    [
        ("image-pull", "reason 'ImagePullFailure'", "ImagePullBackOff"),
        ("volume-mount", "mount error(13): Permission denied", "CreateContainerError"),
        ("crash", "exit code '1' and reason 'ProcessExited'", "CrashLoopBackOff"),
        ("oom", "exit code '137' and reason 'OOMKilled'", "CrashLoopBackOff"),
    ],
)
async def test_a_fault_on_demand_looks_as_in_azure(
    faulty: tuple[Supervisor, Faults], share: Path, fault: str, words: str, details: str
) -> None:
    supervisor, faults = faulty
    faults.rules = read(json.dumps([{"service": "replicas", "path": "^app/", "fault": fault, "times": 0}]))
    await supervisor.apply(bash("python /mount/server.py", share))
    reason = "VolumeMountFailure" if fault == "volume-mount" else "ContainerTerminated"
    assert words in await event(supervisor, reason)
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].running_state_details == details)
    faults.rules = []
    await until_ready(supervisor)


async def test_a_probe_fault_is_in_the_system_log(faulty: tuple[Supervisor, Faults], share: Path) -> None:
    supervisor, faults = faulty
    faults.rules = read('[{"service": "replicas", "fault": "probe"}]')
    probe = Probe("Startup", 8080, "http", "/", period=0.05, failure_threshold=2)
    await supervisor.apply(bash("python /mount/server.py", share, probe))
    assert await event(supervisor, "ProbeFailed") == "Probe of StartUp failed with status code: 503"
    await until(lambda: supervisor.states(APP, REVISION)[0].containers[0].restart_count >= 1)


async def test_another_port_than_the_target_port_is_named(supervisor: Supervisor, share: Path) -> None:
    other = free_port()
    probe = Probe("Startup", 8080, period=0.6, failure_threshold=100)
    await supervisor.apply(bash(f"python /mount/server.py {other}", share, probe))
    async with asyncio.timeout(PATIENCE):
        async for one in supervisor.events(APP, tail=300, follow=True):
            if one.message == f"The TargetPort 8080 does not match the listening port {other}.":
                break


async def test_a_revision_never_changes_but_its_secrets_do(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("echo $KEY; sleep 60", share, KEY="one"))
    assert await lines(supervisor) == ["one"]
    await supervisor.apply(bash("echo $KEY; sleep 60", share, KEY="two"))
    await supervisor.restart(APP, REVISION)
    assert await lines(supervisor) == ["two"]
    with pytest.raises(SpecChangedError):
        await supervisor.apply(bash("echo other", share, KEY="two"))


async def test_a_volume_that_cannot_be_mounted_is_in_the_system_log(
    supervisor: Supervisor, share: Path
) -> None:
    container = ContainerSpec("main", "i", ("true",), mounts=(Mount("/mount", share / "gone"),))
    await supervisor.apply(RevisionSpec(APP, "app", REVISION, (container,)))
    assert "mount error(2)" in await event(supervisor, "VolumeMountFailure")
    assert supervisor.states(APP, REVISION)[0].running_state == "NotRunning"


async def test_an_image_without_a_command_says_what_to_do(supervisor: Supervisor) -> None:
    await supervisor.apply(RevisionSpec(APP, "app", REVISION, (ContainerSpec("main", "mcr/x:latest"),)))
    assert "Give container 'main' a command" in (await lines(supervisor))[0]


async def test_a_command_that_does_not_exist_is_named(supervisor: Supervisor) -> None:
    await supervisor.apply(
        RevisionSpec(APP, "app", REVISION, (ContainerSpec("main", "i", ("no-such-cmd",)),))
    )
    assert "no-such-cmd" in (await lines(supervisor))[0]
    assert "exit code '127'" in await event(supervisor, "ContainerTerminated")


async def test_what_an_earlier_instance_left_is_reaped(
    supervisor: Supervisor, share: Path, tmp_path: Path
) -> None:
    await supervisor.apply(bash("echo $$; sleep 300", share))
    pid = int((await lines(supervisor))[0])
    assert reap(tmp_path / "apps") == 1
    await until(lambda: not psutil.pid_exists(pid))


async def test_a_killed_launcher_leaves_nothing_behind(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(bash("sleep 300 & echo $!; wait", share))
    pid = int((await lines(supervisor))[0])
    launcher = next(one for one in psutil.Process(pid).parents() if "launcher.py" in " ".join(one.cmdline()))
    launcher.kill()
    assert "exit code '137'" in await event(supervisor, "ContainerTerminated")
    await until(lambda: start_time(pid) == 0)


def test_what_a_killed_instance_and_its_killed_launchers_left_is_reaped(tmp_path: Path) -> None:
    record, script = tmp_path / "app" / "process.json", "sleep 300 & echo $!; wait"
    record.parent.mkdir()
    with subprocess.Popen(
        ["/bin/bash", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout
        pid = int(process.stdout.readline())
        record.write_text(json.dumps({"pid": process.pid, "started": start_time(process.pid)}))
        process.kill()
    assert start_time(pid)
    assert reap(tmp_path) == 1
    assert reap(tmp_path) == 0
    while start_time(pid):
        time.sleep(0.01)


async def test_pip_and_python_are_those_of_the_apps_own_environment(tmp_path: Path) -> None:
    workshop = Workshop(VirtualEnvironments(), dict(os.environ), mounting=False, pace=QUICK)
    supervisor = Supervisor(tmp_path / "apps", workshop)
    script = "python -c 'import sys; print(sys.prefix)'; pip --version; sleep 60"
    await supervisor.apply(bash(script, tmp_path))
    prefix, pip = await lines(supervisor, 2)
    await supervisor.close()
    assert Path(prefix).is_relative_to(tmp_path / "apps")
    assert prefix in pip


async def test_an_apps_pip_installs_and_replaces_itself(tmp_path: Path) -> None:
    """Offline: pip's own wheel, as it comes with Python, is the package."""
    venv = await VirtualEnvironments().ensure(tmp_path / "an app" / "venv")
    wheel = pip_wheel()
    if wheel is None:
        pytest.skip("this Python brings no wheel of pip")
    for words in (["--force-reinstall", str(wheel)], ["--upgrade", str(wheel)]):
        process = await asyncio.create_subprocess_exec(
            venv / "bin" / "pip", "install", "--no-index", *words, env={"PATH": os.defpath}
        )
        assert await process.wait() == 0
    (stamp,) = venv.glob("aca-local.json")
    made = stamp.stat().st_mtime_ns
    await VirtualEnvironments().ensure(venv)
    assert stamp.stat().st_mtime_ns == made
