"""`aitk-inference provision --check`: its lines, its JSON and its exit code."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from aitk_inference.cli.main import run
from support.azure_world import World, WorldClouds
from support.projects import set_parameters

if TYPE_CHECKING:
    from pathlib import Path

WHERE = ["--subscription", "local", "--resource-group", "models", "--no-input"]


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))


def provision(project: Path, azure: World, *flags: str) -> int:
    argv = ["provision", "--project", str(project), *WHERE, *flags]
    return run(argv, lambda *_, **__: WorldClouds(azure))


def test_without_a_problem_it_ends_with_0(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision(project, azure, "--check", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["type"] == "result"
    assert {one["state"] for one in result["data"]["checks"]} == {"ok"}
    assert {tuple(one) for one in result["data"]["checks"]} == {
        ("name", "state", "message", "suggestion", "link")
    }
    assert not azure.deployed


def test_with_a_problem_it_ends_with_1_and_names_the_way_out(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    set_parameters(project, storageAccountName="with-hyphen", defaultCommands=["python /mount/no.py"])
    assert provision(project, azure, "--check", "--json") == 1
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    wrong = {one["name"] for one in result["data"]["checks"] if one["state"] == "problem"}
    assert wrong == {"storage-name", "start-command", "validation"}
    assert provision(project, azure, "--check") == 1
    shown = capsys.readouterr().out
    assert "with-hyphen can't be the name of a storage account" in shown
    assert "Set storageAccountName" in shown
    assert "3 problems" in shown


def test_provision_stops_at_all_problems_in_words(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    set_parameters(project, storageAccountName="with-hyphen")
    assert provision(project, azure) == 1
    shown = capsys.readouterr().err
    assert "2 things keep Provision from working" in shown
    assert "storageAccountName" in shown
    assert "Traceback" not in shown
    assert "{" not in shown


def test_check_and_plan_are_one_or_the_other(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision(project, azure, "--check", "--plan") == 2
    assert "not allowed with" in capsys.readouterr().err


def test_a_plan_is_printed_once_and_what_if_can_be_left_out(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert provision(project, azure, "--plan") == 0
    shown = capsys.readouterr().out
    assert shown.count("Container Apps costs") == 1
    assert "create     Container app" in shown
    assert azure.count("preflight.what_if") == 1
    assert provision(project, azure, "--plan", "--no-what-if", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert azure.count("preflight.what_if") == 1
    assert all({"change", "kind", "name", "properties"} <= set(row) for row in result["data"]["plan"])
    assert {"currency", "known", "busyPerHour", "idlePerHour", "asleepPerHour"} <= set(
        result["data"]["price"]
    )
    assert not azure.deployed


@pytest.mark.parametrize("only", [["--check"], ["--plan"], []], ids=["check", "plan", "provision"])
@pytest.mark.parametrize("name", ["a/b", "rg (2)", "ends.", "x" * 91, "a%b"])
def test_a_name_that_no_group_can_have_is_refused_at_once(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], name: str, only: list[str]
) -> None:
    argv = ["provision", "--project", str(project), "--subscription", "local", "--resource-group", name]
    assert run([*argv, "--no-input", *only], lambda *_: WorldClouds(azure)) == 1
    shown = capsys.readouterr().err
    assert f"{name} can't be the name of a resource group." in shown
    assert "does not end with a dot" in shown
    assert not azure.calls


@pytest.mark.parametrize("only", ["--check", "--plan"])
def test_this_computers_new_group_needs_no_region(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], only: str
) -> None:
    argv = [
        "provision",
        "--project",
        str(project),
        "--subscription",
        "local",
        "--resource-group",
        "fresh_(1)",
    ]
    assert run([*argv, "--no-input", only, "--json"], lambda *_: WorldClouds(azure)) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    states = {one["state"] for one in result["data"].get("checks", [])}
    assert states <= {"ok"}
    assert result["data"].get("price", {"known": True})["known"]
    assert azure.groups() == ["models"]
