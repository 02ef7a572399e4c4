"""Causes of a failed start, and how each is brought about on aca-local: what ``support.failure_gallery`` deploys."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from support.startup_excerpts import CONSOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRIPT = "inference/gradio_chat.py"
REQUIREMENTS = "inference/requirements.txt"
WHEEL = "inference/tiny-1.0-py3-none-any.whl"
_LONG, _SHORT = "90", "6"
"""Seconds of ``--timeout``: long where the failure is seen early, short where only time tells."""


@dataclass(frozen=True)
class Case:
    """A cause and how it is injected.

    Attributes:
        cause: The row of the table that must be found; empty: none.
        how: What is done, for the page.
        files: What the project's files hold; ``@HUB@`` is a hub on loopback, ``@STARTER@`` the starter's Python.
        fault: A fault of aca-local's replicas.
        timeout: How long Deploy waits.
        is_replayed: A program writes a log that others published.
        needs_mounts: The program mounts a disk of its own; where the system does not let it, a log is replayed.
        quick_probes: The app's startup probe gives up after some seconds.
        varies: How often it was tried differs from run to run, and so do the lines that say it.
    """

    cause: str
    how: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    fault: str = ""
    timeout: str = _LONG
    is_replayed: bool = False
    needs_mounts: bool = False
    quick_probes: bool = False
    varies: bool = False

    def at(self, places: Mapping[str, str]) -> Case:
        """Return the case with the places of this run in its files."""
        files = {path: _replaced(content, places) for path, content in self.files.items()}
        return replace(self, files=files)

    @property
    def shown_how(self) -> str:
        """Return what the page says of it."""
        return f"{'Replayed' if self.is_replayed else 'Injected'}: {self.how}"


def _replaced(content: str | bytes, places: Mapping[str, str]) -> str | bytes:
    if isinstance(content, str):
        for name, place in places.items():
            content = content.replace(name, place)
    return content


def _shell(line: str) -> str:
    return f'import subprocess, sys\nsys.exit(subprocess.run(["bash", "-c", {line!r}]).returncode)\n'


def _replayed(cause: str) -> Case:
    """Return a case in which a program writes what people published, and ends: no GPU is at hand."""
    excerpt = next(one for one in CONSOLE if one.name == cause)
    program = f"import sys\nsys.exit({chr(10).join(excerpt.lines)!r})\n"
    how = "a program writes a published log and ends, since aca-local has no GPU"
    return Case(cause, how, {SCRIPT: program}, is_replayed=True)


def _wheel(content_of_module: str = "") -> bytes:
    """Return a wheel of one module, the same bytes each time."""
    files = {
        "tiny.py": content_of_module,
        "tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
        "tiny-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "tiny-1.0.dist-info/RECORD": "",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(zipfile.ZipInfo(name), text)
    return content.getvalue()


_HASH = f"./tiny-1.0-py3-none-any.whl --hash=sha256:{'0' * 64}\n"
_ON_A_SMALL_DISK = "mount -t tmpfs -o size=256k none /tmp && pip install --no-index --target /tmp/packages ./tiny-1.0-py3-none-any.whl"
_OWN_MOUNTS = ("unshare", "--map-root-user", "--mount")
_SMALL_DISK = f"exec {' '.join(_OWN_MOUNTS)} bash -c '{_ON_A_SMALL_DISK}'"
"""A folder that is full after 256 KiB: a disk of its own, which is gone with its program."""
_LARGE = "#" * (1 << 20)
_FROM_HUB = """\
import os
asks = "from huggingface_hub import hf_hub_download; hf_hub_download('org/tiny', 'config.json')"
os.environ |= {"HF_ENDPOINT": "@HUB@", "HF_HOME": "/tmp/hf", "HF_HUB_DISABLE_TELEMETRY": "1"}
os.environ.pop("HF_TOKEN", None)
os.execv("@STARTER@", ["@STARTER@", "-c", asks])
"""
_NO_MEMORY = """\
import resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
bytearray(1 << 33)
"""
_ON_ITS_OWN_PORT = "import socket, time\ns = socket.create_server(('127.0.0.1', 28079))\ntime.sleep(600)\n"
CASES = (
    Case(
        "syntax-error",
        "the project's own file has a mistake",
        {SCRIPT: "import os\n\n\ndef answer(:\n    return 1\n"},
    ),
    Case(
        "missing-module",
        "the project's own file imports what nobody installs",
        {SCRIPT: "import os\nimport no_such_module\n"},
    ),
    Case(
        "import-name",
        "it imports a name that its library lacks",
        {SCRIPT: "from helper import no_such_name\n", "inference/helper.py": "\n"},
    ),
    Case(
        "missing-file",
        "it opens a file that is not there",
        {SCRIPT: "import os\nopen('settings.json')\n"},
    ),
    Case("missing-command", "it starts a program that is not there", {SCRIPT: _shell("pyhton serve.py")}),
    Case(
        "pip-no-wheel",
        "pip looks for a package that no index has",
        {REQUIREMENTS: "--no-index\nno-such-package==1.0\n"},
    ),
    Case("pip-hash", "pip finds another file than was locked", {REQUIREMENTS: _HASH, WHEEL: _wheel()}),
    Case(
        "pip-disk-full",
        "pip installs a package of 1 MB on a disk of 256 KB",
        {SCRIPT: _shell(_SMALL_DISK), WHEEL: _wheel(_LARGE)},
        needs_mounts=True,
    ),
    Case(
        "gated-model",
        "Hugging Face's library asks a hub that answers 401 as Hugging Face does",
        {SCRIPT: _FROM_HUB},
    ),
    _replayed("gpu-out-of-memory"),
    _replayed("cuda-driver"),
    Case("host-out-of-memory", "the program may have 512 MB and takes 8 GB", {SCRIPT: _NO_MEMORY}),
    Case(
        "out-of-memory",
        "the container is killed as when its memory is used up, while its program loads",
        {SCRIPT: "import time\ntime.sleep(90)\n"},
        fault="oom",
        varies=True,
    ),
    Case(
        "",
        "the program ends with code 3 and says nothing that is known",
        {SCRIPT: "print('bye')\nexit(3)\n"},
    ),
    Case("image-rate-limit", "the registry limits pulls", fault="image-rate-limit"),
    Case("image-missing", "the registry has no such tag", fault="image-missing"),
    Case("image-unauthorized", "the registry wants a sign-in", fault="image-unauthorized"),
    Case("mount-denied", "the share's key is another one", fault="volume-mount"),
    Case("mount-missing", "the share is gone", fault="volume-missing"),
    Case("mount-unreachable", "port 445 is closed", fault="volume-unreachable"),
    Case("no-capacity", "no node has a GPU left", fault="no-capacity", timeout=_SHORT, varies=True),
    Case(
        "wrong-port",
        "the program listens on a port of its own",
        {SCRIPT: _ON_ITS_OWN_PORT},
        quick_probes=True,
        varies=True,
    ),
    Case(
        "probe-window",
        "the program runs and listens nowhere",
        {SCRIPT: "import time\ntime.sleep(600)\n"},
        quick_probes=True,
        varies=True,
    ),
)


def possible(case: Case) -> Case:
    """Return the case, or the published log of it where this system can't do what it needs.

    Without mount namespaces a traceback names the share's own folder and has frames of aca-local's among its lines.
    """
    if _mounts():
        return case
    if not case.needs_mounts:
        return replace(case, varies=True)
    sys.stderr.write(f"NOT PROVOKED, but replayed: {case.how} (this system gives no mount namespace)\n")
    return replace(case, files=_replayed(case.cause).files, varies=True)


def _mounts() -> bool:
    if shutil.which(_OWN_MOUNTS[0]) is None:
        return False
    return subprocess.run([*_OWN_MOUNTS, "true"], capture_output=True, check=False).returncode == 0
