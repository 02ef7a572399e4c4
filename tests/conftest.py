"""What holds for all tests: which tree's programs they start."""

from __future__ import annotations

import os

from support.under_test import is_another_tree, server


def pytest_configure() -> None:
    """Lead the programs that tests start to another tree's code, if one is named."""
    if is_another_tree():
        os.environ["PYTHONPATH"] = str(server())
