"""Memory: what an H100 was measured to hold, windows, and CPUs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from model_check import PROFILES, Hardware, Wish, check_model, cpu
from model_check.engine import GIB
from model_check.fit import cache_of, work_out
from support.tiny_models import LLAMA, base_tensors, make_adapter, make_base

if TYPE_CHECKING:
    from pathlib import Path

PHI3_MINI = {
    "architectures": ["Phi3ForCausalLM"],
    "model_type": "phi3",
    "hidden_size": 3072,
    "intermediate_size": 8192,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "num_hidden_layers": 32,
    "max_position_embeddings": 4096,
    "vocab_size": 32064,
}
H100 = Hardware("an H100", 128 * GIB, 1, 81_559 << 20)
WEIGHTS = 3_821_079_552 * 2


def test_what_vllm_was_measured_to_hold_on_an_h100() -> None:
    """172,768 tokens of KV cache, which is 42 conversations of 4,096, at 90 % of the GPU."""
    fit = work_out(PHI3_MINI, WEIGHTS, 50 << 20, H100, Wish())
    assert fit is not None
    assert fit.context == 4096
    assert fit.together in (41, 42)
    tokens = fit.load.left // fit.cache.token
    assert tokens == pytest.approx(172_768, rel=0.02)


def test_layers_with_a_window_keep_its_tokens_alone() -> None:
    whole = cache_of(LLAMA)
    windowed = cache_of(
        LLAMA | {"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]}
    )
    assert windowed.token * 2 == whole.token
    assert windowed.size(64) <= whole.size(64) + 16 * windowed.window_token
    assert windowed.size(4096) == 4096 * windowed.token + 80 * windowed.window_token
    assert cache_of(LLAMA | {"sliding_window": None}) == whole
    assert cache_of(LLAMA | {"sliding_window": 64}) == whole._replace(window=64)
    assert cache_of(LLAMA | {"model_type": "mistral", "sliding_window": 64}).token == 0


@pytest.mark.parametrize("tokens", [1, 100, 16_384])
def test_the_largest_context_is_the_largest(tokens: int) -> None:
    cache = cache_of(LLAMA | {"sliding_window": 64, "layer_types": ["sliding_attention", "full_attention"]})
    largest = cache.most_tokens(cache.size(tokens))
    assert largest >= tokens
    assert cache.size(largest) <= cache.size(tokens) < cache.size(largest + 1)


def test_single_precision_is_halved_on_a_gpu_and_not_on_a_cpu(tmp_path: Path) -> None:
    tensors = {name: ("F32", shape) for name, (_, shape) in base_tensors().items()}
    base = make_base(tmp_path / "base", LLAMA | {"torch_dtype": "float32"}, dict(tensors))
    on_gpu = check_model(base, None, hardware=H100)
    on_cpu = check_model(base, None, hardware=cpu(4 * GIB), engine="vllm")
    assert on_gpu.fit is not None
    assert on_cpu.fit is not None
    assert on_cpu.fit.load.weights == 2 * on_gpu.fit.load.weights
    assert (on_gpu.engine_options.dtype, on_cpu.engine_options.dtype) == ("bfloat16", "auto")


def test_a_cpu_profile_needs_openvinos_format_unless_vllm_is_wanted(tmp_path: Path) -> None:
    base, adapter = make_base(tmp_path / "org/base"), make_adapter(tmp_path / "adapter")
    found = check_model(base, adapter, hardware=cpu(4 * GIB)).findings
    assert [finding.code for finding in found] == ["needs-openvino"]
    assert check_model(base, adapter, hardware=cpu(4 * GIB), engine="vllm").ok


def test_a_small_cpu_does_not_hold_it(tmp_path: Path) -> None:
    base = make_base(tmp_path / "base")
    found = check_model(base, None, hardware=cpu(GIB // 2), engine="vllm").findings
    assert [finding.code for finding in found] == ["fit-weights"]


def test_every_gpu_profile_of_the_template_is_known() -> None:
    assert {name for name in PROFILES if not PROFILES[name].bfloat16} == {"Consumption-GPU-NC8as-T4"}
    assert all(hardware.gpus and hardware.gpu_memory for hardware in PROFILES.values())
