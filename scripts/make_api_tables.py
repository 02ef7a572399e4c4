"""Writes ``server/aca_local/kernel/api_tables`` from Microsoft's API documents; ``--check`` fails when it is stale.

Types, enumerations and limits come from the OpenAPI documents (azure-rest-api-specs), which lie in ``../shared``
or ``$AITK_SHARED``. Which api-version of Microsoft.App brought which property comes from the models of the SDK's
releases, one release an api-version; pip fetches those from the package index.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "server" / "aca_local" / "kernel" / "api_tables"
SPECS = Path(os.environ.get("AITK_SHARED", ROOT.parent / "shared")) / "specs" / "specification"
APP = "app/resource-manager/Microsoft.App/stable/2024-03-01"
STORAGE = "storage/resource-manager/Microsoft.Storage/stable/2023-05-01"
LOGS = "operationalinsights/resource-manager/Microsoft.OperationalInsights/stable/2023-09-01"
ARM = "resources/resource-manager/Microsoft.Resources/stable/2024-03-01"
SDK = "azure-mgmt-appcontainers"
RELEASES = {  # the release whose models are those of an api-version
    "2022-03-01": "1.0.0",
    "2022-10-01": "2.0.0",
    "2023-05-01": "3.0.0",
    "2024-03-01": "3.1.0",
    "2025-01-01": "3.2.0",
    "2025-07-01": "4.0.0",
    "2026-01-01": "5.0.0",
    "2026-07-01": "5.1.0",
}
PREVIEW = "2025-10-02-preview"
WHAT_IF = {"resultFormat": {"type": "string", "enum": ["ResourceIdOnly", "FullResourcePayloads"]}}
RECORDED: dict[str, dict[str, dict[str, Any]]] = {  # what recordings show and neither document nor SDK has
    "microsoft.resources/deployments": {  # the definition of a what-if has it, and is the same otherwise
        "properties.whatIfSettings": {"type": "object", "properties": WHAT_IF},
    },
    "microsoft.app/containerapps": {
        "properties.runningStatus": {"since": "2024-03-01"},
        "properties.delegatedIdentities": {"readOnly": True, "since": "2024-03-01"},
        "properties.patchingMode": {"type": "string", "since": PREVIEW},
        "properties.configuration.targetLabel": {"type": "string", "since": PREVIEW},
        "properties.configuration.revisionTransitionThreshold": {"type": "integer", "since": PREVIEW},
        "properties.configuration.ingress.targetPortHttpScheme": {"type": "string", "since": PREVIEW},
        "properties.configuration.ingress.traffic[].weight": {"fromText": True},  # the Azure CLI sends "50"
        "properties.template.containers[].imageType": {"type": "string", "since": PREVIEW},
    },
    "microsoft.app/containerapps/revisions": {
        "properties.template.containers[].imageType": {"type": "string", "since": PREVIEW},
    },
    "microsoft.app/containerapps/revisions/replicas": {
        "properties.containers[].debugEndpoint": {"since": "2025-10-02-preview"},
    },
    "microsoft.app/managedenvironments": {
        "properties.workloadProfiles[].enableFips": {"type": "boolean", "since": "2025-07-01"},
        "properties.appInsightsConfiguration": {"since": "2025-07-01"},
        "properties.openTelemetryConfiguration": {"since": "2025-07-01"},
        "properties.availabilityZones": {"type": "array", "since": PREVIEW},
        "properties.diskEncryptionConfiguration": {"type": "object", "since": PREVIEW},
        "properties.appLogsConfiguration.logAnalyticsConfiguration.dynamicJsonColumns": {"type": "boolean", "since": PREVIEW},
    },
}  # fmt: skip
OWN_WORDS = frozenset(  # the provider refuses a wrong value of these in words of its own, which recordings or threads show
    {
        "activeRevisionsMode", "transport", "storageType", "accessMode", "accessTier", "triggerType", "keyName", "mode",
    }
)  # fmt: skip
OWN_PATHS = frozenset(("sku.name", "kind", "type"))


class Operation(NamedTuple):
    """Whose body it is, the document with its definition, and the SDK's model of it."""

    name: str
    document: str
    definition: str
    model: str = ""


OPERATIONS = (
    Operation("microsoft.app/containerapps", f"{APP}/ContainerApps.json", "ContainerApp", "ContainerApp"),
    Operation("microsoft.app/containerapps/revisions", f"{APP}/ContainerAppsRevisions.json", "Revision", "Revision"),
    Operation("microsoft.app/containerapps/revisions/replicas", f"{APP}/ContainerAppsRevisions.json", "Replica", "Replica"),
    Operation("microsoft.app/managedenvironments", f"{APP}/ManagedEnvironments.json", "ManagedEnvironment", "ManagedEnvironment"),
    Operation("microsoft.app/managedenvironments/storages", f"{APP}/ManagedEnvironmentsStorages.json", "ManagedEnvironmentStorage", "ManagedEnvironmentStorage"),
    Operation("microsoft.app/jobs", f"{APP}/Jobs.json", "Job", "Job"),
    Operation("microsoft.app/jobs/start", f"{APP}/Jobs.json", "JobExecutionTemplate", "JobExecutionTemplate"),
    Operation("microsoft.storage/storageaccounts", f"{STORAGE}/storage.json", "StorageAccountCreateParameters"),
    Operation("microsoft.storage/storageaccounts/patch", f"{STORAGE}/storage.json", "StorageAccountUpdateParameters"),
    Operation("microsoft.storage/storageaccounts/regeneratekey", f"{STORAGE}/storage.json", "StorageAccountRegenerateKeyParameters"),
    Operation("microsoft.storage/checknameavailability", f"{STORAGE}/storage.json", "StorageAccountCheckNameAvailabilityParameters"),
    Operation("microsoft.storage/storageaccounts/fileservices", f"{STORAGE}/file.json", "FileServiceProperties"),
    Operation("microsoft.storage/storageaccounts/fileservices/shares", f"{STORAGE}/file.json", "FileShare"),
    Operation("microsoft.operationalinsights/workspaces", f"{LOGS}/Workspaces.json", "Workspace"),
    Operation("microsoft.resources/resourcegroups", f"{ARM}/resources.json", "ResourceGroup"),
    Operation("microsoft.resources/deployments", f"{ARM}/resources.json", "Deployment"),
)  # fmt: skip

_NAMES = {
    "integer": "integer",
    "number": "number",
    "string": "string",
    "boolean": "boolean",
    "array": "array",
}
_LIMITS = {"minimum": "minimum", "maximum": "maximum", "minLength": "minLength", "maxLength": "maxLength"}


def main(arguments: list[str]) -> int:
    """Write or check; return the exit code."""
    texts = {f"{name}.json": json.dumps(one, indent=1) + "\n" for name, one in tables().items()}
    if "--check" in arguments:
        stale = [name for name, text in texts.items() if _read(TARGET / name) != text]
        sys.stderr.write("".join(f"{name} is stale: run {Path(__file__).name}.\n" for name in stale))
        return 1 if stale else 0
    for name, text in texts.items():
        (TARGET / name).write_text(text, encoding="utf-8")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def tables() -> dict[str, dict[str, Any]]:
    """Return the tables by the namespace of their provider."""
    models = {version: _models(release) for version, release in RELEASES.items()}
    found: dict[str, dict[str, Any]] = {}
    for one in OPERATIONS:
        document = SPECS / one.document
        tree = _from_document({"$ref": f"#/definitions/{one.definition}"}, document, ())
        if one.model:
            _add_versions(
                tree, {version: _from_model(known, one.model, ()) for version, known in models.items()}
            )
        for path, more in RECORDED.get(one.name, {}).items():
            _record(tree, path, more)
        _drop_own_words(tree, "")
        found.setdefault(one.name.partition("/")[0], {})[one.name] = tree
    return found


def _record(tree: dict[str, Any], path: str, more: dict[str, Any]) -> None:
    for part in path.split("."):
        name = part.removesuffix("[]")
        tree = tree.setdefault("properties", {}).setdefault(name, {})
        if name != part:
            tree = tree["items"]
    tree |= more


def _drop_own_words(tree: dict[str, Any], path: str) -> None:
    name = path.rpartition(".")[2]
    if name in OWN_WORDS or path in OWN_PATHS or path.endswith("probes[].type"):
        tree.pop("enum", None)
    for key, node in tree.get("properties", {}).items():
        _drop_own_words(node, f"{path}.{key}" if path else key)
    for key in ("items", "values"):
        if key in tree:
            _drop_own_words(tree[key], f"{path}[]")


# From an OpenAPI document


def _from_document(schema: dict[str, Any], document: Path, seen: tuple[str, ...]) -> dict[str, Any]:
    schema, document, name = _follow(schema, document)
    if name and name in seen:  # an error within an error: nobody sends that
        return {}
    inside = (*seen, name) if name else seen
    tree: dict[str, Any] = {"readOnly": True} if schema.get("readOnly") else {}
    for part in schema.get("allOf", ()):
        _merge(tree, _from_document(part, document, inside))
    kind = schema.get("type")
    if "properties" in schema or kind == "object":
        tree["type"] = "object"
        _add_properties(tree, schema, document, inside)
    elif kind in _NAMES:
        tree["type"] = kind
    if "items" in schema:
        tree["items"] = _from_document(schema["items"], document, inside)
    if "enum" in schema:
        tree["enum"] = schema["enum"]
    tree |= {short: schema[long] for long, short in _LIMITS.items() if long in schema}
    if schema.get("format") in {"int32", "int64"}:
        tree["format"] = schema["format"]
    return tree


def _add_properties(
    tree: dict[str, Any], schema: dict[str, Any], document: Path, inside: tuple[str, ...]
) -> None:
    for name, held in schema.get("properties", {}).items():
        read_only = {"readOnly": True} if held.get("readOnly") else {}
        tree.setdefault("properties", {})[name] = _from_document(held, document, inside) | read_only
    free = schema.get("additionalProperties")
    if isinstance(free, dict):
        tree["values"] = _from_document(free, document, inside)


def _follow(schema: dict[str, Any], document: Path) -> tuple[dict[str, Any], Path, str]:
    name = ""
    while "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        document = (document.parent / file).resolve() if file else document
        name = f"{document.name}{pointer}"
        schema = json.loads(document.read_text(encoding="utf-8"))
        for part in pointer.strip("/").split("/"):
            schema = schema[part]
    return schema, document, name


def _merge(tree: dict[str, Any], other: dict[str, Any]) -> None:
    for key, value in other.items():
        if key == "properties":
            tree.setdefault("properties", {}).update(value)
        else:
            tree[key] = value


# From the SDK's models


@dataclass
class Model:
    """A class of the SDK's models: its bases, and its JSON members with type and whether they are read only."""

    bases: list[str]
    members: dict[str, tuple[str, bool]] = field(default_factory=dict)
    values: list[str] = field(default_factory=list)


def _models(release: str) -> dict[str, Model]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", folder, f"{SDK}=={release}"], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            endings = ("/models/_models_py3.py", "/models/_models.py", "/models/_enums.py")
            names = [one for one in wheel.namelist() if one.endswith(endings)]
            sources = [wheel.read(one).decode() for one in names]
    classes = [
        node for source in sources for node in ast.parse(source).body if isinstance(node, ast.ClassDef)
    ]
    return {node.name: _model(node) for node in classes}


def _model(node: ast.ClassDef) -> Model:
    model = Model([ast.unparse(base).rpartition(".")[2] for base in node.bases])
    model.values = [
        one.value.value
        for one in node.body
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Constant)
    ]
    tables = {
        one.targets[0].id: one.value
        for one in node.body
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name)
    }
    if "_attribute_map" in tables:
        rules = ast.literal_eval(tables["_validation"]) if "_validation" in tables else {}
        for name, one in ast.literal_eval(tables["_attribute_map"]).items():
            model.members[one["key"]] = one["type"], bool(rules.get(name, {}).get("readonly"))
    for one in node.body:
        if (
            isinstance(one, ast.AnnAssign)
            and isinstance(one.value, ast.Call)
            and isinstance(one.target, ast.Name)
        ):
            options = {
                key.arg: ast.literal_eval(key.value)
                for key in one.value.keywords
                if key.arg in {"name", "visibility"}
            }
            kind = ast.unparse(one.annotation)
            model.members[options.get("name", one.target.id)] = kind, options.get("visibility") == ["read"]
    return model


def _from_model(models: dict[str, Model], name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    tree: dict[str, Any] = {"type": "object", "properties": {}}
    if name in seen or name not in models:
        return {} if name in seen else tree
    for base in models[name].bases:
        if base in models:
            tree["properties"] |= _from_model(models, base, seen).get("properties", {})
    for path, (kind, read_only) in models[name].members.items():
        *above, last = path.split(".")
        level = tree
        for part in above:
            level = level["properties"].setdefault(part, {"type": "object", "properties": {}})
        level["properties"][last] = _of_type(models, kind, (*seen, name)) | (
            {"readOnly": True} if read_only else {}
        )
    return tree


_PLAIN = {
    "str": "string",
    "int": "integer",
    "float": "number",
    "bool": "boolean",
    "iso-8601": "string",
    "duration": "string",
    "long": "integer",
}


def _of_type(models: dict[str, Model], kind: str, seen: tuple[str, ...]) -> dict[str, Any]:
    """Return the tree of ``int``, ``[Container]``, ``{str}``, or ``Optional[list['_models.Container']]``."""
    kind = kind.replace("'", "").replace('"', "").replace("_models.", "").replace("datetime.", "")
    if kind.startswith("Optional["):
        kind = kind[len("Optional[") : -1]
    if kind.startswith("list["):
        return {"type": "array", "items": _of_type(models, kind[5:-1], seen)}
    if kind.startswith("dict[str, "):
        return {"type": "object", "values": _of_type(models, kind[10:-1], seen)}
    if kind.startswith("["):
        return {"type": "array", "items": _of_type(models, kind[1:-1], seen)}
    if kind.startswith("{"):
        return {"type": "object", "values": _of_type(models, kind[1:-1], seen)}
    if kind.startswith("Union[str, "):
        return {"type": "string", "enum": models[kind[len("Union[str, ") : -1]].values}
    if kind in models:
        return _from_model(models, kind, seen)
    return {"type": _PLAIN[kind]} if kind in _PLAIN else {}


def _add_versions(tree: dict[str, Any], versions: dict[str, dict[str, Any]]) -> None:
    """Add what newer versions have to a tree, and to each property the version that brought it."""
    oldest = next(iter(versions))
    for version, other in versions.items():
        for name, held in other.get("properties", {}).items():
            known = tree.setdefault("properties", {})
            node = known.setdefault(name, {key: held[key] for key in ("type", "readOnly") if key in held})
            node.setdefault("since", version)
            if "enum" in held:
                node["enum"] = list(dict.fromkeys([*node.get("enum", ()), *held["enum"]]))
    for name, node in tree.get("properties", {}).items():
        inner = {
            version: other["properties"][name]
            for version, other in versions.items()
            if name in other.get("properties", {})
        }
        _add_below(node, inner)
        if node.get("since") == oldest:
            del node["since"]


def _add_below(node: dict[str, Any], versions: dict[str, dict[str, Any]]) -> None:
    if any("properties" in one for one in versions.values()):
        _add_versions(node, versions)
    for key in ("items", "values"):
        inner = {version: one[key] for version, one in versions.items() if key in one}
        if inner:
            below = node.setdefault(key, {"type": next(iter(inner.values())).get("type", "string")})
            _add_below(below, inner)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
