"""Azure of several directories, as a program meets it: a proxy that checks tokens, before a running aca-local.

The program runs as it is, with Azure's own addresses and Azure CLI; what stands in for Azure CLI prints the
tokens that a test chose. Subscriptions, directories and challenges are answered here, in the words that
Resource Manager has for them, all else by aca-local.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from support.certificates import certificate, server_tls

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

HOME, WORK, LOCKED = (f"{digit * 8}-{digit * 4}-4{digit * 3}-8{digit * 3}-{digit * 12}" for digit in "abc")
SUBSCRIPTION, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CLAIMS = "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlcyI6WyJwMSJdfX19"
LIMIT = 300.0
_LOGIN = "https://login.windows.net"
_AZ = """#!{python}
import json, sys
state = json.load(open({state!r}))
with open({log!r}, "a") as log:
    log.write(json.dumps(sys.argv[1:]) + "\\n")
tenant = sys.argv[sys.argv.index("--tenant") + 1] if "--tenant" in sys.argv else "default"
token = state.get(tenant)
if token is None or token.startswith("ERROR"):
    sys.exit(token or "ERROR: Please run 'az login' to setup account.")
ends = {{"expiresOn": "2099-01-01 00:00:00.000000", "expires_on": 4070908800, "tokenType": "Bearer"}}
print(json.dumps({{"accessToken": token, **ends}}))
"""
_FAST = """
import asyncio, sys, time
from aitk_inference.core.clock import SystemClock
pace = float(sys.argv.pop(1))
async def sleep(self, seconds):
    await asyncio.sleep(seconds / pace)
SystemClock.monotonic, SystemClock.sleep = lambda self: time.monotonic() * pace, sleep
from aitk_inference.__main__ import main
sys.exit(main())
"""
"""The program on a computer whose clock runs fast: what it waits for passes sooner, its requests are as they are."""


@dataclass(frozen=True)
class Tenant:
    """A directory and its subscriptions: ids and names."""

    id: str
    name: str
    subscriptions: Mapping[str, str] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        domain = f"{self.name.lower()}.example"
        return {
            "id": f"/tenants/{self.id}",
            "tenantId": self.id,
            "displayName": self.name,
            "defaultDomain": domain,
            "domains": [domain],
        }

    def subscription(self, identifier: str) -> dict[str, Any]:
        return {
            "id": f"/subscriptions/{identifier}",
            "subscriptionId": identifier,
            "tenantId": self.id,
            "displayName": self.subscriptions[identifier],
            "state": "Enabled",
        }


@dataclass
class Answer:
    """What a request is answered with instead, as often as ``times`` says (0: always)."""

    method: str
    path: str
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 0


@dataclass
class Change:
    """What aca-local's answer to a request is changed into, as often as ``times`` says (0: always)."""

    method: str
    path: str
    change: Callable[[Any], Any]
    times: int = 0

    def applies(self, method: str, path: str) -> bool:
        """Say whether it is this request's turn; it counts."""
        if self.method != method or not re.search(self.path, path) or self.times < 0:
            return False
        self.times = self.times - 1 if self.times > 1 else -1 if self.times else 0
        return True


@dataclass
class Accounts:
    """What runs, and what it was asked.

    Attributes:
        tokens: The directory of each token that is good.
        weak: Tokens that lack claims for writes.
        answers: Rules that come before everything else; paths are regular expressions.
        changes: Rules for what aca-local answered; the first that applies is used.
        hosts: What other hosts answer, by name: from method and path to a status and a text.
        asked: The requests so far: method, path without its query, token.
        elsewhere: Hosts other than Resource Manager that were asked for.
    """

    folder: Path
    environment: dict[str, str]
    line: dict[str, Any]
    tenants: list[Tenant] = field(
        default_factory=lambda: [
            Tenant(HOME, "Personal"),
            Tenant(WORK, "Contoso", {SUBSCRIPTION: "Team"}),
        ]
    )
    tokens: dict[str, str] = field(default_factory=lambda: {"home": HOME, "work": WORK, "strong": WORK})
    weak: set[str] = field(default_factory=set)
    answers: list[Answer] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    hosts: dict[str, Callable[[str, str], tuple[int, str]]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def as_guest(self) -> None:
        """The account's own directory has no subscription; it is a guest of the one that has."""
        self.signed_in({"default": "home", HOME: "home", WORK: "work"})

    def signed_in(self, tokens: Mapping[str, str]) -> None:
        """Let Azure CLI have these tokens, by directory (``default``: without one), or say ``ERROR: …``."""
        (self.folder / "az.json").write_text(json.dumps(dict(tokens)))

    @property
    def az_calls(self) -> list[list[str]]:
        log = self.folder / "az.log"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def renew(self) -> None:
        """Forget what an earlier test set."""
        fresh = Accounts(self.folder, self.environment, self.line)
        for name in ("tenants", "tokens", "weak", "answers", "changes", "hosts", "asked", "elsewhere"):
            setattr(self, name, getattr(fresh, name))
        self.as_guest()
        (self.folder / "az.log").unlink(missing_ok=True)

    def alone(self) -> None:
        """The account's own directory has the subscription, and asks for nothing more."""
        self.tenants = [Tenant(HOME, "Personal", {SUBSCRIPTION: "Team"})]

    def run(self, *words: str, pace: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
        """Run aitk-inference as a person does, with nobody at the keyboard; ``pace``: its clock runs so fast."""
        program = ["-c", _FAST, str(pace)] if pace else ["-m", "aitk_inference"]
        return subprocess.run(
            [sys.executable, *program, *words],
            env={**os.environ, **self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )

    def reply(self, method: str, path: str, token: str) -> tuple[int, dict[str, str], Any] | None:
        """The answer of this Azure; None: aca-local's."""
        self.asked.append((method, path, token))
        for rule in self.answers:
            if rule.method == method and re.search(rule.path, path) and rule.times >= 0:
                rule.times = rule.times - 1 if rule.times > 1 else -1 if rule.times else 0
                return rule.status, dict(rule.headers), rule.body
        tenant = next((one for one in self.tenants if one.id == self.tokens.get(token)), None)
        if tenant is None:
            return _refused("InvalidAuthenticationToken", "The access token is invalid.", f"{_LOGIN}/")
        if path == "/tenants":
            return 200, {}, {"value": [one.document for one in self.tenants]}
        if path == "/subscriptions":
            return 200, {}, {"value": [tenant.subscription(one) for one in tenant.subscriptions]}
        return self._below(method, path, token, tenant)

    def _below(
        self, method: str, path: str, token: str, tenant: Tenant
    ) -> tuple[int, dict[str, str], Any] | None:
        wanted = path.split("/")[2]
        owner = next((one for one in self.tenants if wanted in one.subscriptions), None)
        if owner is None:
            message = f"The subscription '{wanted}' could not be found."
            return 404, {}, {"error": {"code": "SubscriptionNotFound", "message": message}}
        if owner is not tenant:
            message = f"The access token is from the wrong issuer 'https://sts.windows.net/{tenant.id}/'. It must match the tenant 'https://sts.windows.net/{owner.id}/'."
            return _refused("InvalidAuthenticationTokenTenant", message, f"{_LOGIN}/{owner.id}")
        if token in self.weak and method not in ("GET", "HEAD"):
            challenge = f'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="{CLAIMS}"'
            message = "Resource 'x' was disallowed by policy. Reasons: 'MFA is required. See error details for policy resource IDs.'"
            return (
                401,
                {"WWW-Authenticate": challenge},
                {"error": {"code": "RequestDisallowedByPolicy", "message": message}},
            )
        if path == f"/subscriptions/{wanted}":
            return 200, {}, owner.subscription(wanted)
        return None


def _refused(code: str, message: str, authority: str) -> tuple[int, dict[str, str], Any]:
    challenge = (
        f'Bearer authorization_uri="{authority}", error="invalid_token", error_description="{message}"'
    )
    return 401, {"WWW-Authenticate": challenge}, {"error": {"code": code, "message": message}}


@contextmanager
def azure_accounts(folder: Path) -> Iterator[Accounts]:
    """Run it: aca-local with its data below ``folder``, the proxy before it, and what stands for Azure CLI."""
    serve = [sys.executable, "-m", "aca_local", "serve", "--detach", "--json", "--timing", "instant"]
    data = ["--data-dir", str(folder / "aca")]
    started = subprocess.run([*serve, *data], check=True, capture_output=True, text=True, timeout=LIMIT)
    try:
        with _proxied(folder, json.loads(started.stdout)) as accounts:
            yield accounts
    finally:
        stop = [sys.executable, "-m", "aca_local", "stop", *data]
        subprocess.run(stop, check=True, capture_output=True, timeout=LIMIT)


@contextmanager
def _proxied(folder: Path, line: dict[str, Any]) -> Iterator[Accounts]:
    hosts = (
        "*.azure.com",
        "*.microsoftonline.com",
        "*.westus3.azurecontainerapps.io",
        "*.azurecontainerapps.dev",
    )
    server_file, authority = certificate(folder, hosts)
    tls = server_tls(server_file)
    az = folder / "bin/az"
    az.parent.mkdir()
    state, log = str(folder / "az.json"), str(folder / "az.log")
    az.write_text(_AZ.format(python=sys.executable, state=state, log=log))
    az.chmod(0o755)
    environment = {
        "SSL_CERT_FILE": str(authority),
        "PATH": f"{az.parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(folder),
        "AITK_PRICES_URL": "http://127.0.0.1:9",
        "AITK_STATE_DIR": str(folder / "state"),
        "AITK_LOG_DIR": str(folder / "logs"),
        "NO_PROXY": "localhost,127.0.0.1,.localhost",
    }
    accounts = Accounts(folder, environment, line)
    accounts.as_guest()
    with ThreadingHTTPServer(("127.0.0.1", 0), _proxy(accounts, tls)) as server:
        environment["HTTPS_PROXY"] = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield accounts
        finally:
            server.shutdown()
            thread.join()


class _Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None: ...


def _proxy(accounts: Accounts, tls: ssl.SSLContext) -> type[_Quiet]:
    class Arm(_Quiet):
        """Resource Manager."""

        def handle_one(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            token = self.headers.get("Authorization", "").removeprefix("Bearer ")
            path = self.path.partition("?")[0]
            given = accounts.reply(self.command, path, token)
            status, headers, content = given or _forwarded(accounts, self.command, self.path, body)
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = handle_one  # noqa: N815 - http.server's names

    class Proxy(_Quiet):
        """Takes CONNECT: Resource Manager answers here, nobody else does."""

        def do_CONNECT(self) -> None:
            self.close_connection = True
            host = self.path.rpartition(":")[0]
            if host != "management.azure.com" and host not in accounts.hosts:
                accounts.elsewhere.append(host)
                self.send_error(502)
                return
            self.send_response(200)
            self.end_headers()
            handler = Arm if host == "management.azure.com" else _other(accounts.hosts[host])
            with suppress(OSError), tls.wrap_socket(self.connection, server_side=True) as inner:
                handler(inner, self.client_address, self.server)

    return Proxy


def _other(answer: Callable[[str, str], tuple[int, str]]) -> type[_Quiet]:
    class Other(_Quiet):
        """A host that is not Resource Manager."""

        def handle_one(self) -> None:
            status, text = answer(self.command, self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_HEAD = handle_one  # noqa: N815 - http.server's names

    return Other


def _forwarded(accounts: Accounts, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
    """aca-local's answer: it has one subscription, whose id is another one and as long."""
    theirs, ours = accounts.line["subscriptionId"], SUBSCRIPTION
    host = accounts.line["armHttp"].removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=LIMIT)
    headers = {"Authorization": f"Bearer {accounts.line['token']}", "Content-Type": "application/json"}
    connection.request(
        method, path.replace(ours, theirs), body.replace(ours.encode(), theirs.encode()), headers
    )
    answer = connection.getresponse()
    content = answer.read().replace(theirs.encode(), ours.encode())
    content = content.replace(accounts.line["armHttp"].encode(), b"https://management.azure.com")
    kept = {
        name: value.replace(theirs, ours).replace(accounts.line["armHttp"], "https://management.azure.com")
        for name, value in answer.getheaders()
        if name.lower()
        in ("location", "azure-asyncoperation", "retry-after", "content-type", "www-authenticate")
    }
    connection.close()
    bare = path.partition("?")[0]
    rule = next((one for one in accounts.changes if one.applies(method, bare)), None)
    if rule and answer.status < http.HTTPStatus.BAD_REQUEST:
        content = json.dumps(rule.change(json.loads(content or b"null"))).encode()
    return answer.status, kept, content
