"""The base model's folder: what it is, what it lacks, its modules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from model_check.architectures import (
    Incomplete,
    Shape,
    architecture,
    dimensions,
    is_known,
    modules_in,
    modules_of,
    text_config,
)
from model_check.catalogue import find
from model_check.engine import OPENVINO_FILE
from model_check.findings import Unusable, listed
from model_check.json_reader import read_object
from model_check.weights import Weights, file_names, read_weights

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from model_check.findings import Finding

_WRITERS = ("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")
_BUILT_IN = ("awq", "gptq", "compressed-tensors", "fp8")
_EMBEDDING, _HEAD = "model.embed_tokens", "lm_head"


class BaseModel(NamedTuple):
    """What is known about a base.

    Attributes:
        path: Its folder.
        config: Its config.json; empty where it can't be read.
        weights: What the headers of its safetensors say.
        modules: By path; empty where nothing is known.
        is_openvino: True where OpenVINO serves it, from its own format.
        findings: What is wrong with it by itself.
    """

    path: Path
    config: Mapping[str, Any]
    weights: Weights
    modules: Mapping[str, Shape]
    is_openvino: bool
    findings: tuple[Finding, ...]

    @property
    def vocabulary(self) -> int | None:
        """Rows of its embedding."""
        size = text_config(self.config).get("vocab_size")
        shape = self.modules.get(_EMBEDDING)
        if shape is not None:
            return shape.inputs
        return size if type(size) is int else None


_NOTHING = Weights({}, 0, ())


def read_base(path: Path, trained: str, engine: str) -> BaseModel:
    """Read a base model's folder.

    Args:
        path: The folder.
        trained: The words for the model that the adapter was trained on; may be empty.
        engine: Which engine serves it; a folder may hold the files of both.
    """
    names = file_names(path)
    missing = _what_is_missing(path, names, trained)
    if missing is not None:
        return BaseModel(path, {}, _NOTHING, {}, is_openvino=False, findings=(missing,))
    is_openvino = engine == "openvino" and OPENVINO_FILE in names
    try:
        config = read_object(path / "config.json")
    except Unusable as error:
        return BaseModel(path, {}, _NOTHING, {}, is_openvino=is_openvino, findings=(error.finding,))
    weights = _NOTHING if is_openvino else read_weights(path)
    modules, wrong = _modules(path, config, weights)
    findings = (
        *_file_findings(path, names, is_openvino=is_openvino),
        *weights.findings,
        *_config_findings(path / "config.json", config, trained),
        *wrong,
    )
    return BaseModel(path, config, weights, modules, is_openvino, findings)


def _what_is_missing(path: Path, names: frozenset[str], trained: str) -> Finding | None:
    if not names:
        return find("base-missing", path, value=path)
    if "config.json" in names:
        return None
    if "adapter_config.json" in names:
        return find("base-is-adapter", path, trained=trained)
    if any(name.endswith(".gguf") for name in names):
        return find("base-gguf", path)
    return find("base-config-missing", path)


def _file_findings(path: Path, names: frozenset[str], *, is_openvino: bool) -> Iterator[Finding]:
    if "adapter_config.json" in names:
        yield find("base-holds-adapter", path / "adapter_config.json")
    if is_openvino or any(
        name.endswith((".safetensors", ".safetensors.index.json")) and not name.startswith("adapter_")
        for name in names
    ):
        return
    for ending, code in ((".bin", "base-pickle"), (".gguf", "base-gguf"), (".onnx", "base-onnx")):
        if any(name.endswith(ending) and not name.startswith("adapter_") for name in names):
            yield find(code, path)
            return
    yield find("base-weights-missing", path)


def _config_findings(path: Path, config: Mapping[str, Any], trained: str) -> Iterator[Finding]:
    name = architecture(config)
    if not name:
        yield find("architecture-missing", path, key="architectures")
    elif not name.endswith(_WRITERS):
        yield find("architecture-wrong", path, key="architectures", value=name, trained=trained)
    elif not is_known(config):
        yield find("architecture-unchecked", path, key="architectures", value=name)
    quantised = config.get("quantization_config")
    if isinstance(quantised, dict):
        method = quantised.get("quant_method")
        if method == "bitsandbytes" or quantised.get("load_in_4bit") or quantised.get("load_in_8bit"):
            yield find("base-bitsandbytes", path, key="quantization_config")
        elif method not in _BUILT_IN:
            yield find("base-quantization", path, key="quantization_config", value=method)


def _modules(
    path: Path, config: Mapping[str, Any], weights: Weights
) -> tuple[dict[str, Shape], tuple[Finding, ...]]:
    """Return the modules that configuration and weights name, and where the two differ."""
    shown = modules_in(weights.tensors, config)
    try:
        derived = modules_of(config)
    except Incomplete as error:
        return shown, (find("base-config-incomplete", path / "config.json", key=str(error), missing=error),)
    wrong = [name for name, shape in shown.items() if not _fits(name, shape, derived)]
    findings = tuple(
        find("base-config-differs", path, example=name, has=shown[name], wants=derived[name])
        for name in wrong[:1]
    )
    lacking = sorted(derived.keys() - shown.keys() - {_HEAD, _EMBEDDING})
    is_whole = shown and not weights.findings
    if lacking and is_whole and not wrong:
        findings = (find("shards-missing", path, missing=listed(lacking, 2)),)
    embedding = shown.get(_EMBEDDING)
    # an output layer that is the embedding has no tensor of its own
    tied = {} if embedding is None else {_HEAD: Shape(embedding.outputs, embedding.inputs)}
    return {**shown, **tied, **derived}, findings


def _fits(name: str, shape: Shape, derived: Mapping[str, Shape]) -> bool:
    """Return True for the same shape; an embedding may be longer than the vocabulary: it is padded."""
    wanted = derived.get(name)
    if wanted is None or shape == wanted:
        return True
    if name == _EMBEDDING:
        return shape.outputs == wanted.outputs and shape.inputs >= wanted.inputs
    return name == _HEAD and shape.inputs == wanted.inputs and shape.outputs >= wanted.outputs


def layer_count(config: Mapping[str, Any]) -> int | None:
    """Return how many decoder layers a configuration names."""
    try:
        return dimensions(config).layers
    except Incomplete:
        return None
