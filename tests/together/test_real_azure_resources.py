"""What Provision makes and keeps, and what Deploy calls ready, as real Azure has it; each test is named by its finding.

The program and aca-local run as whole processes, with a template that the program itself ships. Each runs unchanged on
the first release, and fails.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.real_projects import NEWER_APPS, STORAGE, Arm, config_of, make_small, set_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.desk import Desk

LONGEST_NAME = 63
PIECES = 9 * 1024 * 1024
"""Bytes of a file that is sent in more than one piece."""


@pytest.fixture(scope="module")
def shipped(desk: Desk) -> Path:
    root = desk.home / "shipped"
    desk.run("new", str(root))
    return make_small(root)


@pytest.fixture
def project(shipped: Path, tmp_path: Path) -> Path:
    return shutil.copytree(shipped, tmp_path / "project")


class Plain:
    """A project on a share with the longest name, provisioned once: for what one look at the app answers."""

    def __init__(self, desk: Desk, root: Path) -> None:
        self.root = root
        set_parameters(root, fileShareName="s" * LONGEST_NAME)
        self.arm = provision(desk, root, "plain")
        app = self.arm.app(root)["properties"]["template"]
        (self.container,), self.volumes = app["containers"], app["volumes"]


@pytest.fixture(scope="module")
def plain(desk: Desk, shipped: Path) -> Plain:
    return Plain(desk, shutil.copytree(shipped, desk.home / "plain"))


def provision(desk: Desk, project: Path, group: str, *more: str) -> Arm:
    where = ("--subscription", "local", "--resource-group", group, "--location", "westus3")
    desk.run("provision", "--project", str(project), *where, "--yes", *more)
    return Arm.of(desk, group)


def deploy(desk: Desk, project: Path, *more: str) -> Any:
    return desk.run("deploy", "--yes", "--timeout", "60", "--project", str(project), *more)


def test_real_azure_A4_an_app_without_a_start_page_is_ready_by_its_own_probe_path(
    desk: Desk, project: Path
) -> None:
    (project / "inference/status.txt").write_text("404")
    set_parameters(project, probePath="/health")
    provision(desk, project, "a4")
    assert deploy(desk, project)[-1]["type"] == "result"
    status = desk.run("status", "--project", str(project))[-1]["data"]
    assert status["answers"] is True  # type: ignore[index] # JSON of a known shape


def test_real_azure_A5_the_default_image_needs_no_docker_hub(plain: Plain) -> None:
    assert "docker.io" not in plain.container["image"]
    assert plain.container["image"].startswith("mcr.microsoft.com/")


def test_real_azure_A5_an_image_is_pulled_from_a_private_registry_with_an_identity(
    desk: Desk, project: Path
) -> None:
    server = "contoso.azurecr.io"
    set_parameters(project, registryServer=server, image=f"{server}/serving:1")
    app = provision(desk, project, "a5").app(project)
    (registry,) = app["properties"]["configuration"]["registries"]
    assert (registry["server"], registry["identity"]) == (server, "system")
    assert app["identity"]["type"] == "SystemAssigned"


def test_real_azure_A7_an_endpoint_is_kept_to_ranges_of_addresses_and_to_its_network(
    desk: Desk, project: Path
) -> None:
    set_parameters(project, allowedIpRanges=["203.0.113.0/24", "198.51.100.7/32"], external=False)
    ingress = provision(desk, project, "a7").app(project)["properties"]["configuration"]["ingress"]
    rules = [(rule["action"], rule["ipAddressRange"]) for rule in ingress["ipSecurityRestrictions"]]
    assert rules == [("Allow", "203.0.113.0/24"), ("Allow", "198.51.100.7/32")]
    assert ingress["external"] is False


def test_real_azure_B2_a_cool_down_that_a_newer_version_knows_outlives_another_provision(
    desk: Desk, project: Path
) -> None:
    arm = provision(desk, project, "b2")
    scale = {"minReplicas": 0, "maxReplicas": 2, "cooldownPeriod": 900, "pollingInterval": 45}
    arm.ask("PATCH", arm.app_path(project), {"properties": {"template": {"scale": scale}}}, NEWER_APPS)
    older = arm.app(project, "2024-03-01")["properties"]["template"]["scale"]
    assert "cooldownPeriod" not in older  # which is why a template of that version would reset it
    provision(desk, project, "b2", "--again")
    kept = arm.app(project)["properties"]["template"]["scale"]
    assert {name: kept[name] for name in scale} == scale


def test_real_azure_B2a_an_app_that_may_sleep_by_azures_default_still_may_after_provision(
    desk: Desk, project: Path
) -> None:
    arm = provision(desk, project, "b2a")
    found = arm.app(project, "2024-03-01")
    found["properties"]["template"].pop("scale")  # as `az containerapp create` makes it
    arm.ask("PUT", arm.app_path(project), found)
    assert not arm.app(project, "2024-03-01")["properties"]["template"]["scale"]["minReplicas"]
    provision(desk, project, "b2a", "--again")
    assert not arm.app(project)["properties"]["template"]["scale"]["minReplicas"]


def test_real_azure_B6_an_environment_of_another_group_takes_the_app_and_knows_its_share(
    desk: Desk, project: Path, plain: Plain
) -> None:
    environment = plain.arm.app(plain.root)["properties"]["environmentId"]
    set_parameters(project, acaEnvironmentId=environment, acaAppName="elsewhere")
    arm = provision(desk, project, "b6")
    assert arm.app(project)["properties"]["environmentId"].lower() == environment.lower()
    assert arm.ask("GET", "Microsoft.App/managedEnvironments")["value"] == []
    storages = plain.arm.ask("GET", f"{environment.partition('/providers/')[2]}/storages")["value"]
    accounts = {storage["properties"]["azureFile"]["accountName"] for storage in storages}
    assert config_of(project)["STORAGE_ACCOUNT_NAME"] in accounts
    assert deploy(desk, project)[-1]["type"] == "result"
    history = json.dumps(plain.arm.ask("GET", "Microsoft.Resources/deployments", version="2021-04-01"))
    assert "elsewhere-environment-storage" in history


def test_real_azure_B6_an_app_in_an_environment_of_that_name_elsewhere_is_not_taken_for_one_here(
    desk: Desk, project: Path, plain: Plain
) -> None:
    environment = plain.arm.app(plain.root)["properties"]["environmentId"]
    set_parameters(project, acaEnvironmentName=environment.rpartition("/")[2], acaAppName="elsewhere")
    where = ("--subscription", "local", "--resource-group", "b6", "--yes", "--project", str(project))
    error = desk.run("provision", *where, expect=1)[-1]
    assert f"Set acaEnvironmentId to {environment}" in str(error["suggestion"])


def test_real_azure_B7_the_revision_that_answers_is_named_and_restarted_not_the_latest(
    desk: Desk, project: Path
) -> None:
    arm = provision(desk, project, "b7")
    deploy(desk, project)
    found = arm.app(project)
    first = found["properties"]["latestRevisionName"]
    pinned = [{"revisionName": first, "weight": 100}]
    template = found["properties"]["template"] | {"revisionSuffix": "later"}
    changes: dict[str, Any] = {"activeRevisionsMode": "Multiple", "ingress": {"traffic": pinned}}
    path = arm.app_path(project)
    arm.ask("PATCH", path, {"properties": {"configuration": changes, "template": template}}, NEWER_APPS)
    assert arm.app(project)["properties"]["latestRevisionName"] != first
    lines = deploy(desk, project)
    assert lines[-1]["data"].get("revision") == first
    assert f"not to the latest revision {config_of(project)['ACA_APP_NAME']}--later" in json.dumps(lines)


def test_real_azure_B8_all_that_is_made_has_the_tags_that_a_policy_asks_for(
    desk: Desk, project: Path
) -> None:
    set_parameters(project, tags={"costCenter": "42"})
    arm = provision(desk, project, "b8")
    assert arm.ask("GET", "", version="2021-04-01")["tags"]["costCenter"] == "42"
    listed = [
        *arm.ask("GET", "Microsoft.Storage/storageAccounts", version=STORAGE)["value"],
        *arm.ask("GET", "Microsoft.App/managedEnvironments")["value"],
        *arm.ask("GET", "Microsoft.App/containerApps")["value"],
        *arm.ask("GET", "Microsoft.OperationalInsights/workspaces", version="2023-09-01")["value"],
    ]
    assert len(listed) == 4
    assert {one["tags"]["costCenter"] for one in listed} == {"42"}


def test_real_azure_B9_a_variables_value_does_not_enter_the_deployment_history(
    desk: Desk, project: Path
) -> None:
    arm = provision(desk, project, "b9")
    template = arm.app(project)["properties"]["template"]
    template["containers"][0]["env"].append({"name": "HF_TOKEN", "value": "hf_plain_to_see"})
    arm.ask("PATCH", arm.app_path(project), {"properties": {"template": template}}, NEWER_APPS)
    provision(desk, project, "b9", "--again")
    assert "hf_plain_to_see" in json.dumps(arm.app(project))  # it is kept
    history = arm.ask("GET", "Microsoft.Resources/deployments", version="2021-04-01")
    assert history["value"]
    assert "hf_plain_to_see" not in json.dumps(history)


def test_real_azure_B11_a_computers_name_may_have_any_letters(
    desk: Desk, plain: Plain, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import platform, socket\nsocket.gethostname = platform.node = lambda: 'Jürgens-Büro-日本'\n"
    )
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    environment = {**desk.environment, "PYTHONPATH": path}
    done = desk.run_in(environment, "deploy", "--yes", "--no-wait", "--project", str(plain.root))
    assert done[-1]["type"] == "result"


def test_real_azure_B14_the_probes_bear_minutes_in_which_a_busy_model_does_not_answer(plain: Plain) -> None:
    probes = {probe["type"]: probe for probe in plain.container["probes"]}
    borne = {kind: probe["periodSeconds"] * probe["failureThreshold"] for kind, probe in probes.items()}
    assert borne["Liveness"] >= 300
    assert borne["Readiness"] >= 120


def test_real_azure_B18_a_large_file_in_use_is_the_old_one_until_the_new_one_is_whole(
    desk: Desk, plain: Plain
) -> None:
    model = plain.root / "inference/model.bin"
    model.write_bytes(b"1" * PIECES)
    deploy(desk, plain.root, "--no-wait")
    model.write_bytes(b"2" * PIECES)
    breaks_off = {"service": "files", "method": "PUT", "path": "comp=range", "times": 0, "status": 403}
    with faults(plain.arm, breaks_off):
        desk.run("deploy", "--yes", "--project", str(plain.root), expect=1)
    (stored,) = desk.data.rglob("model.bin")
    assert set(stored.read_bytes()) == {ord("1")}  # as the running app reads it
    deploy(desk, plain.root, "--no-wait")
    assert set(next(desk.data.rglob("model.bin")).read_bytes()) == {ord("2")}


@contextmanager
def faults(arm: Arm, *rules: dict[str, object]) -> Iterator[None]:
    """Let aca-local go wrong meanwhile."""
    arm.break_with(*rules)
    try:
        yield
    finally:
        arm.break_with()


def test_real_azure_C7_the_longest_name_of_a_share_makes_no_volume_that_is_too_long(plain: Plain) -> None:
    assert max(len(volume["name"]) for volume in plain.volumes) <= LONGEST_NAME
