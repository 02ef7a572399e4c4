"""The whole of aca-local as a process: an app on a share, through the ingress, over restarts and kills."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.running import APP_API, LIMIT, Azure, aca_local, provision, start, until

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the command is for bash"),
    pytest.mark.skipif(
        not sys.platform.startswith("linux"), reason="a process that left its session is found on Linux alone"
    ),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("journey") / "Application Support é"
    provision(start(path))
    yield path
    aca_local(path, "stop")


@pytest.fixture
def azure(folder: Path) -> Azure:
    """A running aca-local whose app answers; started again where a test ended it."""
    found = start(folder)
    until(found.get, bool)
    return found


def test_the_app_on_the_share_answers_through_the_ingress(azure: Azure) -> None:
    (replica,) = azure.replicas()
    name, _, note = azure.get().split(maxsplit=2)
    assert name == replica["name"]
    assert note == "first"
    assert azure.get("/events") == "data: 0\n\ndata: 1\n\ndata: 2\n\n"


def test_a_restart_gives_a_new_replica_of_the_same_revision(azure: Azure) -> None:
    before = azure.ask("GET", azure.app, APP_API)["properties"]
    (old,) = azure.replicas()
    azure.ask("POST", f"{azure.app}/revisions/{before['latestRevisionName']}/restart", APP_API)
    until(azure.get, lambda text: bool(text) and not text.startswith(old["name"]))
    assert any(one["name"] != old["name"] for one in azure.replicas())  # the old one may still end
    after = azure.ask("GET", azure.app, APP_API)["properties"]
    assert after["latestRevisionName"] == before["latestRevisionName"]


def test_a_crash_restarts_the_container_of_the_same_replica(azure: Azure) -> None:
    (before,) = azure.replicas()
    azure.get("/crash")
    (after,) = until(
        azure.replicas,
        lambda found: (
            found[0]["properties"]["containers"][0]["restartCount"]
            > before["properties"]["containers"][0]["restartCount"]
        ),
    )
    assert after["name"] == before["name"]
    assert until(azure.get, bool).startswith(before["name"])


def test_state_ports_and_apps_last_over_a_stop(azure: Azure, folder: Path) -> None:
    before = azure.ask("GET", azure.app, APP_API)["properties"]
    aca_local(folder, "stop")
    again = start(folder)
    assert again.line["arm"] == azure.line["arm"]
    after = again.ask("GET", again.app, APP_API)["properties"]
    assert after["configuration"]["ingress"]["fqdn"] == before["configuration"]["ingress"]["fqdn"]
    assert after["latestRevisionName"] == before["latestRevisionName"]
    assert until(again.get, bool)


def test_a_kill_leaves_no_process_behind_and_loses_nothing(azure: Azure, folder: Path) -> None:
    below = psutil.Process(azure.line["pid"]).children(recursive=True)
    assert len([one for one in below if "time.sleep(600)" in " ".join(one.cmdline())]) == 1
    os.kill(azure.line["pid"], signal.SIGKILL)
    _, left = psutil.wait_procs(below, timeout=LIMIT)
    assert not left
    again = start(folder)
    assert again.ask("GET", again.app, APP_API)["properties"]["provisioningState"] == "Succeeded"
    assert until(again.get, bool).endswith("first")
