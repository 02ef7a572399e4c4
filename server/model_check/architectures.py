"""What a base's config.json says about it: modules with their sizes, layers, heads, context.

The shapes are those of Hugging Face's transformers, whose names adapters carry. Where an architecture is not
in the table, the headers of the weights say what there is.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from model_check.safetensors import Tensor

_MOST_LAYERS = 1000
_MOST = 1 << 40
_MATRIX = 2


class Shape(NamedTuple):
    """A linear layer: inputs and outputs."""

    inputs: int
    outputs: int

    def __str__(self) -> str:
        """As ``in × out``."""
        return f"{self.inputs} × {self.outputs}"


class Dimensions(NamedTuple):
    """The numbers of a decoder that sizes follow from."""

    hidden: int
    inner: int
    heads: int
    key_heads: int
    head_size: int
    layers: int
    vocabulary: int


class Incomplete(Exception):
    """The configuration lacks a number, or has an impossible one; ``str()`` names the key."""


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of a configuration that describes the language model."""
    nested = config.get("text_config")
    return nested if isinstance(nested, dict) else config


def architecture(config: Mapping[str, Any]) -> str:
    """Return the model's class, or an empty text."""
    names = config.get("architectures")
    first = names[0] if isinstance(names, list) and names else ""
    return first if isinstance(first, str) else ""


def number(config: Mapping[str, Any], key: str, default: int | None = None) -> int:
    """Return a whole number from 1.

    Raises:
        Incomplete: it is not there, or is none.
    """
    value = config.get(key)
    if value is None:
        value = default
    if type(value) is not int or not 0 < value < _MOST:
        raise Incomplete(key)
    return value


def dimensions(config: Mapping[str, Any]) -> Dimensions:
    """Return the numbers of a model.

    Raises:
        Incomplete: names the key.
    """
    text = text_config(config)
    hidden, heads = number(text, "hidden_size"), number(text, "num_attention_heads")
    layers = number(text, "num_hidden_layers")
    if layers > _MOST_LAYERS:
        raise Incomplete("num_hidden_layers")
    return Dimensions(
        hidden,
        number(text, "intermediate_size", 4 * hidden),
        heads,
        number(text, "num_key_value_heads", heads),
        number(text, "head_dim", hidden // heads or None),
        layers,
        number(text, "vocab_size"),
    )


def is_known(config: Mapping[str, Any]) -> bool:
    """Return True for an architecture whose modules follow from its configuration."""
    return architecture(config) in _FAMILIES


def modules_of(config: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the modules that a known architecture has, with their paths; empty for another.

    Raises:
        Incomplete: the configuration lacks a number.
    """
    family = _FAMILIES.get(architecture(config))
    if family is None:
        return {}
    sizes = dimensions(config)
    layer = family(sizes)
    found = {f"model.layers.{i}.{name}": layer[name] for i in range(sizes.layers) for name in layer}
    found["model.embed_tokens"] = Shape(sizes.vocabulary, sizes.hidden)
    found["lm_head"] = Shape(sizes.hidden, sizes.vocabulary)
    return found


def modules_in(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> dict[str, Shape]:
    """Return the modules that the weights show: each matrix ``PATH.weight`` is outputs × inputs.

    Those of a quantised base, and of GPT-2's transposed matrices, say nothing about sizes.
    """
    if "quantization_config" in config or architecture(config) == "GPT2LMHeadModel":
        return {}
    found = {}
    for name, tensor in tensors.items():
        path, _, last = name.rpartition(".")
        if last == "weight" and len(tensor.shape) == _MATRIX:
            rows, columns = tensor.shape
            embeds = path.rpartition(".")[2] in EMBEDDINGS
            found[path] = Shape(rows, columns) if embeds else Shape(columns, rows)
    return found


def leaves(modules: Iterable[str]) -> list[str]:
    """Return the last parts of the modules' paths: ``q_proj``, …"""
    return sorted({path.rpartition(".")[2] for path in modules})


def layer_of(path: str) -> tuple[str, int, str] | None:
    """Return what stands before a layer's number, the number, and what stands behind it."""
    match = _LAYER.fullmatch(path)
    return (match[1], int(match[2]), match[3]) if match else None


EMBEDDINGS: Final = ("embed_tokens", "wte", "word_embeddings", "embed_in")
_LAYER = re.compile(r"((?:[^.]+\.)*?(?:layers|h|blocks))\.(\d{1,6})\.(.+)")


def _attention(sizes: Dimensions) -> dict[str, Shape]:
    queries, keys = sizes.heads * sizes.head_size, sizes.key_heads * sizes.head_size
    return {
        "self_attn.q_proj": Shape(sizes.hidden, queries),
        "self_attn.k_proj": Shape(sizes.hidden, keys),
        "self_attn.v_proj": Shape(sizes.hidden, keys),
        "self_attn.o_proj": Shape(queries, sizes.hidden),
    }


def _llama(sizes: Dimensions) -> dict[str, Shape]:
    return {
        **_attention(sizes),
        "mlp.gate_proj": Shape(sizes.hidden, sizes.inner),
        "mlp.up_proj": Shape(sizes.hidden, sizes.inner),
        "mlp.down_proj": Shape(sizes.inner, sizes.hidden),
    }


def _phi3(sizes: Dimensions) -> dict[str, Shape]:
    queries, keys = sizes.heads * sizes.head_size, sizes.key_heads * sizes.head_size
    return {
        "self_attn.qkv_proj": Shape(sizes.hidden, queries + 2 * keys),
        "self_attn.o_proj": Shape(queries, sizes.hidden),
        "mlp.gate_up_proj": Shape(sizes.hidden, 2 * sizes.inner),
        "mlp.down_proj": Shape(sizes.inner, sizes.hidden),
    }


def _phi(sizes: Dimensions) -> dict[str, Shape]:
    attention = _attention(sizes)
    output = attention.pop("self_attn.o_proj")
    return {
        **attention,
        "self_attn.dense": output,
        "mlp.fc1": Shape(sizes.hidden, sizes.inner),
        "mlp.fc2": Shape(sizes.inner, sizes.hidden),
    }


_FAMILIES: Final[Mapping[str, Callable[[Dimensions], dict[str, Shape]]]] = MappingProxyType({
    **dict.fromkeys(
        (
            "LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM",
            "GemmaForCausalLM", "Gemma2ForCausalLM", "Gemma3ForCausalLM", "SmolLM3ForCausalLM",
            "GraniteForCausalLM", "Olmo2ForCausalLM", "StableLmForCausalLM", "SeedOssForCausalLM",
        ),
        _llama,
    ),
    "Phi3ForCausalLM": _phi3,
    "PhiForCausalLM": _phi,
})  # fmt: skip
