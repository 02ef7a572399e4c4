"""Secrets: values go to Azure and nowhere else; names are listed; what is in use stays."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from aitk_inference.cli import run
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import Secret
from aitk_inference.flows.api import SecretsRequest
from aitk_inference.flows.operate.secrets import secrets
from aitk_inference.flows.user_dirs import log_file
from support.azure_world import World, WorldClouds
from support.scripted import Scripted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CANARY = "canary-6b1f0c-value-of-a-secret"
OTHER = {"name": "other", "value": "kept"}
API = "2025-01-01"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        yield


@pytest.fixture
def piped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put a text on standard input."""

    with ExitStack() as files:

        def put(text: str) -> None:
            (tmp_path / "piped").write_text(text)
            monkeypatch.setattr(sys, "stdin", files.enter_context((tmp_path / "piped").open()))

        yield put


@pytest.fixture
def app(project: Path, azure: World) -> str:
    """The path of a provisioned app, with one secret that somebody else made."""
    given = ["--project", str(project), "--subscription", "local", "--resource-group", "models", "--no-input"]
    assert run(["provision", *given], lambda *_: WorldClouds(azure)) == 0
    path = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    azure.ask("PATCH", path, {"properties": {"configuration": {"secrets": [OTHER]}}}, version=API)
    azure.ask("POST", f"{path}/start", version=API)
    return path


def _secrets(project: Path, azure: World, *words: str) -> int:
    given = [*words, "--project", str(project), "--log-level", "debug"]
    return run(["secrets", *given], lambda *_: WorldClouds(azure))


def _values(azure: World, app: str) -> dict[str, str]:
    answer = azure.ask("POST", f"{app}/listSecrets", version=API)
    return {one["name"]: one["value"] for one in answer["value"]}


def _refer(azure: World, app: str, name: str) -> None:
    template = azure.ask("GET", app, version=API)["properties"]["template"]
    containers = template["containers"]
    containers[0]["env"].append({"name": "HF_TOKEN", "secretRef": name})
    azure.ask("PATCH", app, {"properties": {"template": {"containers": containers}}}, version=API)


def _revisions(azure: World, app: str) -> list[str]:
    return [one["name"] for one in azure.ask("GET", f"{app}/revisions", version=API)["value"]]


def test_a_piped_value_goes_to_azure_and_appears_nowhere(
    project: Path,
    azure: World,
    app: str,
    piped: Callable[[str], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    commands: list[str] = []

    def look(_: str) -> None:
        commands.extend(
            word for one in psutil.process_iter(["cmdline"]) for word in one.info["cmdline"] or ()
        )

    azure.on_step = look
    piped(f"{CANARY}\n")
    assert _secrets(project, azure, "set", "hf-token") == 0
    assert _values(azure, app) == {"other": "kept", "hf-token": CANARY}
    _refer(azure, app, "hf-token")
    before = _revisions(azure, app)
    piped(f"{CANARY}-new")
    assert _secrets(project, azure, "set", "hf-token", "--restart", "--json") == 0
    assert _values(azure, app)["hf-token"] == f"{CANARY}-new"
    assert _revisions(azure, app) == before
    assert azure.count("apps.restart") == 1
    assert _secrets(project, azure, "list") == 0
    out, err = capfd.readouterr()
    history = azure.ask("GET", azure.provider("Microsoft.Resources/deployments"), version="2021-04-01")
    log = "".join(path.read_text() for path in log_file().parent.rglob("*.log*"))
    assert log
    assert CANARY not in out + err + log + json.dumps(history) + "\n".join(commands)
    files = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]
    assert "Added the secret hf-token of" in out
    assert "Nothing in the app refers to it yet." in out
    assert "so that it has the new value" in out


def test_list_shows_names_alone(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert _secrets(project, azure, "list") == 0
    assert capsys.readouterr().out == "other\n"
    assert azure.count("resources.secrets") == 0
    assert _secrets(project, azure, "list", "--json") == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["data"] == {"secrets": ["other"]}


def test_a_value_as_an_argument_is_refused_and_not_repeated(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["set", "hf-token", CANARY], ["set", f"hf-token={CANARY}"], ["set", "HF_TOKEN"]):
        assert _secrets(project, azure, *words) == 2
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err
    assert "A secret's value is never an argument" in said.err
    assert "for example hf-token" in said.err
    assert _values(azure, app) == {"other": "kept"}


def test_no_value_is_refused(
    project: Path,
    azure: World,
    app: str,
    piped: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    piped("\n")
    assert _secrets(project, azure, "set", "hf-token") == 2
    assert "No value came on standard input." in capsys.readouterr().err


def test_a_program_at_a_terminal_is_told_where_the_value_goes(
    project: Path,
    azure: World,
    app: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", _Terminal())
    assert _secrets(project, azure, "set", "hf-token", "--json") == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [item["flag"] for item in error["inputs"]] == ["the value on standard input"]


def test_a_missing_name_is_asked_for_before_a_missing_value(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _secrets(project, azure, "set", "--json") == 2
    error = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [item["flag"] for item in error["inputs"]] == ["NAME"]


def test_what_is_in_use_is_not_removed(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _refer(azure, app, "other")
    assert _secrets(project, azure, "remove", "other") == 1
    said = capsys.readouterr().err
    assert "The secret other is in use: the variable HF_TOKEN of the container" in said
    assert _secrets(project, azure, "remove", "absent") == 1
    assert "has no secret absent." in capsys.readouterr().err
    assert _values(azure, app) == {"other": "kept"}


def test_what_nobody_uses_is_removed_alone(project: Path, azure: World, app: str) -> None:
    secret = {"name": "second", "value": "2"}
    azure.ask("PATCH", app, {"properties": {"configuration": {"secrets": [OTHER, secret]}}}, version=API)
    assert _secrets(project, azure, "remove", "other") == 0
    assert _values(azure, app) == {"second": "2"}


async def _run(project: Path, azure: World, ui: Scripted, **given: Any) -> str:
    outcome = await secrets(SecretsRequest(project, **given), ui=ui, clouds=WorldClouds(azure))
    return outcome.summary


async def test_the_palette_asks_what_which_value_and_whether_to_restart(
    project: Path, azure: World, app: str
) -> None:
    _refer(azure, app, "other")
    answers = {"action": "set", "name": "other", "value": "new", "restart": "no"}
    ui = Scripted(answers)
    summary = await _run(project, azure, ui)
    assert [question.name for question in ui.asked] == ["action", "name", "value", "restart"]
    assert isinstance(ui.asked[2], Secret)
    assert "keeps the old value (the variable HF_TOKEN of the container" in summary
    assert azure.count("apps.restart") == 0
    assert "nothing was changed" in await _run(project, azure, ui)
    assert "Restarted" in await _run(
        project, azure, Scripted({**answers, "value": "newer", "restart": "yes"})
    )
    assert azure.count("apps.restart") == 1
    with pytest.raises(AppError, match="is in use"):
        await _run(project, azure, Scripted({"action": "remove", "name": "other"}))
