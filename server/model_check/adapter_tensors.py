"""The adapter's matrices against its configuration and against the base's modules."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

from model_check.architectures import EMBEDDINGS, Shape, layer_of, leaves
from model_check.catalogue import find
from model_check.findings import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from model_check.adapter_config import Ranks
    from model_check.findings import Finding
    from model_check.safetensors import Tensor

PREFIX = "base_model.model."
_NAME = re.compile(r"(?P<module>.+?)\.(?P<kind>lora_(?:embedding_)?[AB])(?P<weight>\.weight)?")
_ADAPTED_EMBEDDING = re.compile(r"\.(?:embed_tokens|wte|lm_head)\.base_layer\.weight$")  # vLLM skips it
_EMBEDDING = re.compile(r"\.(?:embed_tokens|wte|lm_head)\.weight$")
_PARAMETER = re.compile(r"\.(?:experts|base_layer)$")
_MATRIX = 2
_EXACT = ("F16", "BF16", "F32")
_ROUNDED = ("F64",)


class Pair(NamedTuple):
    """What a file holds of one module: the two matrices, each with its tensor, as far as they are there."""

    module: str
    down: Tensor | None
    up: Tensor | None

    @property
    def embeds(self) -> bool:
        """True for an embedding, whose first matrix is rank × tokens."""
        return self.module.rpartition(".")[2] in EMBEDDINGS

    @property
    def shape(self) -> Shape | None:
        """The layer that the matrices fit, or None where one is missing."""
        if self.down is None or self.up is None:
            return None
        return Shape(self.down.shape[1], self.up.shape[0])

    @property
    def rank(self) -> int | None:
        """The rank of the first matrix."""
        return self.down.shape[0] if self.down else None


class Matrices(NamedTuple):
    """The tensors of an adapter's file, sorted out.

    Attributes:
        pairs: By the module's path in the base.
        strange: Names that are no LoRA matrices.
        embeddings: Whole embeddings, as PEFT saves them after a change of the vocabulary.
        crooked: A tensor that is no matrix, as (name, shape).
    """

    pairs: Mapping[str, Pair]
    strange: tuple[str, ...]
    embeddings: tuple[str, ...]
    crooked: tuple[tuple[str, tuple[int, ...]], ...]


def sort_out(tensors: Mapping[str, Tensor]) -> Matrices:
    """Pair the matrices of each module."""
    found: defaultdict[str, dict[str, Tensor]] = defaultdict(dict)
    strange, embeddings, crooked = [], [], []
    for name, tensor in tensors.items():
        match = _NAME.fullmatch(name)
        if _ADAPTED_EMBEDDING.search(name):
            continue
        if _EMBEDDING.search(name):
            embeddings.append(name)
        elif match is None or bool(match["weight"]) == ("embedding" in match["kind"]):
            strange.append(name)
        elif len(tensor.shape) != _MATRIX or 0 in tensor.shape:
            crooked.append((name, tensor.shape))
        else:
            found[match["module"].removeprefix(PREFIX)][match["kind"][-1]] = tensor
    pairs = {module: Pair(module, of.get("A"), of.get("B")) for module, of in found.items()}
    return Matrices(pairs, tuple(strange), tuple(embeddings), tuple(crooked))


def without_parameters(matrices: Matrices) -> Matrices:
    """Return the matrices of linear layers, without those of bare parameters."""
    of_layers = {path: pair for path, pair in matrices.pairs.items() if not _PARAMETER.search(path)}
    return matrices._replace(pairs=of_layers)


def check_file(path: Path, tensors: Mapping[str, Tensor], matrices: Matrices) -> Iterator[Finding]:
    """Yield what is wrong with the file by itself."""
    if not matrices.pairs and not matrices.crooked:
        whole = next((name for name in matrices.strange if name.endswith(".weight")), None)
        yield find("tensors-none", path) if whole is None else find("adapter-merged", path, example=whole)
        return
    if matrices.strange:
        count = len(matrices.strange)
        yield find("tensor-name", path, example=matrices.strange[0], count=count)
    for name in matrices.embeddings[:1]:
        yield find("embeddings-saved", path, example=name)
    for name, shape in matrices.crooked[:1]:
        yield find("tensor-shape", path, example=name, shape=list(shape))
    yield from _pair_findings(path, matrices)
    yield from _type_findings(path, tensors)


def _pair_findings(path: Path, matrices: Matrices) -> Iterator[Finding]:
    alone = [pair for pair in matrices.pairs.values() if pair.down is None or pair.up is None]
    if alone and not matrices.crooked:
        has, lacks = ("lora_A", "lora_B") if alone[0].up is None else ("lora_B", "lora_A")
        yield find("tensor-alone", path, example=alone[0].module, has=has, lacks=lacks, count=len(alone))
    torn = [p for p in matrices.pairs.values() if p.down and p.up and p.down.shape[0] != p.up.shape[1]]
    for pair in torn[:1]:
        second = pair.up.shape[1] if pair.up else 0
        yield find("tensor-ranks", path, example=pair.module, first=pair.rank, second=second, count=len(torn))


def _type_findings(path: Path, tensors: Mapping[str, Tensor]) -> Iterator[Finding]:
    odd = {name: tensor.dtype for name, tensor in tensors.items() if tensor.dtype not in _EXACT}
    for code, types in (
        ("tensor-type-odd", [n for n in odd if odd[n] in _ROUNDED]),
        ("tensor-type", [n for n in odd if odd[n] not in _ROUNDED]),
    ):
        for name in types[:1]:
            yield find(code, path, example=name, dtype=odd[name], count=len(types))


def check_ranks(path: Path, matrices: Matrices, ranks: Ranks) -> Iterator[Finding]:
    """Yield where the matrices have other ranks than the configuration says."""
    wrong = [p for p in matrices.pairs.values() if p.rank and p.rank not in ranks.allowed(p.module)]
    for pair in wrong[:1]:
        wants = listed(sorted(str(rank) for rank in ranks.allowed(pair.module)))
        yield find("rank-differs", path, example=pair.module, has=pair.rank, wants=wants, count=len(wrong))


def check_targets(
    path: Path, config: Mapping[str, Any], matrices: Matrices, base: Mapping[str, Shape]
) -> Iterator[Finding]:
    """Yield modules that the configuration names, the base has, and the file holds nothing for."""
    targets = config.get("target_modules")
    if not isinstance(targets, list):
        return
    excluded = config.get("exclude_modules")
    there, known = leaves(matrices.pairs), leaves(base)
    gone = [*there, *(excluded if isinstance(excluded, list) else ())]
    left = [name for name in targets if isinstance(name, str) and name in known and name not in gone]
    if left and matrices.pairs:
        yield find("modules-left", path, missing=listed(left))


class Base(NamedTuple):
    """What the adapter is held against.

    Attributes:
        modules: By path.
        layers: How many decoder layers there are; None where it is not known.
        maps_names: Whether vLLM renames modules of such a base (models that see pictures, too).
    """

    modules: Mapping[str, Shape]
    layers: int | None
    maps_names: bool


def check_against_base(path: Path, matrices: Matrices, base: Base, trained: str) -> Iterator[Finding]:
    """Yield where the matrices do not fit the base's modules.

    Args:
        path: The adapter's file.
        matrices: What it holds.
        base: What it is held against.
        trained: The words for the base that it was trained on; may be empty.
    """
    sorted_out = _Misfits(base)
    for pair in matrices.pairs.values():
        sorted_out.look_at(pair)
    yield from sorted_out.findings(path, trained)


class _Misfits:
    """Collects what does not fit, so that a kind is told once."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._leaves = leaves(base.modules)
        self._tails = _tails(base.modules)
        self._shapes: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
        self._beyond: list[tuple[int, str]] = []
        self._unknown: defaultdict[str, list[str]] = defaultdict(list)
        self._moved: defaultdict[tuple[str, str], list[str]] = defaultdict(list)

    def look_at(self, pair: Pair) -> None:
        """Sort one module's matrices into what fits and what does not."""
        wanted = self._base.modules.get(pair.module)
        if wanted is not None:
            self._compare(pair, wanted)
            return
        leaf = pair.module.rpartition(".")[2]
        place = layer_of(pair.module)
        if leaf not in self._leaves:
            self._unknown[leaf].append(pair.module)
        elif place and self._base.layers is not None and place[1] >= self._base.layers:
            self._beyond.append((place[1], pair.module))
        elif (known := self._tails.get(_tail(pair.module))) is not None:
            self._moved[_head(pair.module), _head(known)].append(pair.module)
            self._compare(pair, self._base.modules[known])
        else:
            self._unknown[pair.module].append(pair.module)

    def _compare(self, pair: Pair, wanted: Shape) -> None:
        has = pair.shape
        if has is not None and has != wanted:
            leaf = pair.module.rpartition(".")[2]
            self._shapes[leaf, str(has), str(wanted)].append(pair.module)

    def findings(self, path: Path, trained: str) -> Iterator[Finding]:
        """Yield one finding for each kind."""
        for (_, has, wants), modules in list(self._shapes.items())[:8]:
            yield find(
                "shape-differs",
                path,
                example=modules[0],
                has=has,
                wants=wants,
                count=len(modules),
                trained=trained,
            )
        if self._unknown:
            count = sum(len(modules) for modules in self._unknown.values())
            names, known = listed(sorted(self._unknown)), listed(self._leaves, 12)
            yield find("module-unknown", path, leaf=names, count=count, known=known, trained=trained)
        if self._beyond:
            beyond, layers = self._beyond, self._base.layers
            yield find(
                "layers-beyond", path, has=max(beyond)[0], wants=layers, count=len(beyond), trained=trained
            )
        code = "prefix-mapped" if self._base.maps_names else "prefix-differs"
        for has, wants in list(self._moved)[:2]:
            yield find(code, path, has=has or "nothing", wants=wants or "nothing")


def _tails(modules: Mapping[str, Shape]) -> dict[str, str]:
    """Each module's path by what remains of it without the prefix; the language model's win."""
    found: dict[str, str] = {}
    for path in sorted(modules, key=lambda path: "vision" in path or "visual" in path):
        found.setdefault(_tail(path), path)
    return found


def _tail(path: str) -> str:
    place = layer_of(path)
    return f"{place[1]}.{place[2]}" if place else path.rpartition(".")[2]


def _head(path: str) -> str:
    place = layer_of(path)
    return f"{place[0]}." if place else path.rpartition(".")[0]
