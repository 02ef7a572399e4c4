"""Where a user's own files of this product live, outside every project."""

from __future__ import annotations

import os
from pathlib import Path

_APP = "aitk-inference"


def state_folder() -> Path:
    """Locks and notes of running flows. ``AITK_STATE_DIR`` names another folder (tests do)."""
    if chosen := os.environ.get("AITK_STATE_DIR"):
        return Path(chosen)
    import platformdirs  # noqa: PLC0415 - a folder that was chosen needs no search

    return platformdirs.user_state_path(_APP, appauthor=False)


def log_file() -> Path:
    """The log that an error message points to. ``AITK_LOG_DIR`` names another folder."""
    return _log_folder() / "aitk-inference.log"


def _log_folder() -> Path:
    if chosen := os.environ.get("AITK_LOG_DIR"):
        return Path(chosen)
    import platformdirs  # noqa: PLC0415 - a folder that was chosen needs no search

    return platformdirs.user_log_path(_APP, appauthor=False)
