"""The local target's starter against programs that stand for aca-local (the real one: contract tests)."""

import json
import os
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from aca_local.instance_lock import SUBSCRIPTION_ID, TENANT_ID
from aitk_inference import composition, local_target
from aitk_inference.core.errors import AppError, NotFound, Unreachable
from aitk_inference.core.settings import Settings
from support.arm_server import TOKEN
from support.azure_world import World

LINE = {
    "arm": "https://127.0.0.1:1",
    "armHttp": "http://127.0.0.1:2",
    "token": "hush",
    "subscriptionId": "s",
    "tenantId": "t",
    "caFile": "/ca.pem",
    "pid": 1,
}


def stand_in(folder: Path, body: str) -> Path:
    """A program in the interpreter's place; it sees the arguments that Python would."""
    if os.name == "nt":
        pytest.skip("NOT TRIED: a script can't stand for an interpreter on Windows")
    program = folder / "python"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


async def test_the_line_that_it_prints_is_read(tmp_path: Path) -> None:
    expected = ["-P", "-m", "aca_local", "serve", "--detach", "--json"]
    body = f"assert sys.argv[1:] == {expected}, sys.argv\nprint({json.dumps(LINE)!r})"
    running = await local_target.start(Settings(local_python=stand_in(tmp_path, body)))
    assert (running.arm, running.token, running.ca_file) == ("https://127.0.0.1:1", "hush", Path("/ca.pem"))
    assert "hush" not in repr(running)


async def test_the_data_folder_is_handed_on(tmp_path: Path) -> None:
    body = f"assert sys.argv[-2:] == ['--data-dir', '/somewhere'], sys.argv\nprint({json.dumps(LINE)!r})"
    await local_target.start(Settings(local_python=stand_in(tmp_path, body), local_data=Path("/somewhere")))


async def test_its_last_words_are_told(tmp_path: Path) -> None:
    body = "sys.exit('Traceback\\naca-local: Port 7777 is in use. Start it with --new-ports.')"
    with pytest.raises(AppError, match=r"did not start: Port 7777 is in use"):
        await local_target.start(Settings(local_python=stand_in(tmp_path, body)))


@pytest.mark.parametrize(
    ("data", "command"),
    [(None, "--new-ports`"), (Path("/my data"), "--new-ports --data-dir '/my data'`")],
)
async def test_a_port_in_use_is_told_with_the_command_that_helps(
    tmp_path: Path, data: Path | None, command: str
) -> None:
    said = (
        "aca-local: aca-local: Port 7777 of 127.0.0.1 is in use by 'nginx: 1.2' (process 12). Stop it, or …"
    )
    settings = Settings(local_python=stand_in(tmp_path, f"sys.exit({said!r})"), local_data=data)
    with pytest.raises(AppError) as caught:
        await local_target.start(settings)
    assert caught.value.message == (
        "The local Azure did not start: Port 7777 of 127.0.0.1 is in use by 'nginx: 1.2' (process 12)."
    )
    assert f"`aca-local serve --detach {command}" in caught.value.suggestion


async def test_a_program_that_says_something_else_is_told(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="unexpected"):
        await local_target.start(Settings(local_python=stand_in(tmp_path, "print('hello')")))


async def test_one_that_never_answers_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_target, "_MARGIN", 0.0)
    mark = tmp_path / "pid"
    body = (
        f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    )
    with pytest.raises(Unreachable, match="within 2 s"):
        await local_target.start(Settings(local_python=stand_in(tmp_path, body), local_start_timeout=2.0))
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


async def test_a_running_one_is_used_again_and_one_that_is_gone_is_started_anew(
    tmp_path: Path, azure: World
) -> None:
    running = azure.arm()
    starts = tmp_path / "starts"
    described = {
        "arm": running.url,
        "token": TOKEN,
        "subscriptionId": "s",
        "tenantId": "t",
        "caFile": str(azure._trust.ca_file),
    }
    body = f"open({str(starts)!r}, 'a').write('x'); print({json.dumps(json.dumps(described))})"
    targets, settings = local_target.LocalTargets(), Settings(local_python=stand_in(tmp_path, body))
    first = await targets.start(settings)
    assert await targets.start(settings) == first
    assert starts.read_text() == "x"
    targets._used = {key: replace(used, token="of-another") for key, used in targets._used.items()}
    assert await targets.start(settings) == first
    assert starts.read_text() == "xx"


async def test_a_missing_interpreter_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="can't be started"):
        await local_target.start(Settings(local_python=tmp_path / "none"))


async def test_a_missing_package_is_told(tmp_path: Path) -> None:
    body = "sys.exit('/usr/bin/python: No module named aca_local')"
    with pytest.raises(NotFound, match="not installed"):
        await local_target.start(Settings(local_python=stand_in(tmp_path, body)))


async def test_status_tells_that_none_runs(tmp_path: Path) -> None:
    assert (
        await local_target.find(
            Settings(local_python=stand_in(tmp_path, "print('{\"running\": false}'); sys.exit(1)"))
        )
        is None
    )


def test_both_sides_know_the_same_subscription() -> None:
    assert (composition.LOCAL_ID, composition.LOCAL_TENANT_ID) == (SUBSCRIPTION_ID, TENANT_ID)
