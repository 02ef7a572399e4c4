"""Whether base, adapter and conversations fit the memory, worked out from headers and configuration.

Measured on an H100 with vLLM 0.26 (`--gpu-memory-utilization 0.90`, 3.8 G weights in bfloat16, an adapter):
7.2 GiB of weights and 63 GiB of KV cache in 72 GiB; 1.5 GiB went to activations, CUDA graphs and the adapter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from model_check.architectures import Dimensions, Incomplete, dimensions, number, text_config
from model_check.catalogue import find
from model_check.engine import GIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from model_check.engine import Hardware, Wish
    from model_check.findings import Finding

GPU_SHARE = 0.90
"""The part of a GPU's memory that the engine may take: ``--gpu-memory-utilization``."""
_GPU_OVERHEAD = 3 * GIB // 2
_CPU_OVERHEAD = GIB  # Python, Gradio and the engine's buffers
_HALF = 2  # bytes of a number in the KV cache
_SPREADS = (1, 2, 4, 8)
_KEY = "contextTokens"
_BLOCK = 16  # tokens of the KV cache's smallest part


class Cache(NamedTuple):
    """What a conversation takes.

    Attributes:
        token: Bytes of a token in all layers that see the whole conversation.
        window_token: Bytes of a token in the layers that see the last ``window`` tokens.
        window: Tokens that those layers keep.
    """

    token: int
    window_token: int = 0
    window: int = 0

    def size(self, tokens: int) -> int:
        """Return the bytes of a conversation."""
        whole = -(-tokens // _BLOCK) * _BLOCK
        return whole * self.token + min(whole, self.window + _BLOCK) * self.window_token

    def most_tokens(self, room: int) -> int:
        """Return how many tokens of one conversation this many bytes hold."""
        low, high = 0, 1 << 32
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.size(middle) <= room else (low, middle - 1)
        return low


class Load(NamedTuple):
    """What has to be in the memory of one device.

    Attributes:
        weights: Bytes of the base as the engine holds it.
        adapter: Bytes of the adapter as the engine holds it.
        overhead: Bytes of everything else.
        room: Bytes that there are.
        on_gpu: Whether the device is a GPU.
    """

    weights: int
    adapter: int
    overhead: int
    room: int
    on_gpu: bool = False

    @property
    def left(self) -> int:
        """What remains for conversations."""
        return self.room - self.weights - self.adapter - self.overhead


class Fit(NamedTuple):
    """What fits.

    Attributes:
        load: Of one device.
        cache: Of one conversation, on one device.
        context: Tokens of a conversation.
        largest: The most tokens of one conversation that fit.
        together: How many conversations of ``context`` tokens fit at once.
        devices: GPUs that share the model.
    """

    load: Load
    cache: Cache
    context: int
    largest: int
    together: int
    devices: int


def cache_of(config: Mapping[str, Any]) -> Cache:
    """Return what a conversation takes.

    Raises:
        Incomplete: the configuration lacks a number.
    """
    sizes, text = dimensions(config), text_config(config)
    layer = 2 * sizes.key_heads * sizes.head_size * _HALF
    window = text.get("sliding_window")
    if type(window) is not int or window <= 0:
        return Cache(sizes.layers * layer)
    sliding = _sliding_layers(text, sizes)
    return Cache((sizes.layers - sliding) * layer, sliding * layer, window)


def _sliding_layers(text: Mapping[str, Any], sizes: Dimensions) -> int:
    """How many layers keep a window alone; none where the configuration does not say: the larger estimate."""
    kinds = text.get("layer_types")
    if isinstance(kinds, list) and len(kinds) == sizes.layers:
        return kinds.count("sliding_attention")
    kind = text.get("model_type")
    if kind == "mistral":
        return sizes.layers
    if kind == "gemma2":
        return sizes.layers // 2
    if kind in ("gemma3", "gemma3_text"):
        period = text.get("sliding_window_pattern")
        period = period if type(period) is int and period > 0 else 6
        return sizes.layers - sizes.layers // period
    return 0


def longest_context(config: Mapping[str, Any]) -> int | None:
    """Return the most tokens that the base was made for, or None where it does not say."""
    try:
        return number(text_config(config), "max_position_embeddings")
    except Incomplete:
        return None


class Held(NamedTuple):
    """What a model is, as the engine holds it.

    Attributes:
        weights: Bytes of the base.
        adapter: Bytes of the adapter.
        cache: Of one conversation.
        longest: The most tokens that the base was made for; None where it does not say.
    """

    weights: int
    adapter: int
    cache: Cache
    longest: int | None


def work_out(
    config: Mapping[str, Any], weights: int, adapter: int, hardware: Hardware, wish: Wish
) -> Fit | None:
    """Work out what fits; None where the configuration does not say enough.

    Args:
        config: The base's.
        weights: Bytes of the base as the engine holds it.
        adapter: Bytes of the adapter as the engine holds it.
        hardware: Where it runs.
        wish: What is wanted of it.
    """
    try:
        held = Held(weights, adapter, cache_of(config), longest_context(config))
        sizes = dimensions(config)
    except Incomplete:
        return None
    # the GPUs that a model is spread over share its heads evenly
    fair = [n for n in _SPREADS if n <= hardware.gpus and not sizes.heads % n and not sizes.key_heads % n]
    fits = [_on(devices, held, hardware, wish) for devices in fair or [1]]
    return next((fit for fit in fits if fit.largest >= max(fit.context, 1)), fits[-1])


def _on(devices: int, held: Held, hardware: Hardware, wish: Wish) -> Fit:
    load = (
        Load(held.weights // devices, held.adapter // devices, _GPU_OVERHEAD, gpu_room(hardware), True)
        if hardware.gpus
        else Load(held.weights, held.adapter, _CPU_OVERHEAD, hardware.memory)
    )
    token, window_token, window = held.cache
    share = Cache(-(-token // devices), -(-window_token // devices), window)
    room = max(load.left, 0)
    largest = share.most_tokens(room)
    within = min(largest, held.longest or largest)
    context = wish.context or within
    together = room // share.size(context) if context else 0
    return Fit(load, share, context, within, together, devices)


def gpu_room(hardware: Hardware) -> int:
    """Return the bytes of one GPU that the engine may take."""
    return int(hardware.gpu_memory * GPU_SHARE)


def check_fit(fit: Fit, hardware: Hardware, wish: Wish, longest: int | None) -> Iterator[Finding]:
    """Yield what does not fit.

    Args:
        fit: What was worked out.
        hardware: Where it runs.
        wish: What is wanted.
        longest: The most tokens that the base was made for; None where it does not say.
    """
    load, words = fit.load, {"hardware": hardware.name, "context": fit.context, "largest": fit.largest}
    if load.left < fit.cache.size(_BLOCK):
        need = load.weights + load.adapter + load.overhead
        sizes = {"weights": gib(load.weights), "need": gib(need), "room": gib(load.room)}
        yield find("fit-weights", wish.path, hardware=hardware.name, **sizes)
    elif longest is not None and fit.context > longest:
        yield find("context-beyond-model", wish.path, key=_KEY, context=fit.context, largest=longest)
    elif fit.context > fit.largest:
        yield find("fit-context", wish.path, key=_KEY, **words)
    elif wish.users > fit.together:
        words["largest"] = fit.cache.most_tokens(load.left // wish.users)
        yield find("fit-users", wish.path, key=_KEY, users=wish.users, together=fit.together, **words)


def gib(size: int) -> str:
    """Return a size for a person."""
    return f"{size / GIB:.1f} GiB"
