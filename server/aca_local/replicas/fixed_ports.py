"""Programs that bind a fixed port: in Azure each replica has all ports to itself, here all share one computer.

A program that listens on ``$PORT`` never meets another one. One that insists on the template's port can run
once: a newer revision takes the port over from an older one of its app, and the gap is said; for all others
the words say who holds the port.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from aca_local.port_book import holder_of, is_free

REASON = "PortInUse"
SAYS_IN_USE = re.compile(
    r"address already in use|EADDRINUSE|only one usage of each socket address|cannot find empty port"
    r"|WinError 10048|port \S+ is (already )?(in use|taken|allocated)",
    re.IGNORECASE,
)
WORDS = {
    "handover": "Port {port} is bound by replica '{holder}'. A program that binds a fixed port can run once on this computer, so that replica ends first, and the app does not answer until replica '{replica}' is ready. A program that listens on $PORT has no such gap.",
    "returned": "Replica '{replica}' fails with the port as it did without it, so the revision before it is started again.",
    "newer": "Port {port} is bound by replica '{holder}' of a newer revision. A program that binds a fixed port can run once on this computer. Let it listen on $PORT, or deactivate one of the revisions.",
    "sibling": "Port {port} is bound by replica '{holder}' of the same revision. A program that binds a fixed port can run once on this computer. Let it listen on $PORT, or set minReplicas to 1.",
    "app": "Port {port} is bound by the container app '{app}', and this computer has each port once. Let one of the two programs listen on $PORT, or stop the other app.",
    "program": "Port {port} is bound by {program}. Stop that program, or let this one listen on $PORT.",
}


class Claim(NamedTuple):
    """What became of a port that a program found taken: words for the logs, and whether it is free now."""

    words: str = ""
    is_free: bool = False


def claim_from_others(port: int) -> Claim:
    """Return who holds a port that no replica holds; nothing where it is free."""
    if is_free(port):
        return Claim()
    return Claim(WORDS["program"].format(port=port, program=holder_of(port)))
