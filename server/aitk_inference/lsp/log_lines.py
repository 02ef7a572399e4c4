"""Lines of logs as an output channel shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.logs import NOTICE, SYSTEM
from aitk_inference.core.terminal_text import printable

if TYPE_CHECKING:
    from aitk_inference.core.model import LogLine


def log_text(line: LogLine) -> str:
    """Return a line with its time on this computer's clock; of the system log and of replicas, whose it is."""
    if line.source == NOTICE:
        return f"— {printable(line.text)}\n"
    time = f"{line.time.astimezone():%H:%M:%S} " if line.time else ""
    whose = "system" if line.source == SYSTEM else line.replica.rpartition("-")[2]
    return f"{time}[{whose}] {printable(line.text)}\n" if whose else f"{time}{printable(line.text)}\n"
