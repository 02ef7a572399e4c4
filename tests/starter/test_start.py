"""start.py: packages from the share as one archive; stubs stand for the app and its packages."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from typing import TYPE_CHECKING

import httpx
import pytest
from support import starter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(os.name == "nt", reason="NOT TRIED on Windows: the container runs Linux")
APP = """
import http.server, importlib, os, pathlib, time
while not pathlib.Path(os.environ["LATE_PACKAGES"]).is_dir(): time.sleep(0.1)
importlib.invalidate_caches()
import adapted
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(adapted.WORDS)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Ready).serve_forever()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "share" / "inference"
    folder.mkdir(parents=True)
    for name in ("start.py", "archives.py", "package_parts.py", "late_packages.py"):
        shutil.copy(starter.INFERENCE / name, folder)
    (folder / "gradio_chat.py").write_text(APP)
    wheel = tmp_path / "adapted-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as content:
        content.writestr("adapted/__init__.py", "WORDS = b'installed'")
        content.writestr("adapted-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: adapted\nVersion: 1\n")
        content.writestr(
            "adapted-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        content.writestr("adapted-1.dist-info/RECORD", "adapted/__init__.py,,\n")
    (folder / "requirements.txt").write_text(f"{wheel}\n")
    return folder


@contextlib.contextmanager
def container(project: Path, disk: Path) -> Iterator[str]:
    """A container with an empty disk, until it answers; yields what it wrote."""
    venv.create(disk, with_pip=False, symlinks=True)
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    port = str(starter.free_port())
    environment = {**os.environ, "PORT": port, "PYTHONPATH": packages}
    console = disk / "console"
    with console.open("wb") as output:
        process = subprocess.Popen(
            [str(disk / "bin" / "python"), "start.py"],
            cwd=project,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        wait_for(
            lambda: httpx.get(f"http://127.0.0.1:{port}/ready", trust_env=False).text == "installed", process
        )
        yield console.read_text()
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for(condition: object, process: subprocess.Popen[bytes] | None = None) -> None:
    assert callable(condition)
    deadline = time.monotonic() + starter.START_SECONDS
    while time.monotonic() < deadline:
        assert process is None or process.poll() is None
        with contextlib.suppress(httpx.TransportError):
            if condition():
                return
        time.sleep(0.1)
    raise TimeoutError


def archives(project: Path) -> list[Path]:
    """The archives with what the model needs, where those with what the page needs are there, too."""
    found = sorted((project.parent / "environment-cache").glob("*.tar.gz"))
    return [path for path in found if path.with_name(path.name.replace(".tar", "-late.tar")) in found]


def test_packages_are_installed_once_and_kept_on_the_share(project: Path, tmp_path: Path) -> None:
    with container(project, tmp_path / "first") as first:
        assert "Installing the packages" in first
        wait_for(lambda: archives(project))
    (tmp_path / "adapted-1-py3-none-any.whl").unlink()  # nothing can be installed any more
    with container(project, tmp_path / "second") as second:
        assert "Installing" not in second
        assert "Unpacking the packages from the share: " in second


@pytest.mark.parametrize("with_tar", [True, False])
def test_a_damaged_archive_is_made_again(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, with_tar: bool
) -> None:
    if not with_tar:
        monkeypatch.setenv("PATH", str(tmp_path))
    with container(project, tmp_path / "first"):
        wait_for(lambda: archives(project))
    archive = archives(project)[0]
    whole = archive.read_bytes()
    for number, damaged in enumerate((whole[: len(whole) // 2], b"nonsense", whole[:-8] + b"\0" * 8)):
        archive.write_bytes(damaged)
        with container(project, tmp_path / f"next{number}") as log:
            assert "is damaged" in log
            assert "Installing the packages" in log
            wait_for(lambda damaged=damaged: archives(project) and archive.read_bytes() != damaged)


def test_two_replicas_that_start_at_once_leave_one_whole_archive(project: Path, tmp_path: Path) -> None:
    with container(project, tmp_path / "one"), container(project, tmp_path / "two"):
        wait_for(lambda: archives(project))
        wait_for(lambda: not list((project.parent / "environment-cache").glob("*.lock")))
    assert len(archives(project)) == 1
    assert not list((project.parent / "environment-cache").glob("*.part"))
    with container(project, tmp_path / "three") as log:
        assert "Unpacking the packages from the share: " in log


def test_another_lock_file_is_another_archive(project: Path, tmp_path: Path) -> None:
    with container(project, tmp_path / "first"):
        wait_for(lambda: archives(project))
    lock = project / "requirements.txt"
    lock.write_text(lock.read_text() + "# changed\n")
    with container(project, tmp_path / "second") as log:
        assert "Installing the packages" in log
        wait_for(lambda: len(archives(project)) == 2)


def test_an_archive_that_nobody_unpacks_any_more_is_deleted(project: Path, tmp_path: Path) -> None:
    cache = project.parent / "environment-cache"
    cache.mkdir()
    old, used, other = (cache / f"{name}.tar.gz" for name in ("packages-old", "packages-used", "engine-old"))
    for archive in (old, used, other):
        archive.touch()
    for archive in (old, other):
        os.utime(archive, (1, 1))
    with container(project, tmp_path / "first"):
        wait_for(lambda: archives(project) and not old.exists())
    assert used.exists()
    assert other.exists()


def test_what_the_page_alone_imports_is_kept_apart_and_compiled(project: Path, tmp_path: Path) -> None:
    """The model's packages are unpacked first: the stub's page alone imports ``adapted``, its app nothing."""
    (project / "silence.py").write_text("def silence(): pass")
    (project / "uvicorn.py").write_text(
        "class Config:\n    __init__ = load = get_loop_factory = lambda *_: None\n"
    )
    server = ("app", "service", "engines/openvino_model", "engines/vllm")
    for module in (*server, "huggingface_hub/hf_api", "web/chat_page"):
        (project / module).parent.mkdir(exist_ok=True)
        (project / f"{module}.py").write_text("import adapted" if module == "web/chat_page" else "")
    with container(project, tmp_path / "first"):
        wait_for(lambda: archives(project))
    first, page = sorted(
        (project.parent / "environment-cache").glob("*.tar.gz"), key=lambda path: len(path.name)
    )
    with tarfile.open(first) as model, tarfile.open(page) as rest:
        assert not [name for name in model.getnames() if name.endswith("__init__.py")]
        assert "adapted/__init__.py" in rest.getnames()
        assert [name for name in rest.getnames() if name.endswith(".pyc")]
    with container(project, tmp_path / "second") as second:
        assert "Unpacking the other packages from the share: " in second
