"""Whatever the files hold, a check ends with findings: it never raises, and its words are fit to be shown."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_check import PROFILES, Report, Wish, check_model
from support.tiny_models import LLAMA, TOKENIZER, TOKENS, lora_config, lora_tensors, make_adapter, make_base

FILES = (
    "adapter/adapter_config.json",
    "adapter/adapter_model.safetensors",
    "adapter/tokenizer.json",
    "adapter/tokenizer_config.json",
    "adapter/added_tokens.json",
    "adapter/chat_template.jinja",
    "base/config.json",
    "base/model.safetensors",
    "base/model.safetensors.index.json",
    "base/tokenizer.json",
    "base/tokenizer_config.json",
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=12)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SMALL = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
DOCUMENTS: dict[str, dict[str, Any]] = {
    "adapter/adapter_config.json": lora_config(),
    "base/config.json": LLAMA | {"sliding_window": 16, "text_config": None, "quantization_config": None},
    "base/tokenizer.json": TOKENIZER,
    "adapter/tokenizer_config.json": TOKENS | {"added_tokens_decoder": {}},
    "adapter/added_tokens.json": {"<x>": 300},
    "base/model.safetensors.index.json": {"weight_map": {"a": "model.safetensors"}},
}


def check(changed: str, content: bytes) -> Report:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_base(folder / "base")
        make_adapter(folder / "adapter")
        (folder / changed).write_bytes(content)
        report = check_model(
            folder / "base",
            folder / "adapter",
            hardware=PROFILES["Consumption-GPU-NC8as-T4"],
            wish=Wish(100, 2),
        )
    for finding in report.findings:
        assert finding.message.isprintable()
        assert finding.suggestion.isprintable()
        json.dumps([finding.message, finding.suggestion]).encode()
    return report


@SMALL
@given(st.sampled_from(FILES), st.binary(max_size=400))
def test_arbitrary_bytes_in_any_file(changed: str, content: bytes) -> None:
    check(changed, content)


@SMALL
@given(st.sampled_from(FILES), VALUES)
def test_arbitrary_json_in_any_file(changed: str, value: Any) -> None:
    check(changed, json.dumps(value).encode())


@SMALL
@given(st.sampled_from(sorted(DOCUMENTS)), st.data())
def test_arbitrary_values_where_others_belong(changed: str, data: st.DataObject) -> None:
    document = DOCUMENTS[changed]
    keys = data.draw(st.lists(st.sampled_from(sorted(document)), min_size=1, max_size=3))
    wrong = {key: data.draw(VALUES) for key in keys}
    check(changed, json.dumps(document | wrong).encode())


@SMALL
@given(VALUES, st.binary(max_size=64), st.integers(-8, 8))
def test_arbitrary_headers(value: Any, data: bytes, off: int) -> None:
    header = json.dumps(
        {"a.lora_A.weight": value, "b": {"dtype": "F32", "shape": value, "data_offsets": value}}
    )
    length = max(len(header) + off, 0)
    check("adapter/adapter_model.safetensors", length.to_bytes(8, "little") + header.encode() + data)


@SMALL
@given(st.dictionaries(st.text(max_size=40), st.lists(st.integers(0, 9), max_size=3), max_size=6))
def test_arbitrary_names_of_tensors(shapes: dict[str, list[int]]) -> None:
    tensors = {name: ("F32", shape) for name, shape in shapes.items()} | lora_tensors()
    with tempfile.TemporaryDirectory() as name:
        make_base(Path(name) / "base")
        make_adapter(Path(name) / "adapter", tensors)
        check_model(Path(name) / "base", Path(name) / "adapter")


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(.*)*x", "[", "(?P<n", "a" * 100_000, "^(?:.*.*)*$", "\\", "(?i:q_proj)"]
)
def test_patterns_are_not_run(tmp_path: Path, pattern: str) -> None:
    make_base(tmp_path / "base")
    make_adapter(tmp_path / "adapter", rank_pattern={pattern: 16}, target_modules=pattern)
    assert check_model(tmp_path / "base", tmp_path / "adapter").errors == ()


def test_a_header_that_promises_much_is_not_read(tmp_path: Path) -> None:
    make_base(tmp_path / "base")
    path = make_adapter(tmp_path / "adapter") / "adapter_model.safetensors"
    with path.open("wb") as file:
        file.write((1 << 40).to_bytes(8, "little") + b"{")
        file.truncate(1 << 34)  # sparse
    assert [f.code for f in check_model(tmp_path / "base", tmp_path / "adapter").findings] == [
        "not-safetensors"
    ]


@pytest.mark.parametrize("link", ["loop", "nowhere", "folder"])
def test_links_and_folders_in_place_of_files(tmp_path: Path, link: str) -> None:
    make_base(tmp_path / "base")
    path = make_adapter(tmp_path / "adapter") / "adapter_config.json"
    path.unlink()
    if link == "folder":
        path.mkdir()
    else:
        path.symlink_to(path if link == "loop" else tmp_path / "nowhere")
    codes = [f.code for f in check_model(tmp_path / "base", tmp_path / "adapter").findings]
    assert codes == ["file-unreadable"]


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    import os

    make_base(tmp_path / "base")
    path = make_adapter(tmp_path / "adapter") / "adapter_model.safetensors"
    path.unlink()
    os.mkfifo(path)
    assert [f.code for f in check_model(tmp_path / "base", tmp_path / "adapter").findings] == [
        "file-unreadable"
    ]
