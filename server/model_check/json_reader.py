"""JSON objects from files that nobody vouches for: bounded in size, depth and numbers."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from model_check.catalogue import find
from model_check.findings import Unusable

if TYPE_CHECKING:
    from pathlib import Path

CONFIG_BYTES = 4 << 20
TOKENIZER_BYTES = 64 << 20
"""The largest tokenizer.json in use (262,144 tokens) takes 33 MB."""
_DIGITS = 400
"""transformers writes ``int(1e30)`` where a tokenizer names no longest text; a float in full has 309 digits."""
_SHOWN = 20
_POINTER = b"version https://git-lfs.github.com/spec/"  # what Git LFS leaves in place of a file
_LINK = b"XSym\n"  # how a mount with mfsymlinks writes a symbolic link


def read_object(path: Path, limit: int = CONFIG_BYTES) -> dict[str, Any]:
    """Return the JSON object that a file holds.

    Raises:
        Unusable: it can't be read, is too large, or holds no JSON object.
    """
    data = read_bytes(path, limit + 1)
    if len(data) > limit:
        raise Unusable(find("json-invalid", path, reason=f"it is larger than {limit >> 20} MiB"))
    return parse_object(path, data)


def parse_object(path: Path, data: bytes) -> dict[str, Any]:
    """Return the JSON object in these bytes of a file.

    Raises:
        Unusable: says what is wrong with it.
    """
    try:
        value = json.loads(data.decode(), parse_int=_whole, parse_float=_finite, parse_constant=_refused)
    except json.JSONDecodeError as error:
        said = "a byte order mark (BOM)" if "BOM" in error.msg else error.msg
        reason = f"line {error.lineno}, column {error.colno}: {said}"
        raise Unusable(find("json-invalid", path, reason=reason)) from None
    except UnicodeDecodeError:
        raise Unusable(find("json-invalid", path, reason="it is not UTF-8 text")) from None
    except RecursionError:
        raise Unusable(find("json-invalid", path, reason="it is nested too deeply")) from None
    except ValueError as error:
        raise Unusable(find("json-invalid", path, reason=str(error))) from None
    if not isinstance(value, dict):
        raise Unusable(find("json-invalid", path, reason="it holds no JSON object { … }"))
    return value


def read_bytes(path: Path, limit: int) -> bytes:
    """Return at most ``limit`` bytes from the start of a file.

    Raises:
        Unusable: it can't be read, or is not the file itself.
    """
    try:
        if not path.is_file():
            reason = "it is a link to a file that is not there" if path.is_symlink() else "it is not a file"
            raise Unusable(find("file-unreadable", path, reason=reason))
        with path.open("rb") as file:
            data = file.read(limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its name is not valid"
        raise Unusable(find("file-unreadable", path, reason=reason)) from None
    if data.startswith(_POINTER):
        raise Unusable(find("lfs-pointer", path))
    if data.startswith(_LINK):
        raise Unusable(find("link-unfollowed", path))
    return data


def _whole(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"a number has {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text[:_SHOWN]} is too large")
    return number


def _refused(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
