"""aca-local beside recorded traffic of real Azure (how they are compared: ``arm_recordings``)."""

import json
import re
from collections.abc import Iterator

import pytest
from support.arm_recordings import RECORDED, Player, compare, playing, recorded, shape
from support.arm_server import SUBSCRIPTION, Running, run_arm
from support.differences import KEYS


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_arm(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture(scope="module")
def player(running: Running) -> Iterator[Player]:
    groups = ("clitest.rg000001", "eastus"), ("client.env_rg_eastus", "eastus"), ("rgname", "westus")
    more = (f"cli_test_{one}000001" for one in ("deployment_what_if", "resource_group_deployment"))
    with playing(running, *groups, *((one, "westus") for one in more)) as player:
        yield player


STORAGE = "containerapp-core/test_containerapp_env_storage.yaml"
APPS = "containerapp-core/test_containerapp_scale_revision_copy.yaml"
GPU = "containerapp-ext/test_containerapp_up_foundry_model_e2e.yaml"
DEPLOY = "arm-sdk-resource/test_mgmt_resource.test_deployments_basic.yaml"
CLI = "arm-cli-resource/test_resource_group_deployment.yaml"
REPLICAS = "containerapp-ext/test_containerapp_replica_commands.yaml"
WHAT_IF = "arm-cli-resource/test_resource_group_level_what_if.yaml"


def test_an_environment_with_a_storage(player: Player) -> None:
    for index in (4, 5):
        answer = player.send(recorded(STORAGE, index)[0])
        compare(answer, STORAGE, index)
    assert answer.json()["properties"]["provisioningState"] == "Waiting"
    last = player.follow(answer)
    assert set(last.json()) == set(recorded(STORAGE, 36)[3])
    compare(player.send(recorded(STORAGE, 37)[0]), STORAGE, 37)
    compare(player.send(recorded(STORAGE, 40)[0]), STORAGE, 40)
    answer = player.send(recorded(STORAGE, 41)[0])
    compare(answer, STORAGE, 41)
    assert not shape(recorded(STORAGE, 43)[3]) - shape(player.follow(answer).json()) - set(KEYS)
    for index in (44, 45, 47, 48, 50, 52, 54, 56):
        compare(player.send(recorded(STORAGE, index)[0]), STORAGE, index)


def test_an_app_with_its_revisions(player: Player) -> None:
    profiles = [
        {"workloadProfileType": "Consumption", "name": "Consumption"},
        {"workloadProfileType": "D4", "name": "d4", "minimumCount": 1, "maximumCount": 3},
    ]
    environment = {"location": "eastus", "properties": {"workloadProfiles": profiles}}
    player.follow(player.send(recorded(APPS, 1)[0] | {"method": "PUT"}, environment))
    compare(player.send(recorded(APPS, 1)[0]), APPS, 1)
    created = player.send(recorded(APPS, 5)[0])
    compare(created, APPS, 5)
    assert (
        created.json()["properties"]["provisioningState"],
        created.json()["properties"]["latestRevisionName"],
    ) == ("InProgress", "")
    assert set(player.follow(created).json()) == set(recorded(APPS, 8)[3])
    compare(player.send(recorded(APPS, 9)[0]), APPS, 9)
    patched = player.send(recorded(APPS, 15)[0])
    compare(patched, APPS, 15)
    compare(player.follow(patched), APPS, 17)
    revisions = player.send(recorded(APPS, 20)[0])
    compare(revisions, APPS, 20)
    old, mine = (one["name"] for one in revisions.json()["value"])

    def renamed(index: int) -> dict[str, object]:
        request = dict(recorded(APPS, index)[0])
        name = old if index == 21 else mine
        request["uri"] = re.sub(r"aca000002--[a-z0-9]+(?=[/?])", name, request["uri"])
        return request

    for index in (21, 22, 23, 24, 25, 34):
        answer = player.send(renamed(index))
        compare(answer, APPS, index)
        if index in {22, 23, 24, 25}:
            assert answer.json() == recorded(APPS, index)[3]
    compare(player.send(recorded(APPS, 41)[0]), APPS, 41)
    removed = player.send(recorded(APPS, 46)[0])
    compare(removed, APPS, 46)
    assert player.follow(removed).status_code == 204


def test_a_patch_in_a_newer_version_points_to_its_status_too(player: Player) -> None:
    player.group("client.env_rg_northcentralusstage")
    profiles = [{"workloadProfileType": "Consumption", "name": "Consumption"}]
    environment = {"location": "eastus", "properties": {"workloadProfiles": profiles}}
    player.follow(player.send(recorded(REPLICAS, 1)[0] | {"method": "PUT"}, environment))
    body = json.loads(recorded(REPLICAS, 5)[0]["body"]) | {"location": "East US"}  # no stage region here
    created = player.send(recorded(REPLICAS, 5)[0], body)
    compare(created, REPLICAS, 5)
    player.follow(created)
    compare(player.send(recorded(REPLICAS, 10)[0]), REPLICAS, 10)
    patched = player.send(recorded(REPLICAS, 18)[0])
    compare(patched, REPLICAS, 18)
    assert set(player.follow(patched).json()) == set(recorded(REPLICAS, 23)[3])
    found = player.send(recorded(REPLICAS, 24)[0])
    compare(found, REPLICAS, 24)
    assert found.json()["properties"]["template"]["scale"]["minReplicas"] == 0
    removed = player.send(recorded(REPLICAS, 26)[0])
    compare(removed, REPLICAS, 26)
    assert player.follow(removed).status_code == 204


def test_a_workspace_and_a_gpu_profile_added_by_patch(player: Player) -> None:
    created = player.send(recorded(GPU, 6)[0])
    compare(created, GPU, 6)
    assert set(player.follow(created).json()) == set(recorded(GPU, 8)[3])
    compare(player.send(recorded(GPU, 9)[0]), GPU, 9)
    compare(player.send(recorded(GPU, 10)[0]), GPU, 10)
    environment = {
        "location": "westus3",
        "properties": {"workloadProfiles": [{"workloadProfileType": "Consumption", "name": "Consumption"}]},
    }
    player.follow(player.send(recorded(GPU, 12)[0] | {"method": "PUT"}, environment))
    patched = player.send(recorded(GPU, 54)[0])
    compare(patched, GPU, 54)
    profiles = player.follow(patched).json()["properties"]["workloadProfiles"]
    assert [one["name"] for one in profiles] == ["Consumption", "serverless-t4"]


TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {"location": {"type": "string"}},
    "resources": [
        {
            "type": "Microsoft.OperationalInsights/workspaces",
            "apiVersion": "2023-09-01",
            "name": "recorded",
            "location": "[parameters('location')]",
            "properties": {},
        }
    ],
    "outputs": {
        "myparameter": {
            "type": "object",
            "value": "[reference('Microsoft.OperationalInsights/workspaces/recorded')]",
        }
    },
}


def test_a_deployment_from_its_first_to_its_last_state(player: Player) -> None:
    """The recording deploys an availability set; here a workspace stands in, all else is the recorded
    request.
    """
    body = {
        "properties": {
            "template": TEMPLATE,
            "parameters": {"location": {"value": "West US"}},
            "mode": "Incremental",
        }
    }
    compare(player.send(recorded(DEPLOY, 0)[0]), DEPLOY, 0)
    created = player.send(recorded(DEPLOY, 1)[0], body)
    compare(created, DEPLOY, 1)
    assert re.search(
        r"/deployments/[^/]+/operationStatuses/\d{20}\?", created.headers["Azure-AsyncOperation"]
    )
    assert player.follow(created).json() == recorded(DEPLOY, 2)[3]
    for index in (3, 4, 5, 8, 10):
        compare(player.send(recorded(DEPLOY, index)[0]), DEPLOY, index)
    assert player.send(recorded(DEPLOY, 12)[0]).json() == {"template": TEMPLATE}
    assert player.send(recorded(DEPLOY, 1)[0], body).status_code == recorded(CLI, 10)[1] == 200
    compare(player.send(recorded(DEPLOY, 11)[0], body), DEPLOY, 11)
    removed = player.send(recorded(DEPLOY, 13)[0])
    while removed.status_code == 409:  # the second deployment has not ended yet
        removed = player.send(recorded(DEPLOY, 13)[0])
    compare(removed, DEPLOY, 13)
    assert player.follow(removed).status_code == recorded(DEPLOY, 14)[1] == 204


def test_what_the_cli_sends_with_comments_and_a_missing_parameter(player: Player) -> None:
    request, _, _, error = recorded(CLI, 14)
    answer = player.send(request)
    compare(answer, CLI, 14)
    found, wanted = answer.json()["error"], error["error"]
    at = re.compile(r"at line '\d+' and column '\d+'")
    assert at.sub("", found["message"]) == at.sub("", wanted["message"])
    assert found["additionalInfo"][0]["info"]["path"] == wanted["additionalInfo"][0]["info"]["path"]


def test_what_if_of_a_changed_storage_account(player: Player) -> None:
    for index in (0, 1):
        answer = player.send(recorded(WHAT_IF, index)[0])
        compare(answer, WHAT_IF, index)
    assert player.follow(answer).json() == recorded(WHAT_IF, 3)[3]
    asked = player.send(recorded(WHAT_IF, 5)[0])
    compare(asked, WHAT_IF, 5)
    (found,) = player.follow(asked).json()["properties"]["changes"]
    (wanted,) = recorded(WHAT_IF, 6)[3]["properties"]["changes"]
    assert found["changeType"] == wanted["changeType"] == "Modify"
    assert found["delta"] == wanted["delta"]
    assert found["resourceId"].rpartition("/")[0] == wanted["resourceId"].rpartition("/")[0].replace(
        RECORDED, SUBSCRIPTION
    )
    for side in ("before", "after"):
        assert found[side]["sku"]["name"] == wanted[side]["sku"]["name"]
        assert set(wanted[side]) <= set(found[side])


def test_what_if_of_a_bad_template_fails_with_status_200(player: Player) -> None:
    template = {**TEMPLATE, "parameters": {"location": {"type": "string"}}}
    body = {"properties": {"template": template, "parameters": {}, "mode": "Incremental"}}
    asked = player.send(recorded(DEPLOY, 6)[0], body)
    compare(asked, DEPLOY, 6)
    answer = player.follow(asked)
    compare(answer, DEPLOY, 7)
    assert (answer.json()["status"], answer.json()["error"]["code"]) == ("Failed", "InvalidTemplate")


@pytest.mark.parametrize(
    ("relative", "index"),
    [
        ("arm-sdk-resource/test_mgmt_resource_subscriptions.test_subscriptions.yaml", 0),
        ("arm-sdk-resource/test_mgmt_resource_subscriptions.test_subscriptions.yaml", 1),
        ("arm-sdk-resource/test_mgmt_resource_subscriptions.test_subscriptions.yaml", 2),
        ("containerapp-core/test_containerapp_env_workload_profiles_list_supported.yaml", 1),
        ("containerapp-core/test_containerapp_env_usages.yaml", 1),
        ("arm-cli-resource/test_list_locations.yaml", 0),
        (STORAGE, 0),
    ],
)
def test_what_is_only_read(player: Player, relative: str, index: int) -> None:
    compare(player.send(recorded(relative, index)[0]), relative, index)
