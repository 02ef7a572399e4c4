"""The hash of a template is Azure's own number, held against recorded deployments and Bicep's output."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aca_local.arm.template_hash import template_hash
from arm_template.source_positions import read_template
from support.shared import shared

SHIPPED = Path(__file__).parents[2] / "infra" / "provision" / "inference.json"
# In 2021 Azure hashed a template's members in the order of the sender.
OLDER = "arm-sdk-resource/test_mgmt_resource.test_deployments_basic.yaml"


def body_of(answer: dict[str, Any]) -> str:
    text = answer["body"]
    return str(text["string"] if isinstance(text, dict) else text)


def recorded() -> Iterator[tuple[dict[str, Any], str]]:
    """Templates that were sent, each with the hash that Azure told."""
    for path in sorted(shared("wire").glob("arm-*/*.yaml")):
        if str(path).endswith(OLDER):
            continue
        for one in next(iter(yaml.load_all(path.read_text(), yaml.CSafeLoader)))["interactions"]:
            sent, told = one["request"].get("body") or "", body_of(one["response"])
            if '"templateHash"' in told and "template" in sent:
                yield (
                    read_template(sent)["properties"]["template"],
                    json.loads(told)["properties"]["templateHash"],
                )


def test_recorded_deployments_have_this_hash() -> None:
    found = list(recorded())
    assert len(found) > 10
    assert [told for template, told in found if template_hash(template) != told] == []


def compiled() -> list[dict[str, Any]]:
    """Templates that Bicep compiled and hashed, without those that define types."""
    paths = sorted(shared("oracle/templates").glob("*/template.json"))
    found = [json.loads(path.read_text()) for path in paths]
    return [one for one in found if "definitions" not in one and "languageVersion" not in one]


def test_compiled_templates_have_this_hash() -> None:
    found = compiled()
    assert len(found) > 30
    wrong = [one for one in found if template_hash(one) != one["metadata"]["_generator"]["templateHash"]]
    assert len(wrong) == 0


def test_the_shipped_template_has_the_hash_that_its_compiler_wrote() -> None:
    template = json.loads(SHIPPED.read_text())
    assert template_hash(template) == template["metadata"]["_generator"]["templateHash"]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"contentVersion": "1.0.0.1"}, False),
        ({"outputs": {"a": {"value": 1, "type": "int"}}}, True),
        ({"metadata": {"_generator": {"name": "bicep", "templateHash": "1"}}}, True),
    ],
)
def test_what_changes_the_hash(change: dict[str, Any], same: bool) -> None:
    template: dict[str, Any] = {
        "$schema": "s",
        "contentVersion": "1.0.0.0",
        "resources": [],
        "outputs": {"a": {"type": "int", "value": 1}},
        "metadata": {"_generator": {"name": "bicep"}},
    }
    assert (template_hash(template | change) == template_hash(template)) is same
