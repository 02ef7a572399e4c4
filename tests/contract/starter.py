"""Runs the starter project as a container would: its own environment, its own process, one port."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import platformdirs

if TYPE_CHECKING:
    from collections.abc import Iterator

STARTER = Path(__file__).resolve().parents[2] / "infra" / "starter"
INFERENCE = STARTER / "inference"
START_SECONDS = 120


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


@contextlib.contextmanager
def serving(python: Path, **variables: str) -> Iterator[httpx.Client]:
    """The starter, serving; ``variables`` are its environment variables."""
    port = free_port()
    own = {"HOST": "127.0.0.1", "PORT": str(port), "PYTHONDONTWRITEBYTECODE": "1", **variables}
    process = subprocess.Popen(
        [str(python), "gradio_chat.py"], cwd=INFERENCE, env={**os.environ, **own}, stdout=subprocess.DEVNULL
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            _wait(client, process)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(client: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the starter ended early"
        with contextlib.suppress(httpx.TransportError):
            client.get("/health")
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
