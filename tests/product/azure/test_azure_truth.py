"""docs/azure-truth.md has a row for each API version, header and state that the product knows of Azure."""

import ast
import enum
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.credentials import AccessToken
from azure.mgmt.appcontainers import ContainerAppsAPIClient
from azure.mgmt.appcontainers import models as apps
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.deployments import models as deployments
from azure.mgmt.resource.resources import ResourceManagementClient
from azure.mgmt.resource.subscriptions import SubscriptionClient
from azure.mgmt.resource.subscriptions import models as subscriptions

ROOT = Path(__file__).parents[3]
ADAPTERS = ROOT / "server/aitk_inference/azure"
CORE = ROOT / "server/aitk_inference/core"
FLOWS = ROOT / "server/aitk_inference/flows"
TEMPLATE = ROOT / "infra/provision"
PAGE = ROOT / "docs/azure-truth.md"
VERSION = re.compile(r"\b20\d\d-\d\d-\d\d(?:-preview)?\b")
HEADER = re.compile(r"x-ms-[a-z0-9-]*[a-z0-9]|WWW-Authenticate|Retry-After", re.IGNORECASE)
REGISTRATION = {"NotRegistered", "Unregistered", "Unregistering", "Registering", "Registered"}


def texts(folder: Path = ADAPTERS) -> Iterator[str]:
    """The strings of the adapters, without their docstrings."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                yield node.value


class Nobody:
    def get_token(self, *_: str, **__: object) -> AccessToken:
        return AccessToken("", 0)


def versions() -> set[str]:
    """Versions that the product and the template name, and those that the SDKs choose."""
    named = {
        one for folder in (ADAPTERS, CORE, FLOWS) for text in texts(folder) for one in VERSION.findall(text)
    }
    sources = [path.read_text(encoding="utf-8") for path in TEMPLATE.glob("*.bicep")]
    resources = {one for text in sources for one in re.findall(r"@(20\d\d-\d\d-\d\d(?:-preview)?)'", text)}
    clients = (
        SubscriptionClient(Nobody()),
        ResourceManagementClient(Nobody(), "x"),
        DeploymentsMgmtClient(Nobody(), "x"),
        ContainerAppsAPIClient(Nobody(), "x"),
    )
    return named | resources | {client._config.api_version for client in clients}


def headers() -> set[str]:
    return {header.lower() for text in texts() for header in HEADER.findall(text)}


def states() -> set[str]:
    """Words of the adapters that are a state of Azure's, by the SDKs' own lists."""
    kinds = [
        kind
        for module in (apps, deployments, subscriptions)
        for name, kind in vars(module).items()
        if isinstance(kind, type) and issubclass(kind, enum.Enum) and name.endswith(("State", "Status"))
    ]
    known = {str(item.value) for kind in kinds for item in kind} | REGISTRATION
    return known.intersection(texts())


def row(fact: str) -> list[str]:
    """The cells of the row that begins with a fact."""
    found = [
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{fact}` |")
    ]
    assert found, f"docs/azure-truth.md has no row for {fact}"
    return [cell.strip() for cell in found[0].strip("|").split("|")]


@pytest.mark.parametrize("fact", sorted(versions() | headers() | states()))
def test_each_fact_has_its_evidence_and_its_test(fact: str) -> None:
    _, use, evidence, test = row(fact)
    assert use
    assert evidence
    for path in re.findall(r"`(tests/[^`]+)`", test):
        assert (ROOT / path).exists(), path
    assert "`tests/" in test or "AITK_AZURE=1" in test


def test_no_row_outlives_its_use() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(set(rows))
    facts = {fact for fact in rows if VERSION.fullmatch(fact) or HEADER.fullmatch(fact)}
    assert facts == {fact for fact in facts if fact in versions() | headers()}
