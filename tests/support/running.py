"""A running aca-local with a small app on a share: for tests that want the whole of it, as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from azure.core.credentials import AzureNamedKeyCredential
from azure.storage.fileshare import ShareFileClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LIMIT = 90.0
GROUP, ACCOUNT, SHARE, ENVIRONMENT, APP = "rg-journey", "journeyacct", "code", "env", "app"
APP_API, STORAGE_API, GROUP_API = "2025-01-01", "2023-05-01", "2022-09-01"
SERVER = textwrap.dedent(
    """
    import http.server, os, pathlib, subprocess, sys
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream" if self.path == "/events" else "text/plain")
            self.end_headers()
            if self.path == "/crash":
                os._exit(7)
            if self.path == "/events":
                for number in range(3):
                    self.wfile.write(f"data: {number}\\n\\n".encode())
                    self.wfile.flush()
                return
            replica, note = os.environ["CONTAINER_APP_REPLICA_NAME"], pathlib.Path("/mount/note.txt")
            self.wfile.write(f"{replica} {os.getpid()} {note.read_text()}".encode())
        def log_message(self, *_): pass
    print("serving on", os.environ["PORT"], flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    """
)


@dataclass
class Azure:
    """A running aca-local, spoken to as Azure is."""

    line: dict[str, Any]

    @property
    def group(self) -> str:
        return f"/subscriptions/{self.line['subscriptionId']}/resourceGroups/{GROUP}"

    @property
    def app(self) -> str:
        return f"{self.group}/providers/Microsoft.App/containerApps/{APP}"

    def ask(self, method: str, path: str, version: str, body: object = None) -> dict[str, Any]:
        answer = httpx.request(
            method,
            self.line["armHttp"] + path,
            params={"api-version": version},
            headers={"Authorization": f"Bearer {self.line['token']}"},
            json=body,
            timeout=LIMIT,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        found = answer.json() if answer.content else {}
        return found if isinstance(found, dict) else {}

    def put(self, path: str, version: str, body: object) -> dict[str, Any]:
        """Create something and wait until it is there."""
        self.ask("PUT", path, version, body)
        return until(
            lambda: self.ask("GET", path, version),
            lambda found: found["properties"].get("provisioningState", "Succeeded") == "Succeeded",
        )

    def replicas(self) -> list[dict[str, Any]]:
        revision = self.ask("GET", self.app, APP_API)["properties"]["latestRevisionName"]
        found = self.ask("GET", f"{self.app}/revisions/{revision}/replicas", APP_API)["value"]
        assert isinstance(found, list)
        return found

    def get(self, path: str = "/") -> str:
        fqdn = self.ask("GET", self.app, APP_API)["properties"]["configuration"]["ingress"]["fqdn"]
        answer = httpx.get(f"http://{fqdn}{path}", timeout=LIMIT, trust_env=False)
        return answer.text if answer.is_success else ""


def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + LIMIT
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def aca_local(folder: Path, *words: str) -> str:
    command = [sys.executable, "-m", "aca_local", *words, "--data-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(folder: Path) -> Azure:
    return Azure(json.loads(aca_local(folder, "serve", "--detach", "--json")))


def provision(azure: Azure) -> None:
    azure.put(azure.group, GROUP_API, {"location": "westus3"})
    account = f"{azure.group}/providers/Microsoft.Storage/storageAccounts/{ACCOUNT}"
    made = azure.put(
        account, STORAGE_API, {"location": "westus3", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    )
    azure.put(f"{account}/fileServices/default/shares/{SHARE}", STORAGE_API, {"properties": {}})
    key = azure.ask("POST", f"{account}/listKeys", STORAGE_API)["keys"][0]["value"]
    for name, text in (("server.py", SERVER), ("note.txt", "first")):
        upload(made["properties"]["primaryEndpoints"]["file"], key, name, text)
    environment = f"{azure.group}/providers/Microsoft.App/managedEnvironments/{ENVIRONMENT}"
    azure.put(environment, APP_API, {"location": "westus3", "properties": {}})
    azure.put(
        f"{environment}/storages/store",
        APP_API,
        {
            "properties": {
                "azureFile": {
                    "accountName": ACCOUNT,
                    "accountKey": key,
                    "shareName": SHARE,
                    "accessMode": "ReadWrite",
                }
            }
        },
    )
    azure.put(azure.app, APP_API, application(environment))


def upload(endpoint: str, key: str, name: str, text: str) -> None:
    credential = AzureNamedKeyCredential(ACCOUNT, key)
    with ShareFileClient(endpoint.rstrip("/"), SHARE, name, credential=credential) as client:
        client.upload_file(text.encode())


def application(environment: str) -> dict[str, Any]:
    container = {
        "name": "main",
        "image": "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04",
        "command": ["/bin/bash"],
        "args": ["-c", "cd /mount && python server.py"],
        "resources": {"cpu": 0.5, "memory": "1Gi"},
        "volumeMounts": [{"volumeName": "share", "mountPath": "/mount"}],
    }
    return {
        "location": "westus3",
        "properties": {
            "environmentId": environment,
            "configuration": {"ingress": {"external": True, "targetPort": 8080}},
            "template": {
                "containers": [container],
                "scale": {"minReplicas": 1, "maxReplicas": 1},
                "volumes": [{"name": "share", "storageType": "AzureFile", "storageName": "store"}],
            },
        },
    }
