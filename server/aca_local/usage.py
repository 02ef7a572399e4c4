"""Command lines: what can't be one is told in two lines, and numbers are held to their ranges."""

from __future__ import annotations

import argparse
import math
from typing import NoReturn

USAGE = 2
"""The exit code of a command line that can't be one."""
_LAST_PORT = 65_535


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong and where the help is, without the whole usage."""

    def error(self, message: str) -> NoReturn:
        """Leave with what is wrong."""
        self.exit(USAGE, f"{self.prog}: {message.rstrip('.')}.\n→ The help: {self.prog} --help\n")


def port_number(text: str) -> int:
    """Return a port; raise ArgumentTypeError for what is none."""
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise argparse.ArgumentTypeError(f"a port is a number from 1 to {_LAST_PORT}")
    return int(text)


def duration(text: str) -> float:
    """Return a length of time, 0 or more; raise ArgumentTypeError for what is none."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError("it must be a number, 0 or more")
    return value
