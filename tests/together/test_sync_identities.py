"""Whose share it is, read from git's configuration as people have it; and no password from there on the share."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.sync_cli import SyncCli, clone, content_of, file_of, lay, shown

if TYPE_CHECKING:
    from support.files_server import FilesServer

CODE = {f"f{number}.py": b"x" for number in range(12)}
MANIFEST = ".aitk-manifest.json"


def git(root: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def repository(root: Path, *remotes: tuple[str, str]) -> Path:
    lay(root, CODE)
    git(root, "init", "-q")
    for name, address in remotes:
        git(root, "remote", "add", name, address)
    return root


@pytest.mark.parametrize(
    "address",
    [
        "https://user:5ecret;5ecret@host.example/team/app",
        "https://user:5ecret#5ecret@host.example/team/app",
        "helper::https://user:5ecret@host.example/team/app",
    ],
)
def test_a_password_in_a_remotes_address_stays_here(
    server: FilesServer, sync: SyncCli, tmp_path: Path, address: str
) -> None:
    """Git itself puts an address in quotes that has ``;`` or ``#`` in it."""
    done = sync(repository(tmp_path / "app", ("origin", address)))
    assert done.returncode == 0, done.stderr
    logs = "".join(path.read_text() for path in sync.state.rglob("*") if path.is_file())
    assert "5ecret" not in shown(done) + logs + file_of(server, MANIFEST).decode()


@pytest.mark.parametrize("change", ["renamed", "quoted", "another case", "a remote in front", "one line"])
def test_a_colleague_knows_the_project_however_its_remote_is_written(
    server: FilesServer, sync: SyncCli, tmp_path: Path, change: str
) -> None:
    address = "https://host.example/team/app"
    config = {
        "renamed": f'[remote "upstream"]\n\turl = {address}\n',
        "quoted": f'[remote "origin"]\n\turl = "{address}" ; ours\n',
        "another case": f'[Remote "origin"]\n\tURL = {address}\n',
        "a remote in front": f'[remote "a"]\n\turl = https://x/y\n[remote "origin"]\n\turl = {address}\n',
        "one line": f'[remote "origin"] url = {address}\n',
    }[change]
    assert sync(clone(tmp_path / "A", CODE)).returncode == 0
    root = lay(tmp_path / "B", {**CODE, "f0.py": b"changed", ".git/config": config.encode()})
    colleague = SyncCli(server, tmp_path / "other-state")
    done = colleague(root)
    assert done.returncode == 0, done.stderr
    assert content_of(server)["f0.py"] == b"changed"


def test_a_folder_whose_name_is_no_text(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff/app"))
    try:
        lay(root, CODE)
    except OSError:
        pytest.skip("this file system has no such names")
    done = sync(root)
    assert done.returncode == 0, done.stderr
    assert content_of(server)["f0.py"] == b"x"


def test_a_git_file_that_points_nowhere(server: FilesServer, sync: SyncCli, tmp_path: Path) -> None:
    done = sync(lay(tmp_path / "app", {**CODE, ".git": b"gitdir: a\0b"}))
    assert done.returncode == 0, done.stderr
    assert content_of(server)["f0.py"] == b"x"
