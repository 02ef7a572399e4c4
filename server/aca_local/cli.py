"""The ``aca-local`` command: serve, stop, status, evaluate."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aca_local.fault_rules import FaultsError
from aca_local.instance_lock import FORCE_LIMIT, DataFolder, Instance, end, stop
from aca_local.port_book import PortInUseError
from aca_local.security import page_url
from aca_local.state.own_files import OwnFile, OwnFileError
from aca_local.streams import with_streams
from aca_local.usage import Parser, duration, port_number

if TYPE_CHECKING:
    from collections.abc import Sequence

START_LIMIT = 60.0  # seconds
LOG_NAME = "aca-local.log"
LONGEST_LOG = 1024 * 1024  # bytes of a start that failed
DATA_VARIABLE = "AITK_LOCAL_DATA"  # also names the folder to aitk-inference
EXAMPLES = """examples:
  aca-local serve --json                          in the foreground, for scripts
  aca-local serve --detach                        in the background; `aca-local stop` ends it
  aca-local serve --data-dir ./cloud --latency-ms 80
  aca-local status
  aca-local evaluate infra/provision/inference.bicep
"""


def parser() -> Parser:
    """Describe the command line."""
    top = Parser(
        "aca-local",
        description="Azure Resource Manager, Azure Files and Container Apps on this computer.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    serve = _command(commands, "serve", "start it, or join the one that runs on the same data")
    _add_data_dir(serve)
    serve.add_argument(
        "--port", type=port_number, metavar="P", help="port of Azure Resource Manager (https); kept"
    )
    serve.add_argument("--latency-ms", type=duration, default=0.0, metavar="N", help="delay of each request")
    serve.add_argument(
        "--request-timeout",
        type=duration,
        default=240.0,
        metavar="S",
        help="seconds an ingress waits for an answer",
    )
    serve.add_argument("--faults", type=Path, metavar="FILE", help="what shall go wrong (JSON)")
    serve.add_argument(
        "--timing",
        choices=("instant", "realistic"),
        default="instant",
        help="how long resources, probes and restarts take (default: instant)",
    )
    serve.add_argument(
        "--no-create-with-data",
        action="store_true",
        help="be a Files service too old to take a file's content at its creation",
    )
    serve.add_argument("--new-ports", action="store_true", help="replace kept ports that are in use")
    serve.add_argument("--detach", action="store_true", help="stay in the background")
    serve.add_argument("--json", action="store_true", help="print one line when ready, and nothing else")
    for name, words in (("stop", "end the one that runs"), ("status", "say whether one runs, and where")):
        command = _command(commands, name, words)
        _add_data_dir(command)
        command.add_argument("--json", action="store_true", help="print one line of JSON")
    coverage = _command(commands, "coverage", "list what is served, and what was refused so far")
    _add_data_dir(coverage)
    coverage.add_argument("--json", action="store_true", help="print one JSON object a line")
    commands.add_parser("evaluate", help="say what a template would create", add_help=False)
    return top


def _command(commands: argparse._SubParsersAction[Parser], name: str, words: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=words, description=f"{words[:1].upper()}{words[1:]}.")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; answer the exit code (0 done, 1 failed, 2 usage, 130 interrupted)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    return with_streams(lambda: _main(arguments))


def _main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["evaluate"]:
        from aca_local.evaluate_command import main as evaluate  # noqa: PLC0415 # the other commands need no templates

        return evaluate(arguments[1:])
    options = parser().parse_args(arguments)
    folder = DataFolder(options.data_dir)
    try:
        commands = {"serve": _serve, "stop": _stop, "status": _status, "coverage": _coverage}
        return commands[options.command](folder, options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # of standard output
        raise
    except OwnFileError as problem:
        return _fail(str(problem))
    except OSError as problem:
        where = problem.filename or folder.path
        return _fail(f"{where}: {problem.strerror or problem}. Mend that, or use another --data-dir FOLDER.")


def _coverage(folder: DataFolder, options: argparse.Namespace) -> int:
    from aca_local.arm.coverage import lines  # noqa: PLC0415 - all providers: 0.2 s that `status` does without
    from aca_local.files.coverage import served as files  # noqa: PLC0415 - aiohttp: as long, for this command alone

    for line in lines(folder.path / "state.db", as_json=options.json, others=files()):
        sys.stdout.write(f"{line}\n")
    return 0


def _add_data_dir(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data-dir",
        type=_folder,
        metavar="D",
        default=os.environ.get(DATA_VARIABLE) or None,
        help=f"where everything is kept (default: ${DATA_VARIABLE}, else per user)",
    )


def _folder(text: str) -> Path:
    path = Path(text).expanduser()
    if path.exists() and not path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is no folder")
    return path


def _serve(folder: DataFolder, options: argparse.Namespace) -> int:
    folder.prepare()
    if options.detach:
        return _detach(folder, options)
    running = folder.lock_or_find(START_LIMIT)
    if isinstance(running, Instance):
        _show(running, folder, as_json=options.json)
        return 0
    if running is None:
        return _fail(f"Another aca-local holds {folder.path} and does not answer. Stop it: aca-local stop")
    try:
        return _run(folder, options)
    finally:
        folder.unlock()


def _run(folder: DataFolder, options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    from aca_local.server import Options, serve  # noqa: PLC0415 - aiohttp and all providers: `status` does without

    chosen = Options(
        port=options.port,
        latency=options.latency_ms / 1000,
        faults=options.faults,
        timing=options.timing,
        new_ports=options.new_ports,
        create_with_data=not options.no_create_with_data,
        request_timeout=options.request_timeout,
    )
    try:
        asyncio.run(serve(folder, chosen, lambda ready: _show(ready, folder, as_json=options.json)))
    except (PortInUseError, FaultsError) as problem:
        return _fail(str(problem))
    return 0


def _detach(folder: DataFolder, options: argparse.Namespace) -> int:
    """Start another process of ours, in a session of its own, wait until it (or another one) is ready."""
    running = folder.find()
    if running and running.is_older():
        stop(running)  # its state lasts; what the caller expects of this release would be missing
    elif running:
        _show(running, folder, as_json=options.json)
        return 0
    log = folder.path / LOG_NAME
    OwnFile(log).check_kind()
    with log.open("ab") as output:
        began = output.tell()
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "aca_local", *_foreground(options), "--data-dir", str(folder.path)],
            cwd=folder.path,  # and -P: a project may hold a json.py, and its folder may go
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=os.name != "nt",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
    if running := folder.wait_for(START_LIMIT, lambda: child.poll() is None):
        _show(running, folder, as_json=options.json)
        return 0
    with log.open("rb") as written:
        written.seek(began)
        said = written.read(LONGEST_LOG).decode("utf-8", "replace").strip().splitlines()
    return _fail(said[-1].removeprefix("aca-local: ") if said else f"aca-local ended at once; see {log}")


def _foreground(options: argparse.Namespace) -> list[str]:
    """Write the options of ``serve`` again for a process in the foreground."""
    words = ["serve", "--json", "--latency-ms", str(options.latency_ms), "--timing", options.timing]
    words += ["--request-timeout", str(options.request_timeout)]
    if options.port:
        words += ["--port", str(options.port)]
    if options.faults:
        words += ["--faults", str(options.faults.resolve())]
    words += ["--no-create-with-data"] if options.no_create_with_data else []
    return [*words, "--new-ports"] if options.new_ports else words


def _stop(folder: DataFolder, options: argparse.Namespace) -> int:
    try:
        running, holder = folder.find(), folder.holder()
        if running is None and folder.is_locked() and not (holder and holder.was_ready):
            running, holder = (
                folder.wait_for(START_LIMIT, folder.is_locked),
                folder.holder(),
            )  # it is starting
    except OwnFileError:  # it can't be asked: its note is damaged
        running, holder = None, folder.holder()
        if holder is None:
            raise
    if running:
        stop(running)
        _print({"stopped": True}, "Stopped.", as_json=options.json)
    elif holder:
        end(holder.pid, holder.started, FORCE_LIMIT)
        words = f"Stopped by force: process {holder.pid} did not answer."
        _print({"stopped": True, "forced": True}, words, as_json=options.json)
    elif folder.is_locked():
        return _fail(f"A process holds {folder.path} and cannot be found. End it, then try again.")
    else:
        _print({"stopped": False}, "It is not running.", as_json=options.json)
    return 0


def _status(folder: DataFolder, options: argparse.Namespace) -> int:
    running = folder.find()
    if running:
        _show(running, folder, as_json=options.json)
        return 0
    if holder := folder.holder():
        words = f"It runs (process {holder.pid}) and does not answer (yet). End it: aca-local stop"
        _print({"running": True, "answers": False, "pid": holder.pid}, words, as_json=options.json)
        return 1
    _print({"running": False}, "It is not running. Start it: aca-local serve --detach", as_json=options.json)
    return 1


def _show(instance: Instance, folder: DataFolder, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(instance.line() + "\n")
    else:
        sys.stdout.write(
            f"aca-local is ready (process {instance.pid}, data in {folder.path})\n"
            f"  Azure Resource Manager  {instance.arm}  {instance.arm_http}\n"
            f"  subscription            {instance.subscription_id}\n"
            f"  certificate authority   {instance.ca_file}\n"
            f"  page to look at         {page_url(instance.arm_http, instance.token)}\n"
        )
    sys.stdout.flush()


def _print(value: object, words: str, *, as_json: bool) -> None:
    sys.stdout.write((json.dumps(value) if as_json else words) + "\n")


def _fail(words: str) -> int:
    sys.stderr.write(f"aca-local: {words}\n")
    return 1
