"""Tiny base models and LoRA adapters, written as PEFT and transformers write them, without either."""

from __future__ import annotations

import json
from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Tensors: TypeAlias = "dict[str, tuple[str, Sequence[int]]]"
SIZES = {"F32": 4, "F16": 2, "BF16": 2, "F64": 8, "I8": 1, "I64": 8, "U8": 1}
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "num_hidden_layers": 2,
    "max_position_embeddings": 512,
    "vocab_size": 256,
    "torch_dtype": "bfloat16",
}
PHI3 = LLAMA | {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3"}
LINEAR = {  # outputs, inputs
    "self_attn.q_proj": (64, 64),
    "self_attn.k_proj": (32, 64),
    "self_attn.v_proj": (32, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_proj": (128, 64),
    "mlp.up_proj": (128, 64),
    "mlp.down_proj": (64, 128),
}
FUSED = {
    "self_attn.qkv_proj": (128, 64),
    "self_attn.o_proj": (64, 64),
    "mlp.gate_up_proj": (256, 64),
    "mlp.down_proj": (64, 128),
}
TOKENIZER = {
    "model": {"type": "BPE", "vocab": {f"t{number}": number for number in range(3, 200)}},
    "added_tokens": [
        {"id": 0, "content": "<unk>"},
        {"id": 1, "content": "<s>"},
        {"id": 2, "content": "</s>"},
    ],
}
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "chat_template": "{{ messages }}"}


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def write_tensors(path: Path, tensors: Mapping[str, tuple[str, Sequence[int]]]) -> None:
    """A safetensors file full of zeros."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + prod(shape) * SIZES[dtype]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    head = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + end)


def base_tensors(linear: Mapping[str, tuple[int, int]] = LINEAR, layers: int = 2) -> Tensors:
    tensors: Tensors = {
        "model.embed_tokens.weight": ("BF16", (256, 64)),
        "lm_head.weight": ("BF16", (256, 64)),
    }
    for layer in range(layers):
        for name, shape in linear.items():
            tensors[f"model.layers.{layer}.{name}.weight"] = ("BF16", shape)
    return tensors


def make_base(folder: Path, config: Mapping[str, Any] = LLAMA, tensors: Tensors | None = None) -> Path:
    write_json(folder / "config.json", config)
    linear = FUSED if config["architectures"] == ["Phi3ForCausalLM"] else LINEAR
    write_tensors(folder / "model.safetensors", base_tensors(linear) if tensors is None else tensors)
    write_json(folder / "tokenizer.json", TOKENIZER)
    write_json(folder / "tokenizer_config.json", TOKENS)
    return folder


def lora_tensors(
    linear: Mapping[str, tuple[int, int]] = LINEAR,
    *,
    rank: int = 8,
    layers: int = 2,
    prefix: str = "base_model.model.model.layers.",
    dtype: str = "F32",
) -> Tensors:
    tensors: Tensors = {}
    for layer in range(layers):
        for name, (outputs, inputs) in linear.items():
            tensors[f"{prefix}{layer}.{name}.lora_A.weight"] = (dtype, (rank, inputs))
            tensors[f"{prefix}{layer}.{name}.lora_B.weight"] = (dtype, (outputs, rank))
    return tensors


def lora_config(linear: Mapping[str, tuple[int, int]] = LINEAR, **changes: Any) -> dict[str, Any]:
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "org/base",
        "r": 8,
        "lora_alpha": 16,
        "target_modules": [name.rpartition(".")[2] for name in linear],
        "bias": "none",
        "init_lora_weights": True,
        "rank_pattern": {},
        "use_dora": False,
        "modules_to_save": None,
    }
    return config | changes


def make_adapter(folder: Path, tensors: Tensors | None = None, **changes: Any) -> Path:
    write_json(folder / "adapter_config.json", lora_config(**changes))
    write_tensors(folder / "adapter_model.safetensors", lora_tensors() if tensors is None else tensors)
    return folder
