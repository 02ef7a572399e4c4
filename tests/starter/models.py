"""Folders that look like a base model and its LoRA adapter: right names and shapes, weights of zero."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HIDDEN, LAYERS, RANK = 8, 2, 4
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": HIDDEN,
    "intermediate_size": 16,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": HIDDEN // 2,
    "vocab_size": 32,
    "max_position_embeddings": 512,
    "torch_dtype": "float32",
    "tie_word_embeddings": True,
}
LORA = {
    "peft_type": "LORA",
    "task_type": "CAUSAL_LM",
    "r": RANK,
    "lora_alpha": 8,
    "target_modules": ["q_proj"],
    "bias": "none",
}
PROJECTION = "model.layers.{}.self_attn.q_proj"


def make_base(folder: Path, **changes: object) -> Path:
    """Write a tiny Llama."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(LLAMA | changes))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": "{{ messages }}"}))
    shapes = {"model.embed_tokens.weight": (32, HIDDEN), "model.norm.weight": (HIDDEN,)}
    for layer in range(LAYERS):
        attention = {f"self_attn.{name}_proj.weight": (HIDDEN, HIDDEN) for name in "qkvo"}
        mlp = {f"mlp.{name}_proj.weight": (16, HIDDEN) for name in ("gate", "up")}
        others = {"mlp.down_proj.weight": (HIDDEN, 16), "input_layernorm.weight": (HIDDEN,)}
        more = {**attention, **mlp, **others, "post_attention_layernorm.weight": (HIDDEN,)}
        shapes |= {f"model.layers.{layer}.{name}": shape for name, shape in more.items()}
    write_safetensors(folder / "model.safetensors", shapes)
    return folder


def make_adapter(folder: Path, **changes: object) -> Path:
    """Write an adapter for it, as PEFT saves one."""
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text(json.dumps(LORA | changes))
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in range(LAYERS):
        name = f"base_model.model.{PROJECTION.format(layer)}"
        shapes |= {f"{name}.lora_A.weight": (RANK, HIDDEN), f"{name}.lora_B.weight": (HIDDEN, RANK)}
    write_safetensors(folder / "adapter_model.safetensors", shapes)
    return folder


def write_safetensors(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Write float32 zeros of these shapes: eight bytes of length, the header, the numbers."""
    header: dict[str, object] = {}
    end = 0
    for name, shape in shapes.items():
        size = 4
        for length in shape:
            size *= length
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(end))
