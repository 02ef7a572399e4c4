"""A variable about a proxy that no command can use never ends one in a fault of ours.

Those that only say nothing of Azure are in test_strange_answers.py, behind a proxy that answers.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def closed() -> str:
    """A port of this computer where nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


def signed_in(tmp_path: Path) -> Path:
    """An Azure CLI that gives a token."""
    az = tmp_path / "bin/az"
    az.parent.mkdir()
    token = {
        "accessToken": "t",
        "expiresOn": "2099-01-01 00:00:00.000000",
        "expires_on": 4070908800,
        "tokenType": "Bearer",
    }
    az.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(token)}\nEND\n")
    az.chmod(0o755)
    return az.parent


@pytest.mark.parametrize(
    ("name", "value"), [("HTTPS_PROXY", "socks5://127.0.0.1:1"), ("https_proxy", "http://[::bad")]
)
def test_a_proxy_that_cannot_be_used_is_named(tmp_path: Path, closed: str, name: str, value: str) -> None:
    (tmp_path / "infra").mkdir()
    keys = ("RESOURCE_GROUP_NAME", "STORAGE_ACCOUNT_NAME", "FILE_SHARE_NAME", "ACA_APP_NAME")
    config = {
        "SUBSCRIPTION_ID": "11111111-1111-1111-1111-111111111111",
        "ACA_APP_ENDPOINT": "http://x.invalid",
    }
    (tmp_path / "infra/inference.config.json").write_text(json.dumps(config | dict.fromkeys(keys, "x")))
    own = {"AITK_STATE_DIR": str(tmp_path / "s"), "AITK_LOG_DIR": str(tmp_path / "l"), "HOME": str(tmp_path)}
    path = f"{signed_in(tmp_path)}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-m", "aitk_inference", "status", "--project", str(tmp_path)],
        env={**os.environ, **own, "PATH": path, "HTTPS_PROXY": f"http://{closed}", name: value},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "went wrong inside" not in done.stderr
    assert "HTTPS_PROXY" in done.stderr.splitlines()[0]
