"""Shares that commit 827f447 left: its manifest, its lock, what it had half sent."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from support.sync_cli import SyncCli, clone, content_of, lay, share_of, shown

if TYPE_CHECKING:
    from pathlib import Path

    from support.files_server import FilesServer

PROJECT = "300f2f634537320b4c23cb4af5f3efc2"
"""What 827f447 made of the remote ``host.example/team/app`` and the folder ``.``."""
LARGE = (5 << 20) + 3


def send(server: FilesServer, root: Path, in_doubt: tuple[str, ...] = ()) -> None:
    """Lay a share down as 827f447 wrote it, byte for byte: one line a file, five columns, a sixth for others'."""
    files = sorted(
        p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file() and ".git" not in p.parts
    )
    rows = []
    with share_of(server) as share:
        for path in files:
            folder = path.rpartition("/")[0]
            if folder and not share.get_directory_client(folder).exists():
                share.get_directory_client(folder).create_directory()
            content, time = (root / path).read_bytes(), (root / path).stat().st_mtime_ns
            file = share.get_file_client(path)
            moment = datetime.fromtimestamp(time // 10**9, UTC).replace(microsecond=time % 10**9 // 1000)
            if path in in_doubt:  # killed after the first piece
                file.create_file(len(content), file_last_write_time=moment)
                file.upload_range(content[: 4 << 20], 0, 4 << 20, file_last_write_mode="preserve")
                rows.append(f'{json.dumps(path)}:[0,"",0,"",0]')
                continue
            file.create_file(len(content), file_last_write_time=moment)
            for offset in range(0, len(content), 4 << 20):
                piece = content[offset : offset + (4 << 20)]
                file.upload_range(piece, offset, len(piece), file_last_write_mode="preserve")
            etag = json.dumps(file.get_file_properties().etag)
            sha256 = hashlib.sha256(content).hexdigest()
            written = time // 1000 * 1000
            rows.append(f'{json.dumps(path)}:[{len(content)},"{sha256}",{time},{etag},{written}]')
        project = f'{{"id":"{PROJECT}","label":"host.example/team/app"}}'
        manifest = f'{{"version":1,"project":{project},"files":{{\n' + ",\n".join(rows) + "\n}}\n"
        share.get_file_client(".aitk-manifest.json").upload_file(manifest.encode())


def lock(server: FilesServer, ends: timedelta, host: str = "elsewhere") -> None:
    """The lock as 827f447 made it."""
    until = (datetime.now(UTC) + ends).isoformat(timespec="seconds")
    note = {"holder": f"{host}/{'a' * 24}", "project": PROJECT, "token": "0123456789abcdef", "until": until}
    with share_of(server) as share:
        share.create_directory(".aitk-lock", metadata=note)


def test_a_share_of_then_is_known_and_one_change_is_one_file(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = clone(tmp_path / "app", {"a.py": b"1", "lib/b.py": b"2", "model.bin": os.urandom(LARGE)})
    send(server, root)
    assert "0 of 3 files changed" in shown(sync(root))
    assert "0 of 3 files changed, 0 B" in shown(sync(root))
    (root / "a.py").write_bytes(b"changed")
    assert "1 of 3 files changed" in shown(sync(root))
    assert content_of(server)["a.py"] == b"changed"


def test_a_file_that_then_was_half_sent_is_sent_as_a_whole(
    server: FilesServer, sync: SyncCli, tmp_path: Path
) -> None:
    root = clone(tmp_path / "app", {"a.py": b"1", "model.bin": os.urandom(LARGE)})
    send(server, root, in_doubt=("model.bin",))
    assert sync(root).returncode == 0
    there = content_of(server)
    assert there["model.bin"] == (root / "model.bin").read_bytes()
    assert set(there) == {"a.py", "model.bin", ".aitk-manifest.json"}


@pytest.mark.parametrize("host", ["elsewhere", socket.gethostname()])
def test_a_lock_of_then_is_respected_until_it_ends(
    server: FilesServer, sync: SyncCli, tmp_path: Path, host: str
) -> None:
    root = lay(tmp_path / "app", {"a.py": b"1"})
    lock(server, timedelta(seconds=100), host)
    done = sync(root)
    assert (done.returncode, f"{host} is writing to this file share" in done.stderr) == (1, True)
    with share_of(server) as share:
        share.delete_directory(".aitk-lock")
    lock(server, timedelta(seconds=-1), host)
    assert sync(root).returncode == 0
    assert ".aitk-lock/" not in content_of(server)
