"""The weights of a folder: one file, or shards and their index."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from model_check.catalogue import find
from model_check.findings import Finding, Unusable, listed
from model_check.json_reader import TOKENIZER_BYTES, read_object
from model_check.safetensors import Tensor, read_header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<all>\d{5})\.safetensors")
_MOST_SHARDS = 1000


class Weights(NamedTuple):
    """What the headers of a folder's safetensors say.

    Attributes:
        tensors: By name.
        size: Bytes of all tensors.
        findings: Files that are missing, cut off, or not what they should be.
    """

    tensors: Mapping[str, Tensor]
    size: int
    findings: tuple[Finding, ...]


def file_names(folder: Path) -> frozenset[str]:
    """Return the names in a folder; none where it can't be read."""
    try:
        return frozenset(entry.name for entry in folder.iterdir())
    except (OSError, ValueError):
        return frozenset()


def read_weights(folder: Path) -> Weights:
    """Read the headers of a model's safetensors; an adapter's file in the same folder does not count."""
    names = file_names(folder)
    index: Mapping[str, str] = {}
    if INDEX in names:
        try:
            index = _weight_map(folder / INDEX)
        except Unusable as error:
            return Weights({}, 0, (error.finding,))
    wanted = set(index.values()) or _shards(names)
    lacking = sorted(wanted - names)
    missing = (find("shards-missing", folder, missing=listed(lacking)),) if lacking else ()
    tensors, findings = _headers(folder, sorted(wanted & names))
    stale = sorted(index.keys() - tensors.keys())
    if stale and not findings and not missing:
        findings = (find("index-differs", folder / INDEX, shard=index[stale[0]], missing=listed(stale, 2)),)
    size = sum(tensor.size for tensor in tensors.values())
    return Weights(tensors, size, (*missing, *findings))


def _weight_map(path: Path) -> dict[str, str]:
    """Which tensor is in which file."""
    mapped = read_object(path, TOKENIZER_BYTES).get("weight_map")
    if not isinstance(mapped, dict) or not all(
        isinstance(name, str) and name.endswith(".safetensors") and not re.search(r"[/\\\0]", name)
        for name in mapped.values()
    ):
        raise Unusable(find("json-invalid", path, reason="weight_map does not name a file for each tensor"))
    if len(set(mapped.values())) > _MOST_SHARDS:
        raise Unusable(find("json-invalid", path, reason=f"it names more than {_MOST_SHARDS} files"))
    return mapped


def _shards(names: Iterable[str]) -> set[str]:
    """Return the files of a model without an index, those that their numbers promise included."""
    found = {name for name in names if name.endswith(".safetensors") and not name.startswith("adapter_")}
    for name in sorted(found):
        match = _SHARD.fullmatch(name)
        if match and int(match["all"]) <= _MOST_SHARDS:
            numbers = range(1, int(match["all"]) + 1)
            found |= {f"{match['stem']}-{number:05}-of-{match['all']}.safetensors" for number in numbers}
    return found


def _headers(folder: Path, names: Iterable[str]) -> tuple[dict[str, Tensor], tuple[Finding, ...]]:
    tensors: dict[str, Tensor] = {}
    findings: list[Finding] = []
    for name in names:
        found, broken = headers_of(folder / name)
        tensors.update(found)
        findings.extend(broken)
    return tensors, tuple(findings)


def headers_of(path: Path) -> tuple[dict[str, Tensor], tuple[Finding, ...]]:
    """Return the tensors of one file, or what is wrong with it."""
    try:
        return read_header(path), ()
    except Unusable as error:
        return {}, (error.finding,)
