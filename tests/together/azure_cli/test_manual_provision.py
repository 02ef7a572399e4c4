"""The commands of docs/manual-provision.md as they stand there, with the Azure CLI against aca-local.

Only the sign-in is another (``conftest.py``); all else is the document's.
"""

from __future__ import annotations

import json
import os
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

import compile_infra
import pytest
from support import documents

if TYPE_CHECKING:
    from together.azure_cli.conftest import Shell

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the document's commands are for bash")

ROOT = documents.ROOT
DOCUMENT = ROOT / "docs" / "manual-provision.md"


@pytest.fixture(scope="module")
def template() -> str:
    if compile_infra.find_bicep():
        return "infra/provision/inference.bicep"
    print("NOT TRIED: the .bicep file itself, since there is no Bicep CLI; its compiled form is deployed")
    return "infra/provision/inference.json"


def test_every_command_by_hand_as_the_document_shows_it(shell: Shell, template: str) -> None:
    shown = [block.text for block in documents.shell_blocks(DOCUMENT)]
    sign_in, register, look, profiles, read_app, deploy, again, configure, send, sleep, remove = shown

    shell.run(sign_in.replace("az login", "az login --identity"))
    shell.run(register)
    assert "SubscriptionConsumptionNCA100Gpus" in shell.run(look)
    shell.run(deploy.replace("infra/provision/inference.bicep", template))
    shell.run(configure)
    shell.run(send)
    config = json.loads((shell.project / "infra/inference.config.json").read_text())
    assert _get(config["ACA_APP_ENDPOINT"]) == "one"

    names = {"NAME": config["ACA_APP_NAME"], "ENVIRONMENT": _named(shell, "managedEnvironments")}
    shell.values = {**shell.values, **names}
    shell.run("az containerapp secret set --name NAME --resource-group RG --secrets hush=quiet")
    assert "serverless-A100" in shell.run(profiles)
    shell.run(read_app)
    expected = shell.run(again.replace("infra/provision/inference.bicep", template).replace("rm ", "true "))
    assert json.loads(expected)["properties"]["provisioningState"] == "Succeeded"
    assert "hush" in shell.run("az containerapp secret list --name NAME --resource-group RG --output table")
    what_if = again.replace("create --name inference", "what-if").replace(
        "inference.bicep", Path(template).name
    )
    assert "The deployment will update" in shell.run(what_if)
    assert not (shell.project / "infra/secrets.json").exists()

    shell.run(sleep)
    scale = shell.run(
        "az containerapp show --name NAME --resource-group RG --query properties.template.scale"
    )
    assert json.loads(scale)["minReplicas"] == 0
    shell.run(remove)
    left = shell.run("az resource list --resource-group RG --query [].type --output tsv")
    assert "containerApps" not in left
    assert "storageAccounts" in left


def _named(shell: Shell, kind: str) -> str:
    query = f"[?type=='Microsoft.App/{kind}'].name"
    return shell.run(f'az resource list --resource-group RG --query "{query}" --output tsv').strip()


def _get(host: str) -> str:
    with urllib.request.urlopen(f"http://{host}", timeout=30) as answer:
        return str(answer.read().decode())


def test_a_wrong_command_would_be_found(shell: Shell) -> None:
    with pytest.raises(AssertionError, match="unrecognized"):
        shell.run("az group create --name RG --location westus3 --nonsense")
