"""The owner's verbs in a terminal and in pipes, on a running aca-local: what is written where, and how it ends."""

from __future__ import annotations

import itertools
import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from support import talking_app
from support.desk import TIMEOUT, Desk
from support.projects import set_parameters, small_project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BURST = 20_000


class Owner:
    """A person with a project whose app runs.

    Attributes:
        project: Its folder.
        endpoint: Where the app answers.
    """

    def __init__(self, home: Path) -> None:
        self._desk = Desk(home)
        self.project = small_project(home / "project")
        (self.project / "inference/gradio_chat.py").write_text(talking_app.SOURCE)
        set_parameters(
            self.project, minReplicas=1, defaultCommands=["cd /mount/inference", "python gradio_chat.py"]
        )
        where = ("--subscription", "local", "--resource-group", "owner", "--no-input")
        assert self.run("provision", *where).returncode == 0
        assert self.run("deploy", "--no-input").returncode == 0
        config = json.loads((self.project / "infra/inference.config.json").read_text())
        self.endpoint = str(config["ACA_APP_ENDPOINT"]).rstrip("/")

    def run(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a verb to its end; ``given`` comes from a pipe."""
        return self._desk.said(*self._words(*words), given=given)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a verb whose output is read from pipes."""
        pipe = subprocess.PIPE
        return subprocess.Popen(
            [sys.executable, "-m", "aitk_inference", *self._words(*words)],
            env=self._desk.environment,
            stdout=pipe,
            stderr=pipe,
            text=True,
        )

    def ask(self, path: str) -> None:
        """Ask the app for something, so that it writes."""
        urllib.request.urlopen(f"{self.endpoint}/{path}", timeout=60).close()

    def _words(self, verb: str, *words: str) -> tuple[str, ...]:
        return (verb, *words) if verb.startswith("-") else (verb, *words, "--project", str(self.project))

    def leave(self) -> None:
        """End the local Azure."""
        self._desk.local("stop")


@pytest.fixture(scope="module")
def owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Owner]:
    made = Owner(tmp_path_factory.mktemp("owner"))
    yield made
    made.leave()


def test_lines_have_times_where_they_are_wanted(owner: Owner) -> None:
    plain = owner.run("logs").stdout.splitlines()
    timed = owner.run("logs", "--timestamps")
    assert timed.returncode == 0, timed.stderr
    lines = [line.partition(" ") for line in timed.stdout.splitlines()]
    assert "the app starts" in plain
    assert [text for _, _, text in lines] == plain
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time) for time, _, _ in lines)


def test_no_line_of_an_app_that_writes_thousands_at_once_is_missed(owner: Owner) -> None:
    with owner.start("logs", "--follow", "--tail", "1") as following:
        assert following.stdout
        assert following.stdout.readline() == "the app starts\n"
        owner.ask("hello")
        assert following.stdout.readline() == "/hello\n"  # it follows now
        owner.ask(f"{BURST}")
        owner.ask("ends")
        shown = list(itertools.takewhile(lambda line: line != "/ends\n", following.stdout))
        following.terminate()
    assert shown == [f"burst {number}\n" for number in range(BURST)]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("scale", "--min", "3", "--max", "1"), "can't both be"),
        (("scale", "--min", "-1"), "can't be -1"),
        (("ask", ""), "There is no question"),
        (("protect", "--allow-ip", "300.1.1.1"), "no range of addresses"),
        (("logs", "--previous", "--follow"), "can't be followed"),
        (("secrets", "set", "hf-token"), "No value came"),
        (("secrets", "set", "hf-token", "a-value"), "never an argument"),
        (("secrets", "list", "hf-token"), "The list has all names"),
        (("secrets",), "needs set|list|remove"),
        (("logs", "--tail", "x"), "a number between 0 and 300"),
        (("logs", "--since", "soon"), "no length of time"),
        (("status", "--watchh"), "aitk-inference status has no --watchh."),
        (("stop", "--for=a-value"), "aitk-inference stop has no --for."),
        (("deploy", "--timeout", "x"), "a number of seconds"),
    ],
)
def test_a_wrong_use_ends_with_2_and_is_an_object_for_a_program(
    owner: Owner, words: tuple[str, ...], says: str
) -> None:
    ended = owner.run(*words, "--json")
    assert ended.returncode == 2
    objects = [json.loads(line) for line in ended.stdout.splitlines()]
    assert len(objects) == 1
    error = objects[0]
    assert (error["type"], error["code"]) == ("error", "Usage")
    assert says in error["message"]
    assert "a-value" not in ended.stdout + ended.stderr
    told = owner.run(*words)
    assert told.returncode == 2
    assert not told.stdout
    assert f"usage: aitk-inference {words[0]} " in told.stderr or "→ " in told.stderr


def test_a_file_gets_the_answer_alone(owner: Owner) -> None:
    ended = owner.run("ask", "Why is the sea salty?")
    assert ended.stdout == "Rivers carry salt.\n"
    assert "First word after" in ended.stderr


def test_a_file_gets_the_log_alone_and_the_person_what_is_said_of_it(owner: Owner) -> None:
    owner.ask("hello")
    owner.ask("ends")
    while not (last := owner.run("logs", "--tail", "1")).stdout.endswith("/ends\n"):
        assert last.returncode == 0, last.stderr
    with owner.start("logs", "--follow", "--tail", "1") as following:
        assert following.stdout
        assert following.stderr
        shown = following.stdout.readline()
        owner.ask("hello")
        shown += following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert (shown + following.stdout.read()).splitlines() == ["/ends", "/hello"]
        assert following.stderr.read() == "Cancelling… (Ctrl+C again leaves at once)\nCancelled.\n"
    assert following.returncode == 130


def test_followed_logs_end_with_their_reader_and_steer_no_terminal(owner: Owner) -> None:
    """``logs --follow | head -1`` ends, although the app writes nothing more."""
    with owner.start("logs", "--follow", "--tail", "1") as following:
        assert following.stdout
        line = following.stdout.readline()
        following.stdout.close()
        with suppress(subprocess.TimeoutExpired):
            following.wait(30)
        code = following.poll()
        following.kill()
    assert (line.count("\n"), "\x1b" in line, code) == (1, False, 0)


def test_no_line_is_no_lie(owner: Owner) -> None:
    ended = owner.run("logs", "--tail", "0")
    assert "has written nothing" not in ended.stdout + ended.stderr


def test_a_secret_that_is_the_same_restarts_the_app_where_that_is_asked(owner: Owner) -> None:
    for value in ("one", "two"):
        set_first = owner.run("secrets", "set", "HF_TOKEN", "--no-restart", given=value)
        assert set_first.returncode == 0, set_first.stderr
    assert "until it is restarted" in set_first.stdout
    again = owner.run("secrets", "set", "hf-token", "--restart", "--json", given="two")
    result = json.loads(again.stdout.splitlines()[-1])
    assert result["data"] == {"name": "hf-token", "changed": False, "restarted": True}


def test_what_set_a_variable_takes_it_out_again(owner: Owner) -> None:
    assert owner.run("secrets", "set", "BASE_TOKEN", given="one").returncode == 0
    refused = owner.run("secrets", "remove", "base-token")
    assert refused.returncode == 1
    assert "aitk-inference secrets remove BASE_TOKEN" in refused.stderr
    taken = owner.run("secrets", "remove", "BASE_TOKEN")
    assert taken.returncode == 0, taken.stderr
    assert "starts without BASE_TOKEN" in taken.stdout
    end = time.monotonic() + TIMEOUT
    while (removed := owner.run("secrets", "remove", "BASE_TOKEN")).returncode and time.monotonic() < end:
        assert "in use" in removed.stderr  # by the revision before, until the new one answers
    assert "base-token" not in owner.run("secrets", "list").stdout.split()


def test_one_restart_of_a_container_is_said_as_one(owner: Owner) -> None:
    with pytest.raises(OSError):  # noqa: PT011 - whatever the ingress makes of an app that ends
        owner.ask("die")
    end, told = time.monotonic() + TIMEOUT, ""
    while "restarted" not in told and time.monotonic() < end:
        told = owner.run("status").stdout
    assert "restarted once" in told


def test_the_command_that_provision_names_for_a_gated_model_is_one(owner: Owner) -> None:
    settings = owner.project / "inference/config.json"
    settings.write_text(json.dumps({"base": "meta-llama/Llama-3.1-8B", "baseOnly": True}))
    where = ("--subscription", "local", "--resource-group", "owner")
    said = owner.run("provision", "--again", "--no-input", "--yes", *where).stdout
    settings.unlink()
    found = re.findall(r"Next: aitk-inference (secrets.*)", said)
    assert found, said
    verb, *rest = found[0].partition(" --project")[0].split()
    set_then = owner.run(verb, *rest, "--no-restart", given="a-token")
    assert set_then.returncode == 0, set_then.stderr
