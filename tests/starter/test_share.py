"""A base on an SMB share: prefetched where the container's memory holds it, else copied where its disk does.

What the kernel says of mounts and memory is replaced in a mount namespace of the app's own; nothing is mounted over SMB.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from starter.models import make_adapter, make_base
from starter.vllm_app import VllmApp, vllm_app
from support import starter

COPYING = "Copying the base to the container's disk"
PREFETCH = ["--safetensors-load-strategy", "prefetch"]
TOO_LARGE = 1 << 43
"""Bytes; more than any disk here. The file is sparse."""
CONTAINER = """\
#!/bin/sh
exec unshare --mount sh -c '
  mount --bind "$FAKE_MOUNTS" /proc/$$/mounts && mount -t tmpfs none /sys/fs/cgroup &&
  echo "$FAKE_MEMORY" > /sys/fs/cgroup/memory.max && exec "$REAL_PYTHON" "$@"' sh "$@"
"""


def _may_mount() -> bool:
    if not shutil.which("unshare"):
        return False
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/sys/fs/cgroup"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _may_mount(), reason="NOT TRIED: a mount namespace needs root")


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Python in a container of 64 GB, in which the test's folder is on an SMB share."""
    (tmp_path / "mounts").write_text(f"overlay / overlay rw 0 0\n//account/share {tmp_path} cifs rw 0 0\n")
    program = tmp_path / "python"
    program.write_text(CONTAINER)
    program.chmod(0o755)
    for name, value in {
        "FAKE_MOUNTS": tmp_path / "mounts",
        "FAKE_MEMORY": 64 << 30,
        "REAL_PYTHON": starter.environment(),
    }.items():
        monkeypatch.setenv(name, str(value))
    return program


def served_model(app: VllmApp) -> tuple[str, list[str]]:
    """The folder that vLLM was given, and its other arguments."""
    app.wait_ready()
    model, *more = next(event["arguments"] for event in app.events if event["event"] == "started")
    return model, more


def has_prefetch(arguments: list[str]) -> bool:
    return any(arguments[at : at + 2] == PREFETCH for at in range(len(arguments)))


def test_what_the_memory_holds_is_prefetched(python: Path, tmp_path: Path) -> None:
    with vllm_app(tmp_path, python=python) as app:
        model, more = served_model(app)
        assert model == str(tmp_path / "base")
        assert has_prefetch(more)
        assert COPYING not in app.served.log


def test_what_only_the_disk_holds_is_copied(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MEMORY", "1024")
    disk = tmp_path / "disk"
    disk.mkdir()
    with vllm_app(tmp_path, python=python, TMPDIR=str(disk)) as app:
        model, more = served_model(app)
        assert model.startswith(str(disk))
        assert names(Path(model)) == names(tmp_path / "base")
        assert not has_prefetch(more)
        assert f"{COPYING}, 0.0 GB …" in app.served.log


def test_what_neither_holds_is_read_from_the_share(
    python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MEMORY", "1024")
    make_sparse(make_base(tmp_path / "base"))
    make_adapter(tmp_path / "adapter")
    with vllm_app(tmp_path, python=python) as app:
        model, more = served_model(app)
        assert model == str(tmp_path / "base")
        assert not has_prefetch(more)
        assert COPYING not in app.served.log


def test_openvino_takes_a_copy_where_the_disk_holds_it(python: Path, tmp_path: Path) -> None:
    base = shutil.copytree(starter.STARTER / "sample" / "base", tmp_path / "sample")
    disk = tmp_path / "disk"
    disk.mkdir()
    with starter.started(python, INFERENCE_BASE=str(base), TMPDIR=str(disk)) as served:
        starter.wait(served, lambda: served.client.get("/ready").is_success)
        assert f"{COPYING}, 0.0 GB …" in served.log
        assert [path.name for path in disk.glob("base-*/openvino_model.xml")]


def test_openvino_reads_from_the_share_where_the_disk_is_too_small(python: Path, tmp_path: Path) -> None:
    base = shutil.copytree(starter.STARTER / "sample" / "base", tmp_path / "sample")
    make_sparse(base)
    with starter.started(python, INFERENCE_BASE=str(base)) as served:
        starter.wait(served, lambda: served.client.get("/ready").is_success)
        assert COPYING not in served.log


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def make_sparse(base: Path) -> None:
    with (base / "notes.bin").open("wb") as file:
        file.truncate(TOO_LARGE)
