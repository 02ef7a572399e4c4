"""The adapter's folder: its two files, read and checked by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from model_check.adapter_config import check_adapter_config, ranks_of
from model_check.adapter_tensors import Matrices, check_file, check_ranks, sort_out, without_parameters
from model_check.catalogue import find
from model_check.findings import Unusable, clean
from model_check.json_reader import read_object
from model_check.weights import file_names, headers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from model_check.findings import Finding
    from model_check.safetensors import Tensor

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
_PICKLES = ("adapter_model.bin", "adapter_model.pt")
_EXPLAINED = ("dora", "bias", "modules-to-save", "peft-variant", "peft-type")
_FOLLOWS = ("tensor-name", "tensors-none", "embeddings-saved")
_MOST_FOLDERS = 200


class Adapter(NamedTuple):
    """What is known about an adapter.

    Attributes:
        path: Its folder.
        config: adapter_config.json; empty where it can't be read.
        tensors: Of adapter_model.safetensors, by name.
        matrices: The same, sorted out.
        findings: What is wrong with it by itself.
    """

    path: Path
    config: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    matrices: Matrices
    findings: tuple[Finding, ...]

    @property
    def config_path(self) -> Path:
        """The configuration's file."""
        return self.path / CONFIG

    @property
    def weights_path(self) -> Path:
        """The weights' file."""
        return self.path / WEIGHTS

    @property
    def trained(self) -> str:
        """The base that it was trained on, as training wrote it; empty where it did not."""
        name = self.config.get("base_model_name_or_path")
        return clean(name) if isinstance(name, str) else ""

    @property
    def highest_rank(self) -> int | None:
        """The largest rank of configuration and matrices."""
        named = ranks_of(self.config)
        there = [pair.rank for pair in self.matrices.pairs.values() if pair.rank]
        return max([*there, *([named.highest] if named else [])], default=None)


_NOTHING = Matrices({}, (), (), ())


def read_adapter(path: Path, engine: str) -> Adapter:
    """Read an adapter's folder.

    Args:
        path: The folder.
        engine: ``vllm`` or ``openvino``.
    """
    names = file_names(path)
    missing = tuple(_missing(path, names))
    config, findings = _config(path, engine) if CONFIG in names else ({}, ())
    tensors, broken = headers_of(path / WEIGHTS) if WEIGHTS in names else ({}, ())
    matrices = sort_out(tensors)
    if tensors or (WEIGHTS in names and not broken):
        explained = any(finding.code in _EXPLAINED for finding in findings)
        found = check_file(path / WEIGHTS, tensors, matrices)
        broken = tuple(finding for finding in found if not (explained and finding.code in _FOLLOWS))
    if config.get("target_parameters"):  # refused already; their matrices follow other rules
        matrices = without_parameters(matrices)
    ranks = ranks_of(config)
    wrong = tuple(check_ranks(path / WEIGHTS, matrices, ranks)) if ranks else ()
    return Adapter(path, config, tensors, matrices, (*missing, *findings, *broken, *wrong))


def _config(path: Path, engine: str) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    try:
        config = read_object(path / CONFIG)
    except Unusable as error:
        return {}, (error.finding,)
    return config, tuple(check_adapter_config(path / CONFIG, config, engine))


def _missing(path: Path, names: frozenset[str]) -> Iterator[Finding]:
    if not path.is_dir():
        yield find("adapter-missing", path)
    elif not names:
        yield find("adapter-empty", path)
    elif CONFIG not in names and WEIGHTS not in names:
        yield _instead(path, names)
    elif CONFIG not in names:
        yield find("adapter-config-missing", path)
    elif WEIGHTS not in names:
        yield _weights_instead(path, names)


def _weights_instead(path: Path, names: frozenset[str]) -> Finding:
    pickle = next((name for name in _PICKLES if name in names), None)
    if pickle is not None:
        return find("adapter-pickle", path / pickle)
    if any(name.startswith("adapter_model") for name in names):
        return find("adapter-sharded", path)
    if "config.json" in names:
        return find("adapter-is-model", path)
    return find("adapter-weights-missing", path)


def _instead(path: Path, names: frozenset[str]) -> Finding:
    """Return the finding about what is there instead of an adapter."""
    if "config.json" in names:
        return find("adapter-is-model", path)
    inner = [name for name in sorted(names)[:_MOST_FOLDERS] if (path / name / CONFIG).is_file()]
    if inner:
        return find("adapter-in-subfolder", path, found=inner[-1])
    pickle = next((name for name in _PICKLES if name in names), None)
    if pickle is not None:
        return find("adapter-pickle", path / pickle)
    return find("adapter-config-missing", path)
