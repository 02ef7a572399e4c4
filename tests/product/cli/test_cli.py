"""The command line: exit codes, JSON lines, questions, help."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aitk_inference.cli import run
from aitk_inference.cli.arguments import parser
from aitk_inference.cli.json_lines import JsonLinesUserInterface
from aitk_inference.cli.logs import logging_to
from aitk_inference.cli.render import error_lines
from aitk_inference.cli.terminal import LineReader, Screen, TerminalUserInterface
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import DeployFailed, Dismissed, ErrorNode, Problem, ProvisionFailed
from aitk_inference.core.user_interface import Choice, Confirm, Option, ProgressEvent, StageTime
from support.azure_world import LOCAL, World, WorldClouds

if TYPE_CHECKING:
    from aitk_inference.core.ports import Clouds, EditorTokens
    from aitk_inference.core.settings import Settings

GIVEN = ["--subscription", "local", "--resource-group", "models"]


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr("sys.stdin", io.StringIO())


class _Wire:
    def __init__(self, azure: World) -> None:
        self._world = azure

    def __call__(self, settings: Settings, tokens: EditorTokens | None) -> Clouds:
        return WorldClouds(self._world)


def _lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_new_provision_and_deploy_end_with_0(
    tmp_path: Path, project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    wire = _Wire(azure)
    assert run(["provision", "--project", str(project), *GIVEN], wire) == 0
    assert run(["deploy", "--project", str(project), "--no-input"], wire) == 0
    out = capsys.readouterr().out
    assert "Go to Inference Endpoint: http://127.0.0.1:" in out
    assert re.search(r"^ 0:\d\d\.\d  Resources +Container app", out, re.MULTILINE)
    assert "\x1b" not in out


def test_the_next_command_works_from_where_the_person_is(
    tmp_path: Path, azure: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["new", "my model"], _Wire(azure)) == 0
    (told,) = re.findall(r"Next: aitk-inference (.*)", capsys.readouterr().out)
    assert shlex.split(told) == ["provision", "--project", "my model"]
    assert run([*shlex.split(told), *GIVEN], _Wire(azure)) == 0
    monkeypatch.chdir("my model")
    assert run(["provision", *GIVEN], _Wire(azure)) == 0
    assert capsys.readouterr().out.count("Next: aitk-inference deploy --project 'my model'\n") == 1


def test_json_is_one_object_a_line_and_nothing_else(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["provision", "--project", str(project), "--json", *GIVEN], _Wire(azure)) == 0
    lines = _lines(capsys.readouterr().out)
    assert {line["type"] for line in lines} == {"progress", "said", "result"}  # what it costs is said
    assert str(lines[-1]["endpoint"]).startswith("http://127.0.0.1:")


def test_a_failure_ends_with_1_and_an_error_object(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "--project", str(project), "--json"], _Wire(azure)) == 1
    (error,) = _lines(capsys.readouterr().out)
    assert error["type"] == "error"
    assert error["code"] == "InvalidProject"


def test_missing_answers_end_with_2_and_name_their_flags(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["provision", "--project", str(project), "--no-input"], _Wire(azure)) == 2
    assert "--subscription, --resource-group" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["deploy", "--timeout", "-1"], ["new"]])
def test_wrong_usage_ends_with_2(
    arguments: list[str], azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments, _Wire(azure)) == 2
    assert "aitk-inference" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "provison",
            "There is no verb provison.\n→ Did you mean provision? The help: aitk-inference --help\n",
        ),
        ("deploy --porject x", "→ Did you mean --project? The help: aitk-inference deploy --help\n"),
        ("deploy my-model", "→ Did you mean --project my-model? The help: aitk-inference deploy --help\n"),
        ("secrets", "aitk-inference secrets needs set|list|remove.\n"),
        ("sync", "aitk-inference sync needs DIR, SHARE_URL.\n"),
        ("logs --tail 999", "aitk-inference logs --tail: it must be a number between 0 and 300.\n"),
    ],
)
def test_a_mistyped_command_is_told_what_was_meant(
    arguments: str, said: str, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments.split(), _Wire(azure)) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.splitlines()) == 2


def test_a_secret_after_a_wrong_flag_is_not_repeated(
    azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["secrets", "set", "hf-token", "--valu=hf_secret"], _Wire(azure)) == 2
    assert "hf_secret" not in capsys.readouterr().err


def test_no_verb_shows_the_help(azure: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], _Wire(azure)) == 2
    assert "make a starter project" in capsys.readouterr().err


def test_the_version_is_told(azure: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], _Wire(azure)) == 0
    assert capsys.readouterr().out.startswith("aitk-inference ")


@pytest.mark.parametrize("verb", ["", "new", "status", "logs", "provision"])
def test_the_words_of_the_help_fit_the_terminal(
    verb: str, azure: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*verb.split(), "--help"], _Wire(azure)) == 0
    lines = capsys.readouterr().out.splitlines()
    # a command is never broken: it is there to be copied
    assert [
        line for line in lines if len(line) > 80 and not re.fullmatch(r"  aitk-inference( \S+)+", line)
    ] == []


def _verbs() -> list[str]:
    (verbs,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    return sorted(verbs)


@pytest.mark.parametrize("verb", ["", *_verbs()])
def test_help_shows_examples_that_are_right(
    verb: str, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*verb.split(), "--help"], _Wire(azure)) == 0
    _, _, examples = capsys.readouterr().out.partition("examples:\n")
    lines = re.findall(r"^  aitk-inference (.*?)(?:  .*)?$", examples, re.MULTILINE)
    assert lines
    for line in lines:
        assert parser().parse_args(shlex.split(line)).verb == (verb or line.split()[0])


def test_an_unexpected_error_is_one_line_and_the_log_has_the_rest_redacted(
    project: Path, azure: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("AccountKey=c2VjcmV0;Authorization: Bearer abc.def")

    azure.on_step = fail
    assert run(["provision", "--project", str(project), *GIVEN], _Wire(azure)) == 1
    err = capsys.readouterr().err
    assert "Traceback" not in err
    log = tmp_path / "logs" / "aitk-inference.log"
    assert str(log) in err
    assert "RuntimeError" in log.read_text()
    assert "c2VjcmV0" not in log.read_text()
    assert "abc.def" not in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600 or os.name == "nt"


def test_a_project_folder_that_is_not_there_is_told(
    tmp_path: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["deploy", "--project", str(tmp_path / "nowhere")], _Wire(azure)) == 1
    assert "There is no folder" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["status", "deploy", "logs", "delete", "secrets list"])
def test_a_folder_that_is_no_project_is_told_in_the_same_words_by_each_verb(
    verb: str, tmp_path: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*verb.split(), "--project", str(tmp_path)], _Wire(azure)) == 1
    assert capsys.readouterr().err == (
        f"{tmp_path} is not a project: it has no infra/inference.config.json.\n"
        "→ Open the project's own folder, or make a new project with: aitk-inference new DIR\n"
    )


def test_status_before_provision_names_no_key_that_nobody_filled_in(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "--project", str(project)], _Wire(azure)) == 0
    said = capsys.readouterr().out
    assert "This project was not provisioned yet" in said or "it was not provisioned yet" in said
    assert "ACA_APP_NAME" not in said


def test_an_address_is_told_once(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda _: False)
    assert run(["provision", "--project", str(project), *GIVEN], _Wire(azure)) == 0
    capsys.readouterr()
    assert run(["open", "--project", str(project)], _Wire(azure)) == 0
    assert capsys.readouterr().out.count("http://") == 1


def test_open_before_provision_says_so(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["open", "--project", str(project)], _Wire(azure)) == 1
    assert "not provisioned yet" in capsys.readouterr().err


def test_the_log_rotates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aitk_inference.cli.logs._BYTES", 1000)
    path = tmp_path / "log" / "a.log"
    with logging_to(path, "info"):
        for _ in range(100):
            logging.getLogger("aitk_inference").info("x" * 100)
    assert path.stat().st_size <= 1000
    assert len(list(path.parent.iterdir())) == 4


def test_a_cause_is_told_once() -> None:
    told = list(
        error_lines(ProvisionFailed("The deployment failed (x): No.", ErrorNode("Bad", "No.")), Path())
    )
    assert told == ["The deployment failed (x): No.", "  Bad"]
    two = ErrorNode("Both", "", details=(ErrorNode("Bad", "No."), ErrorNode("Worse", "Never.")))
    assert list(error_lines(ProvisionFailed("It failed: No.", two), Path()))[1:] == [
        "  Bad",
        "  Worse: Never.",
    ]


def test_a_failed_start_is_told_with_its_line_and_where_the_log_is(tmp_path: Path) -> None:
    problem = Problem(tmp_path / "app.py", "A Python file has a syntax error.", 2, 6, code="start")
    error = DeployFailed(
        "app does not start: a Python file has a syntax error: invalid syntax.",
        suggestion="Mend that line.",
        log=("SyntaxError: invalid syntax",),
        cause="syntax-error",
        problem=problem,
    )
    assert list(error_lines(error, tmp_path))[1:] == [
        f"  {tmp_path / 'app.py'}:3:7: A Python file has a syntax error.",
        "  SyntaxError: invalid syntax",  # a log's lines stay whole
        "→ Mend that line.",
        f"  Show logs: aitk-inference logs --project {tmp_path}",
    ]
    written = io.StringIO()
    JsonLinesUserInterface(written, tmp_path).error(error)
    line = json.loads(written.getvalue())
    assert (line["cause"], line["problems"][0]["line"]) == ("syntax-error", 3)


def test_a_stage_is_part_of_its_progress_line() -> None:
    written = io.StringIO()
    event = ProgressEvent("Wait", "Image pulled", 60, 2.0, StageTime("image", 1.5, 3.0, is_done=True))
    JsonLinesUserInterface(written, Path()).progress(event)
    line = json.loads(written.getvalue())
    assert (line["stage"], line["seconds"], line["lastSeconds"], line["done"]) == ("image", 1.5, 3.0, True)


CHOICE = Choice("s", "Choose", "--s", (Option("a", "A"), Option("b", "B", "second")), "b", "New…")


async def _typed(text: str, out: io.StringIO | None = None) -> TerminalUserInterface:
    reading, writing = os.pipe()
    os.write(writing, text.encode())
    os.close(writing)
    screen = Screen(out or io.StringIO(), live=False, colours=False)
    return TerminalUserInterface(screen, LineReader(reading))


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("1\n", "a"), ("\n", "b"), ("B\n", "b"), ("9\nx\n2\n", "b"), ("3\n\nfresh\n", "fresh")],
)
async def test_a_choice_is_numbered_with_its_default(typed: str, answer: str) -> None:
    out = io.StringIO()
    ui = await _typed(typed, out)
    assert await ui.ask([CHOICE]) == {"s": answer}
    assert "*  2) B  (second)" in out.getvalue()
    assert "   3) New…" in out.getvalue()


async def test_a_confirmation_defaults_to_no() -> None:
    confirm = Confirm("c", "Sure?", "--yes")
    assert await (await _typed("\n")).ask([confirm]) == {"c": "no"}
    assert await (await _typed("y\n")).ask([confirm]) == {"c": "yes"}


async def test_what_is_typed_after_a_question_was_withdrawn_answers_the_next() -> None:
    reading, writing = os.pipe()
    ui = TerminalUserInterface(Screen(io.StringIO(), live=False, colours=False), LineReader(reading))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ui.ask([CHOICE])
    os.write(writing, b"y\n")
    assert await ui.ask([Confirm("c", "Sure?", "--yes")]) == {"c": "yes"}
    os.close(writing)


async def test_the_end_of_the_input_dismisses() -> None:
    with pytest.raises(Dismissed):
        await (await _typed("")).ask([CHOICE])


def test_on_a_terminal_steps_are_renewed_in_place_and_left_when_they_end() -> None:
    out = io.StringIO()
    screen = Screen(out, live=True, colours=False, width=60)
    screen.step(ProgressEvent("Sync", "1 of 2", 5, 0.1))
    screen.step(ProgressEvent("Sync", "2 of 2", 9, 0.2))
    screen.step(ProgressEvent("Restart", "go", 50, 61.0))
    screen.line("done")
    shown = [part.rpartition("\r\x1b[2K")[2] for part in out.getvalue().split("\n")]
    assert shown == [" 0:00.2  Sync       2 of 2", " 1:01.0  Restart    go", "done", ""]


def test_what_provision_wrote_is_what_it_told(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str]
) -> None:
    run(["provision", "--project", str(project), "--json", *GIVEN], _Wire(azure))
    told = _lines(capsys.readouterr().out)[-1]
    config = read_config(project)
    assert told["endpoint"] == config.aca_app_endpoint
    assert config.subscription_id == LOCAL.id
