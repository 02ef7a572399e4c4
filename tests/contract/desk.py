"""A person's terminal with an aca-local of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT = 240


@dataclass(frozen=True)
class Desk:
    """A person's terminal with an aca-local of its own."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        places = {name: str(self.home / name.lower()) for name in ("AITK_STATE_DIR", "AITK_LOG_DIR")}
        return {**os.environ, **places, "AITK_LOCAL_DATA": str(self.data), "PYTHONUTF8": "1"}

    @property
    def data(self) -> Path:
        return self.home / "data"

    def run(self, *arguments: str, expect: int = 0) -> list[dict[str, object]]:
        """Run the command line with ``--json``; its lines."""
        done = subprocess.run(
            [sys.executable, "-m", "aitk_inference", *arguments, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "aitk_inference", *arguments, "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def local(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run aca-local's own command line."""
        command = [sys.executable, "-m", "aca_local", *arguments, "--data-dir", str(self.data)]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
