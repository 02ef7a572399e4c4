"""``aitk-inference sync`` as a program beside a Files service of the test: what a person sees of both."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError
from azure.storage.fileshare import ShareClient, ShareSasPermissions, ShareServiceClient, generate_share_sas
from support.files_server import KEY, FilesServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

LONGEST = 120


@dataclass
class SyncCli:
    """Runs syncs of folders to the share ``models``.

    Attributes:
        state: The computer's state folder; another one is another computer.
        ahead: A folder that is imported from first.
    """

    server: FilesServer
    state: Path
    ahead: Path | None = None
    url: str = field(init=False)

    def __post_init__(self) -> None:
        self.url = f"{self.server.account_url}/models?{signature()}"

    def __call__(self, folder: Path, *words: str, url: str = "") -> subprocess.CompletedProcess[str]:
        """Run to its end; nobody can be asked."""
        return subprocess.run(
            self._command(folder, url or self.url, *words, "--no-input"),
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=LONGEST,
            check=False,
        )

    @contextmanager
    def started(self, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Start a run; it is ended with the block."""
        command = self._command(folder, self.url, *words, "--no-input")
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, env=self._environment(), stdout=pipe, stderr=pipe, text=True
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def interrupted(self, folder: Path, when: Callable[[], bool]) -> subprocess.CompletedProcess[str]:
        """Start a run and press Ctrl+C once something is so."""
        with self.started(folder) as process:
            until(lambda: when() or process.poll() is not None)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=LONGEST)
            return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def answered(self, folder: Path, answer: str, *words: str) -> tuple[int, str]:
        """Run at a terminal, with one answer to whatever is asked; return the exit code and what was shown."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            self._command(folder, self.url, *words),
            env={**self._environment(), "TERM": "dumb"},
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            os.write(ours, f"{answer}\n{answer}\n{answer}\n".encode())
            shown, _ = process.communicate(timeout=LONGEST)
            return process.returncode, shown
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)

    def _command(self, folder: Path, url: str, *words: str) -> list[str]:
        return [sys.executable, "-m", "aitk_inference", "sync", str(folder), url, *words]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
        paths = [str(self.ahead or ""), os.environ.get("PYTHONPATH", "")]
        return {
            **kept,
            "AITK_STATE_DIR": str(self.state),
            "AITK_LOG_DIR": str(self.state),
            "PYTHONPATH": os.pathsep.join(path for path in paths if path),
        }


@contextmanager
def share_of(server: FilesServer, name: str = "models") -> Iterator[ShareClient]:
    """The share, over Microsoft's SDK."""
    with ShareServiceClient.from_connection_string(server.connection_string) as service:
        yield service.get_share_client(name)


def names_of(server: FilesServer) -> set[str]:
    """Every file of the share, and every folder with ``/`` at its end, spelled as they are there."""
    found: set[str] = set()
    with share_of(server) as share:
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            with suppress(ResourceNotFoundError):  # it is gone since
                for entry in share.get_directory_client(folder).list_directories_and_files():
                    path = f"{folder}/{entry.name}".lstrip("/")
                    found.add(f"{path}/" if entry.is_directory else path)
                    waiting += [path] if entry.is_directory else []
    return found


def content_of(server: FilesServer) -> dict[str, bytes]:
    """The same, with what the files hold."""
    return {path: b"" if path.endswith("/") else file_of(server, path) for path in names_of(server)}


def shown(done: subprocess.CompletedProcess[str]) -> str:
    """All that a person sees."""
    return done.stdout + done.stderr


def file_of(server: FilesServer, path: str) -> bytes:
    """One file of the share."""
    with share_of(server) as share:
        return share.get_file_client(path).download_file().readall()


def put(server: FilesServer, path: str, content: bytes) -> Any:
    """Write a file to the share as somebody else would; return what the service said."""
    with share_of(server) as share:
        folders = path.split("/")[:-1]
        for depth in range(1, len(folders) + 1):
            folder = share.get_directory_client("/".join(folders[:depth]))
            if not folder.exists():
                folder.create_directory()
        return share.get_file_client(path).upload_file(content)


def signature(permissions: str = "rwdlc", **more: Any) -> str:
    """A signature (SAS) for the share."""
    ends = {"expiry": datetime.now(UTC) + timedelta(hours=1), **more}
    share = ends.pop("share", "models")
    allowed = ShareSasPermissions.from_string(permissions)
    return generate_share_sas("acct", share, KEY, permission=allowed, **ends)


def lay(root: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def clone(root: Path, files: dict[str, bytes]) -> Path:
    """A clone of one repository, with files."""
    config = b'[remote "origin"]\n\turl = https://host.example/team/app\n'
    return lay(root, {**files, ".git/config": config})


def until(happened: Callable[[], bool]) -> None:
    """Wait for something."""
    for _ in range(int(LONGEST / 0.05)):
        if happened():
            return
        time.sleep(0.05)
    raise AssertionError("it never happened")


def data(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a run that went well says in its last JSON line."""
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])["data"]
    return found
