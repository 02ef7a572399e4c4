"""Where the contract tests of the ports run: aca-local in a process of its own, or real Azure.

``AITK_AZURE=1`` with ``AITK_AZURE_SUBSCRIPTION``, ``AITK_AZURE_GROUP`` (an empty group of its own, to be
deleted afterwards: ``scripts/test_azure.py`` makes and deletes one) and ``AITK_AZURE_LOCATION`` runs the same tests on
Azure, with the sign-in of ``az login``; ``AITK_AZURE_TENANT`` names another directory.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aitk_inference import composition
from aitk_inference.core.model import AppRef, DeploymentRef, DeploymentState, DeploymentStatus, Json, ShareRef
from aitk_inference.core.ports import Cloud
from aitk_inference.core.settings import Settings
from support.template_names import Names, default_names

TEMPLATE = Path(__file__).parents[2] / "infra" / "provision" / "inference.json"
LIMIT = 60.0
APP = """
import http.server, os, sys, time
print("the app starts", flush=True)

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(5)
        self.send_response(302 if self.path == "/moved" else 404 if self.path == "/none" else 200)
        self.send_header("Location", "/")
        self.end_headers()
        self.wfile.write(b"hello\\nsecond line")
        print("asked for", self.path, flush=True)
        if self.path == "/crash":
            os._exit(3)

http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"""


@dataclass(frozen=True)
class Place:
    """One target: its settings, and where in it the tests may work."""

    settings: Settings
    subscription: str
    group: str
    location: str
    is_local: bool

    @property
    def names(self) -> Names:
        return default_names(self.subscription, self.group)

    @property
    def app(self) -> AppRef:
        return AppRef(self.subscription, self.group, self.names.app)

    @property
    def share(self) -> ShareRef:
        return ShareRef(self.subscription, self.group, self.names.storage_account, self.names.file_share)

    def resource(self, path: str) -> str:
        """The ARM id of a resource of the group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.group}/providers/{path}"

    def deployment(self, name: str) -> DeploymentRef:
        return DeploymentRef(self.subscription, self.group, name)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Cloud]:
        async with composition.clouds(self.settings).open(self.subscription) as cloud:
            yield cloud

    @property
    def patience(self) -> float:
        """Seconds between two looks."""
        return 0.1 if self.is_local else 5.0


@contextmanager
def a_place(folder: Path, *options: str) -> Iterator[Place]:
    """The local target with its data in ``folder``, or Azure when the environment asks for it."""
    if os.environ.get("AITK_AZURE") == "1":
        yield Place(
            Settings(command_tenant=os.environ.get("AITK_AZURE_TENANT")),
            os.environ["AITK_AZURE_SUBSCRIPTION"],
            os.environ["AITK_AZURE_GROUP"],
            os.environ["AITK_AZURE_LOCATION"],
            is_local=False,
        )
        return
    settings = Settings(local_data=folder)
    if options:
        serve = [sys.executable, "-m", "aca_local", "serve", "--detach", "--data-dir", str(folder), *options]
        subprocess.run(serve, check=True, capture_output=True, timeout=LIMIT)
    try:
        yield Place(settings, composition.LOCAL_ID, "contract", "westus3", is_local=True)
    finally:
        asyncio.run(composition.clouds(settings).stop_local())


def shipped() -> Json:
    """The template that the product deploys."""
    value: Json = json.loads(TEMPLATE.read_text(encoding="utf-8"))
    return value


def parameters(place: Place, **more: Json) -> Mapping[str, Json]:
    """Parameters of a small app on a CPU that runs ``APP`` from the share."""
    return {
        "defaultCommands": ["cd /mount/inference", "python app.py"],
        "workloadProfileType": "Consumption",
        "cpu": "0.5",
        "memory": "1Gi",
        "location": place.location,
        **more,
    }


async def ended(cloud: Cloud, ref: DeploymentRef) -> DeploymentStatus:
    """The deployment once nothing moves any more."""
    async with asyncio.timeout(LIMIT if cloud.is_local else 1800):
        while True:
            status = await cloud.deployments.status(ref)
            assert status is not None
            if status.state.is_final:
                return status
            await asyncio.sleep(0.1 if cloud.is_local else 5)


async def provision(place: Place) -> DeploymentStatus:
    """Make the app of the tests, its code on its share, and restart it so that it runs that code."""
    async with place.open() as cloud:
        await cloud.subscriptions.create_resource_group(place.subscription, place.group, place.location)
        ref = place.deployment("contract")
        await cloud.deployments.start(ref, shipped(), parameters(place), fingerprint="f1")
        status = await ended(cloud, ref)
        assert status.state is DeploymentState.SUCCEEDED, status.error
        async with cloud.shares.open(place.share) as share:
            await share.make_directory("inference")
            await share.put_file("inference/app.py", APP.encode())
        app = await cloud.apps.get(place.app)
        assert app is not None
        assert app.latest_revision is not None
        await cloud.apps.restart(place.app, app.latest_revision)
        return status


def skip_on_azure(place: Place, why: str) -> None:
    """Leave a test out on Azure, loudly."""
    if not place.is_local:
        pytest.skip(f"NOT TRIED on Azure: {why}")
