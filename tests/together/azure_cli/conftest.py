"""An Azure CLI that is signed in to an aca-local of its own.

Nobody signs in on aca-local, so ``az login`` takes the managed identity of a small server here, which hands
out aca-local's token; the Azure CLI wants that to look like a JSON web token.
"""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import compile_infra
import pytest
from support import documents
from support.projects import small_project

if TYPE_CHECKING:
    from collections.abc import Iterator

WORK = documents.ROOT / "build" / "azure_cli"
SUBSCRIPTION = "aca10ca1-0000-4000-8000-000000000001"
TENANT = "aca10ca1-0000-4000-8000-000000000002"
GROUP = "by-hand"
LIMIT = 240


def _azure_cli() -> Path:
    """The Azure CLI in an environment of its own, made once in ``build/``."""
    python, uv = WORK / "venv" / "bin" / "python", Path(sys.executable).parent / "uv"
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, WORK / "venv"], check=True)
    wanted = Path(__file__).with_name("requirements.txt")
    subprocess.run([uv, "pip", "install", "-q", "-p", python, "-r", wanted], check=True, timeout=900)
    return python.with_name("az")


def _token() -> str:
    """A token in the form that the Azure CLI reads without checking it: whose it is, in which directory."""
    parts = {"alg": "RS256", "typ": "JWT"}, {"tid": TENANT, "oid": TENANT, "sub": os.urandom(16).hex()}
    return ".".join([*(_base64(json.dumps(part).encode()) for part in parts), _base64(os.urandom(32))])


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


@contextmanager
def _identity(token: str) -> Iterator[str]:
    """A managed identity as App Service offers it; its address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            given = {
                "access_token": token,
                "token_type": "Bearer",
                "expires_on": str(int(time.time()) + 36000),
            }
            body = json.dumps({**given, "resource": "any", "client_id": TENANT}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/token"
        finally:
            server.shutdown()
            thread.join()


class Shell:
    """A person's shell in the project's folder, signed in to aca-local."""

    def __init__(self, project: Path, environment: dict[str, str]) -> None:
        self.project = project
        self._environment = environment
        self.values = {"SUB": SUBSCRIPTION, "RG": GROUP}

    def run(self, text: str) -> str:
        """Run lines, which must all succeed; what they wrote."""
        for name, value in self.values.items():
            text = re.sub(rf"(?<![A-Za-z_]){name}(?![A-Za-z_])", value, text)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.project,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    az, home = _azure_cli(), tmp_path_factory.mktemp("by-hand")
    data, token = home / "data", _token()
    data.mkdir(mode=0o700)
    (data / "token").write_text(token)
    (data / "token").chmod(0o600)
    bicep = compile_infra.find_bicep()
    paths = [az.parent, *([Path(bicep).parent] if bicep else []), Path(sys.executable).parent]
    with _identity(token) as address:
        environment = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, paths), os.environ["PATH"]]),
            "AITK_LOCAL_DATA": str(data),
            "AITK_STATE_DIR": str(home / "state"),
            "AITK_LOG_DIR": str(home / "logs"),
            "AZURE_CONFIG_DIR": str(home / "azure"),
            "AZURE_CORE_COLLECT_TELEMETRY": "false",
            "AZURE_CORE_ONLY_SHOW_ERRORS": "true",
            "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",
            "IDENTITY_ENDPOINT": address,
            "IDENTITY_HEADER": "here",
            "REQUESTS_CA_BUNDLE": str(data / "certificates" / "ca.pem"),
        }
        shell = Shell(small_project(home / "project"), environment)
        local = json.loads(shell.run("aca-local serve --detach --json"))
        shell.run(f"az cloud register --name local --endpoint-resource-manager {local['arm']}/")
        shell.run("az cloud set --name local")
        shell.run("az config set bicep.use_binary_from_path=true bicep.check_version=false")
        yield shell
        shell.run("aca-local stop")
