"""The editor's settings (section ``aitk.inference``), read anew for each command.

What the editor leaves open is taken from the variables of a terminal (``AITK_LOCAL_DATA`` …), so that both
front ends of one person meet the same local target and the same Bicep CLI.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.interface import Level
from aitk_inference.core.settings import Settings, settings_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import Json
    from aitk_inference.lsp.editor import Editor


@dataclass(frozen=True)
class EditorSettings:
    """What the editor's settings say.

    Attributes:
        target: ``local``, or None to ask.
        level: Lines of the output panel below it are left out.
    """

    settings: Settings
    target: str | None = None
    level: Level = Level.INFO


async def read(editor: Editor) -> EditorSettings:
    """Ask the editor for its settings and set the log level by them."""
    chosen = parse(await editor.settings(), settings_from(os.environ))
    editor.level = chosen.level
    return chosen


def parse(values: Mapping[str, Json], base: Settings) -> EditorSettings:
    """Settings from JSON; what is not set, or of the wrong kind, is as in ``base``."""
    level = values.get("logLevel")
    settings = base._replace(
        bicep_path=_path(values.get("bicepPath")) or base.bicep_path,
        local_data=_path(values.get("localDataFolder")) or base.local_data,
        request_timeout=_seconds(values.get("requestTimeout"), base.request_timeout),
        ignore=_texts(values.get("ignore")),
    )
    target = "local" if values.get("target") == "local" else None
    return EditorSettings(
        settings, target, Level(level) if isinstance(level, str) and level in {*Level} else Level.INFO
    )


def _path(value: Json) -> Path | None:
    return Path(value).expanduser() if isinstance(value, str) and value.strip() else None


def _seconds(value: Json, default: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and isinstance(value, int | float) and value > 0 else default


def _texts(value: Json) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
