"""Where a user's own files of this product live, outside every project."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "aitk-inference"


def state_folder() -> Path:
    """Locks and notes of running flows. ``AITK_STATE_DIR`` names another folder (tests do)."""
    return _chosen("AITK_STATE_DIR") or platformdirs.user_state_path(_APP, appauthor=False)


def log_file() -> Path:
    """Return the log that an error message points to. ``AITK_LOG_DIR`` names another folder."""
    folder = _chosen("AITK_LOG_DIR") or platformdirs.user_log_path(_APP, appauthor=False)
    return folder / "aitk-inference.log"


def cache_folder() -> Path:
    """Return the folder of what can be read again. ``AITK_CACHE_DIR`` names another folder."""
    return _chosen("AITK_CACHE_DIR") or platformdirs.user_cache_path(_APP, appauthor=False)


def _chosen(variable: str) -> Path | None:
    name = os.environ.get(variable)
    return Path(name) if name else None
