"""Bodies as people and generators get them wrong, at every PUT, PATCH and POST that is served, through HTTP.

Never 500; what is refused has a code and the path of the value, and nothing of it is stored; afterwards every
list still answers.
"""

import copy
import json
import logging
import os
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.app_provider import (
    BASE,
    ENVIRONMENT,
    GROUP,
    STORE,
    app,
    environment,
    plain_client,
    run_region,
)
from support.arm_server import SUBSCRIPTION, Running

SUB = f"/subscriptions/{SUBSCRIPTION}"
LOGS = f"{BASE}/Microsoft.OperationalInsights/workspaces/logs"
APP, JOB = f"{BASE}/Microsoft.App/containerApps/app", f"{BASE}/Microsoft.App/jobs/tune"
DEPLOYMENT = f"{BASE}/Microsoft.Resources/deployments/d"
ACCOUNT = {"location": "eastus", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2", "tags": {"a": "b"}}
FILE = {"accountName": "store", "accountKey": "a2V5", "shareName": "code", "accessMode": "ReadWrite"}


def put(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    changed = copy.deepcopy(body)
    within = changed
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = value
    return changed


TEMPLATE = {
    "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
    "contentVersion": "1.0.0.0",
    "parameters": {"name": {"type": "string", "defaultValue": "nested"}},
    "resources": [
        {
            "type": "Microsoft.Storage/storageAccounts",
            "apiVersion": "2023-05-01",
            "name": "[parameters('name')]",
            **ACCOUNT,
        }
    ],
    "outputs": {"id": {"type": "string", "value": "[parameters('name')]"}},
}
WHOLE_APP = app(
    container={
        "env": [{"name": "A", "value": "b"}, {"name": "S", "secretRef": "s"}],
        "args": ["x"],
        "resources": {"cpu": 0.5, "memory": "1Gi"},
        "probes": [
            {
                "type": "Readiness",
                "httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "a", "value": "b"}]},
                "periodSeconds": 5,
                "failureThreshold": 3,
            }
        ],
        "volumeMounts": [{"volumeName": "files", "mountPath": "/code", "subPath": "sub"}],
    },
    configuration={
        "ingress": {
            "external": True,
            "targetPort": 7860,
            "transport": "auto",
            "traffic": [{"latestRevision": True, "weight": 100}],
            "ipSecurityRestrictions": [{"name": "a", "action": "Allow", "ipAddressRange": "10.0.0.0/8"}],
        },
        "secrets": [{"name": "s", "value": "t"}],
        "registries": [{"server": "r.example", "username": "u", "passwordSecretRef": "s"}],
        "maxInactiveRevisions": 5,
        "activeRevisionsMode": "Single",
    },
    template={
        "volumes": [{"name": "files", "storageType": "AzureFile", "storageName": "files"}],
        "scale": {
            "minReplicas": 0,
            "maxReplicas": 1,
            "rules": [{"name": "http", "http": {"metadata": {"concurrentRequests": "10"}}}],
        },
    },
    workloadProfileName="Consumption",
) | {"tags": {"a": "b"}, "identity": {"type": "SystemAssigned"}}
WHOLE_JOB = {
    "location": "eastus",
    "properties": {
        "environmentId": ENVIRONMENT,
        "configuration": {
            "triggerType": "Manual",
            "replicaTimeout": 60,
            "replicaRetryLimit": 1,
            "manualTriggerConfig": {"parallelism": 1, "replicaCompletionCount": 1},
        },
        "template": {"containers": [{"name": "main", "image": "python", "command": ["true"]}]},
    },
}
WHOLE_ENVIRONMENT = environment(
    zoneRedundant=False,
    vnetConfiguration={"internal": True},
    appLogsConfiguration={
        "destination": "log-analytics",
        "logAnalyticsConfiguration": {"customerId": "c", "sharedKey": "k"},
    },
) | {"tags": {"a": "b"}}
STORAGE_ACCOUNT = ACCOUNT | {
    "properties": {
        "allowSharedKeyAccess": True,
        "minimumTlsVersion": "TLS1_2",
        "networkAcls": {"defaultAction": "Allow", "ipRules": [{"value": "1.2.3.4", "action": "Allow"}]},
    }
}
WORKSPACE = {
    "location": "eastus",
    "properties": {
        "sku": {"name": "PerGB2018"},
        "retentionInDays": 30,
        "workspaceCapping": {"dailyQuotaGb": 1},
    },
}
SERVICE = {"properties": {"shareDeleteRetentionPolicy": {"enabled": True, "days": 7}}}
SHARE = {"properties": {"shareQuota": 5, "metadata": {"a": "b"}, "accessTier": "Hot"}}
DEPLOY = {"location": "eastus", "properties": {"template": TEMPLATE, "parameters": {}, "mode": "Incremental"}}
GROUPS = {
    "type": "Microsoft.Resources/resourceGroups",
    "apiVersion": "2024-03-01",
    "name": "more",
    "location": "eastus",
    "properties": {},
}
OF_SUBSCRIPTION = put(DEPLOY, ("properties", "template", "resources"), [GROUPS]) | {"tags": {"a": "b"}}
NAME = {"name": "free", "type": "Microsoft.Storage/storageAccounts"}

# Every kind of request with a body that is served; each of these bodies is accepted as it stands.
REQUESTS: list[tuple[str, str, str, Any]] = [
    ("PUT", f"{SUB}/resourcegroups/{GROUP}", "2024-03-01", {"location": "eastus", "tags": {"a": "b"}}),
    ("PATCH", f"{SUB}/resourcegroups/{GROUP}", "2024-03-01", {"tags": {"a": "b"}}),
    ("PUT", ENVIRONMENT, "2025-07-01", WHOLE_ENVIRONMENT),
    ("PATCH", ENVIRONMENT, "2024-03-01", {"tags": {"a": "b"}, "properties": {"zoneRedundant": False}}),
    ("PUT", f"{ENVIRONMENT}/storages/files", "2024-03-01", {"properties": {"azureFile": FILE}}),
    ("PUT", APP, "2025-01-01", WHOLE_APP),
    ("PATCH", APP, "2024-03-01", {"properties": {"template": WHOLE_APP["properties"]["template"]}}),
    ("PUT", JOB, "2024-03-01", WHOLE_JOB),
    ("PATCH", JOB, "2024-03-01", {"tags": {"a": "b"}, "properties": WHOLE_JOB["properties"]}),
    ("POST", f"{JOB}/start", "2024-03-01", {"containers": WHOLE_JOB["properties"]["template"]["containers"]}),  # type: ignore[index]
    ("PUT", STORE, "2023-05-01", STORAGE_ACCOUNT),
    ("PATCH", STORE, "2023-05-01", {key: STORAGE_ACCOUNT[key] for key in ("sku", "tags", "properties")}),
    ("POST", f"{STORE}/regenerateKey", "2023-05-01", {"keyName": "key2"}),
    ("POST", f"{SUB}/providers/Microsoft.Storage/checkNameAvailability", "2023-05-01", NAME),
    ("PUT", f"{STORE}/fileServices/default", "2023-05-01", SERVICE),
    ("PUT", f"{STORE}/fileServices/default/shares/code", "2023-05-01", SHARE),
    ("PATCH", f"{STORE}/fileServices/default/shares/code", "2023-05-01", SHARE),
    ("PUT", LOGS, "2023-09-01", WORKSPACE),
    ("PATCH", LOGS, "2023-09-01", {"tags": {"a": "b"}, "properties": WORKSPACE["properties"]}),
    ("PUT", DEPLOYMENT, "2024-03-01", {"properties": DEPLOY["properties"]}),
    ("POST", f"{DEPLOYMENT}/validate", "2024-03-01", {"properties": DEPLOY["properties"]}),
    ("POST", f"{DEPLOYMENT}/whatIf", "2024-03-01", {"properties": DEPLOY["properties"]}),
    ("PUT", f"{SUB}/providers/Microsoft.Resources/deployments/s", "2024-03-01", OF_SUBSCRIPTION),
]
LISTS = (
    (f"{SUB}/resourcegroups", "2024-03-01"),
    (f"{SUB}/resourcegroups?$filter=tagName eq 'a'", "2024-03-01"),
    (f"{SUB}/resources", "2024-03-01"),
    (f"{SUB}/resources?$filter=tagName eq 'a'", "2024-03-01"),
    (f"{SUB}/resourceGroups/{GROUP}/resources?$expand=createdTime", "2024-03-01"),
    (f"{BASE}/Microsoft.Resources/deployments/", "2024-03-01"),
    (f"{BASE}/Microsoft.App/managedEnvironments", "2025-07-01"),
    (f"{ENVIRONMENT}/storages", "2024-03-01"),
    (f"{ENVIRONMENT}/usages", "2024-03-01"),
    (f"{ENVIRONMENT}/workloadProfileStates", "2024-03-01"),
    (f"{SUB}/providers/Microsoft.App/locations/eastus/usages", "2024-03-01"),
    (f"{BASE}/Microsoft.App/containerApps", "2025-01-01"),
    (f"{APP}/revisions", "2024-03-01"),
    (f"{BASE}/Microsoft.App/jobs", "2024-03-01"),
    (f"{JOB}/executions", "2024-03-01"),
    (f"{BASE}/Microsoft.Storage/storageAccounts", "2023-05-01"),
    (f"{STORE}/fileServices", "2023-05-01"),
    (f"{STORE}/fileServices/default/shares", "2023-05-01"),
    (f"{BASE}/Microsoft.OperationalInsights/workspaces", "2023-09-01"),
)
ODD = [
    "",
    " ",
    "x",
    "1",
    "é😀",
    "\0",
    "a\nb",
    "x" * 3000,
    "[",
    "[concat()]",
    "-1",
    "../..",
    "null",
    "/subscriptions/",
]
WRONG: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    1,
    2.5,
    10**10,
    10**30,
    1e308,
    *ODD,
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"a": None},
]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


class Failures(logging.Handler):
    """What aca-local logs as its own failure, in a request or after one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append(f"{record.getMessage()}: {record.exc_info and record.exc_info[1]!r}")


@pytest.fixture(scope="module")
def failures() -> Iterator[Failures]:
    handler = Failures()
    logging.getLogger("aca_local").addHandler(handler)
    yield handler
    logging.getLogger("aca_local").removeHandler(handler)


@pytest.fixture(scope="module")
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        for request in REQUESTS:
            answer = ask(http, *request)
            assert answer.is_success, (request, answer.text)
        yield http


def ask(http: httpx.Client, method: str, path: str, version: str, body: Any) -> httpx.Response:
    """Send a body, half pairs of UTF-16 and all, when nothing else goes on there."""
    content, query = {"Content-Type": "application/json"}, {"api-version": version}
    while True:
        answer = http.request(method, path, params=query, content=json.dumps(body), headers=content)
        if not re.search("OperationInProgress|DeploymentActive", answer.text):
            return answer


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every value inside a body, by its path."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in inside:
        yield from places(held, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, str, str, Any]:
    """A request of which one or two values are something else."""
    method, path, version, body = draw(st.sampled_from(REQUESTS))
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(places(body))))
        kinds = st.sampled_from(WRONG) | st.text(max_size=8) | st.integers() | st.floats(allow_nan=False)
        body = put(body, place, draw(kinds))
    return method, path, version, body


@settings(
    max_examples=int(os.environ.get("AITK_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(request=spoilt())
@example(request=("PUT", APP, "2025-01-01", {**WHOLE_APP, "tags": "x"}))
@example(
    request=(
        "PUT",
        APP,
        "2025-01-01",
        put(WHOLE_APP, ("properties", "template", "scale", "minReplicas"), "1"),
    )
)
@example(request=("PUT", APP, "2025-01-01", put(WHOLE_APP, ("tags", "a"), "\ud800")))
def test_no_body_ends_in_an_error_of_ours(
    http: httpx.Client, failures: Failures, request: tuple[str, str, str, Any]
) -> None:
    answer = ask(http, *request)
    assert answer.status_code < 500, (request, answer.text)
    if not answer.is_success:
        assert answer.json()["error"]["code"], (request, answer.text)
        assert answer.json()["error"]["message"]
    for address, version in LISTS:
        path, _, option = address.partition("?")
        more = dict([option.split("=", 1)]) if option else {}
        listed = http.get(path, params={**more, "api-version": version})
        assert listed.status_code in {200, 404}, (request, path, listed.text)
    assert failures.found == [], request


SCALE = ("properties", "template", "scale")
CONTAINER, MAIN = ("properties", "template", "containers", 0), "$.properties.template.containers[0]"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({**WHOLE_APP, "tags": "x"}, "$.tags"),
        ({**WHOLE_APP, "tags": {"a": 1}}, "$.tags.a"),
        ({**WHOLE_APP, "location": 5}, "$.location"),
        (put(WHOLE_APP, ("properties",), []), "$.properties"),
        (put(WHOLE_APP, (*SCALE, "minReplicas"), "1"), "$.properties.template.scale.minReplicas"),
        (put(WHOLE_APP, (*SCALE, "rules", 0), None), "$.properties.template.scale.rules[0]"),
        (put(WHOLE_APP, CONTAINER, None), "$.properties.template.containers[0]"),
        (put(WHOLE_APP, (*CONTAINER, "env", 0, "value"), True), f"{MAIN}.env[0].value"),
        (put(WHOLE_APP, (*CONTAINER, "args", 0), {}), f"{MAIN}.args[0]"),
        (put(WHOLE_APP, (*CONTAINER, "resources", "cpu"), "half"), f"{MAIN}.resources.cpu"),
        (put(WHOLE_APP, (*CONTAINER, "image"), "a\0b"), f"{MAIN}.image"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path_and_nothing_is_stored(
    http: httpx.Client, body: Any, path: str
) -> None:
    name = f"{BASE}/Microsoft.App/containerApps/never"
    answer = ask(http, "PUT", name, "2024-03-01", body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "InvalidRequestContent")
    assert f"Path: {path}'" in error["message"]
    assert http.get(name).status_code == 404


def test_a_wrong_body_in_a_template_is_refused_before_anything_is_made(http: httpx.Client) -> None:
    wrong = {"minimumTlsVersion": 12}
    body = put(DEPLOY, ("properties", "template", "resources", 0, "properties"), wrong)
    answer = ask(http, "PUT", f"{BASE}/Microsoft.Resources/deployments/wrong", "2024-03-01", body)
    assert answer.status_code == 400
    assert "Path: $.properties.minimumTlsVersion" in answer.text
    assert http.get(f"{BASE}/Microsoft.Resources/deployments/wrong").status_code == 404


def test_what_azure_takes_in_another_spelling_is_taken(http: httpx.Client) -> None:
    body = {"Location": "eastus", "PROPERTIES": WHOLE_APP["properties"], "unknown": {"x": 1}}
    assert (
        ask(http, "PUT", f"{BASE}/Microsoft.App/containerApps/other", "2024-03-01", body).status_code == 201
    )


@pytest.mark.parametrize("top", ["²", "9" * 5000, "-1", "x", "", "1.5"])
def test_no_odd_top_ends_in_an_error_of_ours(http: httpx.Client, top: str) -> None:
    for path in (f"{SUB}/resourcegroups", f"{SUB}/resources", f"{BASE}/Microsoft.Resources/deployments/"):
        answer = http.get(path, params={"$top": top, "api-version": "2024-03-01"})
        assert answer.status_code < 500


@pytest.mark.parametrize(
    "query", [None, 1, True, [], {}, "", "\0", "x" * 9000, f"T | take {'9' * 5000}", "é | where"]
)
def test_no_odd_query_of_logs_ends_in_an_error_of_ours(http: httpx.Client, query: Any) -> None:
    workspace = http.get(LOGS, params={"api-version": "2023-09-01"}).json()["properties"]["customerId"]
    for body in ({"query": query}, {"query": "ContainerAppConsoleLogs_CL | take 1", "timespan": query}):
        answer = http.post(f"/v1/workspaces/{workspace}/query", json=body)
        assert answer.status_code in {200, 400}, (body, answer.text)


ODD_TEXTS = {
    "deep": "[" * 100_000,
    "deep object": '{"a":' * 100_000,
    "long number": '{"location": "eastus", "tags": {"a": %s}}' % ("9" * 5000),
    "not a number": '{"location": "eastus", "tags": NaN}',
    "no text": b"\xff\xfe",
    "null": "null",
    "number": "5",
    "half": '{"location": "eastus"',
    "half a pair": '{"location": "eastus", "tags": {"a": "\\ud800"}}',
}


@pytest.mark.parametrize("content", ODD_TEXTS.values(), ids=ODD_TEXTS.keys())
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_what_is_no_json_object_is_refused(http: httpx.Client, content: str | bytes, method: str) -> None:
    for path in (f"{SUB}/resourcegroups/{GROUP}", APP, f"{BASE}/Microsoft.Resources/deployments/d"):
        answer = http.request(method, path, content=content, params={"api-version": "2024-03-01"})
        assert answer.status_code in {400, 405, 409}, (path, answer.text)


def test_a_byte_order_mark_is_passed_over(http: httpx.Client) -> None:
    body = b'\xef\xbb\xbf{"location": "eastus", "tags": {"a": "b"}}'
    answer = http.put(f"{SUB}/resourcegroups/{GROUP}", content=body, params={"api-version": "2024-03-01"})
    assert answer.status_code == 200
