"""Adapters that vLLM refuses, and those that it takes in silence though they do not fit: one finding each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from model_check import Report, check_model
from support.tiny_models import (
    FUSED,
    LINEAR,
    PHI3,
    lora_tensors,
    make_adapter,
    make_base,
    write_json,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


def check(tmp_path: Path, **options: Any) -> Report:
    return check_model(tmp_path / "org/base", tmp_path / "adapter", **options)


def test_an_adapter_that_fits_has_no_findings(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter")
    report = check(tmp_path)
    assert report.findings == ()
    assert report.ok
    assert report.engine_options.max_lora_rank == 8
    assert report.engine_options.architecture == "LlamaForCausalLM"
    assert report.engine_options.max_model_len == 512


def test_the_fused_matrices_of_phi3_fit(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base", PHI3)
    make_adapter(tmp_path / "adapter", lora_tensors(FUSED), target_modules=["qkv_proj", "o_proj"])
    assert check(tmp_path).findings == ()


CONFIGS: dict[str, dict[str, Any]] = {
    "peft-type": {"peft_type": "IA3"},
    "task-type": {"task_type": "SEQ_CLS"},
    "rank-invalid": {"r": 0},
    "alpha-invalid": {"lora_alpha": None},
    "alpha-zero": {"lora_alpha": 0},
    "targets-missing": {"target_modules": None},
    "dora": {"use_dora": True},
    "modules-to-save": {"modules_to_save": ["lm_head"]},
    "bias": {"bias": "all"},
    "init-changed-base": {"init_lora_weights": "pissa"},
    "init-not-plain": {"init_lora_weights": "flora"},
    "peft-variant": {"use_qalora": True},
}


@pytest.mark.parametrize("code", CONFIGS)
def test_what_the_configuration_says_is_refused(tmp_path: Path, code: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", **CONFIGS[code])
    report = check(tmp_path)
    assert codes(report) == [code]
    assert report.findings[0].path == tmp_path / "adapter/adapter_config.json"
    assert next(iter(CONFIGS[code])) == report.findings[0].key


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"r": -1}, "rank-invalid"),
        ({"r": True}, "rank-invalid"),
        ({"r": 8.0}, "rank-invalid"),
        ({"rank_pattern": {"q_proj": 0}}, "rank-invalid"),
        ({"rank_pattern": [1]}, "rank-invalid"),
        ({"rank_pattern": {"x_proj": 1024}}, "rank-too-high"),
        ({"lora_bias": True}, "bias"),
        ({"bias": "lora_only"}, "bias"),
        ({"modules_to_save": ["embed_tokens"]}, "modules-to-save"),
        ({"modules_to_save": ["norm"]}, "modules-to-save"),
        ({"init_lora_weights": "pissa_niter_16"}, "init-changed-base"),
        ({"init_lora_weights": "olora"}, "init-changed-base"),
        ({"init_lora_weights": "corda"}, "init-changed-base"),
        ({"init_lora_weights": "loftq", "loftq_config": {"loftq_bits": 4}}, "init-changed-base"),
        ({"init_lora_weights": "lora_ga"}, "init-changed-base"),
        ({"init_lora_weights": "surprise"}, "init-not-plain"),
        ({"alora_invocation_tokens": [1, 2]}, "peft-variant"),
        ({"use_bdlora": {"nblocks": 2}}, "peft-variant"),
        ({"layer_replication": [[0, 2], [1, 3]]}, "peft-variant"),
        ({"trainable_token_indices": [1]}, "peft-variant"),
        ({"target_parameters": ["mlp.experts.gate_up_proj"]}, "peft-variant"),
        ({"peft_type": None}, "peft-type"),
        ({"peft_type": ["LORA"]}, "peft-type"),
    ],
)
def test_siblings_are_refused_too(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", **change)
    assert codes(check(tmp_path)) == [code]


@pytest.mark.parametrize(
    "change",
    [
        {"init_lora_weights": "gaussian"},
        {"init_lora_weights": "eva"},
        {"init_lora_weights": "mica"},
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 32}},
        {"target_modules": "all-linear"},
        {"layers_to_transform": [0, 1], "exclude_modules": ["lm_head"]},
        {"modules_to_save": []},
        {"target_modules": ["q_proj", "x_proj", "lm_head"], "exclude_modules": ["lm_head"]},
        {"loftq_config": {}},
        {"task_type": None},
        {"megatron_core": "megatron.core", "qalora_group_size": 16, "runtime_config": {}},
    ],
)
def test_what_vllm_applies_is_taken(tmp_path: Path, change: dict[str, Any]) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", **change)
    assert check(tmp_path).findings == ()


@pytest.mark.parametrize(("rank", "allowed"), [(1, 1), (4, 8), (20, 32), (65, 128), (300, 320), (512, 512)])
def test_the_next_allowed_rank_is_chosen(tmp_path: Path, rank: int, allowed: int) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(rank=rank), r=rank)
    report = check(tmp_path)
    assert report.findings == ()
    assert report.engine_options.max_lora_rank == allowed


def test_rank_patterns_count(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    tensors = lora_tensors({**LINEAR}, rank=8)
    for layer in range(2):
        tensors[f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_A.weight"] = ("F32", (40, 64))
        tensors[f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_B.weight"] = ("F32", (64, 40))
    make_adapter(tmp_path / "adapter", tensors, rank_pattern={"q_proj": 40})
    report = check(tmp_path)
    assert report.findings == ()
    assert report.engine_options.max_lora_rank == 64


def test_a_rank_over_512_is_refused(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(rank=600), r=600)
    report = check(tmp_path)
    assert codes(report) == ["rank-too-high"]
    assert "600" in report.findings[0].message


def test_matrices_of_another_rank_than_the_configuration_says(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(rank=4))
    assert codes(check(tmp_path)) == ["rank-differs"]


def q(layer: int = 0, part: str = "A") -> str:
    return f"base_model.model.model.layers.{layer}.self_attn.q_proj.lora_{part}.weight"


def without(*names: str) -> dict[str, Any]:
    return {name: tensor for name, tensor in lora_tensors().items() if name not in names}


TENSORS: dict[str, Callable[[], dict[str, Any]]] = {
    "tensors-none": dict,
    "adapter-merged": lambda: {"model.layers.0.self_attn.q_proj.weight": ("F32", (64, 64))},
    "tensor-name": lambda: lora_tensors() | {q()[:-6] + "default.weight": ("F32", (8, 64))},
    "embeddings-saved": lambda: lora_tensors() | {"base_model.model.lm_head.weight": ("F32", (256, 64))},
    "tensor-alone": lambda: without(q(part="B")),
    "tensor-shape": lambda: lora_tensors() | {q(): ("F32", (8, 8, 8))},
    "tensor-ranks": lambda: lora_tensors() | {q(part="B"): ("F32", (64, 4))},
    "tensor-type": lambda: lora_tensors(dtype="I8"),
    "tensor-type-odd": lambda: lora_tensors(dtype="F64"),
    "shape-differs": lambda: lora_tensors({**LINEAR, "self_attn.q_proj": (64, 32)}),
    "layers-beyond": lambda: lora_tensors(layers=3),
    "module-unknown": lambda: lora_tensors(FUSED),
    "prefix-differs": lambda: lora_tensors(prefix="base_model.model.layers."),
    "modules-left": lambda: lora_tensors({"self_attn.q_proj": (64, 64)}),
}


@pytest.mark.parametrize("code", TENSORS)
def test_what_the_matrices_say_is_found(tmp_path: Path, code: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", TENSORS[code]())
    found = check(tmp_path).findings
    assert {finding.code for finding in found} == {code}
    assert {finding.path.name for finding in found} <= {"adapter_model.safetensors", "adapter_config.json"}


@pytest.mark.parametrize(
    "linear",
    [
        {"self_attn.k_proj": (64, 64)},  # without grouped queries
        {"self_attn.k_proj": (16, 64)},  # smaller: vLLM takes it in silence
        {"self_attn.q_proj": (64, 128)},
        {"mlp.down_proj": (128, 64)},  # turned round
        {"self_attn.q_proj": (32, 32)},
    ],
)
def test_larger_smaller_and_turned_matrices_are_refused(
    tmp_path: Path, linear: dict[str, tuple[int, int]]
) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(linear), target_modules=list(linear))
    report = check(tmp_path)
    assert codes(report) == ["shape-differs"]
    assert "org/base" in report.findings[0].suggestion
    assert "(2 in all)" in report.findings[0].message


@pytest.mark.parametrize(
    "prefix",
    [
        "base_model.model.layers.",
        "base_model.model.model.model.layers.",
        "base_model.model.transformer.layers.",
        "base_model.model.model.language_model.layers.",
        "_orig_mod.model.layers.",
    ],
)
def test_prefixes_that_leave_the_base_alone_are_refused(tmp_path: Path, prefix: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(prefix=prefix))
    report = check(tmp_path)
    assert codes(report) == ["prefix-differs"]
    assert "the base would answer" in report.findings[0].message


def test_names_without_pefts_prefix_are_taken(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors(prefix="model.layers."))
    assert check(tmp_path).findings == ()


def test_split_names_on_phi3_are_refused_and_it_says_what_there_is(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base", PHI3)
    make_adapter(
        tmp_path / "adapter", lora_tensors({"self_attn.q_proj": (64, 64)}), target_modules=["q_proj"]
    )
    report = check(tmp_path)
    assert codes(report) == ["module-unknown"]
    assert "q_proj" in report.findings[0].message
    assert "qkv_proj" in report.findings[0].message


def test_embedding_and_output_layer_can_be_adapted(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base", tensors=None)
    tensors = {
        "base_model.model.model.embed_tokens.lora_embedding_A": ("F32", (8, 256)),
        "base_model.model.model.embed_tokens.lora_embedding_B": ("F32", (64, 8)),
        "base_model.model.model.embed_tokens.base_layer.weight": ("F32", (256, 64)),
        "base_model.model.lm_head.lora_A.weight": ("F32", (8, 64)),
        "base_model.model.lm_head.lora_B.weight": ("F32", (256, 8)),
    }
    make_adapter(tmp_path / "adapter", tensors, target_modules=["embed_tokens", "lm_head"])
    assert check(tmp_path).findings == ()
    tensors["base_model.model.lm_head.lora_B.weight"] = ("F32", (258, 8))
    make_adapter(tmp_path / "adapter", tensors, target_modules=["embed_tokens", "lm_head"])
    assert codes(check(tmp_path)) == ["shape-differs"]


def test_a_missing_or_empty_folder(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    assert codes(check(tmp_path)) == ["adapter-missing"]
    (tmp_path / "adapter").mkdir()
    assert codes(check(tmp_path)) == ["adapter-empty"]


def test_what_lies_there_instead_of_an_adapter(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    adapter = tmp_path / "adapter"
    make_adapter(adapter / "checkpoint-100")
    report = check(tmp_path)
    assert codes(report) == ["adapter-in-subfolder"]
    assert "checkpoint-100" in report.findings[0].message
    make_base(adapter)
    assert codes(check(tmp_path)) == ["adapter-is-model"]


@pytest.mark.parametrize(
    ("there", "code"),
    [
        ("adapter_model.bin", "adapter-pickle"),
        ("adapter_model.pt", "adapter-pickle"),
        ("adapter_model-00001-of-00002.safetensors", "adapter-sharded"),
        ("config.json", "adapter-is-model"),
        ("README.md", "adapter-weights-missing"),
    ],
)
def test_what_lies_there_instead_of_the_weights(tmp_path: Path, there: str, code: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter")
    (tmp_path / "adapter/adapter_model.safetensors").rename(tmp_path / "adapter" / there)
    assert codes(check(tmp_path)) == [code]


def test_weights_without_their_configuration(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter")
    (tmp_path / "adapter/adapter_config.json").unlink()
    assert codes(check(tmp_path)) == ["adapter-config-missing"]


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_git_lfs_pointers(tmp_path: Path, name: str) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter")
    (tmp_path / "adapter" / name).write_bytes(LFS)
    report = check(tmp_path)
    assert codes(report) == ["lfs-pointer"]
    assert name in report.findings[0].message


@pytest.mark.parametrize("length", [0, 5, 8, 100, 40_000])
def test_half_a_file(tmp_path: Path, length: int) -> None:
    make_base(tmp_path / "org/base")
    path = make_adapter(tmp_path / "adapter") / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes()[:length])
    assert codes(check(tmp_path)) == ["file-short"]


def test_files_that_are_something_else(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    path = make_adapter(tmp_path / "adapter") / "adapter_model.safetensors"
    whole = path.read_bytes()
    for data in (b"PK\x03\x04" + whole, b"\0" * 4096, whole + b"\0", b"<html>Not found</html>" * 99):
        path.write_bytes(data)
        assert codes(check(tmp_path)) == ["not-safetensors"]


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbf{}",
        b"{",
        b"[]",
        b"null",
        b'{"r": NaN}',
        b'{"r": 1e999}',
        b'{"r": ' + b"9" * 5000 + b"}",
        b'{"r": ' + b"[" * 100_000 + b"}",
        b"\xff\xfe",
        b"",
        b"{" + b" " * (5 << 20) + b"}",
    ],
    ids=lambda text: repr(text[:12]),
)
def test_json_that_nobody_should_read_is_a_finding(tmp_path: Path, text: bytes) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter")
    (tmp_path / "adapter/adapter_config.json").write_bytes(text)
    assert codes(check(tmp_path)) == ["json-invalid"]


def test_hostile_names_stay_on_one_short_line(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    name = "base_model.model.\x1b[31m\n{count}" + "x" * 300 + ".lora_A.weight"
    make_adapter(tmp_path / "adapter", lora_tensors() | {name: ("F32", (8, 8))}, task_type="\ud800\x07")
    for finding in check(tmp_path).findings:
        assert finding.message.isprintable()
        assert len(finding.message) < 500
        json.dumps(finding.message).encode()


def test_one_finding_a_kind_whatever_the_number_of_layers(tmp_path: Path) -> None:
    make_base(tmp_path / "org/base")
    make_adapter(tmp_path / "adapter", lora_tensors({"self_attn.q_proj": (32, 64)}, layers=40))
    assert sorted(codes(check(tmp_path))) == ["layers-beyond", "shape-differs"]


def test_the_adapter_alone_is_checked_where_the_base_is_elsewhere(tmp_path: Path) -> None:
    make_adapter(tmp_path / "adapter", use_dora=True)
    report = check_model(None, tmp_path / "adapter")
    assert codes(report) == ["dora"]


def test_openvino_does_not_apply_what_vllm_does(tmp_path: Path) -> None:
    base = make_base(tmp_path / "org/base")
    (base / "model.safetensors").unlink()
    (base / "openvino_model.xml").write_text("<net/>")
    make_adapter(tmp_path / "adapter", alpha_pattern={"q_proj": 32})
    report = check(tmp_path)
    assert codes(report) == ["openvino-unsupported"]
    assert report.engine_options.engine == "openvino"


def test_a_base_that_sees_pictures_names_its_modules_in_two_ways(tmp_path: Path) -> None:
    config = {"architectures": ["Gemma3ForConditionalGeneration"], "model_type": "gemma3", "text_config": {
        "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "vocab_size": 256,
    }}  # fmt: skip
    tensors = {
        name.replace("model.layers", "language_model.model.layers"): tensor
        for name, tensor in make_tensors().items()
    }
    make_base(tmp_path / "org/base", config, tensors)
    make_adapter(tmp_path / "adapter", lora_tensors(prefix="base_model.model.model.language_model.layers."))
    assert codes(check(tmp_path)) == ["architecture-unchecked", "prefix-mapped"]


def make_tensors() -> dict[str, Any]:
    return {
        f"model.layers.{i}.{name}.weight": ("BF16", shape) for i in range(2) for name, shape in LINEAR.items()
    }


def test_weights_tell_what_an_unknown_architecture_has(tmp_path: Path) -> None:
    write_json(tmp_path / "x", {})
    config = {"architectures": ["BrandNewForCausalLM"], "num_hidden_layers": 2, "hidden_size": 64}
    make_base(tmp_path / "org/base", config)
    make_adapter(tmp_path / "adapter")
    assert codes(check(tmp_path)) == ["architecture-unchecked"]
    write_tensors(
        tmp_path / "adapter/adapter_model.safetensors", lora_tensors({"self_attn.q_proj": (32, 64)})
    )
    assert "shape-differs" in codes(check(tmp_path))
