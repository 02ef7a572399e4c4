"""The preflight: each thing that would keep a project from being provisioned is said before anything is made."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.azure.resources import ArmResources
from aitk_inference.core.errors import InvalidProject, PreflightFailed, QuotaExceeded
from support.azure_world import LOCAL, World
from support.projects import provision_local, set_parameters
from support.scripted import Scripted
from support.template_names import default_names

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.flows.outcome import Outcome

NAMES = default_names(LOCAL.id, "models")
ACCOUNT = f"Microsoft.Storage/storageAccounts/{NAMES.storage_account}"
ENVIRONMENT = f"Microsoft.App/managedEnvironments/{NAMES.environment}"
APP = f"Microsoft.App/containerApps/{NAMES.app}"
T4 = "Consumption-GPU-NC8as-T4"
T4_QUOTA = "SubscriptionConsumptionT4Gpus"
EVERY = {
    "configuration",
    "template",
    "parameters",
    "start-command",
    "model",
    "rights",
    "providers",
    "workload-profile",
    "quota",
    "storage-name",
    "workspace-name",
    "storage-access",
    "environment",
    "app",
    "validation",
}


async def check(project: Path, azure: World, **given: Any) -> dict[str, dict[str, Any]]:
    """Return the worst line of each check by its name."""
    outcome = await provision_local(project, azure, check_only=True, **given)
    return lines(outcome)


def lines(outcome: Outcome) -> dict[str, dict[str, Any]]:
    checks = json.loads(json.dumps(outcome.data["checks"]))
    order = ["ok", "warning", "problem"]
    for one in checks:
        assert set(one) == {"name", "state", "message", "suggestion", "link"}
        assert "{" not in one["message"] + one["suggestion"]
    assert outcome.failed is any(one["state"] == "problem" for one in checks)
    return {one["name"]: one for one in sorted(checks, key=lambda one: order.index(one["state"]))}


def problems(found: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, one in found.items() if one["state"] == "problem"}


def conditions(azure: World, **changes: Any) -> None:
    running = azure.arm()

    def change() -> None:
        running.cloud.conditions.state = replace(running.cloud.conditions.state, **changes)

    running.call(change)


def stored(azure: World) -> list[tuple[str, str, str]]:
    """Return all that aca-local holds."""
    running = azure.arm()
    query = "SELECT kind, key, value FROM documents ORDER BY kind, key"
    return running.call(lambda: running.cloud.store._db.execute(query).fetchall())


async def test_each_check_has_its_line_and_a_fresh_project_has_no_problem(
    project: Path, azure: World
) -> None:
    found = await check(project, azure)
    assert set(found) == EVERY
    assert not problems(found)
    assert {one["state"] for one in found.values()} == {"ok"}


async def test_check_and_plan_change_nothing(project: Path, azure: World) -> None:
    for target in ({}, {"resource_group": "fresh", "location": "eastus"}):
        azure.arm()
        before = stored(azure)
        await provision_local(project, azure, check_only=True, **target)
        await provision_local(project, azure, plan_only=True, **target)
        assert stored(azure) == before
    await provision_local(project, azure)
    before = stored(azure)
    config = (project / "infra/inference.config.json").read_text()
    await provision_local(project, azure, check_only=True)
    await provision_local(project, azure, plan_only=True)
    assert stored(azure) == before
    assert (project / "infra/inference.config.json").read_text() == config


async def test_all_problems_are_said_at_once_and_nothing_is_made(project: Path, azure: World) -> None:
    set_parameters(
        project, workloadProfileType="NC24-A100", maximumInstanceCount=20, storageAccountName="x-y"
    )
    conditions(azure, usages={"SubscriptionNCA100Gpus": (1, 1)}, permissions=({"actions": ["*/read"]},))
    found = await check(project, azure)
    assert {"quota", "storage-name", "rights"} <= problems(found)
    with pytest.raises(PreflightFailed) as caught:
        await provision_local(project, azure)
    assert {one.name for one in caught.value.checks} >= {"quota", "storage-name", "rights"}
    assert not azure.deployed
    assert azure.count("subscriptions.register") == 0


async def test_a_missing_right_is_named(project: Path, azure: World) -> None:
    reader = {"actions": ["*/read"], "notActions": []}
    conditions(azure, permissions=(reader,))
    found = (await check(project, azure))["rights"]
    assert found["state"] == "problem"
    assert "Microsoft.App/containerApps/write" in found["message"]
    assert "Contributor" in found["suggestion"]
    assert found["link"].startswith("https://")
    conditions(
        azure, permissions=(reader, {"actions": ["*"], "notActions": ["Microsoft.Authorization/*/write"]})
    )
    assert (await check(project, azure))["rights"]["state"] == "ok"
    conditions(azure, permissions=({"actions": ["*"], "notActions": ["Microsoft.Storage/*"]},))
    assert "Microsoft.Storage/storageAccounts" in (await check(project, azure))["rights"]["message"]


async def test_what_a_group_reader_may_not_read_is_a_warning(project: Path, azure: World) -> None:
    conditions(azure, rights="group")
    found = await check(project, azure)
    assert not problems(found)
    assert found["providers"]["state"] == "warning"
    assert found["quota"]["state"] == "warning"
    assert "can't be read" in found["quota"]["message"]


async def test_a_provider_to_be_registered_is_a_warning(project: Path, azure: World) -> None:
    azure.ask("POST", "/providers/Microsoft.App/unregister", version="2021-04-01")
    found = await check(project, azure)
    assert found["providers"]["state"] == "warning"
    assert "Microsoft.App" in found["providers"]["message"]
    assert not problems(found)
    await provision_local(project, azure)
    assert (await check(project, azure))["providers"]["state"] == "ok"


async def test_a_region_without_the_profile_names_those_that_it_offers(project: Path, azure: World) -> None:
    set_parameters(project, workloadProfileType=T4)
    found = await check(project, azure, resource_group="fresh", location="westeurope")
    assert found["workload-profile"]["state"] == "problem"
    assert T4 in found["workload-profile"]["message"]
    assert "D4" in found["workload-profile"]["suggestion"]


@pytest.mark.parametrize(
    ("parameters", "quota", "used", "limit"),
    [
        ({"workloadProfileType": T4, "minReplicas": 2, "maxReplicas": 2}, T4_QUOTA, 0, 1),
        ({"workloadProfileType": T4}, T4_QUOTA, 3, 3),
        ({"workloadProfileType": "NC48-A100"}, "SubscriptionNCA100Gpus", 0, 1),
        ({"workloadProfileType": "NC24-A100", "maximumInstanceCount": 2}, "SubscriptionNCA100Gpus", 0, 1),
    ],
)
async def test_too_little_gpu_quota_is_told_with_its_numbers(
    project: Path, azure: World, parameters: dict[str, Any], quota: str, *, used: int, limit: int
) -> None:
    set_parameters(project, **parameters)
    conditions(azure, usages={quota: (used, limit)})
    found = (await check(project, azure))["quota"]
    assert found["state"] == "problem"
    assert f"{used} of {limit} are in use" in found["message"]
    with pytest.raises(QuotaExceeded, match="are needed"):
        await provision_local(project, azure)
    assert not azure.deployed
    conditions(azure, usages={quota: (used, limit + 2)})
    assert (await check(project, azure))["quota"]["state"] == "ok"


async def test_a_change_of_a_gpu_app_needs_a_second_gpu(project: Path, azure: World) -> None:
    set_parameters(project, workloadProfileType=T4)
    await provision_local(project, azure)
    conditions(azure, usages={T4_QUOTA: (1, 1)})
    set_parameters(project, targetPort=8000)
    found = (await check(project, azure))["quota"]
    assert found["state"] == "problem"
    assert "second GPU" in found["message"]
    assert "aitk-inference stop" in found["suggestion"]
    conditions(azure, usages={T4_QUOTA: (0, 1)})
    assert (await check(project, azure))["quota"]["state"] == "ok"


async def test_a_region_full_of_environments_is_told(project: Path, azure: World) -> None:
    conditions(azure, usages={"ManagedEnvironmentCount": (15, 15)})
    found = (await check(project, azure))["quota"]
    assert "15 of the 15 environments" in found["message"]
    assert "acaEnvironmentName" in found["suggestion"]


async def test_too_few_cores_of_an_environment_are_told(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    azure.ask("DELETE", azure.provider(APP))
    set_parameters(project, cpu="4", memory="8Gi", minReplicas=26, maxReplicas=26)
    found = (await check(project, azure))["quota"]
    assert found["state"] == "problem"
    assert "104 cores" in found["message"]


@pytest.mark.parametrize("name", ["UPPER", "with-hyphen"])
async def test_an_impossible_storage_name_is_told(project: Path, azure: World, name: str) -> None:
    set_parameters(project, storageAccountName=name)
    found = (await check(project, azure))["storage-name"]
    assert found["state"] == "problem"
    assert name in found["message"]
    assert "lower-case" in found["suggestion"]


async def test_a_name_taken_elsewhere_is_told_one_of_ours_is_not(project: Path, azure: World) -> None:
    azure.ask("PUT", "/resourceGroups/other", {"location": "westus3"})
    body = {"location": "westus3", "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
    path = "Microsoft.Storage/storageAccounts/contosodata"
    azure.ask("PUT", azure.provider(path, "other"), body, version="2023-05-01")
    set_parameters(project, storageAccountName="contosodata")
    found = (await check(project, azure))["storage-name"]
    assert found["state"] == "problem"
    assert "unique in all of Azure" in found["suggestion"]
    assert (await check(project, azure, resource_group="other"))["storage-name"]["state"] == "ok"


@pytest.mark.parametrize(("group", "state"), [("models", "warning"), ("other", "problem")])
async def test_a_deleted_workspace_keeps_its_name(
    project: Path, azure: World, group: str, state: str
) -> None:
    azure.ask("PUT", "/resourceGroups/other", {"location": "westus3"})
    path = azure.provider("Microsoft.OperationalInsights/workspaces/contoso-logs", group)
    azure.ask("PUT", path, {"location": "westus3", "properties": {}}, version="2023-09-01")
    azure.ask("DELETE", path, version="2023-09-01")
    set_parameters(project, acaLogAnalyticsName="contoso-logs")
    found = (await check(project, azure))["workspace-name"]
    assert found["state"] == state
    assert "contoso-logs" in found["message"]
    assert "acaLogAnalyticsName" in found["suggestion"]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"allowSharedKeyAccess": False}, "forbids keys"),
        ({"publicNetworkAccess": "Disabled"}, "closed to public networks"),
        ({"networkAcls": {"defaultAction": "Deny"}}, "closed to public networks"),
    ],
)
async def test_an_account_that_can_not_be_mounted_is_told(
    project: Path, azure: World, properties: dict[str, Any], words: str
) -> None:
    await provision_local(project, azure)
    azure.ask("PATCH", azure.provider(ACCOUNT), {"properties": properties}, version="2023-05-01")
    found = (await check(project, azure))["storage-access"]
    assert found["state"] == "problem"
    assert words in found["message"]
    with pytest.raises(PreflightFailed, match=words):
        await provision_local(project, azure, again=True)
    assert len(azure.deployed) == 1


async def test_an_nfs_share_is_told(project: Path, azure: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """aca-local serves SMB alone, so the answer is made here, in the shape of the Storage documents."""
    await provision_local(project, azure)
    ask = ArmResources.get

    async def with_nfs(self: ArmResources, resource_id: str, api_version: str) -> Any:
        found = await ask(self, resource_id, api_version)
        if found is None or "/shares/" not in resource_id:
            return found
        return {**found, "properties": {"enabledProtocols": "NFS"}}

    monkeypatch.setattr(ArmResources, "get", with_nfs)
    found = (await check(project, azure))["storage-access"]
    assert "NFS" in found["message"]


async def test_what_exists_and_does_not_fit_is_told_together(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, workloadProfileType=T4, workloadProfileName="Consumption", location="eastus")
    outcome = await provision_local(project, azure, check_only=True)
    said = [one["message"] for one in outcome.data["checks"] if one["name"] == "environment"]  # type: ignore[union-attr,index,call-overload]
    assert len(said) == 2
    assert any("of the type Consumption" in one for one in said)
    assert any("exists in" in one for one in said)


async def test_an_app_in_another_environment_is_told(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    set_parameters(project, acaEnvironmentName="other-env")
    body = {"location": "westus3", "properties": {}}
    azure.ask("PUT", azure.provider("Microsoft.App/managedEnvironments/other-env"), body)
    found = (await check(project, azure))["app"]
    assert found["state"] == "problem"
    assert NAMES.environment in found["message"]


async def test_another_projects_app_is_told(project: Path, azure: World, tmp_path: Path) -> None:
    await provision_local(project, azure)
    other = tmp_path / "other"
    shutil.copytree(project, other)
    assert (await check(other, azure))["app"]["state"] == "ok"  # a copy: its configuration names the app
    (other / "infra/inference.config.json").unlink()
    found = (await check(other, azure))["app"]
    assert found["state"] == "problem"
    assert str(project) in found["message"]
    with pytest.raises(PreflightFailed, match="another project"):
        await provision_local(other, azure, again=True)
    with pytest.raises(PreflightFailed, match="another project"):
        await provision_local(other, azure)  # the very same deployment: it was done for somebody else
    assert azure.count("apps.stop") == 1
    await provision_local(other, azure, assume_yes=True)
    assert len(azure.deployed) == 2


async def test_a_clone_without_a_configuration_leaves_the_app_running(
    project: Path, azure: World, tmp_path: Path
) -> None:
    await provision_local(project, azure)
    await azure.share.put_file(".aitk-manifest.json", b"{}")  # a Deploy has sent files since
    configuration = project / "infra/inference.config.json"
    configuration.unlink()
    await provision_local(project, azure)
    assert azure.count("apps.stop") == 1
    assert configuration.exists()


@pytest.mark.parametrize(
    ("commands", "missing"),
    [
        (["cd /mount/inference", "python serve.py"], "inference/serve.py"),
        (
            ["cd /mount", "cd inference", "pip install -r more.txt", "python gradio_chat.py"],
            "inference/more.txt",
        ),
        (["MODE=x python3 /mount/app/main.py --port 80"], "app/main.py"),
        (["cd /mount/inference && bash start.sh"], "inference/start.sh"),
        (["cd /mount/inference", "python gradio_chat.py"], ""),
        (["cd /mount/inference", "python -m http.server $PORT"], ""),
        (["cd /srv", "python other.py"], ""),
    ],
)
async def test_files_of_the_start_command_are_looked_for(
    project: Path, azure: World, commands: list[str], missing: str
) -> None:
    set_parameters(project, defaultCommands=commands)
    found = (await check(project, azure))["start-command"]
    assert found["state"] == ("problem" if missing else "ok")
    assert missing in found["message"]


async def test_what_deploy_lacks_does_not_stop_provision(project: Path, azure: World) -> None:
    (project / "inference/gradio_chat.py").unlink()
    ui = Scripted()
    assert (await provision_local(project, azure, ui)).endpoint
    assert any("inference/gradio_chat.py" in words for _, words in ui.said)


async def test_the_models_findings_are_among_the_checks(project: Path, azure: World) -> None:
    settings = {"base": "org/model", "adapter": "missing-adapter"}
    (project / "inference/config.json").write_text(json.dumps(settings))
    found = (await check(project, azure))["model"]
    assert found["state"] in ("warning", "problem")
    assert "missing-adapter" in found["message"]


async def test_a_policy_is_found_by_validating(project: Path, azure: World) -> None:
    conditions(azure, deny={"microsoft.app/managedenvironments": "No environments here"})
    found = (await check(project, azure))["validation"]
    assert found["state"] == "problem"
    assert "policy" in found["message"].lower()


@pytest.mark.parametrize(
    ("breaks", "name"),
    [
        ({"location": 7}, "parameters"),
        ({"nosuch": 1}, "parameters"),
        ({"workloadProfileType": "H100"}, "parameters"),
    ],
)
async def test_parameters_that_do_not_fit_are_checks_too(
    project: Path, azure: World, breaks: dict[str, Any], name: str
) -> None:
    set_parameters(project, **breaks)
    found = await check(project, azure)
    assert problems(found) == {name}
    with pytest.raises(InvalidProject):
        await provision_local(project, azure)


async def test_an_edited_template_without_a_compiler_is_a_check_too(project: Path, azure: World) -> None:
    source = project / "infra/provision/inference.bicep"
    source.write_text(source.read_text() + "\n// edited\n")
    found = await check(project, azure)
    assert len(problems(found)) == 1
    assert found["start-command" if "start-command" in found else "model"]["state"] == "ok"


async def test_unreadable_files_are_checks_too(project: Path, azure: World) -> None:
    (project / "infra/inference.config.json").write_text("{")
    assert problems(await check(project, azure)) == {"configuration"}


async def test_what_exists_is_not_asked_about_again(project: Path, azure: World) -> None:
    await provision_local(project, azure)
    azure.calls.clear()
    await check(project, azure)
    asked = [name for name, _ in azure.calls if name.startswith("preflight.")]
    assert set(asked) == {
        "preflight.environment_usages",
        "preflight.grants",
        "preflight.profile_types",
        "preflight.region_usages",
        "preflight.validate",
        "preflight.registration",
    }


async def test_a_lock_is_found_before_anything_is_made_and_keeps_what_it_locks(
    project: Path, azure: World
) -> None:
    group = f"/subscriptions/{LOCAL.id}/resourceGroups/models"
    conditions(azure, locks=({"name": "keep", "level": "ReadOnly", "scope": group},))
    found = (await check(project, azure))["validation"]
    assert found["state"] == "problem"
    assert "lock" in found["message"].lower()
    conditions(azure, locks=())
    await provision_local(project, azure)
