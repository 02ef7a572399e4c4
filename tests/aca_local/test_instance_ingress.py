"""The ingress of a running aca-local from outside: who gets in, what gets through, who answers."""

import http.client
import json
import os
import socket
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest
from aca_local.security import page_key
from support.running import APP_API, GROUP_API, LIMIT, Azure, aca_local, start, until

ECHO = textwrap.dedent(
    """
    import http.server, importlib.util, json, os, sys, urllib.request
    class Echo(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        def do_GET(self):
            said = {"name": os.environ["NAME"], "path": self.path, "headers": self.headers.items()}
            if self.path == "/env":
                said["env"] = dict(os.environ)
                said["setuptools"] = importlib.util.find_spec("setuptools") is not None
            if self.path.startswith("/fetch?"):
                said["fetched"] = urllib.request.urlopen("http://" + self.path[7:]).status
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Set-Cookie", "aca-local-1=taken")
            self.send_header("Set-Cookie", "mine=kept")
            self.end_headers()
            self.wfile.write(body)
        do_OPTIONS = do_POST = do_GET
        def log_message(self, *_): pass
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    port = int(sys.argv[1] if len(sys.argv) > 1 else os.environ["PORT"])
    http.server.ThreadingHTTPServer(("0.0.0.0", port), Echo).serve_forever()
    """
)
pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for POSIX")


def app_id(azure: Azure, name: str) -> str:
    return f"{azure.group}/providers/Microsoft.App/containerApps/{name}"


def provisioning_state(azure: Azure, name: str) -> str:
    state: str = azure.ask("GET", app_id(azure, name), APP_API)["properties"]["provisioningState"]
    return state


def put(azure: Azure, name: str, suffix: str, *words: str, mode: str = "Single", **ingress: Any) -> str:
    """Put an app that echoes, with this revision; return its address."""
    container = {
        "name": "main",
        "image": "python",
        "command": ["python", "-c", ECHO, *words],
        "env": [{"name": "NAME", "value": suffix}],
    }
    asked = {"external": True, "targetPort": int(words[0]) if words else 8080, **ingress}
    template = {"revisionSuffix": suffix, "containers": [container], "scale": {"minReplicas": 1}}
    properties = {
        "environmentId": f"{azure.group}/providers/Microsoft.App/managedEnvironments/env",
        "configuration": {"activeRevisionsMode": mode, "ingress": asked},
        "template": template,
    }
    made = azure.put(app_id(azure, name), APP_API, {"location": "westus3", "properties": properties})
    return str(made["properties"]["configuration"]["ingress"]["fqdn"])


def wait_ready(azure: Azure, name: str, suffix: str) -> None:
    revision = f"{name}--{suffix}"
    until(
        lambda: azure.ask("GET", f"{app_id(azure, name)}/revisions/{revision}", APP_API)["properties"],
        lambda found: found["healthState"] == "Healthy",
    )
    until(
        lambda: azure.ask("GET", app_id(azure, name), APP_API)["properties"],
        lambda found: found["latestReadyRevisionName"].startswith(f"{name}--"),
    )


def events(azure: Azure, name: str) -> list[str]:
    """Return the messages of an app's system log."""
    token = azure.ask("POST", f"{app_id(azure, name)}/getAuthtoken", APP_API)["properties"]["token"]
    found = httpx.get(
        f"{azure.line['armHttp']}{azure.group}/containerApps/{name}/eventstream",
        params={"tailLines": "300"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=LIMIT,
        trust_env=False,
    )
    return [json.loads(line)["Msg"] for line in found.text.splitlines()]


def get(host: str, path: str = "/", **headers: str) -> httpx.Response:
    return httpx.get(f"http://{host}{path}", headers=headers, timeout=LIMIT, trust_env=False)


def raw(host: str, request: bytes) -> bytes:
    """Send bytes, return what comes until the other side closes."""
    name, _, port = host.partition(":")
    answer = b""
    with socket.create_connection((name, int(port)), timeout=LIMIT / 6) as connection, suppress(TimeoutError):
        connection.sendall(request)
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer and (b"Content-Length" not in answer or answer.endswith(b"}")):
                break
        return answer


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("ingress") / "data"
    with pytest.MonkeyPatch.context() as patch:  # as people's shells have them
        patch.setenv("PIP_USER", "1")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("NO_PROXY", "example.org,fd07:b51a:cc66:f0::/64")
        patch.delenv("no_proxy", raising=False)
        found = start(folder)
    found.put(found.group, GROUP_API, {"location": "westus3"})
    environment = f"{found.group}/providers/Microsoft.App/managedEnvironments/env"
    found.put(environment, APP_API, {"location": "westus3", "properties": {}})
    yield found
    aca_local(folder, "stop")


@pytest.fixture(scope="module")
def echo(azure: Azure) -> str:
    """The address of an app that says what reached it."""
    host = put(azure, "echo", "one")
    wait_ready(azure, "echo", "one")
    return host


@pytest.fixture
def other() -> Iterator[socket.socket]:
    """Another program of this computer, which no ingress may talk to."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def is_untouched(listener: socket.socket) -> bool:
    try:
        listener.accept()
    except BlockingIOError:
        return True
    return False


def test_traffic_is_split_by_weight_and_by_label(azure: Azure) -> None:
    put(azure, "split", "blue", mode="Multiple")
    wait_ready(azure, "split", "blue")
    traffic = [
        {"revisionName": "split--blue", "weight": 70, "label": "stable"},
        {"latestRevision": True, "weight": 30, "label": "next"},
    ]
    host = put(azure, "split", "green", mode="Multiple", traffic=traffic)
    wait_ready(azure, "split", "green")
    until(lambda: get(host).json()["name"], lambda name: name == "green")
    answers = Counter(get(host).json()["name"] for _ in range(20))
    assert answers == {"blue": 14, "green": 6}
    port = host.partition(":")[2]
    for label, name in (("stable", "blue"), ("next", "green")):
        assert get(host, Host=f"split---{label}.localhost:{port}").json()["name"] == name
    assert get(host, Host=f"split--blue.localhost:{port}").json()["name"] == "blue"
    assert get(host, Host=f"split---none.localhost:{port}").status_code == 404
    weights = {
        one["name"]: one["properties"]["trafficWeight"]
        for one in azure.ask("GET", f"{app_id(azure, 'split')}/revisions", APP_API)["value"]
    }
    assert weights == {"split--blue": 70, "split--green": 30}


@pytest.mark.parametrize(
    "line",
    [
        "CONNECT 1@127.0.0.1:{port}",
        "CONNECT 127.0.0.1:{port}",
        "GET @127.0.0.1:{port}/",
        "GET 1@127.0.0.1:{port}",
        "GET http://127.0.0.1:{port}/x",
        "GET http://x@127.0.0.1:{port}/x",
        "GET //127.0.0.1:{port}/x",
        "GET \\\\127.0.0.1:{port}/x",
        "OPTIONS *",
        "GET ftp://127.0.0.1:{port}/x",
    ],
)
def test_no_request_line_reaches_another_program(echo: str, other: socket.socket, line: str) -> None:
    written = line.format(port=other.getsockname()[1])
    answer = raw(echo, f"{written} HTTP/1.1\r\nHost: {echo}\r\nConnection: close\r\n\r\n".encode())
    assert is_untouched(other)
    status = int(answer.split()[1])
    assert status < 500, answer


def test_an_absolute_target_names_the_app_or_nothing(echo: str) -> None:
    for authority, status in ((echo, 200), ("evil.example", 421)):
        request = f"GET http://{authority}/x?y HTTP/1.1\r\nHost: {echo}\r\nConnection: close\r\n\r\n"
        answer = raw(echo, request.encode())
        assert int(answer.split()[1]) == status
    assert b'"path": "/x?y"' in raw(
        echo, f"GET http://{echo}/x?y HTTP/1.1\r\nHost: {echo}\r\nConnection: close\r\n\r\n".encode()
    )


@pytest.mark.parametrize(
    "hosts",
    [
        ("{echo}", "evil.example"),
        ("evil.example",),
        ("",),
        ("{echo}/x",),
        ("x@{echo}",),
        ("evil.example\\.localhost",),
    ],
)
def test_only_one_name_of_this_computer_is_answered(echo: str, hosts: tuple[str, ...]) -> None:
    lines = "".join(f"Host: {host.format(echo=echo)}\r\n" for host in hosts)
    answer = raw(echo, f"GET / HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
    assert int(answer.split()[1]) in {400, 421}


def test_a_request_can_not_hide_another_one(echo: str) -> None:
    hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    for framing in (
        "Content-Length: 4\r\nTransfer-Encoding: chunked",
        "Content-Length: 4\r\nContent-Length: 5",
    ):
        request = f"POST / HTTP/1.1\r\nHost: {echo}\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}"
        answer = raw(echo, request.encode())
        assert int(answer.split()[1]) == 400
        assert b"hidden" not in answer


@pytest.mark.parametrize("part", ["header", "query"])
def test_headers_and_queries_up_to_60_kib_pass(echo: str, part: str) -> None:
    long = "a" * 60 * 1024
    answer = get(echo, "/", Long=long) if part == "header" else get(echo, f"/?{long}")
    assert answer.status_code == 200
    assert long in answer.text


def test_more_than_an_ingress_takes_is_refused_in_its_words(echo: str) -> None:
    answer = get(echo, "/", One="a" * 40_000, Two="a" * 40_000)
    assert answer.status_code == 431


def test_credentials_of_the_page_reach_no_replica(azure: Azure, echo: str) -> None:
    token = azure.line["token"]
    port = azure.line["armHttp"].rpartition(":")[2]
    cookie = f"aca-local-{port}={page_key(token)}"
    answer = get(echo, Cookie=f"a=1; {cookie}; b=2", Authorization=f"Bearer {token}", Mine="yes")
    seen = {name.lower(): value for name, value in answer.json()["headers"]}
    assert page_key(token) not in answer.text
    assert token not in answer.text
    assert seen["cookie"] == "a=1; b=2"
    assert seen["mine"] == "yes"
    assert answer.headers.get_list("Set-Cookie") == ["mine=kept"]
    assert "cookie" not in {name.lower() for name, _ in get(echo, Cookie=cookie).json()["headers"]}


def test_settings_of_a_persons_shell_break_no_replica(echo: str) -> None:
    env = get(echo, "/env").json()["env"]
    assert env["HTTP_PROXY"] == "http://127.0.0.1:9"
    assert env["PIP_USER"] == "0"
    assert env["NO_PROXY"] == env["no_proxy"] == "example.org,localhost,127.0.0.1"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python brings none since")
def test_an_app_has_the_setuptools_that_its_python_brings(echo: str) -> None:
    assert get(echo, "/env").json()["setuptools"]


def test_forwarded_headers_are_the_ingresses_own(echo: str) -> None:
    forged = {"X-Forwarded-Client-Cert": "By=me", "X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil"}
    seen = {name.lower(): value for name, value in get(echo, **forged).json()["headers"]}
    assert "x-forwarded-client-cert" not in seen
    assert (seen["x-forwarded-for"], seen["x-forwarded-host"]) == ("127.0.0.1", echo)


@pytest.mark.parametrize(
    "headers",
    [
        {"Upgrade": "websocket"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
        {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "short"},
        {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": ""},
    ],
)
def test_half_an_upgrade_is_plain_http(echo: str, headers: dict[str, str]) -> None:
    with closing(http.client.HTTPConnection(echo, timeout=LIMIT)) as connection:
        connection.request("GET", "/plain", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert b'"path": "/plain"' in answer.read()


@pytest.mark.parametrize(
    ("action", "range_", "status"),
    [
        ("Allow", "10.0.0.0/8", 403),
        ("Allow", "127.0.0.1/32", 200),
        ("Deny", "127.0.0.0/8", 403),
        ("Deny", "10.0.0.1", 200),
    ],
)
def test_ip_rules_shut_out_in_azures_words(azure: Azure, action: str, range_: str, status: int) -> None:
    rule = {"name": "rule", "ipAddressRange": range_, "action": action}
    host = put(azure, "rules", "one", ipSecurityRestrictions=[rule])
    wait_ready(azure, "rules", "one")
    answer = get(host)
    assert answer.status_code == status
    assert (answer.text == "RBAC: access denied") is (status == 403)


def test_an_internal_app_answers_replicas_alone(azure: Azure, echo: str) -> None:
    host = put(azure, "inner", "one", external=False)
    wait_ready(azure, "inner", "one")
    assert get(host).status_code == 404
    assert get(echo, f"/fetch?{host}").json()["fetched"] == 200


def test_a_new_revision_of_a_program_with_a_fixed_port_takes_over(azure: Azure) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = str(unused.getsockname()[1])
    host = put(azure, "fixed", "old", port)
    wait_ready(azure, "fixed", "old")
    put(azure, "fixed", "new", port)
    until(
        lambda: azure.ask("GET", app_id(azure, "fixed"), APP_API)["properties"]["latestReadyRevisionName"],
        lambda name: name == "fixed--new",
    )
    assert get(host).json()["name"] == "new"
    assert any("does not answer until" in one for one in events(azure, "fixed"))
    until(lambda: provisioning_state(azure, "fixed"), lambda state: state == "Succeeded")
    for action, state in (("stop", "Stopped"), ("start", "Running")):
        azure.ask("POST", f"{app_id(azure, 'fixed')}/{action}", APP_API)
        until(
            lambda: azure.ask("GET", app_id(azure, "fixed"), APP_API)["properties"],
            lambda found, wanted=state: (
                (found["runningStatus"], found["provisioningState"]) == (wanted, "Succeeded")
            ),
        )
    until(lambda: get(host).status_code, lambda status: status == 200)
    assert get(host).json()["name"] == "new"


@pytest.fixture
def port() -> str:
    """A port that no program listens on, as a program writes it down for itself."""
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return str(unused.getsockname()[1])


def test_a_new_revision_that_fails_takes_no_port_from_the_one_that_serves(azure: Azure, port: str) -> None:
    host = put(azure, "kept", "good", port)
    wait_ready(azure, "kept", "good")
    properties = azure.ask("GET", app_id(azure, "kept"), APP_API)["properties"]
    container = {"name": "main", "image": "python", "command": ["python", "-c", "import nothing_such"]}
    template = {"revisionSuffix": "bad", "containers": [container], "scale": {"minReplicas": 1}}
    changed = {"environmentId": properties["environmentId"], "template": template}
    changed["configuration"] = {"ingress": {"external": True, "targetPort": int(port)}}
    azure.put(app_id(azure, "kept"), APP_API, {"location": "westus3", "properties": changed})

    crash = "was terminated with exit code '1'"
    until(lambda: sum(crash in one for one in events(azure, "kept")), lambda count: count >= 5)
    wait_ready(azure, "kept", "good")
    assert get(host).json()["name"] == "good"


def test_of_two_revisions_with_one_fixed_port_the_older_one_answers_that_it_is_gone(
    azure: Azure, port: str
) -> None:
    put(azure, "twice", "old", port, mode="Multiple")
    wait_ready(azure, "twice", "old")
    traffic = [{"revisionName": "twice--old", "weight": 50}, {"latestRevision": True, "weight": 50}]
    host = put(azure, "twice", "new", port, mode="Multiple", traffic=traffic)
    wait_ready(azure, "twice", "new")
    until(lambda: sorted(get(host).status_code for _ in range(2)), lambda answers: answers == [200, 503])
