"""Bodies and answers of a running aca-local, as another program meets them: examples of what
``test_arm_bodies.py`` and ``test_app_answers.py`` try in every form on the services inside a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.running import APP_API, GROUP_API, LIMIT, Azure, aca_local, start, until

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    folder = tmp_path_factory.mktemp("bodies") / "data"
    found = start(folder)
    found.put(found.group, GROUP_API, {"location": "westus3"})
    found.put(environment(found), APP_API, {"location": "westus3", "properties": {}})
    yield found
    aca_local(folder, "stop")


def environment(azure: Azure) -> str:
    return f"{azure.group}/providers/Microsoft.App/managedEnvironments/env"


def app_id(azure: Azure, name: str) -> str:
    return f"{azure.group}/providers/Microsoft.App/containerApps/{name}"


def asleep(azure: Azure, *, scale: dict[str, Any] | None = None, **container: Any) -> dict[str, Any]:
    """An app that starts no replica."""
    main = {"name": "main", "image": "python", **container}
    template = {"containers": [main], "scale": {"minReplicas": 0, "maxReplicas": 2, **(scale or {})}}
    return {
        "location": "westus3",
        "properties": {"environmentId": environment(azure), "template": template},
    }


def send(azure: Azure, method: str, path: str, version: str, **more: Any) -> httpx.Response:
    """Ask, and take any answer."""
    return httpx.request(
        method,
        azure.line["armHttp"] + path,
        params={"api-version": version, **more.pop("query", {})},
        headers={"Authorization": f"Bearer {azure.line['token']}"},
        timeout=LIMIT,
        trust_env=False,
        **more,
    )


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_tags_that_are_none_break_no_list(azure: Azure, method: str) -> None:
    answer = send(azure, method, azure.group, GROUP_API, json={"location": "westus3", "tags": "x"})
    for path in ("resourcegroups", "resources"):
        listed = send(
            azure,
            "GET",
            f"/subscriptions/{azure.line['subscriptionId']}/{path}",
            GROUP_API,
            query={"$filter": "tagName eq 'a'"},
        )
        assert listed.status_code == 200, listed.text
    assert (answer.status_code, "$.tags" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"minReplicas": "1"}, "scale.minReplicas"),
        ({"maxReplicas": [1]}, "scale.maxReplicas"),
        ({"rules": [None]}, "scale.rules[0]"),
        ({"rules": {}}, "scale.rules"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path(azure: Azure, change: dict[str, Any], path: str) -> None:
    answer = send(azure, "PUT", app_id(azure, "never"), APP_API, json=asleep(azure, scale=change))
    assert (answer.status_code, "InvalidRequestContent" in answer.text) == (400, True), answer.text
    assert f"Path: $.properties.template.{path}'" in answer.json()["error"]["message"]
    assert send(azure, "GET", app_id(azure, "never"), APP_API).status_code == 404


def test_a_deep_body_is_refused(azure: Azure) -> None:
    for path, version in ((azure.group, GROUP_API), (app_id(azure, "never"), APP_API)):
        answer = send(azure, "PUT", path, version, content="[" * 100_000)
        assert answer.status_code == 400, answer.text


def test_a_memory_size_may_begin_with_its_point(azure: Azure) -> None:
    body = asleep(azure, resources={"cpu": 0.25, "memory": ".5Gi"})
    answer = send(azure, "PUT", app_id(azure, "small"), APP_API, json=body)
    assert answer.status_code == 201, answer.text


def test_an_app_is_read_as_azure_cli_needs_it(azure: Azure) -> None:
    rule = {"name": "http", "custom": None, "http": {"metadata": {"concurrentRequests": "20"}, "auth": None}}
    body = asleep(azure, scale={"rules": [rule]}) | {"identity": {"type": "SystemAssigned"}}
    found = azure.put(app_id(azure, "read"), APP_API, body)
    rules = found["properties"]["template"]["scale"]["rules"]
    assert (rules, set(found["identity"])) == (
        [{"name": "http", "http": {"metadata": {"concurrentRequests": "20"}}}],
        {"type", "principalId", "tenantId"},
    )


def test_what_is_not_served_says_so(azure: Azure) -> None:
    shell = f"{azure.group}/containerApps/read/revisions/r/replicas/r/containers/main/exec"
    script = f"{azure.group}/providers/Microsoft.Resources/deploymentScripts/x"
    for path in (shell, script):
        answer = send(azure, "GET", path, APP_API)
        assert (answer.status_code, "aca-local does not serve" in answer.text) == (404, True), answer.text


def test_traffic_by_text_wedges_no_app(azure: Azure) -> None:
    """As ``az containerapp ingress traffic set --revision-weight`` sends its weights."""
    azure.put(app_id(azure, "weights"), APP_API, asleep(azure))
    ingress = {"targetPort": 80, "traffic": [{"latestRevision": True, "weight": "100"}]}
    send(
        azure,
        "PATCH",
        app_id(azure, "weights"),
        APP_API,
        json={"properties": {"configuration": {"activeRevisionsMode": "Multiple", "ingress": ingress}}},
    )
    until(
        lambda: send(azure, "GET", app_id(azure, "weights"), APP_API).json()["properties"],
        lambda found: found["provisioningState"] != "InProgress",
    )
    listed = send(azure, "GET", f"{app_id(azure, 'weights')}/revisions", APP_API)
    assert listed.status_code == 200, listed.text
    assert [one["properties"]["trafficWeight"] for one in listed.json()["value"]] == [100]
