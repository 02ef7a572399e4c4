"""A second Provision adds and never resets: what other people set on the resources is there afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.projects import set_parameters, small_project
from support.real_projects import STORAGE, Arm, config_of

if TYPE_CHECKING:
    import pytest
    from support.desk import Desk

GROUP = "shared"
LOGS = "2023-09-01"
GPU = {"name": "serverless-T4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}


def test_what_others_set_survives_an_update(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = small_project(tmp_path_factory.mktemp("keeps") / "project")
    provision = ("provision", "--project", str(project), "--subscription", "local", "--resource-group", GROUP)
    desk.run(*provision)
    others = Arm.of(desk, GROUP)
    kinds = (
        "Microsoft.Storage/storageAccounts",
        "Microsoft.App/managedEnvironments",
        "Microsoft.App/containerApps",
    )
    account, environment, app = (f"{kind}/{name}" for kind in kinds for name in others.names(kind))
    share = f"{account}/fileServices/default/shares/{config_of(project)['FILE_SHARE_NAME']}"

    rules = {"networkAcls": {"defaultAction": "Allow", "ipRules": [{"value": "10.1.2.3", "action": "Allow"}]}}
    others.ask("PATCH", account, {"tags": {"team": "lights"}, "properties": rules}, STORAGE)
    others.ask("PATCH", share, {"properties": {"shareQuota": 77}}, STORAGE)
    profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}, GPU]
    others.ask("PATCH", environment, {"tags": {"of": "us"}, "properties": {"workloadProfiles": profiles}})
    _give_the_app_more(others, app)
    before = {path: others.ask("GET", path, version=STORAGE) for path in (account, share)}

    set_parameters(project, maxReplicas=2)
    desk.run(*provision)

    assert {path: others.ask("GET", path, version=STORAGE) for path in (account, share)} == before
    kept = others.ask("GET", environment)
    assert kept["tags"] == {"of": "us"}
    assert {profile["name"] for profile in kept["properties"]["workloadProfiles"]} == {
        "Consumption",
        "serverless-T4",
    }
    _check_the_app(others, app)


def _give_the_app_more(others: Arm, app: str) -> None:
    document = others.ask("GET", app)
    properties = document["properties"]
    properties["configuration"]["secrets"] = [{"name": "hush", "value": "quiet"}]
    properties["configuration"]["ingress"]["ipSecurityRestrictions"] = [
        {"name": "home", "ipAddressRange": "127.0.0.1/32", "action": "Allow"}
    ]
    properties["template"]["containers"][0]["env"].append({"name": "TOKEN", "secretRef": "hush"})
    body = {"location": document["location"], "tags": {"owner": "me"}, "properties": properties}
    others.ask("PUT", app, body)


def _check_the_app(others: Arm, app: str) -> None:
    document = others.ask("GET", app)
    properties = document["properties"]
    assert document["tags"] == {"owner": "me"}
    assert properties["configuration"]["ingress"]["ipSecurityRestrictions"][0]["name"] == "home"
    assert properties["template"]["scale"]["maxReplicas"] == 2
    variables = {one["name"]: one for one in properties["template"]["containers"][0]["env"]}
    assert variables["TOKEN"]["secretRef"] == "hush"
    secrets = others.ask("POST", f"{app}/listSecrets")["value"]
    assert [(secret["name"], secret["value"]) for secret in secrets] == [("hush", "quiet")]


def test_a_workspace_in_the_group_that_is_not_ours_stays(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = Arm.of(desk, GROUP)
    logs = "Microsoft.OperationalInsights/workspaces/theirs"
    body = {"location": "eastus", "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 90}}
    others.ask("PUT", logs, body, LOGS)
    before = others.ask("GET", logs, version=LOGS)
    project = small_project(tmp_path_factory.mktemp("beside") / "project")
    set_parameters(project, acaAppName="besideapp")
    place = ("--project", str(project), "--subscription", "local", "--resource-group", GROUP)
    desk.run("provision", *place, "--again")
    assert others.ask("GET", logs, version=LOGS) == before
