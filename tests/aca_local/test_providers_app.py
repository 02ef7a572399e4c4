"""Container Apps through azure-mgmt-appcontainers, unmodified: apps, revisions, replicas."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from support.app_provider import (
    BASE,
    GROUP,
    app,
    apps_of,
    create,
    error_of,
    plain_client,
    revisions_of,
    run_region,
    until,
)
from support.arm_server import LIMIT, Running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[ContainerAppsAPIClient]:
    with apps_of(running) as client:
        yield client


@pytest.fixture
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        yield http


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"app-{abs(hash(request.node.name)) % 10**9}"


def test_a_new_app_answers_as_recorded(http: httpx.Client, name: str) -> None:
    answer = http.put(f"{BASE}/Microsoft.App/containerApps/{name}", json=app())
    assert answer.status_code == 201
    url = answer.headers["Azure-AsyncOperation"]
    assert "/providers/Microsoft.App/locations/eastus/containerappOperationStatuses/" in url
    assert "azureAsyncOperation=true" in url
    body = answer.json()
    assert body["id"] == f"{BASE}/Microsoft.App/containerapps/{name}"
    assert (body["location"], body["properties"]["provisioningState"]) == ("East US", "InProgress")
    assert body["properties"]["configuration"]["ingress"]["fqdn"] is None
    assert body["properties"]["latestRevisionName"] == ""
    assert body["properties"]["template"]["containers"][0]["resources"] == {
        "cpu": 0.5,
        "memory": "1Gi",
        "ephemeralStorage": "2Gi",
    }


def test_an_app_gets_an_address_a_revision_and_a_replica(
    client: ContainerAppsAPIClient, running: Running, name: str
) -> None:
    made = create(client, name)
    assert made.properties.configuration.ingress.fqdn.startswith("127.0.0.1:")
    revision = made.properties.latest_revision_name
    assert revision.startswith(f"{name}--")
    assert len(revision) == len(name) + 9
    (replica,) = client.container_apps_revision_replicas.list_replicas(GROUP, name, revision).value
    assert replica.properties.running_state == "Running"
    (container,) = replica.properties.containers
    assert (container.name, container.ready, container.restart_count) == ("main", True, 0)
    assert running.ingress.routes[f"{BASE}/Microsoft.App/containerApps/{name}".lower()] == revision


def test_only_a_changed_template_makes_a_revision(client: ContainerAppsAPIClient, name: str) -> None:
    first = create(client, name).properties.latest_revision_name
    again = create(client, name, configuration={"ingress": {"external": False, "targetPort": 7860}})
    assert again.properties.latest_revision_name == first
    changed = create(client, name, container={"image": "python:3.12"})
    second = changed.properties.latest_revision_name
    assert second != first
    until(lambda: revisions_of(client, name) == {first: False, second: True})
    assert client.container_apps.get(GROUP, name).properties.latest_ready_revision_name == second


def test_the_old_revision_stays_until_the_new_one_is_ready(
    client: ContainerAppsAPIClient, running: Running, name: str
) -> None:
    first = create(client, name).properties.latest_revision_name
    until(lambda: client.container_apps.get(GROUP, name).properties.latest_ready_revision_name == first)
    running.replicas.ready = False
    try:
        second = create(client, name, container={"image": "other"}).properties.latest_revision_name
        assert revisions_of(client, name) == {first: True, second: True}
        assert running.ingress.routes[f"{BASE}/Microsoft.App/containerApps/{name}".lower()] == first
        assert client.container_apps.get(GROUP, name).properties.latest_ready_revision_name == first
    finally:
        running.replicas.ready = True
    until(lambda: revisions_of(client, name) == {first: False, second: True})
    assert first in running.replicas.stopped


def test_in_multiple_mode_all_revisions_stay(client: ContainerAppsAPIClient, name: str) -> None:
    first = create(client, name, configuration={"activeRevisionsMode": "multiple", "ingress": None})
    second = create(
        client,
        name,
        configuration={"activeRevisionsMode": "multiple", "ingress": None},
        template={"revisionSuffix": "v2"},
    )
    assert second.properties.latest_revision_name == f"{name}--v2"
    assert set(revisions_of(client, name).values()) == {True}
    client.container_apps_revisions.deactivate_revision(GROUP, name, first.properties.latest_revision_name)
    assert revisions_of(client, name)[first.properties.latest_revision_name] is False
    client.container_apps_revisions.activate_revision(GROUP, name, first.properties.latest_revision_name)
    assert revisions_of(client, name)[first.properties.latest_revision_name] is True


def test_a_restart_makes_a_new_replica_of_the_same_revision(
    client: ContainerAppsAPIClient, http: httpx.Client, name: str
) -> None:
    revision = create(client, name).properties.latest_revision_name
    replicas = client.container_apps_revision_replicas
    (before,) = replicas.list_replicas(GROUP, name, revision).value
    answer = http.post(f"{BASE}/Microsoft.App/containerApps/{name}/revisions/{revision}/restart")
    assert (answer.status_code, answer.json()) == (200, "Restart succeeded")
    (after,) = replicas.list_replicas(GROUP, name, revision).value
    assert after.name != before.name
    assert list(revisions_of(client, name)) == [revision]
    assert replicas.get_replica(GROUP, name, revision, after.name).name == after.name


def test_an_inactive_revision_is_not_restarted(client: ContainerAppsAPIClient, name: str) -> None:
    revision = create(client, name).properties.latest_revision_name
    client.container_apps_revisions.deactivate_revision(GROUP, name, revision)
    with pytest.raises(HttpResponseError) as caught:
        client.container_apps_revisions.restart_revision(GROUP, name, revision)
    assert caught.value.status_code == 400


def test_secrets_reach_the_process_and_no_get(
    client: ContainerAppsAPIClient, http: httpx.Client, running: Running, name: str
) -> None:
    secret = {"name": "key", "value": "s3cr3t"}
    variable = {"name": "KEY", "secretRef": "key"}
    made = create(client, name, configuration={"secrets": [secret]}, container={"env": [variable]})
    revision = made.properties.latest_revision_name
    specs = {key[1]: spec for key, spec in running.replicas.specs.items()}
    assert specs[revision].containers[0].env == {"KEY": "s3cr3t"}
    path = f"{BASE}/Microsoft.App/containerApps/{name}"
    for below in ("", "/revisions", f"/revisions/{revision}"):
        assert "s3cr3t" not in http.get(f"{path}{below}").text
    listed = client.container_apps.list_secrets(GROUP, name).value
    assert [(one.name, one.value) for one in listed] == [("key", "s3cr3t")]
    fresh = create(
        client, name, configuration={"secrets": [{**secret, "value": "n3w"}]}, container={"env": [variable]}
    )
    assert fresh.properties.latest_revision_name == revision, "a secret's value makes no revision"
    client.container_apps_revisions.restart_revision(GROUP, name, revision)
    specs = {key[1]: spec for key, spec in running.replicas.specs.items()}
    assert specs[revision].containers[0].env == {"KEY": "n3w"}


def test_only_the_newest_inactive_revisions_are_kept(client: ContainerAppsAPIClient, name: str) -> None:
    made = []
    for image in ("one", "two", "three"):
        app = create(client, name, container={"image": image}, configuration={"maxInactiveRevisions": 1})
        made.append(app.properties.latest_revision_name)
        until(lambda: sum(revisions_of(client, name).values()) == 1)
    until(lambda: revisions_of(client, name) == {made[1]: False, made[2]: True})


def test_a_secret_volume_is_a_file_a_secret(
    client: ContainerAppsAPIClient, running: Running, name: str
) -> None:
    secrets = [{"name": "key", "value": "s3cr3t"}, {"name": "other", "value": "o"}]
    some = {"name": "some", "storageType": "Secret", "secrets": [{"secretRef": "key", "path": "api-key"}]}
    every = {"name": "every", "storageType": "Secret"}
    mounts = [{"volumeName": one, "mountPath": f"/mnt/{one}"} for one in ("some", "every")]
    template = {"volumes": [some, every]}
    changes = {"container": {"volumeMounts": mounts}, "template": template}
    made = create(client, name, configuration={"secrets": secrets}, **changes)
    (container,) = running.replicas.specs[made.id.lower(), made.properties.latest_revision_name].containers
    assert {mount.path: mount.files for mount in container.mounts} == {
        "/mnt/some": {"api-key": "s3cr3t"},
        "/mnt/every": {"key": "s3cr3t", "other": "o"},
    }
    fresh = client.container_apps.get(GROUP, name)
    assert [one.storage_type for one in fresh.properties.template.volumes] == ["Secret", "Secret"]
    assert fresh.properties.template.volumes[0].secrets[0].path == "api-key"


def test_a_patch_merges_and_keeps_secrets(client: ContainerAppsAPIClient, name: str) -> None:
    create(client, name, configuration={"secrets": [{"name": "key", "value": "kept"}]})
    patch = {
        "location": "eastus",
        "properties": {"template": {"scale": {"minReplicas": 0, "maxReplicas": 3}}},
        "tags": {"a": "b"},
    }
    client.container_apps.begin_update(GROUP, name, patch).result()
    found = client.container_apps.get(GROUP, name)
    assert (found.properties.template.scale.min_replicas, found.properties.template.scale.max_replicas) == (
        0,
        3,
    )
    assert found.properties.template.containers[0].image == "python"
    assert found.tags == {"a": "b"}
    assert client.container_apps.list_secrets(GROUP, name).value[0].value == "kept"


def test_a_put_resets_what_it_leaves_out(client: ContainerAppsAPIClient, name: str) -> None:
    create(
        client, name, configuration={"secrets": [{"name": "key", "value": "gone"}], "maxInactiveRevisions": 3}
    )
    after = create(client, name)
    assert client.container_apps.list_secrets(GROUP, name).value == []
    assert after.properties.configuration.max_inactive_revisions == 100


def test_an_app_stops_starts_and_goes(client: ContainerAppsAPIClient, running: Running, name: str) -> None:
    revision = create(client, name).properties.latest_revision_name
    replicas = client.container_apps_revision_replicas
    client.container_apps.begin_stop(GROUP, name).result()
    assert client.container_apps.get(GROUP, name).properties.running_status == "Stopped"
    assert replicas.list_replicas(GROUP, name, revision).value == []
    client.container_apps.begin_start(GROUP, name).result()
    assert client.container_apps.get(GROUP, name).properties.running_status == "Running"
    assert len(replicas.list_replicas(GROUP, name, revision).value) == 1
    client.container_apps.begin_delete(GROUP, name).result()
    assert revision not in {key[1] for key in running.replicas.specs}
    with pytest.raises(ResourceNotFoundError):
        client.container_apps.get(GROUP, name)
    client.container_apps.begin_delete(GROUP, name).result()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"environmentId": f"{BASE}/Microsoft.App/managedEnvironments/none"}, "ManagedEnvironmentNotFound"),
        ({"workloadProfileName": "none"}, "WorkloadProfileNotFound"),
        ({"container": {"image": ""}}, "InvalidParameterValueInContainerTemplate"),
        ({"container": {"resources": {"cpu": 3, "memory": "1Gi"}}}, "ContainerAppInvalidResourceTotal"),
        ({"container": {"env": [{"name": "A", "secretRef": "none"}]}}, "ContainerAppSecretRefNotFound"),
        (
            {
                "template": {
                    "volumes": [{"name": "v", "storageType": "Secret", "secrets": [{"secretRef": "no"}]}]
                }
            },
            "ContainerAppSecretRefNotFound",
        ),
        ({"configuration": {"secrets": [{"name": "a"}]}}, "ContainerAppSecretInvalid"),
        ({"configuration": {"dapr": {"enabled": True}}}, "InvalidParameterValueInContainerTemplate"),
        (
            {"configuration": {"ingress": {"targetPort": 80, "transport": "tcp"}}},
            "InvalidParameterValueInContainerTemplate",
        ),
        (
            {
                "container": {
                    "probes": [{"type": "Liveness", "tcpSocket": {"port": 1}, "failureThreshold": 31}]
                }
            },
            "InvalidParameterValueInContainerTemplate",
        ),
        (
            {"container": {"volumeMounts": [{"volumeName": "none", "mountPath": "/x"}]}},
            "InvalidParameterValueInContainerTemplate",
        ),
    ],
)
def test_bad_apps_are_refused(
    client: ContainerAppsAPIClient, name: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(HttpResponseError) as caught:
        create(client, name, **changes)
    assert error_of(caught)[1] == code


def test_an_environment_with_apps_is_not_removed(client: ContainerAppsAPIClient, name: str) -> None:
    create(client, name)
    with pytest.raises(HttpResponseError) as caught:
        client.managed_environments.begin_delete(GROUP, "env")
    assert error_of(caught)[1] == "ManagedEnvironmentHasContainerApps"


def test_a_volume_is_the_folder_of_its_share(
    client: ContainerAppsAPIClient, http: httpx.Client, running: Running, name: str
) -> None:
    key = storage_with_share(http, "store")
    put = client.managed_environments_storages.create_or_update
    file = {"accountName": "store", "shareName": "code", "accessMode": "ReadOnly"}
    put(GROUP, "env", "good", {"properties": {"azureFile": {**file, "accountKey": key}}})
    put(GROUP, "env", "wrong", {"properties": {"azureFile": {**file, "accountKey": "bm90IHRoZSBrZXk="}}})
    for storage, failure in (("good", ""), ("wrong", "mount error(13): Permission denied")):
        volume = {"name": "code", "storageType": "AzureFile", "storageName": storage}
        mounts = {"volumeMounts": [{"volumeName": "code", "mountPath": "/mount"}]}
        made = create(
            client,
            name,
            template={"volumes": [volume], "containers": [{"name": "c", "image": "i", **mounts}]},
        )
        assert made.properties.provisioning_state == "Succeeded", "a wrong key is not seen at the PUT"
        specs = {one[1]: spec for one, spec in running.replicas.specs.items()}
        (mount,) = specs[made.properties.latest_revision_name].containers[0].mounts
        assert (mount.path, mount.read_only) == ("/mount", True) if not failure else ("/mount", False)
        assert failure in mount.failure
        if not failure:
            assert mount.folder == running.cloud.shares.folder("store", "code")


def storage_with_share(http: httpx.Client, account: str) -> str:
    version = {"api-version": "2023-05-01"}
    path = f"{BASE}/Microsoft.Storage/storageAccounts/{account}"
    body = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "properties": {}}
    answer = http.put(path, params=version, json=body)
    while answer.status_code == 202:
        answer = httpx.get(answer.headers["Location"], headers=http.headers, timeout=LIMIT)
    http.put(f"{path}/fileServices/default/shares/code", params=version, json={})
    key: str = http.post(f"{path}/listKeys", params=version).json()["keys"][1]["value"]
    return key


def test_console_lines_are_streamed_with_the_apps_token(client: ContainerAppsAPIClient, name: str) -> None:
    revision = create(client, name).properties.latest_revision_name
    (replica,) = client.container_apps_revision_replicas.list_replicas(GROUP, name, revision).value
    endpoint = replica.properties.containers[0].log_stream_endpoint
    token = client.container_apps.get_auth_token(GROUP, name).properties.token
    sign = {"Authorization": f"Bearer {token}"}
    options = {"follow": "false", "output": "json", "tailLines": "2"}
    answer = httpx.get(endpoint, headers=sign, params=options, timeout=LIMIT)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["Log"] == "Connecting to the container 'main'..."
    assert lines[1]["Log"].startswith(
        f"Successfully Connected to container: 'main' [Revision: '{revision}', Replica:"
    )
    assert [one["Log"] for one in lines[2:]] == ["line 3", "line 4"]
    assert lines[2]["TimeStamp"] == "2026-01-02T03:04:05.000678+00:00"
    text = httpx.get(endpoint, headers=sign, params={**options, "output": "text"}, timeout=LIMIT).text
    assert text.splitlines()[2] == "2026-01-02T03:04:05.000678+00:00 line 3"
    assert httpx.get(endpoint, headers=sign, params={"tailLines": "301"}, timeout=LIMIT).status_code == 400
    other = create(client, f"{name}b")
    wrong = client.container_apps.get_auth_token(GROUP, f"{name}b").properties.token
    assert other.name != name
    assert httpx.get(endpoint, headers={"Authorization": f"Bearer {wrong}"}, timeout=LIMIT).status_code == 401


def test_events_are_streamed_as_recorded(client: ContainerAppsAPIClient, name: str) -> None:
    endpoint = create(client, name).properties.event_stream_endpoint
    token = client.container_apps.get_auth_token(GROUP, name).properties.token
    answer = httpx.get(endpoint, headers={"Authorization": f"Bearer {token}"}, timeout=LIMIT)
    first, second, event = (json.loads(line) for line in answer.text.splitlines())
    assert (first["Reason"], second["Reason"]) == ("StartingGettingEvents", "ConnectedToEventsServer")
    assert list(event) == [
        "TimeStamp",
        "Type",
        "ContainerAppName",
        "RevisionName",
        "ReplicaName",
        "Msg",
        "Reason",
        "EventSource",
        "Count",
    ]
    assert (event["Reason"], event["RevisionName"]) == ("ContainerStarted", "app--1")
