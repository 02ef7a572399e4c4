"""Streams of a terminal as they are: of few characters, full, closed, or read by a program that has left."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from aitk_inference.core.redaction import without_signatures

if TYPE_CHECKING:
    from typing import TextIO


class Writer(Protocol):
    """What lines are written to."""

    def write(self, text: str, /) -> object:
        """Write a text."""
        ...


@dataclass(eq=False)
class Output:
    """One stream of the program; writing to it never fails, and what went wrong is kept.

    Attributes:
        stream: None where the program was started without one.
        failure: Why nothing more can be written.
    """

    stream: TextIO | None
    failure: OSError | None = None

    @classmethod
    def of(cls, stream: TextIO | None) -> Output:
        """Return the stream as an output: a character that it can't encode is replaced."""
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
        return cls(stream)

    def write(self, text: str) -> None:
        """Write at once, unless that has failed before; what may let somebody in to a share is left out."""
        if self.stream is None or self.failure is not None:
            return
        try:
            self.stream.write(without_signatures(text))
            self.stream.flush()
        except OSError as error:
            self._give_up(error)
        except ValueError as error:  # somebody closed it
            self.failure = OSError(str(error))

    @property
    def is_left(self) -> bool:
        """Return True when the program that read this stream has ended."""
        return isinstance(self.failure, BrokenPipeError) or (self.failure is None and self._has_no_reader())

    def _has_no_reader(self) -> bool:
        """Ask the system: a pipe that nobody reads is in error before anything is written to it."""
        if self.stream is None or not hasattr(select, "poll"):
            return False
        try:
            poll = select.poll()
            poll.register(self.stream.fileno(), 0)
            return any(event & select.POLLERR for _, event in poll.poll(0))
        except (OSError, ValueError):
            return False

    def _give_up(self, error: OSError) -> None:
        """Lead the stream to nowhere: what it still holds would fail again when the program ends."""
        self.failure = error
        with suppress(OSError, ValueError):
            assert self.stream is not None
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.stream.fileno())
            os.close(nowhere)
