"""Which tree's programs the tests from outside run: this one's, or another's.

``AITK_SERVER_UNDER_TEST`` names the folder ``server`` of the other one, such as an earlier release's. It is for
tests that speak to a program alone (its command line, LSP, HTTP); what they import themselves is this tree's.
"""

from __future__ import annotations

import os
from pathlib import Path

_HERE = Path(__file__).resolve().parents[2] / "server"


def server() -> Path:
    """Return the folder that programs are imported from; the tree's own files lie beside it."""
    return Path(os.environ.get("AITK_SERVER_UNDER_TEST") or _HERE)


def is_another_tree() -> bool:
    """Tell whether that is not the tree of the tests."""
    return server() != _HERE
