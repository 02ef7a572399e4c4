"""The ``aca-local`` command on a data folder in which something else stands in the place of its own files."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 30.0  # seconds until a command counts as waiting for ever; a start takes some three
pytestmark = pytest.mark.skipif(os.name == "nt", reason="files of these kinds are POSIX's")


def a_text(text: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(text)


def a_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 34)


KINDS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "empty": Path.touch,  # as a token it would let everybody in
    "garbage": lambda path: path.write_bytes(b"\x00\xff\x80" * 99),
    "nested": a_text("[" * 100_000),
    "digits": a_text('{"arm": ' + "9" * 5_000 + "}"),
    "list": a_text("[1]"),
    "types": a_text('{"arm": "x", "files": null, "pid": [], "started": {}}'),
    "huge": a_huge_file,
}
TEXTS = ("garbage", "nested", "digits", "list", "types", "huge")


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with all that one start leaves, of an instance that was killed."""
    path = tmp_path_factory.mktemp("used") / "data"
    with started(path, "serve", "--json") as process:
        assert "armHttp" in first_line(process)
        process.kill()
    return path


@pytest.fixture
def folder(used: Path, tmp_path: Path) -> Path:
    path = tmp_path / "data"
    shutil.copytree(used, path)
    return path


@contextmanager
def started(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "aca_local", *words, "--data-dir", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], PATIENCE)
    return process.stdout.readline() if ready else "it waits"


def said(folder: Path, *words: str) -> str:
    """Return the first line of a command, or the last that it complained; ends what it started."""
    with started(folder, *words) as process:
        line = first_line(process)
        if line == "it waits":
            return line
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=PATIENCE)
        assert "Traceback" not in complaints
        return line or complaints.strip().splitlines()[-1]


def put_in_place(path: Path, kind: str) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    for old in (path, path.with_name(path.name + "-wal")):  # SQLite mends a file from what it wrote ahead
        old.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind](path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(("ports.json", kind) for kind in KINDS),
        *(("token", kind) for kind in ("pipe", "folder", "garbage", "huge", "list", "empty")),
        *(("instance.lock", kind) for kind in ("pipe", "folder")),
        *(("instance.json", kind) for kind in ("pipe", "folder")),
        *(("holder.json", kind) for kind in ("pipe", "folder")),
        *(("state.db", kind) for kind in ("pipe", "garbage")),
        *(("files/files.db", kind) for kind in ("folder", "garbage")),
        ("apps/.probe/process.json", "pipe"),
        ("certificates/ca.pem", "folder"),
        ("certificates/ca.key", "pipe"),
        ("certificates/server.pem", "pipe"),
    ],
)
def test_a_damaged_file_is_named_with_the_way_out(folder: Path, name: str, kind: str) -> None:
    put_in_place(folder / name, kind)
    words = said(folder, "serve", "--json")
    assert words.startswith(f"aca-local: {folder / name} can't be used: ")
    assert words.endswith((".", "FOLDER."))


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("command", ["status", "stop"])
@pytest.mark.parametrize("name", ["instance.json", "instance.lock"])
def test_what_asks_for_the_running_one_waits_for_no_pipe(
    folder: Path, name: str, command: str, kind: str
) -> None:
    put_in_place(folder / name, kind)
    assert said(folder, command).startswith(f"aca-local: {folder / name} can't be used: ")


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("name", ["instance.json", "holder.json"])
def test_a_note_of_a_killed_one_may_be_anything(folder: Path, name: str, kind: str) -> None:
    put_in_place(folder / name, kind)
    assert said(folder, "status").startswith("It is not running.")


def test_notes_of_a_killed_one_are_replaced(folder: Path) -> None:
    for name in ("instance.json", "holder.json"):
        put_in_place(folder / name, "nested")
    assert "armHttp" in json.loads(said(folder, "serve", "--json"))


def test_a_certificate_with_another_key_is_named(folder: Path) -> None:
    chain = folder / "certificates" / "server.pem"
    certificate = chain.read_text().partition("-----BEGIN PRIVATE KEY")[0]
    chain.write_text(certificate + (folder / "certificates" / "ca.key").read_text())
    assert said(folder, "serve", "--json").startswith(f"aca-local: {chain} can't be used: ")


def test_a_byte_order_mark_is_no_damage(folder: Path) -> None:
    for name in ("token", "ports.json", "instance.json", "holder.json"):
        path = folder / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert said(folder, "status").startswith("It is not running.")
    assert json.loads(said(folder, "serve", "--json"))["token"] == (folder / "token").read_text("utf-8-sig")


@pytest.mark.parametrize("kind", ["pipe", "nested", "types"])
def test_one_that_runs_can_be_stopped_whatever_its_note_says(folder: Path, kind: str) -> None:
    with started(folder, "serve", "--json") as process:
        assert "armHttp" in first_line(process)
        put_in_place(folder / "instance.json", kind)
        words = f"aca-local: {folder / 'instance.json'} can't be used: "
        assert said(folder, "status").startswith(words)
        assert said(folder, "serve", "--json").startswith(words)
        assert said(folder, "stop").startswith("Stopped")
        assert process.wait(PATIENCE) is not None


@pytest.mark.parametrize("name", ["apps/app-1/venv", "apps/app-1/replicas/r/main/work"])
def test_a_pipe_named_like_a_record_holds_up_no_start(folder: Path, name: str) -> None:
    """The app's own programs may keep what they like in these folders."""
    record = folder / name / "process.json"
    put_in_place(record, "pipe")
    assert "armHttp" in said(folder, "serve", "--json")
    assert record.exists()


def test_a_pipe_as_log_holds_up_no_start_in_the_background(folder: Path) -> None:
    put_in_place(folder / "aca-local.log", "pipe")
    words = said(folder, "serve", "--detach", "--json")
    assert words.startswith(f"aca-local: {folder / 'aca-local.log'} can't be used: ")


@pytest.mark.parametrize(
    "option",
    [
        *(f"--port {value}" for value in ("70000", "0", "-1", "\u00b2", "9" * 5_000)),
        *(f"--latency-ms {value}" for value in ("nan", "inf", "-5", "x")),
        *(f"--request-timeout {value}" for value in ("nan", "1e400", "-1")),
        "--data-dir {pipe}",
    ],
)
def test_an_option_that_cannot_be_is_refused_and_spoils_nothing(tmp_path: Path, option: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    words = option.format(pipe=tmp_path / "pipe").split()
    done = subprocess.run(
        [sys.executable, "-m", "aca_local", "serve", "--data-dir", str(tmp_path / "data"), *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 2
    assert f"argument {words[0]}: " in done.stderr
    assert not (tmp_path / "data" / "ports.json").exists()


@pytest.mark.parametrize("words", ["{pipe}", "{template} --parameters {pipe}", "{bicep}"])
def test_an_evaluation_waits_for_no_pipe(tmp_path: Path, words: str) -> None:
    pipe, template, bicep = tmp_path / "pipe.json", tmp_path / "main.json", tmp_path / "main.bicep"
    os.mkfifo(pipe)
    os.mkfifo(bicep)
    template.write_text('{"contentVersion": "1.0.0.0", "resources": []}')
    asked = words.format(pipe=pipe, template=template, bicep=bicep).split()
    command = [sys.executable, "-m", "aca_local", "evaluate", *asked]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        pytest.fail("it waits for the pipe")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "it is a pipe" in done.stderr


def test_an_evaluation_reads_what_a_shell_hands_over() -> None:
    template = (
        '{"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",'
    )
    done = subprocess.run(
        [sys.executable, "-m", "aca_local", "evaluate", "/dev/stdin"],
        input=template + '"contentVersion": "1.0.0.0", "resources": []}',
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout.startswith("0 resource(s)"), done.stderr
