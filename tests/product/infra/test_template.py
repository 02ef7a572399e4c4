"""The template: its interface, and what it does with resources that exist (asked of Bicep's own engine)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import compile_infra
import pytest
from product.infra.bicep_engine import Engine

if TYPE_CHECKING:
    from pathlib import Path

PROVISION = compile_infra.PROVISION
SIX_KEYS = [
    "SUBSCRIPTION_ID",
    "RESOURCE_GROUP_NAME",
    "STORAGE_ACCOUNT_NAME",
    "FILE_SHARE_NAME",
    "ACA_APP_NAME",
    "ACA_APP_ENDPOINT",
]
DOCUMENTED = {
    "defaultCommands",
    "maximumInstanceCount",
    "location",
    "storageAccountName",
    "fileShareName",
    "acaEnvironmentName",
    "acaEnvironmentStorageName",
    "acaAppName",
    "acaLogAnalyticsName",
}
READ_BY_THE_CALLER = {
    "storageAccountExists",
    "fileShareExists",
    "acaLogAnalyticsExists",
    "acaEnvironmentExists",
    "acaEnvironmentLocation",
    "existingApp",
    "existingAppSecrets",
}
EXISTING_APP = {
    "tags": {"team": "lights"},
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "configuration": {
            "activeRevisionsMode": "Multiple",
            "dapr": None,
            "ingress": {
                "external": False,
                "targetPort": 1,
                "customDomains": [{"name": "example.org"}],
                "ipSecurityRestrictions": None,
            },
            "registries": [{"server": "example.azurecr.io"}],
            "secrets": [{"name": "token"}],
        },
        "template": {
            "revisionSuffix": "old",
            "containers": [
                {
                    "name": "serving",
                    "image": "old",
                    "env": [{"name": "PORT", "value": "1"}, {"name": "TOKEN", "secretRef": "token"}],
                    "volumeMounts": [{"volumeName": "cache", "mountPath": "/cache"}],
                },
                {"name": "sidecar", "image": "other"},
            ],
            "scale": {"minReplicas": 0, "maxReplicas": 3, "rules": [{"name": "http"}]},
            "volumes": [{"name": "cache", "storageType": "EmptyDir"}],
        },
    },
}
SCOPE = {
    "subscriptionId": "00000000-0000-0000-0000-000000000001",
    "resourceGroup": "rg",
    "location": "westus3",
}
EMPTY_APP = {
    "tags": None,
    "identity": None,
    "properties": {"configuration": None, "template": {"scale": None}},
}


def compiled() -> Any:
    return json.loads((PROVISION / "inference.json").read_text("utf-8"))


Predict = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def bicep() -> str:
    path = compile_infra.find_bicep()
    if path is None:
        pytest.skip("NOT COMPILED: there is no Bicep CLI on this computer")
    return path


@pytest.fixture(scope="module")
def engine(bicep: str) -> Iterator[Engine]:
    with Engine(bicep) as engine:
        yield engine


@pytest.fixture
def predict(engine: Engine, tmp_path: Path) -> Predict:
    """The resources of a deployment by type, as Bicep's engine predicts them; secure values are shown."""
    shown = (PROVISION / "inference.json").read_text("utf-8").replace('"secureObject"', '"object"')
    (tmp_path / "main.json").write_text(shown, "utf-8")

    def predict(**parameters: object) -> dict[str, Any]:
        values = [f"param {name} = json('{json.dumps(value)}')" for name, value in parameters.items()]
        case = tmp_path / "case.bicepparam"
        case.write_text("\n".join(["using 'main.json'", *values]), "utf-8")
        snapshot = json.loads(engine.ask("getSnapshot", path=str(case), metadata=SCOPE)["snapshot"])
        return {resource["type"]: resource for resource in snapshot["predictedResources"]}

    return predict


def test_every_parameter_is_described_and_has_a_default() -> None:
    for name, parameter in compiled()["parameters"].items():
        assert parameter["metadata"]["description"].endswith("."), name
        assert "defaultValue" in parameter, name


def test_the_documented_parameters_are_there() -> None:
    assert set(compiled()["parameters"]) >= DOCUMENTED | READ_BY_THE_CALLER


def test_the_parameters_file_names_what_a_person_sets_and_nothing_else() -> None:
    written = json.loads((PROVISION / "inference.parameters.json").read_text("utf-8"))["parameters"]
    assert set(written) == set(compiled()["parameters"]) - READ_BY_THE_CALLER


def test_default_names_are_those_of_the_fine_tuning_step() -> None:
    defaults = {name: p["defaultValue"] for name, p in compiled()["parameters"].items()}
    suffix = "substring(uniqueString(resourceGroup().id), 0, 5)"
    assert defaults["storageAccountName"] == f"[format('aistorage{{0}}', {suffix})]"
    assert defaults["fileShareName"] == f"[format('aifileshare{{0}}', {suffix})]"
    assert defaults["acaEnvironmentName"] == f"[format('aienv{{0}}', {suffix})]"
    assert defaults["acaEnvironmentStorageName"] == f"[format('aienvstorage{{0}}', {suffix})]"
    assert defaults["acaAppName"] == f"[format('aiacaapp{{0}}', {suffix})]"
    assert defaults["acaLogAnalyticsName"] == f"[format('ailog{{0}}', {suffix})]"


def test_outputs_are_the_six_keys_of_the_configuration() -> None:
    configuration = json.loads((PROVISION.parent / "inference.config.json").read_text("utf-8"))
    assert list(compiled()["outputs"]) == list(configuration) == SIX_KEYS
    assert set(configuration.values()) == {None}


def test_no_output_holds_a_secret() -> None:
    assert not re.search(r"listKeys|listSecrets|sharedKey", json.dumps(compiled()["outputs"]), re.IGNORECASE)


def test_workload_profile_names_are_short_enough_for_azure() -> None:
    names = compiled()["parameters"]["workloadProfileName"]["defaultValue"]
    assert all(len(name) <= 15 for name in re.findall(r"'([^']+)'", names)[1::2])


def test_the_lock_holds_the_hashes_of_the_sources() -> None:
    assert (PROVISION / "inference.lock.json").read_text("utf-8") == compile_infra.lock_text()


def test_the_hash_of_a_source_does_not_depend_on_line_ends(tmp_path: Path) -> None:
    (tmp_path / "lf").write_bytes(b"a\nb\n")
    (tmp_path / "crlf").write_bytes(b"a\r\nb\r\n")
    assert compile_infra.source_hash(tmp_path / "lf") == compile_infra.source_hash(tmp_path / "crlf")


def test_the_compiled_template_is_what_the_compiler_makes(engine: Engine) -> None:
    answer = engine.ask("compile", path=str(PROVISION / "inference.bicep"))
    assert answer["diagnostics"] == []
    made = json.loads(answer["contents"])
    assert compile_infra.comparable(made) == compile_infra.comparable(compiled())


def test_a_stale_template_is_found(bicep: str, tmp_path: Path) -> None:
    folder = shutil.copytree(PROVISION, tmp_path / "provision")
    compile_infra.check(bicep, folder)
    source = folder / "inference.bicep"
    source.write_text(source.read_text("utf-8").replace("= 7860", "= 7861"), "utf-8")
    with pytest.raises(SystemExit, match=r"inference\.json is stale"):
        compile_infra.check(bicep, folder)


def test_the_start_may_take_the_documented_time(predict: Predict) -> None:
    app = predict()["Microsoft.App/containerApps"]
    startup = next(p for p in _container(app)["probes"] if p["type"] == "Startup")
    assert startup["periodSeconds"] * startup["failureThreshold"] == 60 + 10 * 120
    assert startup["failureThreshold"] <= 240


def test_a_failed_command_stops_the_start(predict: Predict) -> None:
    app = predict(defaultCommands=["false", "echo late"])["Microsoft.App/containerApps"]
    assert _container(app)["command"] == ["/bin/bash", "-c", "false && echo late"]


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        ("Consumption", None),
        ("Consumption-GPU-NC8as-T4", {"name": "serverless-T4"}),
        ("NC24-A100", {"name": "GPU", "minimumCount": 0, "maximumCount": 2}),
    ],
)
def test_the_environment_gets_the_profile_that_was_asked_for(
    predict: Predict, profile: str, expected: dict[str, Any] | None
) -> None:
    predicted = predict(workloadProfileType=profile, maximumInstanceCount=2)
    profiles = predicted["Microsoft.App/managedEnvironments"]["properties"]["workloadProfiles"]
    added = [] if expected is None else [expected | {"workloadProfileType": profile}]
    assert profiles == [{"name": "Consumption", "workloadProfileType": "Consumption"}, *added]


def test_what_exists_is_not_put_again(predict: Predict) -> None:
    names = ("storageAccountExists", "fileShareExists", "acaLogAnalyticsExists", "acaEnvironmentExists")
    predicted = predict(**dict.fromkeys(names, True))
    assert set(predicted) == {"Microsoft.App/managedEnvironments/storages", "Microsoft.App/containerApps"}


def test_a_share_is_added_to_an_existing_account_without_touching_its_settings(predict: Predict) -> None:
    predicted = predict(storageAccountExists=True)
    assert "Microsoft.Storage/storageAccounts/fileServices/shares" in predicted
    assert "Microsoft.Storage/storageAccounts/fileServices" not in predicted
    assert "Microsoft.Storage/storageAccounts" not in predicted


def test_an_existing_app_keeps_what_no_parameter_names(predict: Predict) -> None:
    secrets = {"value": [{"name": "token", "value": "x"}]}
    app = predict(existingApp=EXISTING_APP, existingAppSecrets=secrets)["Microsoft.App/containerApps"]
    configuration, template = app["properties"]["configuration"], app["properties"]["template"]
    assert (app["tags"], app["identity"]) == ({"team": "lights"}, {"type": "SystemAssigned"})
    assert configuration["activeRevisionsMode"] == "Multiple"
    assert configuration["secrets"] == secrets["value"]
    assert configuration["registries"] == [{"server": "example.azurecr.io"}]
    assert configuration["ingress"]["customDomains"] == [{"name": "example.org"}]
    assert (configuration["ingress"]["external"], configuration["ingress"]["targetPort"]) == (False, 7860)
    assert template["scale"] == {"minReplicas": 0, "maxReplicas": 3, "rules": [{"name": "http"}]}
    assert template["revisionSuffix"] == ""
    assert template["volumes"][0]["name"] == "cache"
    serving, sidecar = template["containers"]
    assert serving["name"] == "serving"
    assert serving["image"] != "old"
    assert serving["env"] == [{"name": "TOKEN", "secretRef": "token"}, {"name": "PORT", "value": "7860"}]
    assert [m["mountPath"] for m in serving["volumeMounts"]] == ["/cache", "/mount"]
    assert sidecar == {"name": "sidecar", "image": "other"}


def test_explicit_nulls_and_a_second_provisioning_change_nothing(predict: Predict) -> None:
    first = predict()["Microsoft.App/containerApps"]
    empty = predict(existingApp=EMPTY_APP)["Microsoft.App/containerApps"]
    assert empty["properties"]["template"].pop("scale") == {
        "minReplicas": 0,
        "maxReplicas": 10,
    }  # what null means
    scale = first["properties"]["template"].pop("scale")
    assert empty == first
    first["properties"]["template"]["scale"] = scale
    assert predict(existingApp=first)["Microsoft.App/containerApps"] == first


def _container(app: Any) -> dict[str, Any]:
    container: dict[str, Any] = app["properties"]["template"]["containers"][0]
    return container
