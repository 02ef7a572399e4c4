"""What mends a problem of Provision, in a terminal: a choice where somebody is there, the exact command where nobody is."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.cli.main import run
from support.azure_world import AZURE, World, WorldClouds
from support.projects import set_parameters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no pseudo terminals of this kind")

T4 = "Consumption-GPU-NC8as-T4"
FULL = {"SubscriptionConsumptionT4Gpus": (1, 1)}
WHERE = ["--subscription", AZURE.id, "--resource-group", "models"]


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Somebody at a terminal, who types these lines."""
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as keyboard:
        monkeypatch.setattr(sys, "stdin", keyboard)
        yield lambda *lines: os.write(ours, "".join(f"{line}\n" for line in lines).encode())
    os.close(ours)


def provision(project: Path, azure: World, *flags: str) -> int:
    return run(["provision", "--project", str(project), *WHERE, *flags], lambda *_: WorldClouds(azure))


def full_of_gpus(project: Path, azure: World) -> None:
    set_parameters(project, workloadProfileType=T4)
    running = azure.arm(AZURE)
    state = replace(running.cloud.conditions.state, usages=FULL)
    running.call(lambda: setattr(running.cloud.conditions, "state", state))


def parameter(project: Path, name: str) -> Any:
    document = json.loads((project / "infra/provision/inference.parameters.json").read_text())
    return document["parameters"][name]["value"]


def commands(shown: str) -> list[list[str]]:
    """The commands of ours that lines show, ready to be run."""
    found = [line.partition("aitk-inference ")[2] for line in shown.splitlines()]
    return [shlex.split(words) for words in found if words.startswith("provision ")]


def test_a_check_offers_what_mends_a_problem_and_checks_again(
    project: Path, azure: World, person: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    full_of_gpus(project, azure)
    person("1")
    assert provision(project, azure, "--check") == 0
    shown = capsys.readouterr().out
    assert shown.count("GPUs (T4) are needed") == 1
    assert "1) Use Consumption-GPU-NC24-A100  (writes workloadProfileType into the parameters file)" in shown
    assert "Request quota: https://portal.azure.com" in shown
    assert "0 problems" in shown
    assert parameter(project, "workloadProfileType") == "Consumption-GPU-NC24-A100"
    assert not azure.deployed


def test_provision_goes_on_after_a_choice_and_keeps_its_flags(
    project: Path, azure: World, person: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    set_parameters(project, storageAccountName="Bad_Name")
    person("1", "y")
    assert provision(project, azure, "--no-what-if") == 0
    shown = capsys.readouterr().out
    assert "Bad_Name can't be the name of a storage account" in shown
    assert "Provisioned" in shown
    assert not azure.count("preflight.what_if")
    assert parameter(project, "storageAccountName") != "Bad_Name"


def test_who_changes_nothing_reads_the_problem_once_and_gets_1(
    project: Path, azure: World, person: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    full_of_gpus(project, azure)
    person("change nothing")
    assert provision(project, azure) == 1
    shown = "".join(capsys.readouterr())
    assert shown.count("GPUs (T4) are needed") == 1
    assert shown.rstrip().endswith("Nothing was changed.")
    assert parameter(project, "workloadProfileType") == T4
    assert not azure.deployed


@pytest.mark.parametrize(
    "flags", [["--no-input"], ["--yes"], ["--no-input", "--check"], ["--yes", "--check"]]
)
def test_where_nobody_is_asked_the_command_stands_there_and_mends_it(
    project: Path,
    azure: World,
    person: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
) -> None:
    full_of_gpus(project, azure)
    assert provision(project, azure, *flags) == 1
    shown = commands("".join(capsys.readouterr()))
    assert len(shown) == 1
    command = shown[0]
    assert ("--check" in command) is ("--check" in flags)
    assert run([*command, "--no-input"], lambda *_: WorldClouds(azure)) == 0
    assert parameter(project, "workloadProfileType") == "Consumption-GPU-NC24-A100"


@pytest.mark.parametrize("check", [["--check"], []], ids=["check", "provision"])
def test_a_program_gets_the_command_too(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], check: list[str]
) -> None:
    full_of_gpus(project, azure)
    assert provision(project, azure, "--json", *check) == 1
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    offered = last["data"]["fixes"] if check else last.get("actions", [])
    found = [one.get("command", "") for one in offered if one["kind"] == "fix"]
    assert [command.startswith("aitk-inference provision ") for command in found] == [True]
    assert run([*shlex.split(found[0])[1:], "--no-input"], lambda *_: WorldClouds(azure)) == 0


def test_a_region_and_a_group_that_are_not_there_yet_are_part_of_the_command(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    set_parameters(project, workloadProfileType=T4)
    where = ["--subscription", AZURE.id, "--resource-group", "fresh_(1)", "--location", "westeurope"]
    argv = ["provision", "--project", str(project), *where, "--no-input"]
    assert run(argv, lambda *_: WorldClouds(azure)) == 1
    listed = commands("".join(capsys.readouterr()))
    moving = [words for words in listed if any(word.startswith("location=") for word in words)]
    assert len(moving) == 1
    command = moving[0]
    assert command[command.index("--resource-group") + 1] == "fresh_(1)"
    assert command[command.index("--location") + 1] == "westeurope"


def test_set_writes_values_of_their_type_into_the_file(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [
        "--set",
        "maxReplicas=2",
        "--set",
        "ACAAPPNAME=other",
        "--set",
        'defaultCommands=["python a.py"]',
    ]
    provision(project, azure, "--check", "--no-input", *given)
    assert parameter(project, "maxReplicas") == 2
    assert parameter(project, "acaAppName") == "other"
    assert parameter(project, "defaultCommands") == ["python a.py"]
    assert "inference.parameters.json: maxReplicas is 2 now." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("maxReplicas", "--set takes NAME=VALUE"),
        ("=2", "--set takes NAME=VALUE"),
        ("maxReplica=2", "Did you mean maxReplicas?"),
        ("maxReplicas=two", "must be of type int"),
        ("workloadProfileType=H100", "must be one of"),
    ],
)
def test_set_refuses_what_does_not_fit_and_writes_nothing(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], given: str, words: str
) -> None:
    path = project / "infra/provision/inference.parameters.json"
    before = path.read_bytes()
    assert provision(project, azure, "--no-input", "--set", "cpu=8", "--set", given) == 2
    assert words in capsys.readouterr().err
    assert path.read_bytes() == before
    assert not azure.calls


def test_a_secret_parameter_is_no_argument(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    template = project / "infra/provision/inference.json"
    document = json.loads(template.read_text())
    document["parameters"]["hubToken"] = {"type": "securestring", "defaultValue": ""}
    template.write_text(json.dumps(document))
    (project / "infra/provision/inference.bicep").unlink()
    assert provision(project, azure, "--no-input", "--set", "hubToken=s3cret") == 2
    shown = "".join(capsys.readouterr())
    assert "hubToken is a secret" in shown
    assert "s3cret" not in shown


def test_the_price_is_said_once_above_the_question(
    project: Path, azure: World, person: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    person("n")
    assert provision(project, azure) == 130
    shown = capsys.readouterr().out
    assert shown.count("Container Apps costs") == 1
    assert (
        shown.index("create     Container app") < shown.index("Container Apps costs") < shown.index("[y/N]")
    )
