"""Protect: a key, addresses, open again; what status says of it, and what Provision keeps."""

from __future__ import annotations

import io
import json
import re
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.cli import run
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.flows.api import ProtectRequest
from aitk_inference.flows.operate.protect import protect
from aitk_inference.flows.user_dirs import log_file
from support.azure_world import World, WorldClouds
from support.projects import provision_local
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

API = "2025-01-01"
OFFICE = {"name": "office", "action": "Allow", "ipAddressRange": "192.0.2.0/24"}
SHOWN = re.compile(r"The key, shown this once: ([\w-]{43})$", re.MULTILINE)
FILE = {"name": "INFERENCE_API_KEY_FILE", "value": "/mnt/secrets/api-key"}


@pytest.fixture(autouse=True)
def _own_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AITK_LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())


@pytest.fixture
def app(project: Path, azure: World) -> str:
    """The path of a provisioned app that runs, with a secret and a sidecar of somebody else."""
    given = ["--project", str(project), "--subscription", "local", "--resource-group", "models", "--no-input"]
    assert run(["provision", *given], lambda *_: WorldClouds(azure, running=True)) == 0
    path = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    containers = azure.ask("GET", path, version=API)["properties"]["template"]["containers"]
    containers.append(
        {"name": "sidecar", "image": "x", "command": ["sleep"], "resources": {"cpu": 0.25, "memory": "0.5Gi"}}
    )
    secrets = [{"name": "other", "value": "kept"}]
    changes = {"template": {"containers": containers}, "configuration": {"secrets": secrets}}
    azure.ask("PATCH", path, {"properties": changes}, version=API)
    azure.ask("POST", f"{path}/start", version=API)
    return path


def _run(project: Path, azure: World, verb: str, *words: str) -> int:
    given = [verb, "--project", str(project), "--log-level", "debug", *words]
    return run(given, lambda *_: WorldClouds(azure, running=True))


def _properties(azure: World, app: str) -> dict[str, Any]:
    properties: dict[str, Any] = azure.ask("GET", app, version=API)["properties"]
    return properties


def _values(azure: World, app: str) -> dict[str, str]:
    answer = azure.ask("POST", f"{app}/listSecrets", version=API)
    return {one["name"]: one["value"] for one in answer["value"]}


def _files(azure: World, app: str) -> list[dict[str, str]]:
    """What the newest revision's first container finds in secret volumes."""
    revision = _properties(azure, app)["latestRevisionName"]
    specs = azure.arm().replicas.specs
    (spec,) = [spec for (_, name), spec in specs.items() if name == revision]
    return [dict(mount.files) for mount in spec.containers[0].mounts if mount.files is not None]


def test_a_key_is_made_shown_once_and_mounted_beside_what_was_there(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _properties(azure, app)["template"]
    assert _run(project, azure, "protect", "--api-key") == 0
    out = capsys.readouterr().out
    (key,) = SHOWN.findall(out)
    assert "Authorization header, after the word Bearer" in out
    assert _values(azure, app) == {"other": "kept", "api-key": key}
    assert _files(azure, app) == [{"api-key": key}]
    first, sidecar = _properties(azure, app)["template"]["containers"]
    assert first["env"] == [*before["containers"][0]["env"], FILE]
    assert first["volumeMounts"][:-1] == before["containers"][0]["volumeMounts"]
    assert first["volumeMounts"][-1]["mountPath"] == "/mnt/secrets"
    assert (sidecar, first["probes"]) == (before["containers"][1], before["containers"][0]["probes"])
    history = azure.ask("GET", azure.provider("Microsoft.Resources/deployments"), version="2021-04-01")
    log = "".join(path.read_text() for path in log_file().parent.rglob("*.log*"))
    assert log
    assert key not in log + json.dumps(history)
    assert _run(project, azure, "status") == 0
    status = capsys.readouterr().out
    assert re.search(r"^Access +API key, which the app checks$", status, re.MULTILINE)
    assert key not in status


def test_a_new_key_replaces_the_old_one_with_a_restart_and_no_revision(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(project, azure, "protect", "--api-key") == 0
    (old,) = SHOWN.findall(capsys.readouterr().out)
    assert _run(project, azure, "protect", "--api-key", "--no-input") == 2
    assert "Make a new key?\n→ The app has a key; programs that use it are refused" in capsys.readouterr().err
    assert _values(azure, app)["api-key"] == old
    revision = _properties(azure, app)["latestRevisionName"]
    assert _run(project, azure, "protect", "--api-key", "--yes", "--json") == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert _values(azure, app)["api-key"] == result["key"] != old
    assert "refuses the old one" in result["summary"]
    assert _files(azure, app) == [{"api-key": result["key"]}]
    assert _properties(azure, app)["latestRevisionName"] == revision
    assert azure.count("apps.restart") == 1


async def test_provision_keeps_the_key_and_the_addresses(project: Path, azure: World, app: str) -> None:
    clouds = WorldClouds(azure)
    await protect(ProtectRequest(project, api_key=True), ui=Scripted(), clouds=clouds)
    await protect(ProtectRequest(project, allow_ip=("203.0.113.0/24",)), ui=Scripted(), clouds=clouds)
    values, files = _values(azure, app), _files(azure, app)
    await provision_local(project, azure, again=True)
    assert (_values(azure, app), _files(azure, app)) == (values, files)
    properties = _properties(azure, app)
    assert FILE in properties["template"]["containers"][0]["env"]
    rules = properties["configuration"]["ingress"]["ipSecurityRestrictions"]
    assert [rule["name"] for rule in rules] == ["allow-ip-1"]


def test_addresses_are_let_in_beside_rules_of_others_and_open_takes_ours_alone(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(project, azure, "status") == 0
    assert re.search(r"^Access +public: everybody", capsys.readouterr().out, re.MULTILINE)
    ingress = {"ipSecurityRestrictions": [OFFICE]}
    azure.ask("PATCH", app, {"properties": {"configuration": {"ingress": ingress}}}, version=API)
    assert _run(project, azure, "protect", "--allow-ip", "203.0.113.9/24", "198.51.100.7") == 0
    assert _run(project, azure, "protect", "--allow-ip", "198.51.100.7", "198.51.100.7/32") == 0
    after = _properties(azure, app)["configuration"]["ingress"]
    assert [(rule["name"], rule["ipAddressRange"]) for rule in after["ipSecurityRestrictions"]] == [
        ("office", "192.0.2.0/24"),
        ("allow-ip-1", "198.51.100.7/32"),
    ]
    assert after["targetPort"]
    out = capsys.readouterr().out
    assert "answers 203.0.113.0/24, 198.51.100.7/32, 192.0.2.0/24 (office) alone now." in out
    assert _run(project, azure, "protect", "--api-key") == 0
    capsys.readouterr()
    assert _run(project, azure, "protect", "--open") == 0
    out = capsys.readouterr().out
    assert "has no key and no rules of this command now." in out
    assert "The IP rules office stay" in out
    assert "aitk-inference secrets remove api-key" in out
    properties = _properties(azure, app)
    assert [rule["name"] for rule in properties["configuration"]["ingress"]["ipSecurityRestrictions"]] == [
        "office"
    ]
    assert FILE not in properties["template"]["containers"][0]["env"]
    assert _files(azure, app) == []
    assert _run(project, azure, "protect", "--open") == 0
    assert "has no key and no rules of this command." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("10.0.0.300", "10.0.0.300 is no range of addresses."),
        ("0.0.0.0/0", "aitk-inference protect --open"),
        ("2001:db8::/32", "rules for IPv4 alone"),
    ],
)
def test_what_is_no_range_is_refused_before_anything_is_asked(
    project: Path, azure: World, capsys: pytest.CaptureFixture[str], words: str, said: str
) -> None:
    assert _run(project, azure, "protect", "--allow-ip", words) == 2
    assert said in capsys.readouterr().err
    assert not azure.calls


def test_denying_rules_and_a_foreign_mount_are_in_the_way(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ingress = {"ipSecurityRestrictions": [{**OFFICE, "action": "Deny"}]}
    containers = _properties(azure, app)["template"]["containers"]
    containers[0]["volumeMounts"].append({"volumeName": "scratch", "mountPath": "/mnt/secrets/"})
    volumes = [
        *_properties(azure, app)["template"]["volumes"],
        {"name": "scratch", "storageType": "EmptyDir"},
    ]
    template = {"containers": containers, "volumes": volumes}
    changes = {"configuration": {"ingress": ingress}, "template": template}
    azure.ask("PATCH", app, {"properties": changes}, version=API)
    assert _run(project, azure, "protect", "--allow-ip", "203.0.113.0/24") == 1
    assert "has rules that deny addresses: office." in capsys.readouterr().err
    assert _run(project, azure, "protect", "--api-key") == 1
    assert "The volume scratch is mounted at /mnt/secrets" in capsys.readouterr().err
    assert "api-key" not in _values(azure, app)


def test_open_takes_the_templates_rules_too_and_says_that_all_may_enter(
    project: Path, azure: World, app: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ingress = {"ipSecurityRestrictions": [{**OFFICE, "name": "allowed-0"}]}
    azure.ask("PATCH", app, {"properties": {"configuration": {"ingress": ingress}}}, version=API)
    assert _run(project, azure, "status") == 0
    assert re.search(r"^Access +IP rules allowed-0$", capsys.readouterr().out, re.MULTILINE)
    assert _run(project, azure, "protect", "--open") == 0
    assert "is open: everybody who finds the address may use it." in capsys.readouterr().out
    assert not _properties(azure, app)["configuration"]["ingress"]["ipSecurityRestrictions"]


async def test_the_palette_asks_the_way(project: Path, azure: World, app: str) -> None:
    clouds = WorldClouds(azure)
    ui = Scripted({"way": "addresses", "ranges": "203.0.113.0/24, 198.51.100.7"})
    outcome = await protect(ProtectRequest(project), ui=ui, clouds=clouds)
    assert outcome.data["ranges"] == ["203.0.113.0/24", "198.51.100.7/32"]
    outcome = await protect(ProtectRequest(project), ui=Scripted({"way": "key"}), clouds=clouds)
    assert outcome.key
    with pytest.raises(Dismissed):
        await protect(ProtectRequest(project), ui=Scripted({"way": "key", "replace": "no"}), clouds=clouds)
    with pytest.raises(InputRequired, match="Who may use the endpoint"):
        await protect(ProtectRequest(project), ui=Scripted(), clouds=clouds)
