"""A running aca-local on requests that no good client sends: bytes that are no text, numbers that are none."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.running import GROUP_API, STORAGE_API, Azure, aca_local, start

PATIENCE = 10.0
DIGITS = b"9" * 5_000
Header = tuple[str, bytes]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd") / "data"


@pytest.fixture(scope="module")
def azure(folder: Path) -> Iterator[Azure]:
    found = start(folder)
    found.put(found.group, GROUP_API, {"location": "westus3"})
    account = f"{found.group}/providers/Microsoft.Storage/storageAccounts/oddrequests"
    body = {"location": "westus3", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    found.put(account, STORAGE_API, body)
    found.put(f"{account}/fileServices/default/shares/odd", STORAGE_API, {"properties": {}})
    created = ("x-ms-type", b"file"), ("x-ms-content-length", b"4")
    assert files(found, folder, "PUT", "/file.txt", *created).status_code == 201
    yield found
    aca_local(folder, "stop")


def send(url: str, method: str, *headers: Header, body: bytes = b"") -> httpx.Response:
    sent = [(name.encode(), value) for name, value in headers]
    with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
        return client.request(method, url, headers=sent, content=body or None)


def owner(azure: Azure) -> Header:
    return "Authorization", f"Bearer {azure.line['token']}".encode()


def files(
    azure: Azure, folder: Path, method: str, path: str, *headers: Header, body: bytes = b""
) -> httpx.Response:
    port = json.loads((folder / "ports.json").read_text())["files"]
    given = {name.lower() for name, _ in headers}
    usual = [("x-ms-version", b"2025-05-05"), ("x-ms-file-request-intent", b"backup"), owner(azure)]
    kept = [one for one in usual if one[0] not in given]
    return send(f"http://127.0.0.1:{port}/oddrequests/odd{path}", method, *kept, *headers, body=body)


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/subscriptions?api-version=2022-12-01", "Authorization"),
        ("GET", "/nowhere", "Authorization"),
        ("PUT", "/aca-local/faults", "Authorization"),
        ("POST", "/aca-local/stop", "Authorization"),
        ("GET", "/", "Cookie"),
    ],
)
def test_a_secret_of_odd_bytes_is_a_wrong_one(azure: Azure, method: str, path: str, name: str) -> None:
    value = b"Bearer \xff\xfe"
    if name == "Cookie":
        value = f"aca-local-{azure.line['armHttp'].rpartition(':')[2]}=".encode() + b"\xff"
    assert send(azure.line["armHttp"] + path, method, (name, value)).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"[" * 100_000,
        DIGITS,
        b'[{"nth": 1e999}]',
        b'[{"nth": "2"}]',
        b'[{"service": []}]',
        b'[{"service": "replicas", "fault": []}]',
        b'[{"fault": {}}]',
        b'[{"method": 1}]',
        b'[{"status": 99999}]',
        b'[{"status": 0}]',
        b'[{"status": 503, "retryAfter": "1\\r\\nX: y"}]',
        b'[{"delay": NaN}]',
        b'[{"delay": 1e999}]',
        b'[{"delay": -1}]',
        b'[{"cut": -5}]',
        b'[{"bytesPerSecond": 0}]',
        b'[{"reset": "yes"}]',
        b'[{"path": 1}]',
    ],
)
def test_faults_that_are_none_are_refused_and_change_nothing(azure: Azure, body: bytes) -> None:
    answer = send(f"{azure.line['armHttp']}/aca-local/faults", "PUT", owner(azure), body=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert "sys." not in answer.text
    azure.ask("GET", "/subscriptions", "2022-12-01")


@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b"[" * 100_000,
        DIGITS,
        b"null",
        b"[]",
        b'{"tenants": 1}',
        b'{"tenants": [{"id": 1}]}',
        b'{"tenants": [{"id": "a", "subscriptions": [{"id": "b"}]}]}',
        b'{"owner": {}}',
        b'{"tokens": [{"token": "t", "tenant": "x", "claims": "1\\r\\nX: y"}]}',
        b'{"registering": "Microsoft.App"}',
        b'{"rights": 1}',
        b'{"modify": {"a": 1}}',
        b'{"deny": {"a": []}}',
        b'{"permissions": [{"actions": 5}]}',
        b'{"locks": [{"name": "n"}]}',
        b'{"usages": {"a": ["x", "y"]}}',
        b'{"usages": {"a": [1]}}',
    ],
)
def test_conditions_that_are_none_are_refused_in_words(azure: Azure, body: bytes) -> None:
    answer = send(f"{azure.line['armHttp']}/aca-local/conditions", "PUT", owner(azure), body=body)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")
    assert "Error(" not in answer.text
    azure.ask("GET", "/subscriptions", "2022-12-01")


@pytest.mark.parametrize(
    ("request_line", "name", "value"),
    [
        ("PUT /new", "x-ms-content-length", b"--5"),
        ("PUT /new", "x-ms-content-length", "²".encode()),
        ("PUT /new", "x-ms-content-length", DIGITS),
        ("PUT /new", "x-ms-file-creation-time", b"9999-12-31T23:59:59-23:59"),
        ("PUT /new", "x-ms-file-last-write-time", b"0001-01-01T00:00:00+23:59"),
        ("PUT /new", "x-ms-file-change-time", b"1600-12-31T23:59:59Z"),
        ("PUT /new", "x-ms-file-permission", b"D:(A;;0x1FFFFFFFFFF;;;WD)"),
        ("PUT /new", "x-ms-file-permission", b"O:S-1-5-4294967296"),
        ("PUT /new", "x-ms-meta-a", b"\xff"),
        ("PUT /file.txt?comp=range", "x-ms-range", "bytes=²-3".encode()),
        ("PUT /file.txt?comp=range", "Content-MD5", "²".encode()),
        ("PUT /renamed?comp=rename", "x-ms-file-rename-source", b"http://[/x"),
        ("PUT /copied", "x-ms-copy-source", b"http://[/x"),
        ("GET /file.txt", "x-ms-range", "bytes=²-".encode()),
        ("GET /file.txt", "Host", b"\xff"),
        ("GET /file.txt", "x-ms-version", b"\xff"),
        ("GET /file.txt", "x-ms-client-request-id", b"\xff"),
        ("GET /file.txt", "Authorization", b"SharedKey oddrequests:\xff"),
        ("GET ?restype=directory&comp=list&maxresults=--5", "x-ms-date", b"x"),
        ("GET ?restype=directory&comp=list&maxresults=%C2%B2", "x-ms-date", b"x"),
        ("GET /file.txt?comp=rangelist&marker=x", "x-ms-date", b"x"),
    ],
)
def test_the_files_service_refuses_what_it_cannot_read(
    azure: Azure, folder: Path, request_line: str, name: str, value: bytes
) -> None:
    method, path = request_line.split(" ")
    needed = {"/new": ("x-ms-type", b"file"), "/file.txt?comp=range": ("x-ms-write", b"update")}
    length = ("x-ms-content-length", b"4"), ("x-ms-range", b"bytes=0-3")
    sent = [one for one in (*length, needed.get(path, ("x-ms-date", b"x"))) if one[0] != name]
    if method == "GET" or path in {"/copied", "/renamed?comp=rename"}:
        sent = []
    body = b"text" if path == "/file.txt?comp=range" else b""
    answer = files(azure, folder, method, path, *sent, (name, value), body=body)
    assert 400 <= answer.status_code < 500
    assert answer.headers["x-ms-error-code"]
    assert files(azure, folder, "GET", "/file.txt").status_code == 200
    assert files(azure, folder, "GET", "?restype=directory&comp=list").status_code == 200
