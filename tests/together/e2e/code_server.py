"""The real VS Code (code-server) with a fresh profile and the built VSIX, on a free port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from together.e2e.setup_editor import editor_home, node_home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START_TIMEOUT = 60.0
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "chat.commandCenter.enabled": False,
    "chat.disableAIFeatures": True,
    "extensions.ignoreRecommendations": True,
    "files.simpleDialog.enable": True,
    "update.showReleaseNotes": False,
    "window.confirmBeforeClose": "never",
    "workbench.colorTheme": "Default Light Modern",
    "workbench.tips.enabled": False,
    "workbench.reduceMotion": "on",
    "workbench.hover.delay": 3_600_000,  # a tooltip over a list would take its clicks
    "remote.autoForwardPorts": False,
    "security.workspace.trust.startupPrompt": "never",
    "files.autoSave": "off",
}


@dataclass(frozen=True)
class Profile:
    """A fresh profile: its folder, and the environment that the editor and its server see."""

    home: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def storage(self) -> Path:
        """Where the extension keeps its private Python environment."""
        return self.home / "data" / "User" / "globalStorage" / "aitk.aitk-remote-inference"


def fresh_profile(home: Path, vsix: Path, machine: dict[str, str], **environment: str) -> Profile:
    """Make a profile with settings of this machine, and install the extension into it."""
    nowhere = {"EXTENSIONS_GALLERY": json.dumps({"serviceUrl": "http://127.0.0.1:9"})}  # asks nobody outside
    profile = Profile(home, {**os.environ, **nowhere, **environment})
    for place, values in (("User", SETTINGS), ("Machine", machine)):
        settings = home / "data" / place / "settings.json"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps(values))
    install(profile, vsix)
    return profile


def install(profile: Profile, vsix: Path) -> None:
    """Install an extension into a profile."""
    done = subprocess.run(
        [*_command(profile), "--install-extension", str(vsix)],
        env=profile.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "successfully installed" in done.stdout, done.stdout + done.stderr


@contextmanager
def code_server(profile: Profile, log: Path, *, trusting: bool = True) -> Iterator[str]:
    """Run the editor, which trusts every folder or none; yields its address without a path."""
    options = [
        *("--auth", "none", "--bind-addr", "127.0.0.1:0"),
        *("--disable-telemetry", "--disable-update-check"),
        *(["--disable-workspace-trust"] if trusting else []),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*_command(profile), *options],
            env=profile.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            process.wait(30)


def _command(profile: Profile) -> list[str]:
    entry = editor_home() / "node_modules" / "code-server" / "out" / "node" / "entry.js"
    folders = [
        "--user-data-dir",
        str(profile.home / "data"),
        "--extensions-dir",
        str(profile.home / "extensions"),
    ]
    return [str(node_home() / "bin" / "node"), str(entry), *folders]


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + START_TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        found = re.search(
            r"HTTP server listening on (http://127\.0\.0\.1:\d+)", log.read_text(errors="replace")
        )
        if found and _answers(found[1]):
            return found[1]
        time.sleep(0.2)
    raise AssertionError(f"the editor did not start:\n{log.read_text(errors='replace')[-3000:]}")


def _answers(address: str) -> bool:
    with urllib.request.urlopen(f"{address}/healthz", timeout=5) as answer:
        return bool(answer.status == 200)
