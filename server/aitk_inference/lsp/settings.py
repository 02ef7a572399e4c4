"""The editor's settings (section ``aitk.inference``), read anew for each command.

What the editor leaves open is taken from the variables of a terminal (``AITK_LOCAL_DATA`` …), so that both
front ends of one person meet the same local target and the same Bicep CLI.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference.core.json_text import text_of
from aitk_inference.core.settings import Settings, settings_from
from aitk_inference.core.user_interface import Level

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
    """Return settings from JSON; what is not set, or of the wrong kind, is as in ``base``."""
    level, seconds = values.get("logLevel"), values.get("requestTimeout")
    is_time = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
    settings = base._replace(
        bicep_path=_path(values.get("bicepPath")) or base.bicep_path,
        local_data=_path(values.get("localDataFolder")) or base.local_data,
        request_timeout=float(seconds)
        if is_time and isinstance(seconds, int | float)
        else base.request_timeout,
        tenant=text_of(values.get("tenant")) or base.tenant,
    )
    target = "local" if values.get("target") == "local" else None
    return EditorSettings(
        settings, target, Level(level) if isinstance(level, str) and level in {*Level} else Level.INFO
    )


def _path(value: Json) -> Path | None:
    return Path(text).expanduser() if (text := text_of(value)) else None
