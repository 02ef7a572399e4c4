"""Finds the outside truths (recordings, specifications, the oracle) that may lie beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def shared(relative: str) -> Path:
    """A path below ``../shared`` (or ``$AITK_SHARED``); where it is absent the test is skipped, saying so."""
    path = Path(os.environ.get("AITK_SHARED", _ROOT.parent / "shared")) / relative
    if not path.exists():
        words = f"NOT COMPARED with the outside truth: {relative} is not beside this checkout"
        pytest.skip(words, allow_module_level=True)
    return path
