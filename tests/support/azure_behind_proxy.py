"""Azure as a program meets it behind a company's proxy, all of it on this computer.

A proxy takes ``CONNECT`` for whatever host and answers itself, with a certificate that ``SSL_CERT_FILE``
makes known. So the program runs as it is, with Azure's own addresses, and a test decides each answer.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

from support.certificates import certificate, server_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

SUBSCRIPTION = "11111111-1111-1111-1111-111111111111"
CONFIG = {
    "SUBSCRIPTION_ID": SUBSCRIPTION,
    "RESOURCE_GROUP_NAME": "rg",
    "STORAGE_ACCOUNT_NAME": "account",
    "FILE_SHARE_NAME": "share",
    "ACA_APP_NAME": "app",
    "ACA_APP_ENDPOINT": "https://app.westus3.azurecontainerapps.io",
}
HOSTS = (
    "*.azure.com",
    "*.westus3.azurecontainerapps.io",
    "*.azurecontainerapps.dev",
    "*.file.core.windows.net",
)
_APP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.App/containerApps/app"
_LOGS = "https://westus3.azurecontainerapps.dev/logs"
RESET = object()
"""An answer that is none: the connection is reset."""


class Answer(NamedTuple):
    """A whole answer, where its body alone does not say it."""

    status: int
    kind: str = "application/json"
    content: str = ""
    headers: tuple[tuple[str, str], ...] = ()


def _replica() -> dict[str, Any]:
    container = {
        "name": "c",
        "ready": True,
        "started": True,
        "runningState": "Running",
        "logStreamEndpoint": _LOGS,
    }
    properties = {"createdTime": "2026-01-01T00:00:00Z", "runningState": "Running", "containers": [container]}
    return {"id": f"{_APP}/replicas/r", "name": "r", "properties": properties}


def _app() -> dict[str, Any]:
    configuration = {"ingress": {"fqdn": "app.westus3.azurecontainerapps.io", "external": True}}
    properties = {
        "provisioningState": "Succeeded",
        "runningStatus": "Running",
        "latestRevisionName": "app--1",
        "eventStreamEndpoint": _LOGS,
        "configuration": configuration,
    }
    return {"id": _APP, "name": "app", "location": "West US 3", "properties": properties}


def _account() -> dict[str, Any]:
    properties = {"primaryEndpoints": {"file": "https://account.file.core.windows.net/"}}
    return {"id": "/x", "name": "account", "properties": properties}


def _subscription() -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{SUBSCRIPTION}",
        "subscriptionId": SUBSCRIPTION,
        "displayName": "Team",
        "state": "Enabled",
    }


GOOD: dict[str, Any] = {
    "GET /subscriptions": {"value": [_subscription()]},
    f"GET /{SUBSCRIPTION}": _subscription(),
    "GET /app": _app(),
    "GET /replicas": {"value": [_replica()]},
    "GET /r": _replica(),
    "POST /getauthtoken": {"id": _APP, "name": "app", "properties": {"token": "t"}},
    "GET /logs": "one line\n",
    "GET /": "hello",
    "POST /stop": "",
    "POST /start": "",
    "GET /account": _account(),
    "POST /listkeys": {"keys": [{"keyName": "key1", "value": "c2VjcmV0"}]},
}
"""What each request is answered with, by its method and the end of its path."""


@dataclass
class Azure:
    """What runs, and what it was asked.

    Attributes:
        environment: The variables that lead a program here.
        answers: Bodies in the place of ``GOOD`` ones: a text is sent as it is, an ``Answer`` is a whole one.
        once: The same, each for the next such request alone.
        asked: The requests so far, as the keys of ``GOOD`` name them.
    """

    environment: dict[str, str]
    answers: dict[str, Any] = field(default_factory=dict)
    once: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def body(self, method: str, path: str) -> Any:
        """The answer to a request; None is 404."""
        key = f"{method} /{path.partition('?')[0].rstrip('/').rpartition('/')[2].lower()}"
        self.asked.append(key)
        if key in self.once:
            return self.once.pop(key)
        return self.answers.get(key, GOOD.get(key))


@contextmanager
def azure_behind_proxy(folder: Path) -> Iterator[Azure]:
    """Run it; ``folder`` takes the certificate and an Azure CLI that gives a token."""
    server_file, authority = certificate(folder, HOSTS)
    tls = server_tls(server_file)
    azure = Azure(
        {"SSL_CERT_FILE": str(authority), "PATH": f"{_signed_in(folder)}{os.pathsep}{os.environ['PATH']}"}
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), _proxy(azure, tls)) as server:
        azure.environment["HTTPS_PROXY"] = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield azure
        finally:
            server.shutdown()
            thread.join()


def _whole(body: Any) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(404 if body is None else 200, content=text)


def _signed_in(folder: Path) -> Path:
    az = folder / "bin/az"
    az.parent.mkdir()
    token = {"accessToken": "t", "expires_on": 4070908800, "expiresOn": "2099-01-01 00:00:00.000000"}
    az.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps({**token, 'tokenType': 'Bearer'})}\nEND\n")
    az.chmod(0o755)
    return az.parent


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...


def _proxy(azure: Azure, tls: ssl.SSLContext) -> type[_Quiet]:
    class Service(_Quiet):
        """Answers for every host."""

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = azure.body(self.command, self.path)
            if body is RESET:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            answer = body if isinstance(body, Answer) else _whole(body)
            content = answer.content.encode()
            self.send_response(answer.status)
            headers = (("Content-Type", answer.kind), ("Content-Length", str(len(content))), *answer.headers)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that the library looks for

    class Proxy(_Quiet):
        """Takes CONNECT and lets ``Service`` answer."""

        def do_CONNECT(self) -> None:
            self.close_connection = True
            self.send_response(200)
            self.end_headers()
            with suppress(OSError), tls.wrap_socket(self.connection, server_side=True) as inner:
                Service(inner, self.client_address, self.server)

    return Proxy
