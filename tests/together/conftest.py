"""A person's desk; a Files service with one share, and the ways to it.

What a fixture needs of the product is imported where it is used: the tests of real Azure's findings run on earlier releases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from azure.storage.fileshare import ShareServiceClient
from support.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aca_local.fault_middleware import Faults
    from support.files_server import FilesServer
    from support.opened_shares import Opened
    from support.sync_cli import SyncCli


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One for all tests of a file that need no other: each has a resource group of its own."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.local("stop")


@pytest.fixture
def faults() -> Faults:
    """What goes wrong at the service: nothing, until a test says so."""
    from aca_local.fault_middleware import Faults

    return Faults()


@pytest.fixture
def server(tmp_path: Path, faults: Faults) -> Iterator[FilesServer]:
    """A Files service with the share ``models``."""
    from support.files_server import files_server

    with files_server(tmp_path / "server", faults=faults) as running:
        with ShareServiceClient.from_connection_string(running.connection_string) as client:
            client.create_share("models")
        yield running


@pytest.fixture
def sync(server: FilesServer, tmp_path: Path) -> SyncCli:
    """The command ``sync`` on that share."""
    from support.sync_cli import SyncCli

    return SyncCli(server, tmp_path / "state")


@pytest.fixture(params=["rest", "sdk"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Both ways to a share: the same tests hold for each."""
    from support.opened_shares import opened_with

    return opened_with(request.param)
