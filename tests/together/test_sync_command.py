"""``aitk-inference sync`` as a program: with a signature, a connection string, over https, into a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from azure.storage.fileshare import ShareSasPermissions, ShareServiceClient, generate_share_sas
from support.certificates import certificate
from support.files_server import KEY, FilesServer, files_server

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "folder"
    for path in ("a.txt", "deep/er/b.txt", "infra/c.json", ".git/config", ".env"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def run(tmp_path: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    ours = {"AITK_STATE_DIR": str(tmp_path / "state"), "AITK_LOG_DIR": str(tmp_path / "state")}
    return subprocess.run(
        [sys.executable, "-m", "aitk_inference", "sync", *words],
        env={**kept, **ours, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def signature(*, write: bool = True) -> str:
    allowed = ShareSasPermissions(read=True, list=True, write=write, delete=write, create=write)
    return generate_share_sas(
        "acct", "models", KEY, permission=allowed, expiry=datetime.now(UTC) + timedelta(hours=1)
    )


def names(server: FilesServer, folder: str = "") -> set[str]:
    with ShareServiceClient.from_connection_string(server.connection_string) as service:
        inside = service.get_share_client("models").get_directory_client(folder)
        return {entry.name for entry in inside.list_directories_and_files()}


def last(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_with_a_signature_into_the_share(server: FilesServer, folder: Path, tmp_path: Path) -> None:
    url = f"{server.account_url}/models?{signature()}"
    done = run(tmp_path, str(folder), url, "--no-input", "--json")
    assert done.returncode == 0, done.stderr
    assert last(done)["data"]["sent"] == ["a.txt", "deep/er/b.txt", "infra/c.json"]
    assert names(server) == {"a.txt", "deep", "infra", ".aitk-manifest.json"}
    again = run(tmp_path, str(folder), url, "--no-input", "--json")
    assert (last(again)["data"]["sent"], last(again)["data"]["requests"]) == ([], 1)
    assert "sig=" not in done.stdout + done.stderr + "".join(
        path.read_text() for path in (tmp_path / "state").glob("*.log")
    )


def test_with_a_connection_string_into_a_folder(server: FilesServer, folder: Path, tmp_path: Path) -> None:
    url = f"{server.account_url}/models/some%20where/inside"
    variable = {"AZURE_STORAGE_CONNECTION_STRING": server.connection_string}
    done = run(tmp_path, str(folder), url, **variable)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("3 of 3 files changed, ")
    assert names(server) == {"some where"}
    assert names(server, "some where/inside") == {"a.txt", "deep", "infra", ".aitk-manifest.json"}


def test_a_dry_run_lists_and_sends_nothing(server: FilesServer, folder: Path, tmp_path: Path) -> None:
    done = run(tmp_path, str(folder), f"{server.account_url}/models?{signature(write=False)}", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "  send    deep/er/b.txt" in done.stdout
    assert "  skip    .env  (default list: .env*)" in done.stdout
    assert names(server) == set()


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("{url}/models", 1, "no signature (SAS), and no connection string"),
        ("{url}/models?{read}", 1, "lacks the permissions write (w), delete (d)"),
        ("{url}/nowhere?{sas}", 1, "→"),
        ("https://example.invalid", 2, "not the URL of a file share"),
        ("http://files.example/share?{sas}", 1, "Over http anybody"),
        ("nonsense", 2, "not the URL of a file share"),
    ],
)
def test_what_cannot_be_done_is_told(
    server: FilesServer, folder: Path, tmp_path: Path, *, url: str, code: int, words: str
) -> None:
    given = url.format(url=server.account_url, sas=signature(), read=signature(write=False))
    done = run(tmp_path, str(folder), given, "--no-input")
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "sig=" not in done.stderr


def test_a_folder_that_is_not_there_is_told(server: FilesServer, tmp_path: Path) -> None:
    done = run(tmp_path, str(tmp_path / "no"), f"{server.account_url}/models?{signature()}")
    assert done.returncode == 1
    assert "There is no folder" in done.stderr


def test_over_https_with_an_authority_of_its_own(tmp_path: Path, folder: Path) -> None:
    chain, authority = certificate(tmp_path, [], ["127.0.0.1"])
    with files_server(tmp_path / "server", certificate=chain) as server:
        server.call(lambda: server.shares.create_share("acct", "models"))
        variable = {"AZURE_STORAGE_CONNECTION_STRING": server.connection_string}
        url = f"{server.account_url}/models"
        refused = run(tmp_path, str(folder), url, **variable)
        assert "certificate is not trusted" in refused.stderr
        done = run(tmp_path, str(folder), url, **variable, SSL_CERT_FILE=str(authority))
        assert done.stdout.splitlines()[-1].startswith("3 of 3 files changed, "), done.stderr


def test_nothing_of_azures_sdks_is_imported(server: FilesServer, folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from aitk_inference.__main__ import main\n"
        f"sys.argv = ['aitk-inference', 'sync', {str(folder)!r}, {server.account_url + '/models'!r}]\n"
        "code = main()\n"
        "heavy = [name for name in ('azure.core', 'aiohttp', 'httpx', 'pygls') if name in sys.modules]\n"
        "print('heavy', heavy); sys.exit(code)"
    )
    environment = {
        **os.environ,
        "AZURE_STORAGE_CONNECTION_STRING": server.connection_string,
        "AITK_STATE_DIR": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "heavy []"), done.stderr
