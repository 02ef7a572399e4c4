"""From arguments to an exit code: 0 done, 1 failed, 2 usage or missing input, 130 cancelled."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.cli.arguments import parser
from aitk_inference.cli.json_lines import JsonLinesUserInterface
from aitk_inference.cli.lines import error_lines, outcome_lines, put
from aitk_inference.cli.logs import logging_to
from aitk_inference.cli.terminal import LineReader, NoInputUserInterface, Screen, TerminalUserInterface
from aitk_inference.core.errors import AppError, Cancelled, Dismissed, InputRequired
from aitk_inference.core.interface import Level
from aitk_inference.flows.places import log_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Sequence
    from types import FrameType

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.ports import OpenShare, Wire
    from aitk_inference.flows.requests import Outcome

    _Work = Callable[[UserInterface], Coroutine[object, object, Outcome]]
    _Handler = Callable[[int, FrameType | None], object] | int | None

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130
_LEAVING = (
    "Left at once. What was already asked of Azure goes on there; run the same command again to pick it up.\n"
)


def run(
    argv: Sequence[str],
    wire: Wire,
    *,
    open_share: OpenShare | None = None,
    serve: Callable[[], int] | None = None,
) -> int:
    """Run one command.

    Args:
        argv: The arguments, without the program's name.
        wire: Makes the adapters of the flows.
        open_share: Opens a share by its URL, for ``sync``.
        serve: Runs the language server.

    Returns:
        The exit code.
    """
    arguments = _parse(argv)
    if isinstance(arguments, int):
        return arguments
    _prepare_streams()
    if arguments.verb == "serve" and serve is not None:
        return serve()
    with logging_to(log_file(), arguments.log_level):
        return _run(arguments, _work(arguments, wire, open_share))


def _parse(argv: Sequence[str]) -> argparse.Namespace | int:
    try:
        return parser(argv[0] if argv else None).parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE


def _prepare_streams() -> None:
    """Text that a stream can't encode is replaced, never an error."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


class _Console(NamedTuple):
    """One run's user interface and how it ends."""

    ui: UserInterface
    screen: Screen
    project: Path

    def result(self, outcome: Outcome) -> int:
        if isinstance(self.ui, JsonLinesUserInterface):
            self.ui.result(outcome)
            return DONE
        for line in outcome_lines(outcome, self.project):
            self.screen.line(line)
        return DONE

    def error(self, error: AppError) -> int:
        logging.getLogger("aitk_inference").info("%s: %s %s", error.code, error.message, error.detail)
        self.screen.settle()
        if isinstance(self.ui, JsonLinesUserInterface):
            self.ui.error(error)
        else:
            put(sys.stderr, "\n".join(error_lines(error)) + "\n")
        return _exit_code(error)


def _exit_code(error: AppError) -> int:
    if isinstance(error, InputRequired):
        return USAGE
    return CANCELLED if isinstance(error, Cancelled | Dismissed) else FAILED


def _console(arguments: argparse.Namespace) -> _Console:
    screen, project = Screen.of(sys.stdout), _project(arguments)
    if arguments.json:
        return _Console(JsonLinesUserInterface(sys.stdout), Screen.of(sys.stderr), project)
    asks = not getattr(arguments, "no_input", False) and sys.stdin is not None and sys.stdin.isatty()
    if asks:
        return _Console(TerminalUserInterface(screen, LineReader(sys.stdin.fileno())), screen, project)
    return _Console(NoInputUserInterface(screen), screen, project)


def _project(arguments: argparse.Namespace) -> Path:
    """The project that a command speaks of; ``new`` calls it a directory, other commands have none."""
    found = getattr(arguments, "directory", None) or getattr(arguments, "project", None)
    return Path(found) if found else Path()


def _work(arguments: argparse.Namespace, wire: Wire, open_share: OpenShare | None) -> _Work:
    """The verb, ready to run; each half of the verbs loads only what it needs."""
    if arguments.verb == "sync" and open_share is not None:
        from aitk_inference.cli.sync import run_sync  # noqa: PLC0415 - the engine: 13 ms that other verbs do without

        return partial(run_sync, arguments, open_share)
    from aitk_inference.cli.verbs import perform  # noqa: PLC0415 - a sync starts without it

    return partial(perform, arguments, wire)


def _run(arguments: argparse.Namespace, work: _Work) -> int:
    console = _console(arguments)
    try:
        return console.result(asyncio.run(_cancellable(work, console)))
    except AppError as error:
        return console.error(error)
    except (asyncio.CancelledError, KeyboardInterrupt):
        return console.error(Cancelled("Cancelled."))
    except Exception as error:
        logging.getLogger("aitk_inference").exception("unexpected")
        return console.error(_unexpected(error))


def _unexpected(error: Exception) -> AppError:
    return AppError(
        f"Something went wrong inside aitk-inference ({type(error).__name__}).",
        suggestion=f"The log says more: {log_file()}. Please report it with that file.",
    )


async def _cancellable(work: _Work, console: _Console) -> Outcome:
    running = asyncio.ensure_future(work(console.ui))
    with _Interrupts(running, console):
        return await running


class _Interrupts:
    """The first Ctrl+C (or SIGTERM) cancels the work, the second leaves at once."""

    def __init__(self, work: asyncio.Future[Outcome], console: _Console) -> None:
        self._work = work
        self._console = console
        self._asked = False
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(
                number, lambda *_: loop.call_soon_threadsafe(self._interrupt)
            )

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _interrupt(self) -> None:
        if self._asked:
            self._console.screen.settle()
            put(sys.stderr, _LEAVING)
            os._exit(CANCELLED)
        self._asked = True
        self._console.ui.say(Level.WARNING, "Cancelling… (Ctrl+C again leaves at once)")
        self._work.cancel()
