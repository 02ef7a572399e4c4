"""Whether two names mean the same base: a repository, a folder, a snapshot in a cache."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any, Final

_QUANTISED = re.compile(r"[-_.](?:unsloth|bnb|awq|gptq|4bit|8bit|int4|int8|fp8|nf4|w4a16)(?=[-_.]|$)")
_SAYS_NOTHING: Final = (
    "",
    ".",
    "..",
    "base",
    "model",
    "models",
    "base_model",
    "base-model",
    "merged",
    "snapshot",
)
_HASH = re.compile(r"[0-9a-f]{40}")


def model_name(name: object) -> str:
    """Return the last telling part of a name or path, in lower case; empty where there is none.

    ``microsoft/Phi-3-mini-4k-instruct``, ``../model-cache/microsoft/Phi-3-mini-4k-instruct`` and
    ``…/models--microsoft--Phi-3-mini-4k-instruct/snapshots/0a67…`` mean the same; so does a quantised copy,
    whose adapters fit the model it was made from.
    """
    if not isinstance(name, str):
        return ""
    for part in reversed(PurePosixPath(name[:4096].replace("\\", "/")).parts):
        if part.startswith("models--"):
            return _plain(part.rpartition("--")[2])
        if part not in ("snapshots", "/") and not _HASH.fullmatch(part):
            return "" if part.lower() in _SAYS_NOTHING else _plain(part)
    return ""


def revision_of(path: object) -> str:
    """Return the commit that a snapshot's folder is named for, or an empty text."""
    last = PurePosixPath(str(path)[-4096:].replace("\\", "/")).name
    return last if _HASH.fullmatch(last) else ""


def is_commit(text: Any) -> bool:
    """Return True for the full hash of a commit."""
    return isinstance(text, str) and _HASH.fullmatch(text) is not None


def _plain(name: str) -> str:
    return _QUANTISED.sub("", name.lower())
