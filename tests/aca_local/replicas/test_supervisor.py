"""Replicas as real processes: what a template's command sees, and what happens when it fails."""

import asyncio
import json
import os
import subprocess
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from aca_local.fault_middleware import Faults
from aca_local.fault_rules import read
from aca_local.kernel.replicas import (
    ContainerSpec,
    Mount,
    NotRunningError,
    Probe,
    RevisionSpec,
    SpecChangedError,
)
from aca_local.replicas.process import reap, start_time
from aca_local.replicas.replica import free_port
from aca_local.replicas.start_faults import START_FAULTS
from aca_local.replicas.supervisor import Supervisor
from support.replica_programs import (
    APP,
    PATIENCE,
    REVISION,
    SERVER,
    bash,
    event,
    get,
    lines,
    reasons,
    until,
    until_ready,
)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for bash")


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


PATHS_INSIDE = textwrap.dedent(
    """
    import os, pathlib, subprocess, sys
    sys.path.insert(0, "/mount/lib")
    import helper
    note = pathlib.Path("/mount/note.txt")
    (pathlib.Path("/mount") / "out").mkdir()
    os.rename(b"/mount/out", b"/mount/done")
    child = "import sys; print(open('/mount/note.txt').read(), end='')"
    words = subprocess.check_output(["cat", "/mount/note.txt"], cwd="/mount/lib", text=True)
    words += subprocess.check_output([sys.executable, "-c", child], text=True)
    words += os.popen("cd /mount && cat note.txt").read()
    print(helper.NAME, note.read_text(), words, sorted(os.listdir("/mount")), sys.argv[1], flush=True)
    """
)


async def test_a_program_finds_the_volume_by_the_paths_in_its_own_text(
    supervisor: Supervisor, share: Path
) -> None:
    (share / "lib").mkdir()
    (share / "lib" / "helper.py").write_text("NAME = 'helper'")
    (share / "note.txt").write_text("note;")
    (share / "paths.py").write_text(PATHS_INSIDE)
    await supervisor.apply(bash("python /mount/paths.py /other/mount; sleep 60", share))
    names = ["done", "lib", "note.txt", "paths.py", "server.py"]
    assert await lines(supervisor) == [f"helper note; note;note;note; {names} /other/mount"]


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
    (serving,) = supervisor.ready_ports(APP, REVISION)
    await supervisor.restart(APP, REVISION)
    assert supervisor.ready_ports(APP, REVISION) == [serving], "the old one serves until the new one is ready"
    await until(lambda: supervisor.ready_ports(APP, REVISION) != [serving])
    (port,) = supervisor.ready_ports(APP, REVISION)
    new = supervisor.states(APP, REVISION)[-1]
    assert new.name != old
    assert new.name.startswith(REVISION + "-")
    assert (await get(port)).startswith(new.name)
    await until(lambda: [one.name for one in supervisor.states(APP, REVISION)] == [new.name])


async def test_a_restart_that_fails_leaves_the_old_replica_serving(
    supervisor: Supervisor, share: Path
) -> None:
    await supervisor.apply(bash("python /mount/server.py", share))
    serving = await until_ready(supervisor)
    (share / "server.py").write_text("raise SystemExit(1)")
    await supervisor.restart(APP, REVISION)
    await until(
        lambda: supervisor.states(APP, REVISION)[-1].containers[0].running_state_details == "CrashLoopBackOff"
    )
    assert supervisor.ready_ports(APP, REVISION) == [serving]
    (share / "server.py").write_text(SERVER)
    await supervisor.restart(APP, REVISION)
    await until(lambda: len(supervisor.states(APP, REVISION)) == 1)
    assert supervisor.ready_ports(APP, REVISION) != [serving]


async def test_the_end_of_a_replica_ends_all_its_processes(supervisor: Supervisor, share: Path) -> None:
    await supervisor.apply(
        bash("trap '' TERM; setsid sleep 300 & echo $!; (sleep 301 &) ; echo $$; wait", share)
    )
    pids = [int(line) for line in await lines(supervisor, 2)]
    await supervisor.stop(APP, REVISION)
    await until(lambda: not any(map(start_time, pids)))
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
        ("image-rate-limit", "toomanyrequests", "ImagePullBackOff"),
        ("image-missing", "manifest unknown", "ImagePullBackOff"),
        ("image-unauthorized", "authentication required", "ImagePullBackOff"),
        ("no-capacity", "Insufficient nvidia.com/gpu", "CreateContainerError"),
        ("volume-mount", "mount error(13): Permission denied", "CreateContainerError"),
        ("volume-missing", "mount error(2): No such file or directory", "CreateContainerError"),
        ("volume-unreachable", "mount error(115)", "CreateContainerError"),
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
    reason = "VolumeMountFailure" if fault.startswith("volume") else "ContainerTerminated"
    reason = START_FAULTS[fault].reason if fault in START_FAULTS else reason
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
    await until(lambda: start_time(pid) == 0)


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


async def test_a_secret_volume_holds_files_of_its_owner_that_follow_the_values(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    script = (
        'cd /mnt/secrets; stat -c "%a %n" api-key sub/other; cat api-key; echo; '
        "until grep -q second api-key; do sleep 0.05; done; cat api-key; echo; ls -p | grep -v /; sleep 600"
    )
    volume = Mount("/mnt/secrets", Path(), read_only=True, files={"api-key": "first", "sub/other": "x"})
    container = ContainerSpec("main", "image", ("/bin/bash",), ("-c", script), {}, (volume,))
    spec = RevisionSpec(APP, "app", REVISION, (container,))
    assert "first" not in repr(spec)
    await supervisor.apply(spec)
    assert await lines(supervisor, 3) == ["600 api-key", "600 sub/other", "first"]
    changed = replace(container, mounts=(replace(volume, files={"api-key": "second"}),))
    await supervisor.apply(replace(spec, containers=(changed,)))
    assert (await lines(supervisor, 5))[3:] == ["second", "api-key"]
    await supervisor.stop(APP, REVISION)
    assert not list((tmp_path / "apps").rglob("api-key"))
