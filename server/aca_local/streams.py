"""Standard output and error as they are: of few characters, full, closed, or read by a program that has left."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


def with_streams(run: Callable[[], int]) -> int:
    """Run a command that prints; a reader that leaves ends it well, what can't be written ends it with 1."""
    sys.stdout, sys.stderr = _usable(sys.stdout), _usable(sys.stderr)
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        _lead_nowhere()
        return 0
    except OSError as problem:
        _lead_nowhere()
        sys.stderr.write(f"aca-local: The output can't be written: {problem.strerror or problem}.\n")
        return 1
    return code


def speaks_unicode() -> bool:
    """Return True where standard output takes every character."""
    return (sys.stdout.encoding or "").lower().replace("-", "").startswith("utf")


def _usable(stream: TextIO | None) -> TextIO:
    """Return a stream that can be written to; a character that it can't encode is replaced."""
    if stream is None:  # closed by who started us
        return Path(os.devnull).open("w", encoding="utf-8")
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="replace")
    return stream


def _lead_nowhere() -> None:
    """Lose what the stream still holds: it would fail again when the program ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
