"""Runs the starter project as a container would: its own environment, its own process, one port."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import platformdirs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STARTER = Path(__file__).resolve().parents[2] / "infra" / "starter"
INFERENCE = STARTER / "inference"
START_SECONDS = 120
CHECKS = {"PYTHONPATH": str(STARTER.parents[1] / "server")}
"""Where the check of models lies in this repository; a project has a copy of it."""


def environment() -> Path:
    """Python of an environment with the starter's locked packages, made once, outside the checkout."""
    lock = INFERENCE / "requirements.txt"
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = platformdirs.user_cache_path("aitk-inference") / "starter-environments" / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            _make_environment(folder, lock)
    return folder / "bin" / "python"


def _make_environment(folder: Path, lock: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, timeout=120)
    install = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(lock)], check=True, timeout=600)
    (folder / "done").touch()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Served:
    """A running starter: a client for it, its process, and what it has written to its console."""

    client: httpx.Client
    process: subprocess.Popen[bytes]
    console: Path

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.console.read_text("utf-8", errors="replace")


@contextlib.contextmanager
def serving(python: Path, **variables: str) -> Iterator[httpx.Client]:
    """The starter, ready or refused; ``variables`` are its environment variables."""
    with started(python, **variables) as served:
        wait(served, lambda: served.client.get("/ready").json().get("status") != "starting")
        yield served.client


@contextlib.contextmanager
def started(python: Path, inference: Path | None = None, **variables: str) -> Iterator[Served]:
    """The starter, or a copy of it, as soon as it answers anything."""
    port = free_port()
    own = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", **CHECKS, **variables}
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "console").open("wb") as console:
        process = subprocess.Popen(
            [str(python), "gradio_chat.py"],
            cwd=inference or INFERENCE,
            env={**os.environ, **own},
            stdout=console,
            stderr=console,
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
                served = Served(client, process, Path(console.name))
                wait(served, lambda: client.get("/livez").status_code == httpx.codes.OK)
                yield served
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait(served: Served, condition: Callable[[], object], seconds: float = START_SECONDS) -> None:
    """Wait until the condition holds; a starter that ends meanwhile fails the test with its console."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert served.process.poll() is None, served.log
        with contextlib.suppress(httpx.TransportError):
            if condition():
                return
        time.sleep(0.1)
    raise TimeoutError(served.log)


def until_it_answers(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    """Wait for a starter that was just started: until its model answers, or is refused."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the starter ended early"
        with contextlib.suppress(httpx.TransportError):
            if client.get("/ready").json().get("status") != "starting":
                return
        time.sleep(0.1)
    raise TimeoutError("the starter did not answer")


def page(client: httpx.Client) -> str:
    """The page, once it is there."""
    deadline = time.monotonic() + START_SECONDS
    while "gradio_config" not in (text := client.get("/").text):
        assert time.monotonic() < deadline, text
        time.sleep(0.2)
    return text
