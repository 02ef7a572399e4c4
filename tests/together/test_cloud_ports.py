"""Every cloud port against a cloud: aca-local here, Azure with ``AITK_AZURE=1`` (see ``cloud_place``)."""

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import aclosing

import httpx
import pytest
from aitk_inference import composition, local_target
from aitk_inference.core.errors import (
    AppError,
    NotFound,
)
from aitk_inference.core.model import (
    AppRef,
    DeploymentStatus,
    LogLine,
    Replica,
    ShareRef,
    WorkloadProfile,
)
from aitk_inference.core.ports import Cloud
from support.cloud_place import Place, a_place, provision, skip_on_azure

NOBODY = "99999999-9999-4999-8999-999999999999"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(tmp_path_factory.mktemp("cloud")) as made:
        yield made


@pytest.fixture(scope="module")
def deployed(place: Place) -> DeploymentStatus:
    return asyncio.run(provision(place))


async def until(place: Place, cloud: Cloud, good: Callable[[Replica], bool], *, besides: str = "") -> Replica:
    """The replica (other than ``besides``) once it is as wanted."""
    app = await cloud.apps.get(place.app)
    assert app is not None
    async with asyncio.timeout(60 if place.is_local else 1500):
        while True:
            for replica in await cloud.apps.replicas(place.app, app.latest_revision or ""):
                if replica.name != besides and good(replica):
                    return replica
            await asyncio.sleep(place.patience)


async def test_a_subscription_is_found_or_is_none(place: Place) -> None:
    async with place.open() as cloud:
        found = await cloud.subscriptions.get(place.subscription)
        assert found is not None
        assert (found.id, found.is_local) == (place.subscription, place.is_local)
        assert found.name
        assert await cloud.subscriptions.get(NOBODY) is None


async def test_the_word_local_opens_the_local_target(place: Place) -> None:
    skip_on_azure(place, "there is one local target")
    async with composition.clouds(place.settings).open("local") as cloud:
        assert cloud.is_local


async def test_regions_are_listed_by_their_names(place: Place) -> None:
    async with place.open() as cloud:
        found = await cloud.subscriptions.locations(place.subscription)
    assert place.location in [item.name for item in found]
    assert [item.display_name for item in found] == sorted(item.display_name for item in found)


async def test_resource_groups_are_made_once_and_found(place: Place) -> None:
    async with place.open() as cloud:
        subscriptions = cloud.subscriptions
        made = await subscriptions.create_resource_group(place.subscription, place.group, place.location)
        again = await subscriptions.create_resource_group(place.subscription, place.group, place.location)
        assert made == again == await subscriptions.resource_group(place.subscription, place.group)
        assert made in await subscriptions.resource_groups(place.subscription)
        assert await subscriptions.resource_group(place.subscription, "no-such-group") is None


async def test_providers_are_registered_once(place: Place) -> None:
    wanted = ["Microsoft.App", "Microsoft.Storage", "Microsoft.OperationalInsights"]
    async with place.open() as cloud:
        newly = await cloud.subscriptions.register(place.subscription, wanted)
        assert set(newly) <= set(wanted)
        assert list(await cloud.subscriptions.register(place.subscription, wanted)) == []


async def test_a_deployment_ends_with_outputs_and_its_fingerprint(
    place: Place, deployed: DeploymentStatus
) -> None:
    outputs = {name.upper(): value for name, value in deployed.outputs.items()}
    assert outputs["ACA_APP_NAME"] == place.names.app
    assert outputs["STORAGE_ACCOUNT_NAME"] == place.names.storage_account
    assert deployed.fingerprint == "f1"
    assert deployed.correlation_id
    assert deployed.timestamp is not None
    assert deployed.error is None


async def test_the_resources_of_a_deployment_are_listed(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        found = await cloud.deployments.operations(place.deployment("contract"))
    by_type = {item.type: item for item in found}
    app = by_type["Microsoft.App/containerApps"]
    assert (app.name, app.state, app.error) == (place.names.app, "Succeeded", None)
    assert {"Microsoft.Storage/storageAccounts", "Microsoft.App/managedEnvironments"} <= set(by_type)
    assert len({item.resource_id.lower() for item in found}) == len(found)


async def test_a_deployment_that_is_not_there_is_none(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        assert await cloud.deployments.status(place.deployment("none")) is None
        assert await cloud.deployments.cancel(place.deployment("none")) is False
        assert await cloud.deployments.cancel(place.deployment("contract")) is False


async def test_an_app_is_described(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        app = await cloud.apps.get(place.app)
        assert app is not None
        assert app.ref == place.app
        assert app.provisioning_state == "Succeeded"
        assert (app.latest_revision or "").startswith(f"{place.names.app}--")
        assert app.environment_id.endswith(f"/managedEnvironments/{place.names.environment}")
        assert (app.min_replicas, app.max_replicas) == (1, 1)
        assert app.endpoint is not None
        assert app.endpoint.startswith("http://127.0.0.1:" if place.is_local else "https://")
        assert (app.portal_url is None) == place.is_local
        assert await cloud.apps.get(AppRef(place.subscription, place.group, "no-such-app")) is None
        assert await cloud.apps.get(AppRef(place.subscription, "no-such-group", "x")) is None


async def test_an_environment_takes_another_profile(place: Place, deployed: DeploymentStatus) -> None:
    environment = place.resource(f"Microsoft.App/managedEnvironments/{place.names.environment}")
    async with place.open() as cloud:
        extra = WorkloadProfile("serverless-T4", "Consumption-GPU-NC8as-T4")
        await cloud.apps.add_workload_profile(environment, extra)
        after = await cloud.resources.get(environment, "2024-03-01")
        names = [profile["name"] for profile in after["properties"]["workloadProfiles"]]
        assert names == ["Consumption", "serverless-T4"]


async def test_what_exists_is_read_and_what_does_not_is_none(
    place: Place, deployed: DeploymentStatus
) -> None:
    app = place.resource(f"Microsoft.App/containerApps/{place.names.app}")
    account = place.resource(f"Microsoft.Storage/storageAccounts/{place.names.storage_account}")
    async with place.open() as cloud:
        assert (await cloud.resources.get(app, "2024-03-01"))["name"] == place.names.app
        assert await cloud.resources.get(account, "2023-05-01")
        assert await cloud.resources.secrets(app, "2024-03-01") == {"value": []}
        for missing in (f"{app}-x", app.replace(place.group, "no-such-group")):
            assert await cloud.resources.get(missing, "2024-03-01") is None


async def test_a_restart_makes_a_new_replica_of_the_same_revision(
    place: Place, deployed: DeploymentStatus
) -> None:
    async with place.open() as cloud:
        old = await until(place, cloud, lambda replica: replica.ready)
        app = await cloud.apps.get(place.app)
        assert app is not None
        await cloud.apps.restart(place.app, app.latest_revision or "")
        new = await until(place, cloud, lambda replica: replica.ready, besides=old.name)
        after = await cloud.apps.get(place.app)
    assert after is not None
    assert after.latest_revision == app.latest_revision
    assert new.created is not None
    assert old.created is not None
    assert new.created >= old.created
    assert (new.running_state, new.containers[0].started) == ("Running", True)


async def test_a_restart_of_what_is_missing_is_told(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        with pytest.raises(AppError) as caught:
            await cloud.apps.restart(place.app, "no-such-revision")
        assert caught.value.message
        with pytest.raises(NotFound):
            await cloud.apps.restart(AppRef(place.subscription, place.group, "none"), "x")


async def test_the_endpoint_is_probed(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        await until(place, cloud, lambda replica: replica.ready)
        app = await cloud.apps.get(place.app)
        assert app is not None
        good = await cloud.probe.get(f"{app.endpoint}/", timeout=10)
        assert (good.ok, good.status, good.detail) == (True, 200, "hello")
        assert (await cloud.probe.get(f"{app.endpoint}/moved", timeout=10)).status == 200
        assert (await cloud.probe.get(f"{app.endpoint}/none", timeout=10)).ok is False
        slow = await cloud.probe.get(f"{app.endpoint}/slow", timeout=0.5)
        assert (slow.status, slow.detail) == (None, "no answer within 0.5 s")


async def test_nothing_that_answers_is_no_error(place: Place) -> None:
    async with place.open() as cloud:
        for url in ("http://127.0.0.1:9/", "https://no-such-host.invalid/", "http://[broken", "not a url"):
            result = await cloud.probe.get(url, timeout=10)
            assert (result.status, result.ok) == (None, False)
            assert result.detail


async def lines_with(found: "asyncio.Queue[LogLine]", words: str) -> LogLine:
    async with asyncio.timeout(60):
        while True:
            line = await found.get()
            if words in line.text:
                return line


async def test_the_console_is_read_and_followed(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        replica = await until(place, cloud, lambda one: one.ready)
        app = await cloud.apps.get(place.app)
        assert app is not None
        revision = app.latest_revision or ""
        last = [
            line
            async for line in cloud.apps.console(place.app, revision, replica.name, tail=300, follow=False)
        ]
        assert "the app starts" in [line.text for line in last]
        assert all(line.source == "console" for line in last)
        found: asyncio.Queue[LogLine] = asyncio.Queue()

        async def follow() -> None:
            async with aclosing(
                cloud.apps.console(place.app, revision, replica.name, tail=0, follow=True)
            ) as lines:
                async for line in lines:
                    found.put_nowait(line)

        task = asyncio.create_task(follow())
        await asyncio.sleep(1)
        await cloud.probe.get(f"{app.endpoint}/marker", timeout=10)
        line = await lines_with(found, "asked for /marker")
        assert line.time is not None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_console_of_nothing_is_told(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        app = await cloud.apps.get(place.app)
        assert app is not None
        with pytest.raises(NotFound):
            async for _ in cloud.apps.console(
                place.app, app.latest_revision or "", "no-such-replica", tail=1, follow=False
            ):
                pass


async def test_the_system_log_tells_what_happened(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        await until(place, cloud, lambda one: one.ready)
        lines = [line async for line in cloud.apps.events(place.app, tail=300, follow=False)]
    assert lines
    assert all(line.source == "system" and line.time is not None for line in lines)
    assert any("ContainerStarted" in line.text for line in lines)


async def test_an_app_stops_and_starts(place: Place, deployed: DeploymentStatus) -> None:
    async with place.open() as cloud:
        await until(place, cloud, lambda one: one.ready)
        await cloud.apps.stop(place.app)
        stopped = await cloud.apps.get(place.app)
        assert stopped is not None
        assert stopped.running_status == "Stopped"
        await cloud.apps.start(place.app)
        started = await cloud.apps.get(place.app)
        assert started is not None
        assert started.running_status != "Stopped"
        await until(place, cloud, lambda one: one.ready)


async def test_a_share_is_opened_with_the_key_of_its_account(
    place: Place, deployed: DeploymentStatus
) -> None:
    async with place.open() as cloud, cloud.shares.open(place.share) as share:
        entry = await share.put_file("inference/note.txt", b"hello")
        assert await share.read("inference/note.txt") == b"hello"
        assert entry in await share.list("inference")
        assert await share.delete_file("inference/note.txt")


async def test_neither_key_nor_token_reaches_a_log(
    place: Place, deployed: DeploymentStatus, caplog: pytest.LogCaptureFixture
) -> None:
    skip_on_azure(place, "the token of a person is not known here")
    running = await local_target.find(place.settings)
    assert running is not None
    account = f"{place.names.storage_account}/listKeys?api-version=2023-05-01"
    group = f"subscriptions/{place.subscription}/resourceGroups/{place.group}"
    async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=running.ca_file)) as http:
        answer = await http.post(
            f"{running.arm}/{group}/providers/Microsoft.Storage/storageAccounts/{account}",
            headers={"Authorization": f"Bearer {running.token}"},
        )
    key = answer.json()["keys"][0]["value"]
    with caplog.at_level(logging.DEBUG):
        async with place.open() as cloud, cloud.shares.open(place.share) as share:
            await share.put_file("inference/secret.txt", b"hello")
            assert [line async for line in cloud.apps.events(place.app, tail=1, follow=False)]
    assert caplog.text
    assert key not in caplog.text
    assert running.token not in caplog.text
    assert "SharedKey" not in caplog.text


async def test_a_missing_account_or_share_is_told(place: Place, deployed: DeploymentStatus) -> None:
    nothing = ShareRef(place.subscription, place.group, "nosuchaccount", "s")
    no_share = ShareRef(place.subscription, place.group, place.share.account, "nosuchshare")
    async with place.open() as cloud:
        with pytest.raises(NotFound, match="no storage account nosuchaccount"):
            async with cloud.shares.open(nothing):
                pass
        with pytest.raises(NotFound, match="share does not exist"):
            async with cloud.shares.open(no_share) as share:
                await share.list()
