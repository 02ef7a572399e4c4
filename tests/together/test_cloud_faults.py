"""The adapters against a cloud in which something goes wrong, on demand (aca-local's faults)."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from aitk_inference import local_target
from aitk_inference.azure.clients import Clients, Endpoint, connect
from aitk_inference.azure.credentials import StaticCredential
from aitk_inference.azure.files.shares import ArmShares
from aitk_inference.core.clock import SystemClock
from aitk_inference.core.errors import AppError, Conflict, Forbidden, QuotaExceeded, Unreachable
from aitk_inference.core.model import DeploymentState, Json
from support.cloud_place import Place, a_place, ended, parameters, shipped


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(tmp_path_factory.mktemp("faulty")) as place:
        asyncio.run(deployed(place))
        yield place


async def deployed(place: Place) -> None:
    async with place.open() as cloud:
        await cloud.subscriptions.create_resource_group(place.subscription, place.group, place.location)
        ref = place.deployment("d")
        await cloud.deployments.start(ref, shipped(), parameters(place), fingerprint="f")
        assert (await ended(cloud, ref)).state is DeploymentState.SUCCEEDED


@pytest.fixture
def place(made: Place) -> Iterator[Place]:
    if not made.is_local:
        pytest.skip("NOT TRIED on Azure: it does not fail on demand")
    yield made
    faults(made)


def faults(place: Place, *rules: dict[str, Any]) -> None:
    """Make the next requests go wrong."""
    running = asyncio.run(local_target.find(place.settings))
    assert running is not None
    answer = httpx.put(
        f"{running.arm}/aca-local/faults",
        json=list(rules),
        headers={"Authorization": f"Bearer {running.token}"},
        verify=ssl.create_default_context(cafile=running.ca_file),
        trust_env=False,
    )
    assert answer.is_success, answer.text


async def go_wrong(place: Place, *rules: dict[str, Any]) -> None:
    await asyncio.to_thread(faults, place, *rules)


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "throttled"},
        {"fault": "unavailable"},
        {"fault": "expired-token"},
        {"reset": True},
        {"status": 500, "body": {"error": {"code": "InternalServerError", "message": "x"}}},
    ],
    ids=lambda rule: str(rule.get("fault") or rule),
)
async def test_what_passes_by_itself_is_not_seen(place: Place, rule: dict[str, Any]) -> None:
    await go_wrong(place, {"service": "arm", "path": "resourcegroups", **rule})
    async with place.open() as cloud:
        assert await cloud.subscriptions.resource_group(place.subscription, place.group) is not None


async def test_a_busy_app_is_waited_for(place: Place) -> None:
    await go_wrong(place, {"service": "arm", "path": "/restart", "fault": "in-progress", "times": 2})
    async with place.open() as cloud:
        app = await cloud.apps.get(place.app)
        assert app is not None
        await cloud.apps.restart(place.app, app.latest_revision or "")


async def test_a_resource_that_is_refused_in_a_deployment_is_below_its_error(place: Place) -> None:
    await go_wrong(place, {"service": "arm", "path": "/storageAccounts/[^/]*[?]", "fault": "policy"})
    async with place.open() as cloud:
        ref = place.deployment("refused")
        await cloud.deployments.start(ref, shipped(), parameters(place), fingerprint="g")
        status = await ended(cloud, ref)
    assert status.state is DeploymentState.FAILED
    assert status.error is not None
    codes = [status.error.code, *(one.code for one in status.error.details)]
    assert codes == ["DeploymentFailed", "RequestDisallowedByPolicy"]


@pytest.mark.parametrize(
    ("fault", "kind", "way_out"),
    [
        ("quota", QuotaExceeded, "maximumInstanceCount"),
        ("policy", Forbidden, "exemption"),
        ("name-taken", Conflict, "storageAccountName"),
        ("forbidden", Forbidden, "Contributor"),
    ],
)
async def test_a_refused_deployment_says_why_and_what_to_do(
    place: Place, fault: str, kind: type[AppError], way_out: str
) -> None:
    await go_wrong(place, {"service": "arm", "method": "PUT", "path": "/deployments/", "fault": fault})
    async with place.open() as cloud:
        with pytest.raises(kind) as caught:
            await cloud.deployments.start(
                place.deployment("e"), shipped(), parameters(place), fingerprint="f"
            )
    assert way_out in caught.value.suggestion
    assert "{" not in caught.value.message


async def test_a_page_of_a_proxy_instead_of_an_answer_is_told(place: Place) -> None:
    rule = {
        "service": "arm",
        "path": "containerApps/",
        "status": 403,
        "body": "<html>Blocked by the proxy</html>",
    }
    await go_wrong(place, rule)
    async with place.open() as cloud:
        with pytest.raises(Forbidden, match="Looking up the container app") as caught:
            await cloud.apps.get(place.app)
    assert "<html>" not in caught.value.message


async def test_something_else_than_a_resource_is_not_taken_for_one(place: Place) -> None:
    await go_wrong(place, {"service": "arm", "path": "storageAccounts/", "status": 200, "body": "Welcome"})
    async with place.open() as cloud:
        with pytest.raises(Unreachable, match="Something other than Azure answered"):
            async with cloud.shares.open(place.share):
                pass


async def test_an_answer_that_is_cut_is_told(place: Place) -> None:
    rule = {"service": "arm", "method": "GET", "path": "containerApps/", "cut": 20, "times": 0}
    await go_wrong(place, rule)
    async with place.open() as cloud:
        with pytest.raises(AppError) as caught:
            await cloud.apps.get(place.app)
    assert "Traceback" not in caught.value.message


async def test_a_share_survives_what_passes(place: Place) -> None:
    await go_wrong(
        place,
        {"service": "files", "fault": "throttled"},
        {"service": "files", "fault": "unavailable"},
        {"service": "files", "reset": True},
    )
    async with place.open() as cloud, cloud.shares.open(place.share) as share:
        await share.put_file("x", b"1")
        assert await share.read("x") == b"1"


async def test_a_full_share_is_told(place: Place) -> None:
    await go_wrong(place, {"service": "files", "method": "PUT", "fault": "share-full"})
    async with place.open() as cloud, cloud.shares.open(place.share) as share:
        with pytest.raises(QuotaExceeded, match="share is full"):
            await share.put_file("x", b"1")


async def test_a_forbidden_key_is_told_where_no_token_can_be_sent(place: Place) -> None:
    await go_wrong(place, {"service": "files", "fault": "keys-not-permitted", "times": 0})
    async with place.open() as cloud:
        with pytest.raises(Forbidden, match="access with its key"):
            async with cloud.shares.open(place.share):
                pass


class OverHttps(Clients):
    """Tells of an account that is reached over https, and of its policy on keys."""

    keys_allowed = True
    files = ""

    async def get(self, resource_id: str, api_version: str) -> dict[str, Json] | None:
        found = await super().get(resource_id, api_version)
        if found is not None:
            found["properties"] = {
                "allowSharedKeyAccess": self.keys_allowed,
                "primaryEndpoints": {"file": self.files},
            }
        return found


SCOPE_LOCKED = {
    "service": "arm",
    "path": "/listKeys",
    "status": 409,
    "body": {"error": {"code": "ScopeLocked", "message": "The scope cannot perform write operation."}},
}


@asynccontextmanager
async def over_https(place: Place, *, keys_allowed: bool = True) -> AsyncIterator[ArmShares]:
    """Shares of an account that is reached over https, where a person's token does, too."""
    ports = json.loads((Path(str(place.settings.local_data)) / "ports.json").read_text())
    running = await local_target.start(place.settings)
    endpoint = Endpoint(arm=running.arm, ca_file=running.ca_file, is_local=True)
    async with connect(endpoint, StaticCredential(running.token), timeout=30) as plain:
        clients = OverHttps(endpoint, plain.credential, session_of(plain), 30)
        clients.files = f"https://127.0.0.1:{ports['filesHttps']}/{place.share.account}/"
        clients.keys_allowed = keys_allowed
        yield ArmShares(clients, SystemClock())


@pytest.mark.parametrize("why", ["the account", "the service", "the person's role", "a lock"])
async def test_where_keys_are_forbidden_the_persons_token_opens_the_share(place: Place, why: str) -> None:
    if why == "the service":
        await go_wrong(place, {"service": "files", "fault": "keys-not-permitted"})
    if why == "the person's role":
        await go_wrong(place, {"service": "arm", "path": "/listKeys", "fault": "forbidden"})
    if why == "a lock":
        await go_wrong(place, SCOPE_LOCKED)
    async with (
        over_https(place, keys_allowed=why != "the account") as shares,
        shares.open(place.share) as share,
    ):
        await share.put_file("by-token.txt", b"1")
        await share.rename("by-token.txt", "moved.txt", replace=True)
        assert await share.read("moved.txt") == b"1"
        assert "moved.txt" in [entry.path for entry in await share.list()]


async def test_a_lock_that_keeps_the_keys_away_is_named_where_the_token_is_refused_too(place: Place) -> None:
    await go_wrong(place, SCOPE_LOCKED, {"service": "files", "fault": "forbidden", "times": 0})
    async with over_https(place) as shares:
        with pytest.raises(Forbidden, match="A lock keeps the keys of the storage account") as caught:
            async with shares.open(place.share):
                pass
    assert "remove the read-only lock" in caught.value.suggestion


def session_of(clients: Clients) -> aiohttp.ClientSession:
    session = clients.transport().session
    assert session is not None
    return session
