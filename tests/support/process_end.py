"""The end of a process, for a command line that runs in the test's own."""

from __future__ import annotations

import gc
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def like_a_process() -> Iterator[None]:
    """Leave connections that are about to close to the system, as a process that ends does.

    A TLS connection says good-bye in turns of the event loop, which ends with the command.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()
