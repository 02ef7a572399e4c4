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

from aitk_inference.cli.arguments import read
from aitk_inference.cli.json_lines import JsonLinesUserInterface
from aitk_inference.cli.logs import logging_to
from aitk_inference.cli.output import Output
from aitk_inference.cli.render import action_lines, error_lines, outcome_lines
from aitk_inference.cli.terminal import LineReader, NoInputUserInterface, Screen, TerminalUserInterface
from aitk_inference.cli.usage import WrongArgumentsError
from aitk_inference.core.errors import AppError, Cancelled, Dismissed, InputRequired, Misuse, system_error
from aitk_inference.core.terminal_text import printable
from aitk_inference.core.user_interface import Level
from aitk_inference.flows.user_dirs import log_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine, Sequence
    from types import FrameType

    from aitk_inference.core.ports import MakeClouds, OpenShare
    from aitk_inference.flows.outcome import Outcome

    UserInterface = NoInputUserInterface | JsonLinesUserInterface
    _Work = Callable[[UserInterface], Coroutine[object, object, Outcome]]
    _Handler = Callable[[int, FrameType | None], object] | int | None

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130
_LOOK_EVERY = 0.3
_LEAVING = (
    "Left at once. What was already asked of Azure goes on there; run the same command again to pick it up.\n"
)


def run(
    argv: Sequence[str],
    make_clouds: MakeClouds,
    *,
    open_share: OpenShare | None = None,
    serve: Callable[[], int] | None = None,
) -> int:
    """Run one command.

    Args:
        argv: The arguments, without the program's name.
        make_clouds: Makes the adapters of the flows.
        open_share: Opens a share by its URL, for ``sync``.
        serve: Runs the language server.

    Returns:
        The exit code.
    """
    try:
        arguments = read(argv)
    except WrongArgumentsError as wrong:
        if "--json" in argv:
            JsonLinesUserInterface(Output.of(sys.stdout), Path()).error(
                Misuse(wrong.words, suggestion=wrong.suggestion)
            )
        return USAGE
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else USAGE
    if arguments.verb == "serve" and serve is not None:
        return serve()
    with logging_to(log_file(), arguments.log_level):
        return _run(arguments, _work(arguments, make_clouds, open_share))


class _Console(NamedTuple):
    """One run's user interface and how it ends.

    Attributes:
        out: What the user interface writes to.
        err: Where errors go that are for a person.
        ends_with_reader: The output is all that the command is for.
    """

    ui: UserInterface
    screen: Screen
    project: Path
    out: Output
    err: Output
    ends_with_reader: bool

    def result(self, outcome: Outcome) -> int:
        if isinstance(self.ui, JsonLinesUserInterface):
            self.ui.result(outcome)
        else:
            for line in outcome_lines(outcome, self.project):
                self.screen.line(line)
        return self.written(FAILED if outcome.failed else DONE)

    def error(self, error: AppError) -> int:
        logging.getLogger("aitk_inference").info("%s: %s %s", error.code, error.message, error.detail)
        self.screen.keep_step()
        if isinstance(self.ui, JsonLinesUserInterface):
            self.ui.error(error)
        else:
            lines = [*error_lines(error, self.project), *action_lines(error.actions, self.project)]
            self.err.write(printable("\n".join(lines) + "\n"))
        if isinstance(error, InputRequired | Misuse):
            return USAGE
        return CANCELLED if isinstance(error, Cancelled | Dismissed) else FAILED

    def written(self, code: int) -> int:
        """Return the exit code: a result that can't be written is a failure, a reader that left is none."""
        failure = self.out.failure
        if failure is None or isinstance(failure, BrokenPipeError):
            return code
        self.err.write(f"The output can't be written: {failure.strerror or failure}.\n")
        return FAILED


def _console(arguments: argparse.Namespace) -> _Console:
    out, err = Output.of(sys.stdout), Output.of(sys.stderr)
    asks = not getattr(arguments, "no_input", False) and sys.stdin is not None and sys.stdin.isatty()
    ends_with_reader = arguments.verb in ("logs", "ask")
    screen = Screen.of(err if arguments.json else out, aside=err if ends_with_reader else None)
    # the project that a command speaks of; ``new`` calls it a directory, other commands have none
    project = getattr(arguments, "directory", None) or getattr(arguments, "project", None) or Path()
    ui: UserInterface = NoInputUserInterface(screen)
    if arguments.json:
        ui = JsonLinesUserInterface(out, project)
    elif asks:
        ui = TerminalUserInterface(screen, LineReader(sys.stdin.fileno()))
    return _Console(ui, screen, project, out, err, ends_with_reader)


def _work(arguments: argparse.Namespace, make_clouds: MakeClouds, open_share: OpenShare | None) -> _Work:
    """Return the verb, ready to run; each half of the verbs loads only what it needs."""
    if arguments.verb == "sync" and open_share is not None:
        from aitk_inference.cli.sync import run_sync  # noqa: PLC0415 - the engine: 13 ms that other verbs do without

        return partial(run_sync, arguments, open_share)
    from aitk_inference.cli.commands import perform  # noqa: PLC0415 - a sync starts without it

    return partial(perform, arguments, make_clouds)


def _run(arguments: argparse.Namespace, work: _Work) -> int:
    console = _console(arguments)
    try:
        return console.result(asyncio.run(_perform(work, console)))
    except AppError as error:
        return console.error(error)
    except (asyncio.CancelledError, KeyboardInterrupt):
        if console.ends_with_reader and console.out.is_left:
            return DONE
        return console.error(Cancelled("Cancelled."))
    except OSError as error:
        logging.getLogger("aitk_inference").exception("refused by the system")
        return console.error(system_error(error))
    except Exception as error:
        logging.getLogger("aitk_inference").exception("unexpected")
        return console.error(
            AppError(
                f"Something went wrong inside aitk-inference ({type(error).__name__}).",
                suggestion=f"The log says more: {log_file()}. Please report it with that file.",
            )
        )


async def _perform(work: _Work, console: _Console) -> Outcome:
    running = asyncio.ensure_future(work(console.ui))
    watching = asyncio.ensure_future(_watch(running, console))
    try:
        with _Interrupts(running, console):
            return await running
    finally:
        watching.cancel()


async def _watch(work: asyncio.Future[Outcome], console: _Console) -> None:
    """Let the clock on the screen go on; cancel a command that only writes once nobody reads: ``logs --follow | head -1``."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        console.screen.tick()
        if console.ends_with_reader and console.out.is_left:
            work.cancel()
            return


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
            self._console.screen.keep_step()
            self._console.err.write(_LEAVING)
            os._exit(CANCELLED)
        self._asked = True
        self._console.ui.say(Level.WARNING, "Cancelling… (Ctrl+C again leaves at once)")
        self._work.cancel()
