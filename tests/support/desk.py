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
NO_PRICES = {"AITK_PRICES_URL": "http://127.0.0.1:9"}
"""Tests talk to this computer alone: the list prices are unknown to them."""


@dataclass(frozen=True)
class Desk:
    """A person's terminal with an aca-local of its own."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        places = {name: str(self.home / name.lower()) for name in ("AITK_STATE_DIR", "AITK_LOG_DIR")}
        return {
            **os.environ,
            **places,
            "AITK_LOCAL_DATA": str(self.data),
            "PYTHONUTF8": "1",
            **NO_PRICES,
        }

    @property
    def data(self) -> Path:
        return self.home / "data"

    def run(self, *arguments: str, expect: int = 0) -> list[dict[str, object]]:
        """Run the command line with ``--json``; its lines."""
        return self.run_in(self.environment, *arguments, expect=expect)

    def run_in(
        self, environment: dict[str, str], *arguments: str, expect: int = 0
    ) -> list[dict[str, object]]:
        """Run it in another environment."""
        done = self.said(*arguments, "--json", environment=environment)
        assert done.returncode == expect, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def said(
        self, *arguments: str, environment: dict[str, str] | None = None, given: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end, however it ends, and return what it wrote; ``given`` comes from a pipe."""
        return subprocess.run(
            [sys.executable, "-m", "aitk_inference", *arguments],
            env=environment or self.environment,
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )

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
