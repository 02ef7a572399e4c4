"""Projects and other people's requests for the tests of real Azure's findings.

Nothing of the product is imported and its template is the one that the program itself ships, so that these tests run
unchanged on earlier releases.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from support.desk import Desk

CONFIG = "infra/inference.config.json"
APPS, STORAGE, NEWER_APPS = "2024-03-01", "2023-05-01", "2025-01-01"
LIMIT = 60
_APP = """\
import http.server, os, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else int(open("status.txt").read()))
        self.end_headers()
        self.wfile.write(open("answer.txt", "rb").read())
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
_SMALL = {
    "workloadProfileType": "Consumption",
    "cpu": "0.5",
    "memory": "1Gi",
    "defaultCommands": ["cd /mount/inference", "python3 app.py"],
}


def make_small(root: Path, *, status: int = 200) -> Path:
    """Put a small app on a CPU in the place of a starter's; ``/`` answers with a status, ``/health`` with 200."""
    for folder in ("inference", "sample"):
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "inference").mkdir()
    (root / "inference/app.py").write_text(_APP)
    (root / "inference/answer.txt").write_text("hello")
    (root / "inference/status.txt").write_text(str(status))
    set_parameters(root, **_SMALL)
    return root


def set_parameters(root: Path, **values: object) -> None:
    """Change values of the parameters file."""
    path = root / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    document["parameters"] |= {name: {"value": value} for name, value in values.items()}
    path.write_text(json.dumps(document))


def name_resources(root: Path, group: str) -> None:
    """Name each resource: a name made of the subscription's id would be another one behind a proxy."""
    short = group.replace("-", "")
    names = {"storageAccountName": f"{short}store", "fileShareName": f"{short}share"}
    kinds = ("acaAppName", "acaEnvironmentName", "acaEnvironmentStorageName", "acaLogAnalyticsName")
    names |= {kind: f"{short}{kind[3:6].lower()}" for kind in kinds}
    names["acaEnvironmentStorageName"] += "s"
    set_parameters(root, **names)


def config_of(root: Path) -> dict[str, str]:
    """Return what Provision wrote."""
    document: dict[str, str] = json.loads((root / CONFIG).read_text())
    return document


@dataclass(frozen=True)
class Arm:
    """Resource Manager of a running aca-local, as other people ask it, below one resource group."""

    line: Mapping[str, str]
    group: str

    @classmethod
    def of(cls, desk: Desk, group: str) -> Arm:
        """Return the one of a desk, which is started where it does not run."""
        return cls(json.loads(desk.local("serve", "--detach", "--json").stdout), group)

    @property
    def id(self) -> str:
        """Return the group's id."""
        return f"/subscriptions/{self.line['subscriptionId']}/resourceGroups/{self.group}"

    def ask(self, method: str, path: str, body: object = None, version: str = APPS) -> Any:
        """Ask below the group's providers, and wait until what was asked for is done."""
        headers = {"Authorization": f"Bearer {self.line['token']}"}
        url = f"{self.line['armHttp']}{self.id}{path and '/providers/'}{path}"
        answer = httpx.request(
            method, url, params={"api-version": version}, json=body, headers=headers, timeout=LIMIT
        )
        assert answer.status_code < 300, answer.text
        while address := answer.headers.get("Azure-AsyncOperation"):
            status = httpx.get(address, headers=headers, timeout=LIMIT, verify=False).json()["status"]
            if status in ("Succeeded", "Failed"):
                assert status == "Succeeded"
                break
        return answer.json() if answer.content else None

    def names(self, kind: str) -> list[str]:
        """Return the names of the resources of a type."""
        version = APPS if "Microsoft.App" in kind else STORAGE
        return [str(found["name"]) for found in self.ask("GET", kind, version=version)["value"]]

    def break_with(self, *rules: Mapping[str, object]) -> None:
        """Let requests go wrong by these rules from now on."""
        headers = {"Authorization": f"Bearer {self.line['token']}"}
        answer = httpx.put(f"{self.line['armHttp']}/aca-local/faults", headers=headers, json=[*rules])
        assert answer.is_success, answer.text

    def app(self, root: Path, version: str = NEWER_APPS) -> Any:
        """Return a project's app."""
        return self.ask("GET", self.app_path(root), version=version)

    def app_path(self, root: Path) -> str:
        """Return the path of a project's app below the providers."""
        return f"Microsoft.App/containerApps/{config_of(root)['ACA_APP_NAME']}"

    def account_path(self, root: Path) -> str:
        """Return the path of a project's storage account below the providers."""
        return f"Microsoft.Storage/storageAccounts/{config_of(root)['STORAGE_ACCOUNT_NAME']}"
