"""Command lines: what can't be one is told in two lines, and numbers are held to their ranges."""

from __future__ import annotations

import argparse
from typing import NoReturn

from aca_local.port_book import HIGHEST

USAGE = 2
"""The exit code of a command line that can't be one."""
_LONGEST = 1_000_000
"""What a length of time may be; what is longer is a mistake."""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong and where the help is, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Leave with what is wrong."""
        self.exit(USAGE, f"{self.prog}: {message.rstrip('.')}.\n→ The help: {self.prog} --help\n")


def port_number(text: str) -> int:
    """Return a port; raise ArgumentTypeError for what is none."""
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(HIGHEST)) else 0
    if not 0 < port <= HIGHEST:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {HIGHEST}")
    return port


def duration(text: str) -> float:
    """Return a length of time, 0 or more; raise ArgumentTypeError for what is none."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value <= _LONGEST:
        raise argparse.ArgumentTypeError(f"it must be a number from 0 to {_LONGEST}")
    return value
