"""Adapters that are broken in one way each, made from a good one; what our check and the bare vLLM say of them."""

from __future__ import annotations

import array
import json
import random
import shutil
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
PREFIX = "base_model.model."
DOWN = "mlp.down_proj"
BASE, ADAPTER, OTHER = "the base's answers", "the adapter's answers", "other answers"
NOTHING_SAID = "Worker failed with error ''"
NOT_FOUND, HEADER = "No adapter found for", "Error while deserializing header"
Tensors: TypeAlias = "dict[str, Tensor]"
Change: TypeAlias = "Callable[[Path], None]"


class Tensor(NamedTuple):
    """One entry of a safetensors file."""

    dtype: str
    shape: list[int]
    data: bytes


class Broken(NamedTuple):
    """One adapter.

    Attributes:
        code: What our check says.
        change: What breaks a copy of the good adapter.
        vllm: Words of the bare vLLM's refusal; or, where it takes the adapter in silence, whose answers it gives.
    """

    code: str
    change: Change
    vllm: str

    @property
    def is_taken(self) -> bool:
        """Return True where vLLM itself says nothing."""
        return self.vllm in (BASE, ADAPTER, OTHER)


def read(path: Path) -> Tensors:
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + size]), content[8 + size :]
    header.pop("__metadata__", None)
    return {
        name: Tensor(entry["dtype"], entry["shape"], data[slice(*entry["data_offsets"])])
        for name, entry in header.items()
    }


def write(path: Path, tensors: Tensors) -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = bytearray()
    for name, tensor in tensors.items():
        begin = len(data)
        data += tensor.data
        header[name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [begin, len(data)],
        }
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(len(head).to_bytes(8, "little") + head + data)


def noise(*shape: int) -> Tensor:
    """A matrix that is not zero, so that it would be seen in the answers."""
    chance = random.Random(prod(shape))
    return Tensor(
        "F32", list(shape), array.array("f", (chance.gauss(0, 0.1) for _ in range(prod(shape)))).tobytes()
    )


def with_config(**changes: object) -> Change:
    def change(folder: Path) -> None:
        path = folder / CONFIG
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def with_tensors(edit: Callable[[Tensors], Tensors]) -> Change:
    def change(folder: Path) -> None:
        write(folder / WEIGHTS, edit(read(folder / WEIGHTS)))

    return change


def renamed(old: str, new: str) -> Change:
    return with_tensors(lambda tensors: {name.replace(old, new): one for name, one in tensors.items()})


def each(part: str, other: Callable[[Tensor], Tensor]) -> Change:
    """Other matrices in the place of those with a part of a name."""
    return with_tensors(
        lambda tensors: {name: other(one) if part in name else one for name, one in tensors.items()}
    )


def without(part: str) -> Change:
    return with_tensors(lambda tensors: {name: one for name, one in tensors.items() if part not in name})


def besides(**more: Tensor) -> Change:
    return with_tensors(
        lambda tensors: tensors | {name.replace("__", "."): one for name, one in more.items()}
    )


def both(*changes: Change) -> Change:
    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


def with_file(name: str, content: Callable[[bytes], bytes]) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_bytes(content((folder / name).read_bytes()))

    return change


def lacking(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def one_layer_more(tensors: Tensors) -> Tensors:
    return tensors | {name.replace("layers.1.", "layers.2."): one for name, one in tensors.items()}


def of_width(width: int) -> Change:
    """Matrices of down_proj for a base of another width: its B has as many rows."""
    return each(f"{DOWN}.lora_B", lambda one: noise(width, one.shape[1]))


def merged(tensors: Tensors) -> Tensors:
    del tensors
    return {f"model.layers.{layer}.{DOWN}.weight": noise(128, 256) for layer in range(2)}


def of_rank(rank: int) -> Change:
    wider = both(
        each("lora_A", lambda one: noise(rank, one.shape[1])),
        each("lora_B", lambda one: noise(one.shape[0], rank)),
    )
    return both(with_config(r=rank), wider)


def in_subfolder(folder: Path) -> None:
    inner = folder / "checkpoint-10"
    inner.mkdir()
    for name in (CONFIG, WEIGHTS):
        (folder / name).rename(inner / name)


BROKEN = {
    "folder missing": Broken("adapter-missing", shutil.rmtree, NOT_FOUND),
    "folder empty": Broken("adapter-empty", emptied, NOT_FOUND),
    "in a subfolder": Broken("adapter-in-subfolder", in_subfolder, NOT_FOUND),
    "no configuration": Broken("adapter-config-missing", lacking(CONFIG), NOT_FOUND),
    "no weights": Broken("adapter-weights-missing", lacking(WEIGHTS), "doesn't contain tensors"),
    "Git LFS pointer": Broken("lfs-pointer", with_file(WEIGHTS, lambda _: LFS), HEADER),
    "half synced": Broken("file-short", with_file(WEIGHTS, lambda whole: whole[: len(whole) // 2]), HEADER),
    "no safetensors": Broken("not-safetensors", with_file(WEIGHTS, lambda _: b"nonsense" * 99), HEADER),
    "half a configuration": Broken(
        "json-invalid", with_file(CONFIG, lambda whole: whole[:99]), "Unterminated string"
    ),
    "merged": Broken("adapter-merged", with_tensors(merged), "is unsupported LoRA weight"),
    "LoHa": Broken("peft-type", with_config(peft_type="LOHA"), ADAPTER),
    "sequence classification": Broken("task-type", with_config(task_type="SEQ_CLS"), ADAPTER),
    "rank 0": Broken("rank-invalid", with_config(r=0), "must be a positive integer, got 0."),
    "rank 1024": Broken("rank-too-high", of_rank(1024), "LoRA rank 1024 is greater than max_lora_rank 16."),
    "no alpha": Broken("alpha-invalid", with_config(lora_alpha=None), "unsupported operand type(s)"),
    "alpha 0": Broken("alpha-zero", with_config(lora_alpha=0), BASE),
    "no targets": Broken("targets-missing", with_config(target_modules=None), ADAPTER),
    "DoRA": Broken("dora", with_config(use_dora=True), "vLLM does not yet support DoRA."),
    "modules to save": Broken(
        "modules-to-save",
        with_config(modules_to_save=["lm_head"]),
        "vLLM only supports modules_to_save being either None or",
    ),
    "biases": Broken("bias", with_config(bias="all"), "Adapter bias is not supported."),
    "biases of LoRA": Broken(
        "bias", with_config(lora_bias=True), "vLLM does not support LoRA bias (lora_bias)."
    ),
    "PiSSA": Broken(
        "init-changed-base",
        with_config(init_lora_weights="pissa"),
        "vLLM does not support init_lora_weights='pissa'.",
    ),
    "OLoRA": Broken(
        "init-changed-base",
        with_config(init_lora_weights="olora"),
        "vLLM does not support init_lora_weights='olora'.",
    ),
    "LoftQ": Broken(
        "init-changed-base",
        with_config(init_lora_weights="loftq"),
        "vLLM does not support init_lora_weights='loftq'.",
    ),
    "a start of later": Broken(
        "init-not-plain",
        with_config(init_lora_weights="flora"),
        "vLLM does not support init_lora_weights='flora'.",
    ),
    "activated LoRA": Broken(
        "peft-variant",
        with_config(alora_invocation_tokens=[5]),
        "vLLM does not support Activated LoRA (aLoRA).",
    ),
    "replicated layers": Broken(
        "peft-variant",
        with_config(layer_replication=[[0, 2], [1, 2]]),
        "vLLM does not support layer_replication.",
    ),
    "QALoRA": Broken("peft-variant", with_config(use_qalora=True), "vLLM does not support QALoRA."),
    "no matrices": Broken("tensors-none", with_tensors(lambda _: {}), NOTHING_SAID),
    "embeddings saved": Broken(
        "embeddings-saved",
        besides(base_model__model__model__embed_tokens__weight=noise(262, 128)),
        "is unsupported LoRA weight",
    ),
    "half of the pairs": Broken(
        "tensor-alone", without(f"layers.1.{DOWN}.lora_B"), "unsupported operand type(s)"
    ),
    "one dimension": Broken(
        "tensor-shape", each(f"layers.0.{DOWN}.lora_A", lambda _: noise(4096)), "tuple index out of range"
    ),
    "two ranks": Broken("tensor-ranks", each(f"{DOWN}.lora_B", lambda one: noise(one.shape[0], 8)), OTHER),
    "another rank": Broken("rank-differs", with_config(r=8), OTHER),
    "whole numbers": Broken(
        "tensor-type", each("lora_A", lambda one: Tensor("I8", one.shape, bytes(prod(one.shape)))), BASE
    ),
    "larger matrices": Broken(
        "shape-differs", of_width(256), "The size of tensor a (128) must match the size of tensor b (256)"
    ),
    "smaller matrices": Broken("shape-differs", of_width(64), OTHER),
    "more layers": Broken("layers-beyond", with_tensors(one_layer_more), ADAPTER),
    "module that the base lacks": Broken(
        "module-unknown",
        both(renamed(DOWN, "mlp.fc2"), with_config(target_modules=["q_proj", "fc2"])),
        "expected target modules in",
    ),
    "another prefix": Broken("prefix-differs", renamed("model.layers", "transformer.h"), BASE),
}


def broken(good: Path, folder: Path, name: str) -> Path:
    """A copy of the good adapter, broken."""
    shutil.copytree(good, folder)
    BROKEN[name].change(folder)
    return folder
