"""The program in surroundings as they are: files that aren't files, odd JSON, full disks, any stream."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from support.under_test import server

if TYPE_CHECKING:
    from collections.abc import Iterator

INFRA = server().parent / "infra/provision"
PROGRAM = [sys.executable, "-m", "aitk_inference"]
CONFIG = "infra/inference.config.json"
PARAMETERS = "infra/provision/inference.parameters.json"
PLAN = ["provision", "--plan", "--no-input", "--subscription", "local", "--resource-group", "rg"]
ENOUGH = 60.0


class Ended(NamedTuple):
    """How a run ended; the code is None for one that did not."""

    code: int | None
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project; the local target that a command may have started ends with it."""
    shutil.copytree(INFRA, tmp_path / "project/infra/provision")
    yield tmp_path / "project"
    if (tmp_path / "data").exists():
        stop = [sys.executable, "-m", "aca_local", "stop", "--data-dir", str(tmp_path / "data")]
        subprocess.run(stop, capture_output=True, timeout=ENOUGH, check=False)


def run(project: Path, *arguments: str, stdout: Any = subprocess.PIPE, **more: Any) -> Ended:
    home = project.parent
    own = {"AITK_STATE_DIR": str(home / "state"), "AITK_LOG_DIR": str(home / "log"), **more.pop("env", {})}
    own["AITK_LOCAL_DATA"] = str(home / "data")
    try:
        done = subprocess.run(
            [*PROGRAM, *arguments, "--project", str(project)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            env={**os.environ, **own},
            timeout=ENOUGH,
            check=False,
            **more,
        )
    except subprocess.TimeoutExpired:
        return Ended(None, "", "")
    return Ended(done.returncode, (done.stdout or b"").decode(errors="replace"), done.stderr.decode())


def refused(ended: Ended, name: str) -> str:
    """The one line that says what is wrong with a file."""
    assert ended.code == 1, ended
    assert "Traceback" not in ended.err
    first = ended.err.splitlines()[0]
    assert name in first
    assert "went wrong inside" not in first
    return first


# --- files ------------------------------------------------------------------------------------------


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def listener(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(here)


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 34)


@pytest.mark.parametrize("make", [pipe, folder, device, listener, large], ids=lambda make: make.__name__)
def test_a_configuration_that_is_no_file_is_told_at_once(project: Path, make: Any) -> None:
    make(project / CONFIG)
    refused(run(project, "status"), "inference.config.json")


@pytest.mark.parametrize(
    "name",
    [
        PARAMETERS,
        "infra/finetuning.config.json",
        "infra/provision/finetuning.parameters.json",
        "infra/provision/inference.json",
        "infra/provision/inference.lock.json",
        "infra/provision/inference.bicep",
    ],
)
def test_no_file_of_a_project_is_waited_for(project: Path, name: str) -> None:
    (project / name).unlink(missing_ok=True)
    pipe(project / name)
    refused(run(project, *PLAN), Path(name).name)


@pytest.mark.parametrize("make", [pipe, folder, device], ids=lambda make: make.__name__)
def test_a_lock_that_is_no_file_is_named(tmp_path: Path, make: Any) -> None:
    source, state = tmp_path / "source", tmp_path / "state"
    source.mkdir()
    key = hashlib.sha256(os.fsencode(source.resolve())).hexdigest()[:24]
    (state / "locks").mkdir(parents=True)
    make(state / "locks" / f"{key}.lock")
    url = "http://127.0.0.1:9/account/share?sv=2023-01-03&sig=x&se=2099-01-01&sp=rcwdl&sr=s"
    done = subprocess.run(
        [*PROGRAM, "sync", str(source), url, "--no-input"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "AITK_STATE_DIR": str(state), "AITK_LOG_DIR": str(tmp_path / "log")},
        timeout=ENOUGH,
        check=False,
    )
    refused(Ended(done.returncode, done.stdout, done.stderr), f"{key}.lock")


# --- JSON ------------------------------------------------------------------------------------------

ODD = {
    "deep": ("[" * 100_000, "deeper"),
    "digits": (f'{{"parameters": {{"minReplicas": {{"value": {"9" * 5000}}}}}}}', "digits"),
    "twice": ('{"parameters": {}, "parameters": {}}', "twice"),
    "nan": ('{"parameters": {"minReplicas": {"value": NaN}}}', "NaN"),
    "surrogate": ('{"parameters": {"acaAppName": {"value": "a\\ud800"}}}', "surrogate"),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_json_is_one_problem_at_its_place(project: Path, kind: str) -> None:
    text, words = ODD[kind]
    (project / PARAMETERS).write_text(text)
    said = refused(run(project, *PLAN), "inference.parameters.json")
    assert words in said
    assert "(line 1, column " in said


def test_a_byte_order_mark_is_nobodys_problem(project: Path) -> None:
    (project / CONFIG).write_text('{"SUBSCRIPTION_ID": null}', encoding="utf-8-sig")
    assert run(project, "status").code == 0


# --- streams ------------------------------------------------------------------------------------------


def test_json_is_the_same_in_each_encoding(project: Path) -> None:
    (project / CONFIG).write_text(
        json.dumps({"ACA_APP_NAME": "caf\u00e9 \u2192 \u65e5\u672c"}, ensure_ascii=False)
    )
    ended = run(project, "status", "--json", env={"PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"})
    assert json.loads(ended.out)["data"]["keys"]["ACA_APP_NAME"] == "caf\u00e9 \u2192 \u65e5\u672c"


@pytest.mark.parametrize("form", [["--json"], []], ids=["json", "text"])
def test_a_result_that_cannot_be_written_is_a_failure(project: Path, form: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run(project, "status", *form, stdout=full)
    assert ended.code == 1
    assert ended.err == "The output can't be written: No space left on device.\n"


def test_a_program_without_a_screen_works(project: Path) -> None:
    ended = run(project, "status", preexec_fn=lambda: os.close(1))
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize("arguments", [("ask", "-"), ("secrets", "set", "abc"), ("delete",), ("protect",)])
def test_a_program_without_an_input_is_told_what_lacks(project: Path, arguments: tuple[str, ...]) -> None:
    ended = run(project, *arguments, preexec_fn=lambda: os.close(0))
    assert ended.code in {1, 2}
    assert "went wrong inside" not in ended.err


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_server_whose_editor_is_gone_ends(project: Path, closed: int) -> None:
    done = subprocess.run(
        [*PROGRAM, "serve"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "AITK_STATE_DIR": str(project), "AITK_LOG_DIR": str(project)},
        preexec_fn=lambda: os.close(closed),
        timeout=ENOUGH,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr


def test_a_full_disk_is_told_without_a_traceback(project: Path, tmp_path: Path) -> None:
    def nothing_more() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    assert run(project, "status", "--log-level", "debug", preexec_fn=nothing_more).err == ""
    ended = run(project, "stop", preexec_fn=nothing_more)
    assert "not provisioned yet" in ended.err  # the lock holds without its note
    made = subprocess.run(
        [*PROGRAM, "new", str(tmp_path / "made")],
        capture_output=True,
        text=True,
        env={**os.environ, "AITK_STATE_DIR": str(tmp_path / "state"), "AITK_LOG_DIR": str(tmp_path / "log")},
        preexec_fn=nothing_more,
        timeout=ENOUGH,
        check=False,
    )
    assert made.returncode == 1
    assert "Traceback" not in made.stderr
    assert "went wrong inside" not in made.stderr


def test_a_state_folder_that_cannot_be_is_named(project: Path) -> None:
    ended = run(project, "stop", env={"AITK_STATE_DIR": "/dev/null/state", "AITK_LOG_DIR": "/dev/null/log"})
    refused(ended, "/dev/null/state")


def test_what_others_wrote_does_not_steer_the_terminal(project: Path) -> None:
    (project / CONFIG).write_text(
        json.dumps({"ACA_APP_ENDPOINT": "a b\x1b]0;title\x07\x1b[31mred\x9b2J\u202egnp"})
    )
    ended = run(project, "status")
    assert ended.code == 1
    assert "red\\u202egnp" in ended.err
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(
        ended.err + (project.parent / "log/aitk-inference.log").read_text()
    )


def test_a_check_waits_for_no_file_of_the_model(project: Path) -> None:
    (project / "inference").mkdir()
    (project / "infra/inference").mkdir(parents=True)
    for name in ("inference/gradio_chat.py", "inference/config.json", "infra/inference/gradio_chat.py"):
        pipe(project / name)
    ended = run(project, "check")
    assert ended.code is not None
    assert "went wrong inside" not in ended.err
