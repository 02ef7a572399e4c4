"""Commands of the Azure CLI that read back what it wrote: traffic, scale rules, memory, identities."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from together.azure_cli.conftest import Shell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the commands are for bash")

NEW = "--environment env --min-replicas 0"
SERVE = f"{NEW} --image python:3.12-slim --command sleep --args 1000 --target-port 8000 --ingress external"


@pytest.fixture(scope="module")
def az(shell: Shell) -> Iterator[Any]:
    """Run a command in the group; what it says, as JSON."""

    def az(command: str) -> Any:
        text = shell.run(f"az {command} --resource-group apps --output json")
        return json.loads(text) if text.strip() else None

    shell.run("az login --identity --output none")
    shell.run("az group create --name apps --location eastus --output none")
    az("containerapp env create --name env --location eastus --logs-destination none")
    yield az
    shell.run("az group delete --name apps --yes")


def test_traffic_is_split_as_it_was_set(az: Any) -> None:
    az(f"containerapp create --name split {SERVE} --revisions-mode multiple")
    first = az("containerapp revision list --name split")[0]["name"]
    az("containerapp update --name split --revision-suffix two")
    set_ = az(f"containerapp ingress traffic set --name split --revision-weight latest=50 {first}=50")
    assert [one["weight"] for one in set_] == [50, 50]
    listed = az("containerapp revision list --name split")
    assert {one["name"]: one["properties"]["trafficWeight"] for one in listed} == {
        first: 50,
        "split--two": 50,
    }
    az("containerapp ingress traffic set --name split --revision-weight latest=80")
    shown = az("containerapp ingress traffic show --name split")
    assert sorted(one["weight"] for one in shown) == [20, 80]


def test_a_scale_rule_is_read_back(az: Any) -> None:
    az(f"containerapp create --name busy {SERVE} --scale-rule-name http --scale-rule-http-concurrency 20")
    shown = az("containerapp show --name busy")["properties"]["template"]["scale"]["rules"]
    (rule,) = shown
    assert rule["http"]["metadata"] == {"concurrentRequests": "20"}
    assert az("containerapp list")
    az("containerapp update --name busy --max-replicas 3")


def test_memory_without_a_zero_is_a_size(az: Any) -> None:
    az(f"containerapp create --name small {SERVE} --cpu .25 --memory .5Gi")


def test_a_system_identity_has_its_ids(az: Any) -> None:
    az(f"containerapp create --name known {SERVE} --system-assigned")
    identity = az("containerapp identity show --name known")
    assert identity["type"] == "SystemAssigned"
    assert len(identity["principalId"]) == len(identity["tenantId"]) == 36


def test_what_is_not_served_says_so(az: Any, shell: Shell) -> None:
    with pytest.raises(AssertionError) as caught:
        shell.run("az group export --name apps")
    assert "aca-local does not serve" in str(caught.value)
