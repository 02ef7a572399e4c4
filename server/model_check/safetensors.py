"""Headers of safetensors files: names, types and shapes of tensors, without reading their data.

The format: eight bytes with the header's length, a JSON header, the data without holes
(https://huggingface.co/docs/safetensors).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from model_check.catalogue import find
from model_check.findings import Unusable, clean
from model_check.json_reader import parse_object, read_bytes

if TYPE_CHECKING:
    from pathlib import Path

_LENGTH = 8
_LARGEST_HEADER = 32 << 20
"""The format allows 100 MB; a header of 100,000 tensors takes 12."""
_MOST_DIMENSIONS = 8
_ENDS = 2
_LONGEST_NAME = 512
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
    "F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64,
}  # fmt: skip


class Tensor(NamedTuple):
    """One tensor of a file.

    Attributes:
        dtype: In the format's words: ``BF16``.
        shape: As PyTorch shows it.
        size: Bytes in the file.
    """

    dtype: str
    shape: tuple[int, ...]
    size: int


def read_header(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file by name.

    Raises:
        Unusable: it is missing, cut off, a Git LFS pointer, or another format.
    """
    head = read_bytes(path, 1024)
    size = path.stat().st_size
    if len(head) < _LENGTH:
        raise Unusable(find("file-short", path, has=size, wants="more than 8"))
    length = int.from_bytes(head[:_LENGTH], "little")
    if not head.strip(b"\0"):
        raise _refused(path, "it begins with zeros, as a file does that was not sent to its end")
    if length > _LARGEST_HEADER or (len(head) > _LENGTH and head[_LENGTH : _LENGTH + 1] != b"{"):
        raise _refused(path, "it does not begin with a header")
    if size < _LENGTH + length:
        raise Unusable(find("file-short", path, has=size, wants=_LENGTH + length))
    tensors, end = _tensors(path, parse_object(path, read_bytes(path, _LENGTH + length)[_LENGTH:]))
    wanted = _LENGTH + length + end
    if size < wanted:
        raise Unusable(find("file-short", path, has=size, wants=wanted))
    if size > wanted:
        raise _refused(path, f"{size - wanted} bytes follow its last tensor")
    return tensors


def _tensors(path: Path, header: dict[str, Any]) -> tuple[dict[str, Tensor], int]:
    """Return the tensors, and where the last one ends in the data."""
    found, end, total = {}, 0, 0
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        tensor, last = _tensor(path, name, entry)
        found[name] = tensor
        end, total = max(end, last), total + tensor.size
    if total != end:
        raise _refused(path, "its tensors overlap or leave holes")
    return found, end


def _tensor(path: Path, name: str, entry: object) -> tuple[Tensor, int]:
    if not isinstance(entry, dict) or len(name) > _LONGEST_NAME:
        raise _refused(path, f"{clean(name)} has no description")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise _refused(path, f"{clean(name)} has the unknown type {clean(dtype)}")
    if not _are_sizes(shape) or not _are_sizes(offsets):
        raise _refused(path, f"the shape or place of {clean(name)} makes no sense")
    size = (math.prod(shape) * _BITS[dtype] + 7) // 8
    if len(offsets) != _ENDS or offsets[1] - offsets[0] != size:
        raise _refused(path, f"the shape of {clean(name)} does not have its size")
    return Tensor(dtype, tuple(shape), size), offsets[1]


def _are_sizes(values: object) -> TypeGuard[list[int]]:
    return (
        isinstance(values, list)
        and len(values) <= _MOST_DIMENSIONS
        and all(type(value) is int and value >= 0 for value in values)
    )


def _refused(path: Path, reason: str) -> Unusable:
    return Unusable(find("not-safetensors", path, reason=reason))
