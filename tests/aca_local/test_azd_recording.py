"""What the Azure Developer CLI deployed, beside aca-local.

``azd up`` makes a group with a registry, a workspace, an environment and an identity, then an app in it;
``azd down`` deletes all. Both templates are evaluated whole, and deployed without what is ``NOT_SERVED``.
"""

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from arm_template import Plan, Scope, evaluate, resolve
from arm_template.plan import Volatile
from support.arm_recordings import Player, playing, shape
from support.arm_server import SUBSCRIPTION, TENANT, run_arm
from support.differences import excused
from support.shared import shared

Json = Any
NOT_SERVED = {
    "Microsoft.ContainerRegistry/registries": "no images are built or pulled here",
    "Microsoft.ManagedIdentity/userAssignedIdentities": "there is no directory here to hold identities",
    "Microsoft.Authorization/roleAssignments": "there is one user, who may do all",
}
INFRA, INFRA_DONE, APP, APP_DONE, EMPTY, EMPTY_DONE = 11, 13, 28, 30, 49, 51


@cache
def exchanges() -> list[dict[str, Json]]:
    text = shared("wire/arm-azd/Test_CLI_Up_Down_ContainerApp.yaml").read_text()
    found: list[dict[str, Json]] = next(iter(yaml.load_all(text, yaml.CSafeLoader)))["interactions"]
    return found


def asked(index: int) -> dict[str, Json]:
    body: dict[str, Json] = json.loads(exchanges()[index]["request"]["body"])
    return body


def answered(index: int) -> dict[str, Json]:
    body: dict[str, Json] = json.loads(exchanges()[index]["response"]["body"])
    return body


class Recorded:
    """Answers references with what the recording tells of Azure's resources."""

    def __init__(self, known: Mapping[str, Json]) -> None:
        self._known = {key.lower(): value for key, value in known.items()}

    def reference(self, resource_id: str, api_version: str | None, full: bool) -> Json:
        assert not full
        return self._known[resource_id.lower()]

    def list_call(self, function: str, resource_id: str, api_version: str, body: Json | None) -> Json:
        raise AssertionError(f"{function} of {resource_id}")


def plan_of(index: int) -> Plan:
    """The plan of a recorded deployment, in the place and at the time of the recording."""
    done = answered({INFRA: INFRA_DONE, APP: APP_DONE}[index])
    subscription, rest = done["id"].split("/")[2], done["id"].split("/")[3:]
    group = rest[1] if rest[0] == "resourceGroups" else None
    properties = asked(index)["properties"]
    moment = datetime.fromisoformat(answered(index)["properties"]["timestamp"])
    scope = Scope(TENANT, subscription, group, asked(index).get("location"), done["name"])
    given = {key: {"value": one["value"]} for key, one in properties["parameters"].items()}
    volatile = Volatile(moment, lambda: "not asked for")
    return evaluate(properties["template"], given, scope, volatile=volatile)


def ids(properties: Mapping[str, Json], key: str) -> set[str]:
    return {one["id"].lower() for one in properties[key]}


def leaves(plan: Plan) -> set[str]:
    return {one.id.lower() for one in plan.leaves() if not one.existing}


def test_the_names_of_all_resources_are_those_that_azure_made() -> None:
    assert leaves(plan_of(INFRA)) == ids(answered(INFRA_DONE)["properties"], "outputResources")
    assert leaves(plan_of(APP)) == ids(answered(APP_DONE)["properties"], "outputResources")


def test_the_outputs_are_those_that_azure_evaluated() -> None:
    app = answered(31)
    registry = f"{app['id'].partition('/providers/')[0]}/providers/{next(iter(NOT_SERVED))}/crpogq2w7bplv2u"
    known = {app["id"]: app["properties"], registry: {"loginServer": "crpogq2w7bplv2u.azurecr.io"}}
    for index, done in ((INFRA, INFRA_DONE), (APP, APP_DONE)):
        plan = plan_of(index)
        found = {
            name.lower(): resolve(one.value, plan, Recorded(known)) for name, one in plan.outputs.items()
        }
        wanted = answered(done)["properties"]["outputs"]
        assert found == {name.lower(): one["value"] for name, one in wanted.items()}


def test_the_group_gets_the_tags_that_azure_gave_it() -> None:
    group = plan_of(INFRA).resources[0].body
    (wanted,) = answered(14)["value"]
    assert (group["name"], group["location"], group["tags"]) == tuple(
        wanted[key] for key in ("name", "location", "tags")
    )


def served(template: dict[str, Json]) -> dict[str, Json]:
    """The template without what is not served, nor what speaks of it."""
    left = deepcopy(template)
    gone = [kind.partition("/")[0] for kind in NOT_SERVED]
    named = ("registry", "identity")  # what the outer outputs call the inner ones

    def fits(text: str) -> bool:
        return not any(word.lower() in text.lower() for word in (*gone, *named))

    left["outputs"] = {key: one for key, one in left["outputs"].items() if fits(one["value"])}
    left["resources"] = [one for one in left["resources"] if one["type"] not in NOT_SERVED]
    for one in left["resources"]:
        if "dependsOn" in one:
            one["dependsOn"] = [each for each in one["dependsOn"] if fits(each)]
        if one["type"] == "Microsoft.Resources/deployments" and one["name"] == "resources":
            one["properties"]["template"] = served(one["properties"]["template"])
        if one["name"] == "web":
            for key in ("registries", "managedIdentities"):
                del one["properties"]["parameters"][key]
    return left


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    with run_arm(tmp_path) as running, playing(running) as player:
        yield player


def send(
    player: Player,
    index: int,
    body: Json = None,
    *,
    names: Mapping[str, str] | None = None,
    but: tuple[str, ...] = (),
) -> httpx.Response:
    """Send a recorded request with our names in its path; it is answered as it was, ``but`` for keys."""
    one = exchanges()[index]
    request, uri = one["request"], one["request"]["url"]
    for old, new in {**(names or {}), answered(INFRA)["id"].split("/")[2]: SUBSCRIPTION}.items():
        uri = uri.replace(old, new)
    answer = player.send({"method": request["method"], "uri": uri, "body": request["body"]}, body)
    assert answer.status_code == one["response"]["code"], answer.text
    headers = {key.lower() for key in one["response"]["headers"]}
    for name in ("azure-asyncoperation", "location"):
        assert (name in answer.headers) == (name in headers), name
    recorded = one["response"]["body"]
    missing = shape(json.loads(recorded)) - shape(answer.json()) if recorded else set()
    assert sorted(key for key in missing if not excused(key) and not key.startswith(but)) == []
    return answer


def test_the_recorded_deployment_is_refused_for_what_is_not_served(player: Player) -> None:
    one = exchanges()[INFRA]["request"]
    uri = one["url"].replace(answered(INFRA)["id"].split("/")[2], SUBSCRIPTION)
    answer = player.send({"method": "POST", "uri": uri.replace("?", "/validate?"), "body": one["body"]})
    assert answer.status_code == 400
    assert "Microsoft.ContainerRegistry" in answer.text


def test_up_and_down_without_what_is_not_served(player: Player) -> None:
    request = asked(INFRA)
    request["properties"]["template"] = served(request["properties"]["template"])
    assert player.follow(send(player, INFRA, request)).json() == answered(12)
    outputs = send(player, INFRA_DONE).json()["properties"]["outputs"]
    assert set(outputs) <= set(answered(INFRA_DONE)["properties"]["outputs"])
    environment = outputs["azurE_CONTAINER_ENVIRONMENT_NAME"]["value"]
    (group,) = send(player, 14).json()["value"]
    assert group["name"] == answered(14)["value"][0]["name"]

    app = asked(APP)
    app["properties"]["template"] = served(app["properties"]["template"])
    app["properties"]["parameters"]["containerAppsEnvironmentName"]["value"] = environment
    registry = ("properties.dependencies",)  # the app waited for nothing else
    assert player.follow(send(player, APP, app, but=registry)).json() == answered(29)
    pulling = "identity", "properties.configuration.registries"
    address = send(player, APP_DONE, but=registry).json()["properties"]["outputs"]["websitE_URL"]["value"]
    assert (
        address
        == f"https://{send(player, 31, but=pulling).json()['properties']['configuration']['ingress']['fqdn']}"
    )

    workspace = {"log-pogq2w7bplv2u": environment.replace("cae-", "log-")}
    send(player, 40, but=("value.identity", "value.sku"))  # of the app, and of the registry
    send(player, 41, names=workspace)
    ended = player.follow(send(player, 42, names=workspace)).json()
    assert (ended["status"], set(ended)) == (answered(43)["status"], set(answered(43)))
    deleted = send(player, 46)
    assert player.follow(deleted).status_code == 200
    assert player.follow(send(player, EMPTY)).json() == answered(50)
    assert send(player, EMPTY_DONE).json()["properties"]["outputResources"] == []
