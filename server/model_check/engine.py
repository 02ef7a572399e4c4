"""What a check is told about the place where the model runs, and what it tells the engine."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

EngineName = Literal["auto", "vllm", "openvino"]
GIB = 1 << 30


class Hardware(NamedTuple):
    """What a replica runs on.

    Attributes:
        name: In a person's words.
        memory: Bytes of the replica's own memory.
        gpus: How many GPUs it has.
        gpu_memory: Bytes of one GPU that a program can have.
        bfloat16: Whether the GPU computes in it (compute capability 8.0 and up).
    """

    name: str
    memory: int
    gpus: int = 0
    gpu_memory: int = 0
    bfloat16: bool = True


_A100 = 79 * GIB  # of its 80 GB a driver leaves 79.2 GiB
_T4 = 14_900 << 20  # of its 16 GB a driver leaves 14.6 to 14.8 GiB with error correction on
PROFILES: Final[Mapping[str, Hardware]] = MappingProxyType({
    "Consumption-GPU-NC24-A100": Hardware("an A100 (80 GB)", 220 * GIB, 1, _A100),
    "Consumption-GPU-NC8as-T4": Hardware("a T4 (16 GB)", 56 * GIB, 1, _T4, bfloat16=False),
    "NC24-A100": Hardware("an A100 (80 GB)", 220 * GIB, 1, _A100),
    "NC48-A100": Hardware("two A100s (80 GB each)", 440 * GIB, 2, _A100),
    "NC96-A100": Hardware("four A100s (80 GB each)", 880 * GIB, 4, _A100),
})  # fmt: skip
"""Workload profiles of Container Apps with a GPU, by type."""


def cpu(memory: int) -> Hardware:
    """Return hardware without a GPU."""
    return Hardware(f"a CPU with {memory / GIB:.0f} GiB", memory)


class EngineOptions(NamedTuple):
    """How the engine has to be started for this model.

    Attributes:
        engine: ``vllm`` or ``openvino``.
        architecture: The base's class.
        max_lora_rank: vLLM's ``--max-lora-rank``: the smallest allowed one that holds the adapter.
        max_model_len: Tokens of a conversation; None where nothing is known.
        dtype: vLLM's ``--dtype``.
        tokenizer: A folder whose tokenizer is used instead of the base's.
        chat_template: A file whose template is used instead of the tokenizer's.
        chat_template_text: The template itself, which may stand in no file of its own.
        tensor_parallel_size: GPUs that share the model.
    """

    engine: str = "vllm"
    architecture: str = ""
    max_lora_rank: int | None = None
    max_model_len: int | None = None
    dtype: str = "auto"
    tokenizer: Path | None = None
    chat_template: Path | None = None
    chat_template_text: str | None = None
    tensor_parallel_size: int = 1


OPENVINO_FILE = "openvino_model.xml"


def choose_engine(wanted: EngineName, names: Collection[str], *, gpu: bool) -> Literal["vllm", "openvino"]:
    """Return the engine that serves a base: the wanted one, else what its format needs; with both formats, by the GPU.

    Args:
        wanted: The engine that the settings name.
        names: The files in the base's folder.
        gpu: Whether there is an NVIDIA GPU.
    """
    if wanted != "auto":
        return wanted
    if OPENVINO_FILE not in names:
        return "vllm"
    return "vllm" if gpu and any(name.endswith(".safetensors") for name in names) else "openvino"


class Wish(NamedTuple):
    """What a person wants of the model.

    Attributes:
        context: Tokens of a conversation; None: as many as the base was made for, or as fit.
        users: Conversations at once.
        path: The file that says so.
    """

    context: int | None = None
    users: int = 1
    path: Path = Path("inference/config.json")
