"""Supervisors of replicas, and the share that their programs lie on."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aca_local.fault_middleware import Faults
from aca_local.replicas.process import can_mount
from aca_local.replicas.replica import Workshop
from aca_local.replicas.supervisor import Supervisor
from support.replica_programs import QUICK, SERVER, InstantEnvironments


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    return folder


@pytest.fixture(params=["namespace", "rewriting"])
async def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Supervisor]:
    mounting = request.param == "namespace"
    if mounting and not await can_mount(tmp_path / "probe"):
        pytest.skip("NOT TRIED in a mount namespace: this system has none for us")
    workshop = Workshop(InstantEnvironments(), dict(os.environ), mounting, QUICK)
    made = Supervisor(tmp_path / "apps", workshop)
    yield made
    await made.close()


@pytest.fixture
async def faulty(tmp_path: Path) -> AsyncIterator[tuple[Supervisor, Faults]]:
    """A supervisor whose replicas go wrong as the rules say."""
    faults = Faults()
    workshop = Workshop(InstantEnvironments(), dict(os.environ), False, QUICK, faults.of_replica)
    made = Supervisor(tmp_path / "apps", workshop)
    yield made, faults
    await made.close()
