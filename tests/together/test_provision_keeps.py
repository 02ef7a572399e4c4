"""A second and a third Provision keep what people set by hand, whatever the template calls its resources.

On a real aca-local, through the command line. Templates are edited as people edit them, in Bicep's compiled form with
the lock that says so: no compiler is needed to run these.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from aca_local import certificates
from support.azure_world import World
from support.desk import Desk
from support.projects import provision_local, small_project
from support.real_projects import Arm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SUFFIX = "substring(uniqueString(resourceGroup().id), 0, 5)"
Edit = "Callable[[dict[str, Any]], None]"


def touch_the_app(arm: Arm) -> str:
    """Give the one app a variable and a tag by PATCH, as the portal does; return its path."""
    (name,) = arm.names("Microsoft.App/containerApps")
    path = f"Microsoft.App/containerApps/{name}"
    template = arm.ask("GET", path)["properties"]["template"]
    template["containers"][0]["env"].append({"name": "BY_HAND", "value": "1"})
    arm.ask("PATCH", path, {"tags": {"by": "hand"}, "properties": {"template": template}})
    return path


def _edit(project: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Edit the template; the lock names the source that it was compiled from."""
    folder = project / "infra" / "provision"
    document = json.loads((folder / "inference.json").read_text())
    edit(document)
    (folder / "inference.json").write_text(json.dumps(document))
    source = folder / "inference.bicep"
    source.write_text(source.read_text() + "\n// edited\n")
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    lock = json.loads((folder / "inference.lock.json").read_text())
    (folder / "inference.lock.json").write_text(
        json.dumps({**lock, "sources": lock["sources"] | {"inference.bicep": digest}})
    )


def _default(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        document["parameters"][name]["defaultValue"] = value

    return edit


def _suffix_by_parameter(document: dict[str, Any]) -> None:
    """Write names as Microsoft's AI Toolkit does: each refers to one parameter for the suffix."""
    document["parameters"]["resourceSuffix"] = {"type": "string", "defaultValue": f"[{SUFFIX}]"}
    for name, prefix in (("storageAccountName", "aistorage"), ("acaAppName", "aiacaapp")):
        document["parameters"][name]["defaultValue"] = (
            f"[format('{prefix}{{0}}', parameters('resourceSuffix'))]"
        )


def _name_by_variable(document: dict[str, Any]) -> None:
    document["variables"]["theName"] = "contoso-by-variable"
    document["parameters"]["acaAppName"]["defaultValue"] = "[variables('theName')]"


def _outputs_renamed(document: dict[str, Any]) -> None:
    document["outputs"] = {f"MY_{name}": value for name, value in document["outputs"].items()}


def _parameters(project: Path, **values: object) -> None:
    path = project / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    for name in values:
        for known in [key for key in document["parameters"] if key.lower() == name.lower()]:
            del document["parameters"][known]
    document["parameters"].update({name: {"value": value} for name, value in values.items()})
    path.write_text(json.dumps(document, indent=2))


NAMES = {
    "acaAppName": f"[format('contosoapp{{0}}', {SUFFIX})]",
    "storageAccountName": f"[format('contoso{{0}}', {SUFFIX})]",
    "fileShareName": "contoso-share",
    "acaEnvironmentName": f"[format('contosoenv{{0}}', {SUFFIX})]",
    "acaEnvironmentStorageName": "contosostorage",
    "acaLogAnalyticsName": f"[format('contosolog{{0}}', {SUFFIX})]",
}
PROJECTS: dict[str, Callable[[Path], None]] = {
    "as-shipped": lambda project: None,
    **{
        f"default-{name}": lambda p, n=name, v=value: _edit(p, _default(n, v))
        for name, value in NAMES.items()
    },  # type: ignore[misc]  # a lambda that remembers
    "suffix-by-parameter": lambda project: _edit(project, _suffix_by_parameter),
    "name-by-variable": lambda project: _edit(project, _name_by_variable),
    "outputs-renamed": lambda project: _edit(project, _outputs_renamed),
    "case-AcaAppName": lambda project: _parameters(project, AcaAppName="cased-app"),
    "case-STORAGEACCOUNTNAME": lambda project: _parameters(project, STORAGEACCOUNTNAME="casedstorage"),
    "case-fileshareName": lambda project: _parameters(project, fileshareName="cased-share"),
    "case-acaenvironmentname": lambda project: _parameters(project, acaenvironmentname="cased-env"),
    "case-ACALogAnalyticsName": lambda project: _parameters(project, ACALogAnalyticsName="cased-log"),
    "profile-name-edited": lambda project: _edit(project, _default("workloadProfileName", "Consumption")),
}


IN_WHOLE = ("as-shipped", "default-acaAppName", "case-AcaAppName", "suffix-by-parameter")
"""Tried with the whole program; the others with aca-local's Resource Manager in this process, which takes less."""


@contextmanager
def _provisioned(
    desk: Desk, folder: Path, kind: str, name: str = ""
) -> Iterator[tuple[Arm, Callable[..., Any], Path]]:
    project = small_project(folder / "project")
    _parameters(project, minReplicas=0)  # nothing needs to run
    PROJECTS[kind](project)
    group = name or f"g-{kind.lower()}"
    where = ("--project", str(project), "--subscription", "local", "--resource-group", group)

    def provision(*more: str, expect: int = 0) -> Any:
        return desk.run("provision", *where, *more, expect=expect)[-1]

    provision()
    yield Arm.of(desk, group), provision, project


@pytest.mark.parametrize("kind", IN_WHOLE)
def test_what_was_set_by_hand_is_found_shown_and_kept(desk: Desk, tmp_path: Path, kind: str) -> None:
    with _provisioned(desk, tmp_path, kind) as (arm, provision, project):
        path = touch_the_app(arm)
        name = path.rpartition("/")[2]

        plan = {(row["kind"], row["name"]): row for row in provision("--plan")["data"]["plan"]}
        assert plan["Container app", name]["change"] == "update"
        assert {"variable BY_HAND", "tag by"} <= set(plan["Container app", name]["keeps"])
        assert [row for row in plan.values() if row["change"] == "create"] == []

        for most in (2, 3) if kind == "as-shipped" else (2,):
            _parameters(project, maxReplicas=most)
            provision()
            app = arm.ask("GET", path)
            assert app["tags"] == {"by": "hand"}
            variables = [one["name"] for one in app["properties"]["template"]["containers"][0]["env"]]
            assert "BY_HAND" in variables
            assert app["properties"]["template"]["scale"]["maxReplicas"] == most
        assert arm.names("Microsoft.App/containerApps") == [name]
        config = json.loads((project / "infra/inference.config.json").read_text())
        assert config["ACA_APP_NAME"] == name
        assert all(config.values())


@pytest.mark.parametrize("kind", [kind for kind in PROJECTS if kind not in IN_WHOLE])
async def test_every_name_of_a_template_is_found_and_kept(tmp_path: Path, kind: str) -> None:
    project = small_project(tmp_path / "project")
    _parameters(project, minReplicas=0)
    PROJECTS[kind](project)
    with ExitStack() as stack:
        azure = World(tmp_path / "azure", stack, certificates.ensure(tmp_path / "certificates"))
        await provision_local(project, azure)
        (app,) = azure.ask("GET", azure.provider("Microsoft.App/containerApps"))["value"]
        path = azure.provider(f"Microsoft.App/containerApps/{app['name']}")
        template = app["properties"]["template"]
        template["containers"][0]["env"].append({"name": "BY_HAND", "value": "1"})
        azure.ask("PATCH", path, {"tags": {"by": "hand"}, "properties": {"template": template}})

        plan = (await provision_local(project, azure, plan_only=True)).data["plan"]
        (row,) = [row for row in plan if row["kind"] == "Container app"]  # type: ignore[union-attr, index]  # JSON
        assert {"variable BY_HAND", "tag by"} <= set(row["keeps"])  # type: ignore[index, call-overload, arg-type]  # JSON
        assert [row for row in plan if row["change"] == "create"] == []  # type: ignore[union-attr, index]  # JSON

        _parameters(project, maxReplicas=2)
        await provision_local(project, azure)
        (app,) = azure.ask("GET", azure.provider("Microsoft.App/containerApps"))["value"]
        assert app["tags"] == {"by": "hand"}
        assert "BY_HAND" in [one["name"] for one in app["properties"]["template"]["containers"][0]["env"]]
        assert all(json.loads((project / "infra/inference.config.json").read_text()).values())


def test_a_changed_scale_stands_in_the_plan(desk: Desk, tmp_path: Path) -> None:
    with _provisioned(desk, tmp_path, "as-shipped", "g-scale") as (_, provision, project):
        _parameters(project, maxReplicas=4, probePath="/healthy")
        (app,) = [row for row in provision("--plan")["data"]["plan"] if row["kind"] == "Container app"]
        assert {"path": "most replicas", "before": 1, "after": 4} in app["properties"]
        probe = "properties.template.containers[0].probes[0].httpGet.path"
        assert (probe, "/healthy") in [(one["path"], one["after"]) for one in app["properties"]]


def test_names_that_only_azure_knows_are_refused_all_at_once_before_anything_is_made(
    desk: Desk, tmp_path: Path
) -> None:
    project = small_project(tmp_path / "project")

    def edit(document: dict[str, Any]) -> None:
        document["parameters"]["acaAppName"]["defaultValue"] = (
            "[format('app{0}', substring(newGuid(), 0, 5))]"
        )
        document["parameters"]["storageAccountName"]["defaultValue"] = "[format('st{0}', utcNow('yyyyMMdd'))]"

    _edit(project, edit)
    where = ("--project", str(project), "--subscription", "local", "--resource-group", "never", "--location")
    (answer,) = [
        line for line in desk.run("provision", *where, "westus3", expect=1) if line["type"] == "error"
    ]
    assert "acaAppName" in json.dumps(answer)
    assert "storageAccountName" in json.dumps(answer)
    line = json.loads(desk.local("serve", "--detach", "--json").stdout)
    groups = httpx.get(
        f"{line['armHttp']}/subscriptions/{line['subscriptionId']}/resourcegroups?api-version=2021-04-01",
        headers={"Authorization": f"Bearer {line['token']}"},
    ).json()
    assert "never" not in [group["name"] for group in groups["value"]]


def test_a_source_that_was_never_compiled_is_called_that(desk: Desk, tmp_path: Path) -> None:
    project = small_project(tmp_path / "project")
    (project / "infra/provision/inference.json").unlink()
    (project / "infra/provision/inference.lock.json").unlink()
    empty = {**desk.environment, "PATH": "", "HOME": str(tmp_path), "AZURE_CONFIG_DIR": str(tmp_path)}
    lines = Desk(desk.home).run_in(
        empty,
        "provision",
        "--project",
        str(project),
        "--subscription",
        "local",
        "--resource-group",
        "x",
        expect=1,
    )
    assert "never compiled" in json.dumps(lines[-1])
    assert "edited" not in json.dumps(lines[-1])
