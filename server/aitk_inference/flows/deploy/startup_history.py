"""How long an app's last start took, stage by stage; kept on this computer, for the next start's expectations."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import TYPE_CHECKING, TypedDict

from aitk_inference.core.config import write_atomically
from aitk_inference.core.regular_files import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aitk_inference.core.model import AppRef


class StartTimes(TypedDict):
    """Seconds of each stage, by its name."""

    app: str
    seconds: dict[str, float]


class StartHistory:
    """The last start of one app that ended well.

    Args:
        state: The user's folder for such things.
        ref: The app.
    """

    def __init__(self, state: Path, ref: AppRef) -> None:
        self._app = "/".join((ref.subscription_id, ref.resource_group, ref.name)).lower()
        key = hashlib.sha256(self._app.encode()).hexdigest()[:16]
        self._path = state / "starts" / f"{key}.json"

    def read(self) -> Mapping[str, float]:
        """Return the seconds of each stage; nothing where nobody knows."""
        try:
            seconds = json.loads(read_text(self._path))["seconds"]
            return {str(name): float(value) for name, value in seconds.items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return {}

    def write(self, seconds: Mapping[str, float]) -> None:
        """Keep them; a folder that can't be written keeps nothing."""
        times = StartTimes(
            app=self._app, seconds={str(name): round(value, 3) for name, value in seconds.items()}
        )
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(times) + "\n")
