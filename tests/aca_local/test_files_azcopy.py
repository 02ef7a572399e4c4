"""AzCopy, unmodified: copy, sync, list, remove, over http and over https.

The program comes from npm (`@azure-tools/azcopy-linux`), into `build/azcopy`, when it is not there yet.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.storage.fileshare import AccountSasPermissions, ResourceTypes, generate_account_sas
from benchmarks.sync import programs
from support.certificates import certificate
from support.files_server import KEY, FilesServer, files_server

AzCopy = Callable[..., str]


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        return programs.azcopy()
    except programs.MissingProgramError as missing:
        pytest.skip(f"NOT TRIED with AzCopy: {missing}")


@pytest.fixture(params=["http", "https"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FilesServer]:
    chosen = certificate(tmp_path, [], ["127.0.0.1"])[0] if request.param == "https" else None
    with files_server(tmp_path / "data", certificate=chosen) as running:
        running.call(lambda: running.shares.create_share("acct", "share"))
        yield running


@pytest.fixture
def azcopy(program: Path, tmp_path: Path) -> AzCopy:
    places = {
        "AZCOPY_LOG_LOCATION": str(tmp_path / "log"),
        "AZCOPY_JOB_PLAN_LOCATION": str(tmp_path / "plan"),
    }
    settings = {"AZCOPY_DISABLE_SYSLOG": "true", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}

    def run(*arguments: str) -> str:
        # with a certificate that it does not trust, AzCopy never ends by itself
        command = ["timeout", "-s", "KILL", "60", str(program), *arguments, "--skip-version-check"]
        environment = {**os.environ, **places, **settings}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def address(server: FilesServer, path: str) -> str:
    sas = generate_account_sas(
        "acct",
        KEY,
        ResourceTypes(service=True, container=True, object=True),
        AccountSasPermissions(read=True, write=True, delete=True, list=True, create=True),
        datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{server.account_url}/{path}?{sas}"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_azcopy_copies_syncs_lists_and_removes(server: FilesServer, azcopy: AzCopy, tmp_path: Path) -> None:
    source, share = tmp_path / "source", server.shares.folder("acct", "share")
    (source / "a" / "b").mkdir(parents=True)
    (source / "a" / "x.txt").write_text("hello")
    (source / "a" / "b" / "y.bin").write_bytes(os.urandom(9_000_000))
    (source / "empty.txt").touch()
    (source / "sp ace é.txt").write_text("q")

    azcopy("copy", f"{source}/*", address(server, "share"), "--recursive", "--from-to", "LocalFileSMB")
    assert tree(share) == tree(source)

    listed = azcopy("list", address(server, "share"), "--location", "File")
    assert all(name in listed for name in tree(source))

    (source / "a" / "x.txt").write_text("hello again")
    (source / "empty.txt").unlink()
    deleting = "--delete-destination=true"
    azcopy("sync", str(source), address(server, "share"), "--from-to", "LocalFileSMB", deleting)
    assert tree(share) == tree(source)

    out = tmp_path / "out"
    azcopy("copy", address(server, "share"), str(out), "--recursive", "--from-to", "FileSMBLocal")
    assert tree(out / "share") == tree(source)

    azcopy("remove", address(server, "share/a"), "--recursive", "--from-to", "FileSMBTrash")
    assert tree(share) == {"sp ace é.txt": b"q"}
