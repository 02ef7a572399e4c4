"""The ``aca-local`` command as a process: one instance a data directory, found, joined, stopped."""

import json
import os
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from aca_local.replicas.process import start_time

LIMIT = 60.0


def aca_local(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "aca_local", *words, "--data-dir", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)


def line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    (only,) = done.stdout.splitlines()
    found = json.loads(only)
    assert isinstance(found, dict)
    return found


def is_gone(pid: int) -> bool:
    """Gone, or a zombie that waits for its parent."""
    return start_time(pid) == 0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "data"
    yield path
    aca_local(path, "stop")


def ping(url: str, ca_file: str | None = None) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=ca_file)
    with urllib.request.urlopen(url + "/aca-local/ping", timeout=LIMIT, context=context) as answer:
        found = json.load(answer)
    assert isinstance(found, dict)
    return found


def test_one_line_says_where_it_is(folder: Path) -> None:
    found = line(aca_local(folder, "serve", "--detach", "--json"))
    assert set(found) == {"arm", "armHttp", "token", "subscriptionId", "tenantId", "caFile", "pid"}
    assert ping(found["arm"], found["caFile"]) == ping(found["armHttp"]) == {"pid": found["pid"]}


def test_its_secrets_are_its_owners(folder: Path) -> None:
    token = line(aca_local(folder, "serve", "--detach", "--json"))["token"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    holders = [one for one in folder.rglob("*") if one.is_file() and token.encode() in one.read_bytes()]
    assert {one.name for one in holders} == {"instance.json", "token"}
    assert {stat.S_IMODE(one.stat().st_mode) for one in holders} == {0o600}
    process = psutil.Process(line(aca_local(folder, "status", "--json"))["pid"])
    assert token not in " ".join(process.cmdline())


def test_a_second_one_on_the_same_data_joins_the_first(folder: Path) -> None:
    first = line(aca_local(folder, "serve", "--detach", "--json"))
    assert line(aca_local(folder, "serve", "--json")) == first
    assert line(aca_local(folder, "serve", "--detach", "--json")) == first
    assert line(aca_local(folder, "status", "--json")) == first


def test_one_of_an_earlier_release_gives_way_to_this_one(folder: Path) -> None:
    first = line(aca_local(folder, "serve", "--detach", "--json"))
    state = folder / "instance.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), "version": [0, 0, 9]}))
    second = line(aca_local(folder, "serve", "--detach", "--json"))
    assert second["pid"] != first["pid"]
    assert second["arm"] == first["arm"]
    assert is_gone(first["pid"])


def test_two_that_start_at_once_become_one(folder: Path) -> None:
    command = [sys.executable, "-m", "aca_local", "serve", "--detach", "--json", "--data-dir", str(folder)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    lines = [one.communicate(timeout=LIMIT)[0] for one in both]
    assert json.loads(lines[0]) == json.loads(lines[1])


def test_ports_and_token_last(folder: Path) -> None:
    first = line(aca_local(folder, "serve", "--detach", "--json"))
    assert line(aca_local(folder, "stop", "--json")) == {"stopped": True}
    assert is_gone(first["pid"])
    second = line(aca_local(folder, "serve", "--detach", "--json"))
    assert second.pop("pid") != first.pop("pid")
    assert second == first


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(folder: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "aca_local", "serve", "--json", "--data-dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        assert json.loads(running.stdout.readline())["pid"] == running.pid
        running.send_signal(number)
        assert running.wait(LIMIT) == 0
    assert not (folder / "instance.json").exists()


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_what_a_kill_left_behind_is_not_taken_for_a_running_one(folder: Path) -> None:
    first = line(aca_local(folder, "serve", "--detach", "--json"))
    os.kill(first["pid"], signal.SIGKILL)
    while not is_gone(first["pid"]):
        time.sleep(0.01)
    assert (folder / "instance.json").exists()
    assert aca_local(folder, "status").returncode == 1
    second = line(aca_local(folder, "serve", "--detach", "--json"))
    assert (second["arm"], second["token"]) == (first["arm"], first["token"])


@pytest.mark.parametrize("given", ["99999", "abc", "0"])
def test_a_port_that_is_none_is_refused_and_not_kept(folder: Path, given: str) -> None:
    refused = aca_local(folder, "serve", "--detach", "--json", "--port", given)
    assert refused.returncode == 2, refused.stderr
    assert "a port is a number from 1 to 65535" in refused.stderr
    assert "Traceback" not in refused.stderr
    line(aca_local(folder, "serve", "--detach", "--json"))


def test_a_chosen_port_that_cannot_be_had_is_not_kept(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = aca_local(folder, "serve", "--detach", "--json", "--port", str(port))
        assert refused.returncode == 1
        assert f"Port {port} of 127.0.0.1 is in use by" in refused.stderr
        line(aca_local(folder, "serve", "--detach", "--json"))


def test_a_port_in_use_is_one_clear_line(folder: Path) -> None:
    line(aca_local(folder, "serve", "--detach", "--json"))
    aca_local(folder, "stop")
    port = json.loads((folder / "ports.json").read_text())["arm"]
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        for words in (["serve", "--json"], ["serve", "--detach", "--json"]):
            failed = aca_local(folder, *words)
            assert failed.returncode == 1
            assert failed.stdout == ""
            last = failed.stderr.splitlines()[-1]
            assert f"Port {port} of 127.0.0.1 is in use by" in last
            assert f"process {os.getpid()}" in last
            assert "--new-ports" in last
            assert "Traceback" not in failed.stderr
        moved = line(aca_local(folder, "serve", "--detach", "--json", "--new-ports"))
    assert not moved["arm"].endswith(f":{port}")


def test_nothing_to_stop_is_no_failure(folder: Path) -> None:
    done = aca_local(folder, "stop")
    assert (done.returncode, done.stdout) == (0, "It is not running.\n")
    assert aca_local(folder, "status").returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_one_that_does_not_answer_is_named_and_can_be_stopped(folder: Path) -> None:
    pid = line(aca_local(folder, "serve", "--detach", "--json"))["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        status = aca_local(folder, "status")
        assert (status.returncode, f"process {pid}" in status.stdout) == (1, True)
        command = [sys.executable, "-m", "aca_local", "stop", "--data-dir", str(folder)]
        stopped = subprocess.run(command, capture_output=True, text=True, timeout=3 * LIMIT, check=False)
        assert stopped.stdout == f"Stopped by force: process {pid} did not answer.\n"
        assert is_gone(pid)
    finally:
        if not is_gone(pid):
            os.kill(pid, signal.SIGKILL)
    assert aca_local(folder, "stop").stdout == "It is not running.\n"


def test_a_wrong_faults_file_is_one_clear_line(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "faults.json").write_text('[{"fault": "nope"}]')
    failed = aca_local(folder, "serve", "--faults", str(tmp_path / "faults.json"))
    assert failed.returncode == 1
    assert "'nope' is not one of" in failed.stderr.splitlines()[-1]
    assert aca_local(folder, "serve", "--no-such-option").returncode == 2


def test_evaluate_is_one_of_its_commands(tmp_path: Path) -> None:
    template = tmp_path / "t.json"
    schema = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
    template.write_text(json.dumps({"$schema": schema, "contentVersion": "1.0.0.0", "resources": []}))
    command = [sys.executable, "-m", "aca_local", "evaluate", str(template), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_coverage_lists_what_is_served_and_what_was_refused_by_both_services(folder: Path) -> None:
    found = line(aca_local(folder, "serve", "--detach", "--json", "--no-create-with-data"))
    headers = {"Authorization": f"Bearer {found['token']}", "x-ms-file-request-intent": "backup"}
    ports = json.loads((folder / "ports.json").read_text())
    addresses = (
        f"{found['armHttp']}/rockets",
        f"http://127.0.0.1:{ports['files']}/someaccount/share/x?comp=no",
    )
    for address in addresses:
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=LIMIT)
    lines = [json.loads(one) for one in aca_local(folder, "coverage", "--json").stdout.splitlines()]
    served = [one["served"] for one in lines if "served" in one]
    assert "PUT files:/{share}/{path}?comp=range" in served
    assert any(one.endswith("Microsoft.App/containerApps/{name}/listSecrets") for one in served)
    refused = [(one["refused"]["path"], one["refused"]["code"]) for one in lines if "refused" in one]
    assert refused == [
        ("/rockets", "UnsupportedPath"),
        ("files:/{share}/{path}?comp=no (comp; no)", "InvalidQueryParameterValue"),
    ]
