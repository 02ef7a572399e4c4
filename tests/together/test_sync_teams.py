"""Syncs of one project by several people: each is asked about the share as it is, never as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.sync_cli import SyncCli, clone, content_of, share_of

if TYPE_CHECKING:
    from pathlib import Path

    from support.files_server import FilesServer

CODE = {f"f{number}.py": b"x" for number in range(12)}


@pytest.mark.parametrize("changed", ["f0.py", "new.py", "deep/new.py"])
def test_who_takes_over_a_colleagues_change_is_asked_nothing(
    server: FilesServer, sync: SyncCli, tmp_path: Path, changed: str
) -> None:
    """What this computer noted of the share is older than the colleague's sync: no file of it is somebody else's."""
    ours = clone(tmp_path / "A", CODE)
    assert sync(ours).returncode == 0
    colleague = SyncCli(server, tmp_path / "other-state")
    assert colleague(clone(tmp_path / "B", {**CODE, changed: b"theirs"})).returncode == 0
    clone(ours, {changed: b"theirs and ours", "f1.py": b"ours"})
    done = sync(ours)
    assert done.returncode == 0, done.stderr
    there = content_of(server)
    assert (there[changed], there["f1.py"]) == (b"theirs and ours", b"ours")


@pytest.mark.parametrize("words", [[], ["--yes"]])
def test_a_file_that_a_colleague_spells_otherwise_is_sent_as_it_is_here(
    server: FilesServer, sync: SyncCli, tmp_path: Path, words: list[str]
) -> None:
    """It is no file that this folder never had: that would stay, and what is here would never be sent."""
    colleague = SyncCli(server, tmp_path / "other-state")
    assert colleague(clone(tmp_path / "B", {**CODE, "lib/Tool.py": b"theirs"})).returncode == 0
    ours = clone(tmp_path / "A", CODE)
    assert sync(ours).returncode == 0  # from here on this computer knows of a file that this folder never had
    for content in (b"ours", b"ours again"):
        clone(ours, {"lib/tool.py": content})
        done = sync(ours, *words)
        assert done.returncode == 0, done.stderr
        there = content_of(server)
        assert ("lib/Tool.py" in there, there.get("lib/tool.py")) == (False, content), done.stdout


def test_what_was_noted_before_another_identity_is_not_asked_about(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = tmp_path / "A"
    for config in ("", '[remote "origin"]\n\turl = https://host.example/team/app\n', ""):
        clone(root, {**CODE, "f0.py": config.encode(), ".git/config": config.encode()})
        (root / ".git/config").write_text(config)
        done = sync(root)
        assert done.returncode == 0, done.stderr
    assert content_of(server)["f0.py"] == b""


def test_an_edit_on_the_share_is_still_asked_about(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    ours = clone(tmp_path / "A", CODE)
    assert sync(ours).returncode == 0
    colleague = SyncCli(server, tmp_path / "other-state")
    assert colleague(clone(tmp_path / "B", {**CODE, "f0.py": b"theirs"})).returncode == 0
    with share_of(server) as share:
        share.get_file_client("f1.py").upload_file(b"somebody's")
    clone(ours, {"f0.py": b"ours", "f1.py": b"ours"})
    done = sync(ours)
    assert (done.returncode, "1 file changed on the share" in done.stderr) == (2, True), done.stderr
    assert content_of(server)["f1.py"] == b"somebody's"
