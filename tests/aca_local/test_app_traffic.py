"""Traffic of container apps as Azure checks it, and what the ingress is handed."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.app_provider import BASE, app, ended, plain_client, run_region
from support.arm_server import Running

APP = f"{BASE}/Microsoft.App/containerApps/split"
LATEST = {"latestRevision": True, "weight": 100}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture(scope="module")
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        for suffix in ("one", "two"):
            assert put(http, [LATEST], suffix).is_success
        yield http


def put(http: httpx.Client, traffic: Any, suffix: str = "two") -> httpx.Response:
    ingress = {"external": True, "targetPort": 80, "traffic": traffic}
    body = app(
        configuration={"activeRevisionsMode": "Multiple", "ingress": ingress},
        template={"revisionSuffix": suffix},
    )
    return ended(http, http.put(APP, json=body))


def shown(http: httpx.Client) -> dict[str, int]:
    listed = http.get(f"{APP}/revisions").json()["value"]
    return {one["name"]: one["properties"]["trafficWeight"] for one in listed}


def test_weights_that_a_client_sends_as_text_are_numbers(http: httpx.Client) -> None:
    # as `az containerapp ingress traffic set --revision-weight latest=50 split--one=50` does
    traffic = [{"latestRevision": True, "weight": "50"}, {"revisionName": "split--one", "weight": 50}]
    body = {"properties": {"configuration": {"ingress": {"traffic": traffic}}}}
    answer = http.patch(APP, json=body)
    assert answer.status_code == 202
    while http.get(answer.headers["Location"]).status_code == 202:
        pass
    kept = http.get(APP).json()["properties"]["configuration"]["ingress"]["traffic"]
    assert [one["weight"] for one in kept] == [50, 50]
    assert shown(http) == {"split--one": 50, "split--two": 50}


def half(revision: str, label: str) -> dict[str, Any]:
    return {"revisionName": revision, "weight": 50, "label": label}


@pytest.mark.parametrize(
    ("traffic", "path"),
    [
        ([{"latestRevision": True, "weight": 99}], "traffic"),
        ([{"latestRevision": True, "weight": 101}], "traffic[0].weight"),
        ([LATEST, {"revisionName": "split--one", "weight": -1}], "traffic[1].weight"),
        ([LATEST, {"revisionName": "split--one", "weight": 1}], "traffic"),
        ([{"revisionName": "split--none", "weight": 100}], "traffic[0].revisionName"),
        ([{"weight": 100}], "traffic[0]"),
        ([{"latestRevision": True, "weight": "half"}], "traffic[0].weight"),
        ([{"latestRevision": True, "weight": 50.5}], "traffic[0].weight"),
        ([None], "traffic[0]"),
        ("all", "traffic"),
        ([LATEST | {"weight": 50}, LATEST | {"weight": 50}], "traffic[1].latestRevision"),
        ([half("split--one", ""), half("SPLIT--ONE", "")], "traffic[1].revisionName"),
        ([half("split--one", "blue"), half("split--two", "blue")], "traffic[1].label"),
        *(
            ([half("split--one", label), half("split--two", "")], "traffic[0].label")
            for label in ("Blue", "1st", "a b", "end-", "-a", "é", "a" * 64)
        ),
    ],
)
def test_what_azure_refuses(http: httpx.Client, traffic: Any, path: str) -> None:
    answer = put(http, traffic)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["code"] == "InvalidRequestContent"
    assert f"Path: $.properties.configuration.ingress.{path}'" in error["message"]
    assert http.get(f"{APP}/revisions").status_code == 200


def test_a_revision_that_comes_with_the_request_may_be_named(http: httpx.Client) -> None:
    new = [{"revisionName": "split--one", "weight": 90}, {"revisionName": "split--three", "weight": 10}]
    assert put(http, new, "three").is_success
    assert shown(http) == {"split--one": 90, "split--two": 0, "split--three": 10}


def test_an_inactive_revision_gets_no_traffic(http: httpx.Client, running: Running) -> None:
    both = [{"revisionName": "split--one", "weight": 40}, {"latestRevision": True, "weight": 60}]
    assert put(http, both, "three").is_success
    assert http.post(f"{APP}/revisions/split--one/deactivate").status_code == 200
    assert shown(http)["split--one"] == 0
    assert running.ingress.routes[APP.lower()] == "split--three"


def test_weights_that_an_older_aca_local_stored_as_text_are_read(
    http: httpx.Client, running: Running
) -> None:
    def spoil() -> None:
        from aca_local.providers.app_records import APPS

        document: Any = running.cloud.store.get(APPS, APP)
        document["properties"]["configuration"]["ingress"]["traffic"] = [
            {"latestRevision": True, "weight": "100"}
        ]
        running.cloud.store.put(APPS, APP, document)

    running.call(spoil)
    assert shown(http)["split--three"] == 100
