"""The base: what its folder lacks, what it is, whether the adapter belongs to it, where it is found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from model_check import check_model, find_base
from support.tiny_models import (
    LLAMA,
    PHI3,
    TOKENIZER,
    TOKENS,
    base_tensors,
    make_adapter,
    make_base,
    write_json,
    write_tensors,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMIT = "0a67737cc96d2554230f90338b163bc6380a2a85"
OTHER = "f" * 40


def codes(base: Path | None, adapter: Path | None = None) -> list[str]:
    return [finding.code for finding in check_model(base, adapter).findings]


def gone(name: str) -> Callable[[Path], object]:
    return lambda base: (base / name).unlink()


def renamed(name: str) -> Callable[[Path], object]:
    return lambda base: (base / "model.safetensors").rename(base / name)


def configured(**changes: Any) -> Callable[[Path], object]:
    return lambda base: write_json(base / "config.json", LLAMA | changes)


DAMAGES: list[tuple[str, Callable[[Path], object]]] = [
    ("base-config-missing", gone("config.json")),
    ("base-weights-missing", gone("model.safetensors")),
    (
        "link-unfollowed",
        lambda b: (b / "model.safetensors").write_bytes(b"XSym\n0076\nd41d8\n../../blobs/x\n"),
    ),
    ("tokenizer-missing", gone("tokenizer.json")),
    ("base-pickle", renamed("pytorch_model.bin")),
    ("base-gguf", renamed("model.gguf")),
    ("base-onnx", renamed("model.onnx")),
    ("shards-missing", renamed("model-00001-of-00003.safetensors")),
    ("base-holds-adapter", lambda base: write_json(base / "adapter_config.json", {})),
    (
        "lfs-pointer",
        lambda b: (b / "model.safetensors").write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
    ),
    (
        "lfs-pointer",
        lambda b: (b / "tokenizer.json").write_bytes(b"version https://git-lfs.github.com/spec/v1\n"),
    ),
    ("json-invalid", lambda b: (b / "config.json").write_text("{")),
    ("architecture-missing", configured(architectures=[])),
    ("architecture-wrong", configured(architectures=["BertForSequenceClassification"])),
    ("architecture-unchecked", configured(architectures=["BrandNewForCausalLM"])),
    ("base-config-incomplete", configured(hidden_size=None)),
    ("base-config-incomplete", configured(num_hidden_layers=10**9)),
    ("base-config-differs", configured(num_key_value_heads=4)),
    ("base-config-differs", configured(head_dim=32)),
    ("base-bitsandbytes", configured(quantization_config={"quant_method": "bitsandbytes"})),
    ("base-bitsandbytes", configured(quantization_config={"load_in_4bit": True})),
    ("base-quantization", configured(quantization_config={"quant_method": "hqq"})),
]


@pytest.mark.parametrize(("code", "damage"), DAMAGES)
def test_each_damage_has_its_finding(tmp_path: Path, code: str, damage: Callable[[Path], object]) -> None:
    base = make_base(tmp_path / "base")
    assert codes(base) == []
    damage(base)
    assert codes(base) == [code]


@pytest.mark.parametrize("method", ["awq", "gptq", "compressed-tensors", "fp8"])
def test_what_vllm_has_built_in_is_taken(tmp_path: Path, method: str) -> None:
    tensors = {name.replace("proj.weight", "proj.qweight"): of for name, of in base_tensors().items()}
    make_base(tmp_path / "base", LLAMA | {"quantization_config": {"quant_method": method}}, tensors)
    make_adapter(tmp_path / "adapter")
    assert codes(tmp_path / "base", tmp_path / "adapter") == []


def test_no_base_at_all_and_an_adapter_in_its_place(tmp_path: Path) -> None:
    assert codes(tmp_path / "base") == ["base-missing"]
    make_adapter(tmp_path / "base")
    assert codes(tmp_path / "base") == ["base-is-adapter"]


def shard(base: Path, *, index: bool = True) -> list[str]:
    """Two shards instead of one file."""
    tensors = base_tensors()
    halves = [dict(list(tensors.items())[::2]), dict(list(tensors.items())[1::2])]
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    for name, half in zip(names, halves, strict=True):
        write_tensors(base / name, half)
    if index:
        mapped = {t: name for name, half in zip(names, halves, strict=True) for t in half}
        write_json(base / "model.safetensors.index.json", {"metadata": {}, "weight_map": mapped})
    (base / "model.safetensors").unlink()
    return names


@pytest.mark.parametrize("index", [True, False])
def test_shards_that_are_not_there_are_named(tmp_path: Path, index: bool) -> None:
    base = make_base(tmp_path / "base")
    names = shard(base, index=index)
    assert codes(base) == []
    (base / names[1]).unlink()
    report = check_model(base, None)
    assert [finding.code for finding in report.findings] == ["shards-missing"]
    assert names[1] in report.findings[0].message


def test_a_shard_that_is_cut_off_and_an_index_of_another_version(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    names = shard(base)
    whole = (base / names[0]).read_bytes()
    (base / names[0]).write_bytes(whole[:-1])
    assert codes(base) == ["file-short"]
    write_tensors(base / names[0], {"model.norm.weight": ("BF16", (64,))})
    assert codes(base) == ["index-differs"]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a\0b.safetensors", "x.bin", 7, None])
def test_an_index_can_name_files_of_its_folder_alone(tmp_path: Path, name: object) -> None:
    base = make_base(tmp_path / "base")
    write_json(base / "model.safetensors.index.json", {"weight_map": {"model.norm.weight": name}})
    assert codes(base) == ["json-invalid"]


def test_a_padded_vocabulary_is_no_difference(tmp_path: Path) -> None:
    tensors = base_tensors() | {"model.embed_tokens.weight": ("BF16", (320, 64))}
    del tensors["lm_head.weight"]
    assert codes(make_base(tmp_path / "base", LLAMA | {"tie_word_embeddings": True}, tensors)) == []


NAMES = [
    ("org/Tiny-Instruct", "Tiny-Instruct", []),
    ("/mount/model-cache/org/Tiny-Instruct", "Tiny-Instruct", []),
    ("C:\\models\\org\\Tiny-Instruct\\", "Tiny-Instruct", []),
    (f"/root/.cache/hub/models--org--Tiny-Instruct/snapshots/{COMMIT}", "Tiny-Instruct", []),
    ("unsloth/tiny-instruct-bnb-4bit", "Tiny-Instruct", []),
    ("unsloth/Tiny-Instruct-unsloth-bnb-4bit", "Tiny-Instruct", []),
    ("org/Tiny", "Tiny-Instruct", ["base-other-name"]),
    ("org/Tiny-Instruct", "base", []),
    (None, "Tiny-Instruct", []),
    ("..", "Tiny-Instruct", []),
    (["x"], "Tiny-Instruct", []),
]


@pytest.mark.parametrize(("trained", "folder", "expected"), NAMES)
def test_names_that_mean_the_same_base(
    tmp_path: Path, trained: object, folder: str, expected: list[str]
) -> None:
    base = make_base(tmp_path / folder)
    make_adapter(tmp_path / "adapter", base_model_name_or_path=trained)
    assert codes(base, tmp_path / "adapter") == expected


def test_the_name_in_the_bases_configuration_counts(tmp_path: Path) -> None:
    base = make_base(tmp_path / "anything", LLAMA | {"_name_or_path": "org/Tiny"})
    make_adapter(tmp_path / "adapter", base_model_name_or_path="org/Tiny")
    assert codes(base, tmp_path / "adapter") == []


def test_another_revision_is_told(tmp_path: Path) -> None:
    base = make_base(tmp_path / f"models--org--tiny/snapshots/{OTHER}")
    make_adapter(tmp_path / "adapter", base_model_name_or_path="org/tiny", revision=COMMIT)
    assert codes(base, tmp_path / "adapter") == ["base-other-revision"]


def test_another_architecture_is_an_error_that_names_what_it_was_trained_on(tmp_path: Path) -> None:
    base = make_base(tmp_path / "phi", PHI3)
    make_adapter(tmp_path / "adapter", base_model_name_or_path="meta-llama/Llama-3.2-1B")
    found = check_model(base, tmp_path / "adapter").errors
    assert {finding.code for finding in found} == {"module-unknown"}
    assert all("meta-llama/Llama-3.2-1B" in finding.suggestion for finding in found)


# ---- tokenizer ----


def tokenizer(folder: Path, tokens: list[dict[str, Any]] | None = None, **config: Any) -> None:
    extra = [*TOKENIZER["added_tokens"], *(tokens or [])]
    write_json(folder / "tokenizer.json", TOKENIZER | {"added_tokens": extra})
    write_json(folder / "tokenizer_config.json", TOKENS | config)


def both(tmp_path: Path) -> tuple[Path, Path]:
    return make_base(tmp_path / "base"), make_adapter(tmp_path / "adapter")


def test_a_copy_of_the_bases_tokenizer_changes_nothing(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    tokenizer(adapter, pad_token="</s>", padding_side="left")
    report = check_model(base, adapter)
    assert report.findings == ()
    assert report.engine_options.tokenizer is None
    assert report.engine_options.chat_template_text is None


@pytest.mark.parametrize(
    ("tokens", "config"),
    [
        ([{"id": 200, "content": "<|tool|>"}], {}),
        ([{"id": 5, "content": "<|tool|>"}], {}),
        ([], {"eos_token": "<|im_end|>"}),
        ([], {"eos_token": {"content": "<|im_end|>"}}),
        ([], {"added_tokens_decoder": {"201": {"content": "<|tool|>"}}}),
    ],
)
def test_new_tokens_take_the_adapters_tokenizer(
    tmp_path: Path, tokens: list[dict[str, Any]], config: dict[str, Any]
) -> None:
    base, adapter = both(tmp_path)
    tokenizer(adapter, tokens, **config)
    report = check_model(base, adapter)
    assert [finding.code for finding in report.findings] == ["tokenizer-changed"]
    assert report.engine_options.tokenizer == adapter


def test_new_tokens_without_their_tokenizer_are_refused(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    write_json(adapter / "added_tokens.json", {"<|tool|>": 200})
    assert codes(base, adapter) == ["tokenizer-incomplete"]


def test_more_tokens_than_the_base_has_room_for_are_refused(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    tokenizer(adapter, [{"id": 256, "content": "<|tool|>"}])
    report = check_model(base, adapter)
    assert [finding.code for finding in report.findings] == ["vocabulary-grew"]
    assert "256" in report.findings[0].message


@pytest.mark.parametrize("where", ["jinja", "config", "list", "json"])
def test_a_changed_chat_template_is_used(tmp_path: Path, where: str) -> None:
    base, adapter = both(tmp_path)
    if where == "jinja":
        (adapter / "chat_template.jinja").write_text("{{ other }}")
    elif where == "config":
        tokenizer(adapter, chat_template="{{ other }}")
    elif where == "list":
        named = [{"name": "tool_use", "template": "x"}, {"name": "default", "template": "{{ other }}"}]
        tokenizer(adapter, chat_template=named)
    else:
        write_json(adapter / "chat_template.json", {"chat_template": "{{ other }}"})
    report = check_model(base, adapter)
    assert [finding.code for finding in report.findings] == ["chat-template-changed"]
    assert report.engine_options.chat_template_text == "{{ other }}"
    assert report.engine_options.chat_template == (
        adapter / "chat_template.jinja" if where == "jinja" else None
    )


def test_white_space_in_a_template_is_no_change(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    (adapter / "chat_template.jinja").write_text("{{ messages }}\r\n")
    assert codes(base, adapter) == []


def test_the_adapters_tokenizer_keeps_the_bases_template(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    tokenizer(adapter, [{"id": 200, "content": "<|tool|>"}], chat_template=None)
    report = check_model(base, adapter)
    assert report.engine_options.tokenizer == adapter
    assert report.engine_options.chat_template_text == "{{ messages }}"


def test_no_chat_template_anywhere(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    write_json(base / "tokenizer_config.json", {})
    assert codes(base, adapter) == ["chat-template-missing"]
    assert codes(base) == ["chat-template-missing"]


# ---- where a base is ----


def found(tmp_path: Path, wanted: str, revision: str | None = None) -> tuple[Path | None, list[str]]:
    caches = [tmp_path / "model-cache", tmp_path / "hub"]
    result = find_base(wanted, beside=tmp_path / "inference", caches=caches, revision=revision)
    return result.path, [finding.code for finding in result.findings]


def test_a_folder_is_relative_to_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "inference").mkdir()
    make_base(tmp_path / "model/base")
    path, findings = found(tmp_path, "../model/base")
    assert path is not None
    assert path.samefile(tmp_path / "model/base")
    assert findings == []


@pytest.mark.parametrize(
    "place",
    [
        "model-cache/org/tiny",
        "model-cache/tiny",
        f"model-cache/models--org--tiny/snapshots/{COMMIT}",
        f"model-cache/hub/models--org--tiny/snapshots/{COMMIT}",
        f"hub/models--org--tiny/snapshots/{COMMIT}",
    ],
)
def test_what_fine_tuning_left_is_found_first(tmp_path: Path, place: str) -> None:
    make_base(tmp_path / place)
    assert found(tmp_path, "org/tiny") == (tmp_path / place, [])


def test_the_wanted_revision_of_several(tmp_path: Path) -> None:
    cache = tmp_path / "hub/models--org--tiny"
    for commit in (COMMIT, OTHER):
        make_base(cache / "snapshots" / commit)
    assert found(tmp_path, "org/tiny") == (cache / "snapshots" / COMMIT, ["base-several"])
    assert found(tmp_path, "org/tiny", OTHER) == (cache / "snapshots" / OTHER, [])
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text(f"{OTHER}\n")
    assert found(tmp_path, "org/tiny") == (cache / "snapshots" / OTHER, [])
    assert found(tmp_path, "org/tiny", "a" * 40) == (None, [])


def test_a_name_without_a_revision_is_warned_of(tmp_path: Path) -> None:
    assert found(tmp_path, "org/tiny") == (None, ["base-unpinned"])
    assert found(tmp_path, "org/tiny", "main") == (None, ["base-unpinned"])
    assert found(tmp_path, "org/tiny", COMMIT) == (None, [])


@pytest.mark.parametrize(
    "wanted", ["no such folder", "../nowhere", "org/../tiny", "a\0b/c", "x" * 9000, "https://x/y"]
)
def test_what_is_neither_a_folder_nor_a_name(tmp_path: Path, wanted: str) -> None:
    assert found(tmp_path, wanted)[1] == ["base-missing"]


@pytest.mark.parametrize("revision", ["", "../../etc", "a b", "-x", "r" * 300])
def test_an_impossible_revision(tmp_path: Path, revision: str) -> None:
    assert found(tmp_path, "org/tiny", revision) == (None, ["base-revision-invalid"])


def test_no_base_is_named(tmp_path: Path) -> None:
    assert found(tmp_path, "") == (None, ["base-unset"])


def test_a_snapshot_whose_links_lead_nowhere(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    (base / "model.safetensors").unlink()
    (base / "model.safetensors").symlink_to("../../blobs/gone")
    report = check_model(base, None)
    assert [finding.code for finding in report.findings] == ["file-unreadable"]
    assert "a link to a file that is not there" in report.findings[0].message


def test_a_number_beyond_the_embedding_that_the_base_has_too_is_no_growth(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    for folder in (base, adapter):
        tokenizer(folder, [{"id": 999, "content": "<|image|>"}])
    assert codes(base, adapter) == []


def test_a_tokenizer_of_another_model_is_an_error(tmp_path: Path) -> None:
    base, adapter = both(tmp_path)
    vocabulary = {f"t{number}": number + 1 for number in range(3, 200)}
    write_json(adapter / "tokenizer.json", TOKENIZER | {"model": {"type": "BPE", "vocab": vocabulary}})
    assert codes(base, adapter) == ["vocabulary-differs"]


def test_another_class_is_an_error_though_all_sizes_fit(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    make_adapter(tmp_path / "adapter", auto_mapping={"base_model_class": "Qwen2ForCausalLM"})
    assert codes(base, tmp_path / "adapter") == ["base-other-class"]
    make_adapter(tmp_path / "adapter", auto_mapping={"base_model_class": "LlamaForCausalLM"})
    assert codes(base, tmp_path / "adapter") == []
