"""A second Provision adds and never resets: what other people set on the resources is there afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.desk import Desk
from support.projects import set_parameters, small_project

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "shared"
APPS, STORAGE, LOGS = "2024-03-01", "2023-05-01", "2023-09-01"
GPU = {"name": "serverless-T4", "workloadProfileType": "Consumption-GPU-NC8as-T4"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.local("stop")


class Others:
    """What other people do to the group, through Resource Manager."""

    def __init__(self, desk: Desk) -> None:
        self._line = json.loads(desk.local("serve", "--detach", "--json").stdout)
        self._group = f"/subscriptions/{self._line['subscriptionId']}/resourceGroups/{GROUP}/providers"

    def ask(self, method: str, path: str, version: str, body: object = None) -> Any:
        """Ask, and wait until what was asked for is done; the answer."""
        headers = {"Authorization": f"Bearer {self._line['token']}"}
        url = f"{self._line['armHttp']}{self._group}/{path}"
        answer = httpx.request(
            method, url, params={"api-version": version}, json=body, headers=headers, timeout=60
        )
        assert answer.status_code < 300, answer.text
        while address := answer.headers.get("Azure-AsyncOperation"):
            status = httpx.get(address, headers=headers, timeout=60, verify=False).json()["status"]
            if status in ("Succeeded", "Failed"):
                assert status == "Succeeded"
                break
        return answer.json() if answer.content else None

    def name(self, kind: str) -> str:
        """The name of the one resource of a kind."""
        (found,) = self.ask("GET", kind, APPS if "Microsoft.App" in kind else STORAGE)["value"]
        return str(found["name"])


def test_what_others_set_survives_an_update(desk: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    project = small_project(tmp_path_factory.mktemp("keeps") / "project")
    provision = ("provision", "--project", str(project), "--subscription", "local", "--resource-group", GROUP)
    desk.run(*provision)
    others = Others(desk)
    account = f"Microsoft.Storage/storageAccounts/{others.name('Microsoft.Storage/storageAccounts')}"
    environment = f"Microsoft.App/managedEnvironments/{others.name('Microsoft.App/managedEnvironments')}"
    app = f"Microsoft.App/containerApps/{others.name('Microsoft.App/containerApps')}"
    share = f"{account}/fileServices/default/shares/{_config(project)['FILE_SHARE_NAME']}"

    rules = {"networkAcls": {"defaultAction": "Allow", "ipRules": [{"value": "10.1.2.3", "action": "Allow"}]}}
    others.ask("PATCH", account, STORAGE, {"tags": {"team": "lights"}, "properties": rules})
    others.ask("PATCH", share, STORAGE, {"properties": {"shareQuota": 77}})
    profiles = [{"name": "Consumption", "workloadProfileType": "Consumption"}, GPU]
    others.ask(
        "PATCH", environment, APPS, {"tags": {"of": "us"}, "properties": {"workloadProfiles": profiles}}
    )
    _give_the_app_more(others, app)
    before = {path: others.ask("GET", path, STORAGE) for path in (account, share)}

    set_parameters(project, maxReplicas=2)
    desk.run(*provision)

    assert {path: others.ask("GET", path, STORAGE) for path in (account, share)} == before
    kept = others.ask("GET", environment, APPS)
    assert kept["tags"] == {"of": "us"}
    assert {profile["name"] for profile in kept["properties"]["workloadProfiles"]} == {
        "Consumption",
        "serverless-T4",
    }
    _check_the_app(others, app)


def _give_the_app_more(others: Others, app: str) -> None:
    document = others.ask("GET", app, APPS)
    properties = document["properties"]
    properties["configuration"]["secrets"] = [{"name": "hush", "value": "quiet"}]
    properties["configuration"]["ingress"]["ipSecurityRestrictions"] = [
        {"name": "home", "ipAddressRange": "127.0.0.1/32", "action": "Allow"}
    ]
    properties["template"]["containers"][0]["env"].append({"name": "TOKEN", "secretRef": "hush"})
    body = {"location": document["location"], "tags": {"owner": "me"}, "properties": properties}
    others.ask("PUT", app, APPS, body)


def _check_the_app(others: Others, app: str) -> None:
    document = others.ask("GET", app, APPS)
    properties = document["properties"]
    assert document["tags"] == {"owner": "me"}
    assert properties["configuration"]["ingress"]["ipSecurityRestrictions"][0]["name"] == "home"
    assert properties["template"]["scale"]["maxReplicas"] == 2
    variables = {one["name"]: one for one in properties["template"]["containers"][0]["env"]}
    assert variables["TOKEN"]["secretRef"] == "hush"
    secrets = others.ask("POST", f"{app}/listSecrets", APPS)["value"]
    assert [(secret["name"], secret["value"]) for secret in secrets] == [("hush", "quiet")]


def test_a_workspace_in_the_group_that_is_not_ours_stays(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = Others(desk)
    logs = "Microsoft.OperationalInsights/workspaces/theirs"
    body = {"location": "eastus", "properties": {"sku": {"name": "PerGB2018"}, "retentionInDays": 90}}
    others.ask("PUT", logs, LOGS, body)
    before = others.ask("GET", logs, LOGS)
    project = small_project(tmp_path_factory.mktemp("beside") / "project")
    set_parameters(project, acaAppName="besideapp")
    place = ("--project", str(project), "--subscription", "local", "--resource-group", GROUP)
    desk.run("provision", *place, "--again")
    assert others.ask("GET", logs, LOGS) == before


def _config(project: Any) -> dict[str, str]:
    document: dict[str, str] = json.loads((project / "infra/inference.config.json").read_text())
    return document
