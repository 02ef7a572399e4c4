"""Each api-version of Microsoft.App answers with its own properties only, null where nothing was set."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from support.app_provider import BASE, ENVIRONMENT, app, ended, plain_client, run_region
from support.arm_replay import as_json, exchanges
from support.arm_server import Running
from support.shared import shared

APP = f"{BASE}/Microsoft.App/containerApps/app"
VERSIONS = ("2022-03-01", "2022-10-01", "2023-05-01", "2024-03-01", "2025-01-01", "2025-07-01", "2026-01-01")
RECORDING = "containerapp-core/test_containerapp_scale_revision_copy.yaml"  # 2024-03-01


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with run_region(tmp_path_factory.mktemp("arm")) as running:
        yield running


@pytest.fixture(scope="module")
def http(running: Running) -> Iterator[httpx.Client]:
    with plain_client(running) as http:
        body = app()
        del body["properties"]["template"]["scale"]
        ended(http, http.put(APP, json=body))
        yield http


def get(http: httpx.Client, path: str, version: str) -> Any:
    answer = http.get(path, params={"api-version": version})
    assert answer.status_code == 200, answer.text
    return answer.json()["properties"]


def test_nothing_asked_is_null_as_recorded(http: httpx.Client) -> None:
    scale = get(http, APP, "2024-03-01")["template"]["scale"]
    assert scale == {"minReplicas": None, "maxReplicas": 10, "rules": None}
    recorded = "".join(one.text for one in exchanges(RECORDING))
    assert '"scale":{"minReplicas":null,"maxReplicas":10,"rules":[' in recorded


@pytest.mark.parametrize(
    ("path", "since"),
    [
        ("template.scale.cooldownPeriod", "2025-01-01"),
        ("template.scale.pollingInterval", "2025-01-01"),
        ("configuration.runtime", "2025-01-01"),
        ("configuration.identitySettings", "2025-01-01"),
        ("configuration.ingress.additionalPortMappings", "2024-03-01"),
        ("configuration.ingress.stickySessions", "2023-05-01"),
        ("workloadProfileName", "2023-05-01"),
        ("environmentId", "2022-10-01"),
    ],
)
def test_a_property_is_there_since_the_version_that_brought_it(
    http: httpx.Client, path: str, since: str
) -> None:
    for version in VERSIONS:
        found = get(http, APP, version)
        *above, last = path.split(".")
        for part in above:
            found = found[part]
        assert (last in found) == (version >= since), version


def test_a_revision_and_a_list_and_a_put_answer_so_too(http: httpx.Client) -> None:
    revision = get(http, APP, "2024-03-01")["latestRevisionName"]
    path = f"{APP}/revisions/{revision}"
    assert "cooldownPeriod" not in get(http, path, "2024-03-01")["template"]["scale"]
    assert get(http, path, "2025-01-01")["template"]["scale"]["cooldownPeriod"] == 300
    listed = http.get(f"{BASE}/Microsoft.App/containerApps").json()["value"]
    assert "cooldownPeriod" not in listed[0]["properties"]["template"]["scale"]
    made = http.put(f"{BASE}/Microsoft.App/containerApps/other", json=app()).json()
    assert "cooldownPeriod" not in made["properties"]["template"]["scale"]


def test_a_preview_has_what_the_next_stable_version_has(http: httpx.Client) -> None:
    assert "cooldownPeriod" in get(http, APP, "2024-10-02-preview")["template"]["scale"]
    assert "cooldownPeriod" not in get(http, APP, "2024-02-02-preview")["template"]["scale"]
    assert "patchingMode" in get(http, APP, "2025-10-02-preview")
    assert "patchingMode" not in get(http, APP, "2026-01-01")


def test_an_environment_answers_so_too(http: httpx.Client) -> None:
    assert "publicNetworkAccess" not in get(http, ENVIRONMENT, "2024-03-01")
    assert get(http, ENVIRONMENT, "2025-07-01")["publicNetworkAccess"] == "Enabled"


def test_what_a_newer_version_set_is_kept_though_an_older_one_does_not_show_it(http: httpx.Client) -> None:
    name = f"{BASE}/Microsoft.App/containerApps/kept"
    body = app(template={"scale": {"minReplicas": 0, "maxReplicas": 1, "cooldownPeriod": 1800}})
    http.put(name, params={"api-version": "2025-01-01"}, json=body)
    assert get(http, name, "2025-01-01")["template"]["scale"]["cooldownPeriod"] == 1800
    assert "cooldownPeriod" not in get(http, name, "2024-03-01")["template"]["scale"]


def test_no_answer_has_more_than_the_recorded_ones_of_its_version(http: httpx.Client) -> None:
    """Every key that a recording of this version never shows would be one of another version."""
    recorded: dict[str, set[str]] = {}
    for path in sorted(shared("wire").glob("containerapp-*/*.yaml")):
        for one in exchanges(str(path.relative_to(shared("wire")))):
            version = re.search(r"api-version=([\w-]+)", one.uri)
            body = as_json(one.text)
            if version and isinstance(body, dict) and "containerapps/" in str(body.get("id", "")):
                recorded.setdefault(version[1], set()).update(_keys(body.get("properties"), ""))
    for version in ("2024-03-01", "2025-07-01", "2025-10-02-preview"):
        shown = set(_keys(get(http, APP, version), ""))
        mine = {key for key in shown - recorded[version] if not key.startswith(".template.containers[].")}
        assert mine == set(), version


def _keys(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, held in value.items():
            yield f"{path}.{name}"
            yield from _keys(held, f"{path}.{name}")
    if isinstance(value, list):
        for held in value:
            yield from _keys(held, f"{path}[]")
