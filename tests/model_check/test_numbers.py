"""Numbers in configuration files: those that transformers writes are taken, endless ones are not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from model_check import check_model, choose_engine
from starter.models import make_adapter, make_base

if TYPE_CHECKING:
    from pathlib import Path

NO_LIMIT = int(1e30)
"""What transformers writes as ``model_max_length`` where a tokenizer names no limit."""


def findings(folder: Path, digits: str) -> list[str]:
    base, adapter = make_base(folder / "base"), make_adapter(folder / "adapter")
    config = json.dumps({"chat_template": "{{ messages }}", "model_max_length": "NUMBER"}).replace(
        '"NUMBER"', digits
    )
    (base / "tokenizer_config.json").write_text(config)
    return [finding.code for finding in check_model(base, adapter).findings]


@pytest.mark.parametrize("digits", [str(NO_LIMIT), "9" * 309, "-" + "9" * 30])
def test_a_long_number_is_taken(tmp_path: Path, digits: str) -> None:
    assert "json-invalid" not in findings(tmp_path, digits)


@pytest.mark.parametrize("digits", ["9" * 401, "9" * 100_000])
def test_an_endless_number_is_refused(tmp_path: Path, digits: str) -> None:
    assert "json-invalid" in findings(tmp_path, digits)


@pytest.mark.parametrize(
    ("names", "gpu", "engine"),
    [
        ({"openvino_model.xml"}, True, "openvino"),
        ({"openvino_model.xml", "model.safetensors"}, True, "vllm"),
        ({"openvino_model.xml", "model.safetensors"}, False, "openvino"),
        ({"model.safetensors"}, False, "vllm"),
        (set(), False, "vllm"),
    ],
)
def test_the_engine_is_that_of_the_bases_format(names: set[str], *, gpu: bool, engine: str) -> None:
    assert choose_engine("auto", names, gpu=gpu) == engine
    assert choose_engine("vllm", names, gpu=gpu) == "vllm"
