"""Keys and tokens stay where they belong: in no output at debug, log, process list, deployment, share or package."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from support.desk import Desk
from support.projects import small_project

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GROUP = "canaries"
SECRET = "canary-of-a-secret-5f2d"
LEAKY = 'print("AccountKey={key};EndpointSuffix=x")\nprint("Authorization: Bearer {token}")\nraise SystemExit("bye")\n'
"""A program of the user's that writes its keys to its console, and ends."""


@dataclass
class ProcessList:
    """What the list of processes showed while commands ran."""

    seen: set[str] = field(default_factory=set)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stopped.wait(0.2):
            for process in psutil.process_iter(["cmdline"]):
                self.seen.add(" ".join(process.info["cmdline"] or ()))

    def stop(self) -> None:
        self._stopped.set()


@dataclass
class Person:
    """A person at a terminal, who keeps what each command writes."""

    desk: Desk
    project: Path
    written: list[str] = field(default_factory=list)

    def run(self, verb: str, *arguments: str, typed: str = "", expect: int = 0) -> None:
        words = (verb, "--project", str(self.project), *arguments, "--log-level", "debug")
        done = self.desk.said(*words, given=typed)
        self.written += [done.stdout, done.stderr]
        assert done.returncode == expect, done.stdout + done.stderr


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Person]:
    desk = Desk(tmp_path / "home")
    yield Person(desk, small_project(tmp_path / "project"))
    desk.local("stop")


@pytest.fixture
def processes() -> Iterator[ProcessList]:
    seen = ProcessList()
    watching = threading.Thread(target=seen.watch)
    watching.start()
    yield seen
    seen.stop()
    watching.join()


def _ask(local: dict[str, str], method: str, path: str, version: str) -> Any:
    url = (
        f"{local['armHttp']}/subscriptions/{local['subscriptionId']}/resourceGroups/{GROUP}/providers/{path}"
    )
    headers = {"Authorization": f"Bearer {local['token']}"}
    request = urllib.request.Request(f"{url}?api-version={version}", headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())


def _texts(folder: Path) -> dict[str, str]:
    return {
        str(path): path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file()
    }


def _package() -> dict[str, str]:
    """The files of the built extension, where one was built, and of the server in it."""
    found = {}
    for path in (ROOT / "build").glob("*.vsix"):
        with zipfile.ZipFile(path) as package:
            found |= {
                f"{path}:{name}": package.read(name).decode("utf-8", "replace") for name in package.namelist()
            }
    return found


def test_the_canaries_are_nowhere(person: Person, processes: ProcessList) -> None:
    local = json.loads(person.desk.local("serve", "--detach", "--json").stdout)
    person.run("provision", "--subscription", "local", "--resource-group", GROUP, "--no-input")
    config = json.loads((person.project / "infra/inference.config.json").read_text())
    account = f"Microsoft.Storage/storageAccounts/{config['STORAGE_ACCOUNT_NAME']}"
    key = _ask(local, "POST", f"{account}/listKeys", "2023-05-01")["keys"][0]["value"]
    person.run("secrets", "set", "hf-token", typed=SECRET)
    person.run("deploy", "--no-input")
    script = person.project / "inference/gradio_chat.py"
    answering = script.read_text()
    script.write_text(LEAKY.format(key=key, token=local["token"]))
    person.run("deploy", "--no-input", expect=1)
    person.run("logs", "--tail", "50")
    script.write_text(answering)
    person.run("deploy", "--no-input")  # what the share holds in the end is the project's own
    person.run("status")
    time.sleep(0.5)
    deployments = _ask(local, "GET", "Microsoft.Resources/deployments", "2021-04-01")
    places = {
        "output": "\n".join(person.written),
        "processes": "\n".join(processes.seen),
        "deployments": json.dumps(deployments),
        **_texts(person.desk.home / "aitk_state_dir"),
        **_texts(person.desk.home / "aitk_log_dir"),
        **_texts(person.desk.data / "files"),
        **_texts(person.project),
        **_package(),
    }
    assert deployments["value"]
    assert any("--log-level debug" in line for line in processes.seen)
    assert any("gradio_chat.py" in name for name in places)
    for canary in (key, local["token"], SECRET):
        assert [name for name, text in places.items() if canary in text] == []
