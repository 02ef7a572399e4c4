"""Files that are left out as git leaves them out, and files that something else replaces while they are sent."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from aca_local.fault_rules import read
from support.sync_cli import SyncCli, content_of, data, lay, names_of, shown, until

if TYPE_CHECKING:
    from pathlib import Path

    from aca_local.fault_middleware import Faults
    from support.files_server import FilesServer

LARGE = (5 << 20) + 3
SLOW = {"service": "files", "method": "PUT", "path": "comp=range|part|bin", "delay": 1.5, "times": 0}


IGNORED: dict[str, tuple[str, bytes]] = {
    "a question mark is a byte": ("é.txt", b"??.txt\n"),
    "and four are an emoji": ("😀.txt", b"????.txt\n"),
    "a space of another kind": ("a\u00a0", "a\u00a0\n".encode()),
    "a tab": ("a\t", b"a\t\n"),
}


@pytest.mark.parametrize("how", IGNORED)
def test_what_git_leaves_out_is_left_out(sync: SyncCli, tmp_path: Path, how: str) -> None:
    name, patterns = IGNORED[how]
    root = lay(tmp_path / "app", {name: b"secret", ".gitignore": patterns, ".aitkignore": patterns})
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    listed = ["git", "ls-files", "-z", "--others", "--exclude-standard"]
    kept = subprocess.run(listed, cwd=root, capture_output=True, check=True).stdout.decode().split("\0")
    assert name not in kept
    assert data(sync(root, "--json"))["sent"] == [".gitignore"]


@pytest.mark.parametrize("kind", ["a link that leads nowhere", "a link in a circle", "UTF-16 without a mark"])
def test_an_ignore_file_that_says_nothing_sends_nothing(
    server: FilesServer, sync: SyncCli, tmp_path: Path, kind: str
) -> None:
    """What it was to leave out may be a secret."""
    root = lay(tmp_path / "app", {"secret.txt": b"1"})
    if kind.startswith("a link"):
        (root / ".aitkignore").symlink_to(".aitkignore" if "circle" in kind else "nowhere")
    else:
        (root / ".aitkignore").write_text("secret.txt\n", encoding="utf-16-le")
    done = sync(root)
    assert (done.returncode, ".aitkignore can't be read" in done.stderr) == (1, True), shown(done)
    assert content_of(server) == {}


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_large_file_that_something_else_replaces_is_told(
    server: FilesServer, faults: Faults, sync: SyncCli, tmp_path: Path, kind: str
) -> None:
    """A pipe would be waited for for ever, also after Ctrl+C; a link may lead to what is nobody's business."""
    root = lay(tmp_path / "app", {"model.bin": os.urandom(10 * LARGE), "a.py": b"1"})
    secret = lay(tmp_path, {"secret.txt": b"secret"}) / "secret.txt"
    faults.rules = read(json.dumps([SLOW]))
    with sync.started(root) as process:
        until(lambda: any("part" in name or name == "model.bin" for name in names_of(server)))
        if kind == "link":
            (tmp_path / "new").symlink_to(secret)
        else:
            os.mkfifo(tmp_path / "new")
        (tmp_path / "new").replace(root / "model.bin")
        with suppress(subprocess.TimeoutExpired):
            words = "".join(process.communicate(timeout=60))
        assert process.returncode == 1, "it waits for ever"
    assert "model.bin can't be read" in words
    assert "model.bin" not in names_of(server)
