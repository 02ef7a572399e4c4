"""The command line: verbs, flags and help."""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aitk_inference import __version__
from aitk_inference.cli import examples
from aitk_inference.cli.usage import Parser, VerbParser, WrongArgumentsError, refuse_verb
from aitk_inference.core.errors import AppError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MOST_LINES = 300
"""Azure's log streams give no more."""
_LOG_LEVELS = ("debug", "info", "warning", "error")


def read(argv: Sequence[str]) -> argparse.Namespace:
    """Return what a command line says.

    Raises:
        WrongArgumentsError: it can't be understood, which was said.
        SystemExit: it asked for help, which is shown.
    """
    top = parser(argv[0] if argv else None)
    if not argv:
        top.print_help(sys.stderr)
        raise WrongArgumentsError("There is no verb.", "")
    if not argv[0].startswith("-") and argv[0] not in (known := _makers()):
        refuse_verb(top, argv[0], known)
    return top.parse_args(argv)


def parser(verb: str | None = None) -> Parser:
    """Return the parser of ``aitk-inference``.

    Args:
        verb: What the command line begins with; a verb needs no parser of the others.
    """
    top = Parser(
        prog="aitk-inference",
        description="Provision Azure Container Apps for inference, deploy fine-tuned models to them, "
        "and do the same on this computer.",
        epilog=examples.EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True, parser_class=VerbParser)
    makers = _makers()
    for make in [makers[verb]] if verb in makers else makers.values():
        make(verbs)
    return top


def _makers() -> dict[str, Callable[[_Verbs[VerbParser]], None]]:
    """Return what makes each verb's parser, in the order of the help."""
    return {
        "new": _new,
        "check": _check,
        "provision": _provision,
        "deploy": _deploy,
        "status": _status,
        "open": _open,
        "logs": _logs,
        "ask": _ask,
        "portal": _portal,
        "stop": _stop,
        "start": _start,
        "scale": _scale,
        "secrets": _secrets,
        "protect": _protect,
        "delete": _delete,
        "sync": _sync,
        "demo": _demo,
        "serve": _serve,
    }


_Verbs = argparse._SubParsersAction


def _verb(verbs: _Verbs[VerbParser], name: str, words: str, examples: str = "") -> argparse.ArgumentParser:
    verb = verbs.add_parser(
        name,
        help=words,
        description=words[:1].upper() + words[1:] + ".",
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verb.add_argument(
        "--json", action="store_true", help="one JSON object a line on stdout, nothing else there"
    )
    verb.add_argument(
        "--log-level", choices=_LOG_LEVELS, default="info", help="what goes to the log file (default: info)"
    )
    return verb


def _in_project(verb: argparse.ArgumentParser) -> None:
    _project(verb)
    verb.add_argument(
        "--tenant",
        metavar="ID",
        help="the directory to sign in to, by id or domain (default: the project's, which Provision notes)",
    )


def _project(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--project",
        type=_folder,
        default=Path(),
        metavar="DIR",
        help="the project's folder (default: this one)",
    )


def _new(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "new", "make a starter project", examples.NEW)
    verb.add_argument("directory", type=_folder, metavar="DIR", help="a new or empty folder")


def _check(verbs: _Verbs[VerbParser]) -> None:
    words = "say what is wrong or unwise in the project's files and its model; nothing is changed"
    _project(_verb(verbs, "check", words, examples.CHECK))


def _provision(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "provision", "make the Azure resources and note where they are", examples.PROVISION)
    _in_project(verb)
    verb.add_argument("--subscription", metavar="ID|local", help="id or name of a subscription, or: local")
    verb.add_argument("--resource-group", metavar="RG", help="an existing or a new resource group")
    verb.add_argument("--location", metavar="L", help="region of a new resource group")
    words = "write a parameter into the project's parameters file first; may be given again"
    verb.add_argument("--set", action="append", metavar="NAME=VALUE", help=words)
    only = verb.add_mutually_exclusive_group()
    only.add_argument("--plan", action="store_true", help="say what would be made, make nothing")
    only.add_argument(
        "--check",
        action="store_true",
        help="check rights, quota, names and files, make nothing; 1: a problem",
    )
    verb.add_argument(
        "--no-what-if",
        action="store_true",
        help="leave Azure's own comparison out of the plan: it may take minutes",
    )
    verb.add_argument(
        "--again", action="store_true", help="deploy even when nothing changed since the last time"
    )
    _answers(verb)


def _deploy(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "deploy", "sync the project, restart its app, wait until it answers", examples.DEPLOY)
    _in_project(verb)
    verb.add_argument(
        "--dry-run", action="store_true", help="say what would be sent and deleted, send nothing"
    )
    _verify(verb)
    verb.add_argument("--no-wait", action="store_true", help="do not wait until the web API answers")
    verb.add_argument(
        "--restart",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="restart the app, or do not (default: yes; it is asked where nothing has changed and the app answers)",
    )
    verb.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="how long the web API may take (default: 1500)"
    )
    _answers(verb)


def _answers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--yes", action="store_true", help="confirm everything that would be asked")
    verb.add_argument("--no-input", action="store_true", help="never ask; a missing answer ends with code 2")


def _status(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "status", "say what is there, what runs and whether it answers", examples.STATUS)
    _in_project(verb)
    verb.add_argument(
        "--account", action="store_true", help="say who is signed in to Azure, how, in which directory"
    )


def _logs(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "logs", "show what the newest replica writes, wrote, or went through", examples.LOGS)
    _in_project(verb)
    verb.add_argument(
        "--follow", action="store_true", help="go on with new lines, of new replicas too; Ctrl+C ends it"
    )
    which = verb.add_mutually_exclusive_group()
    which.add_argument(
        "--system", action="store_true", help="image pulls, volume mounts, probes and restarts instead"
    )
    which.add_argument("--both", action="store_true", help="the console and the system log together")
    verb.add_argument(
        "--tail",
        type=_lines,
        default=100,
        metavar="N",
        help="how many of the last lines, 0 to 300 (default: 100); --since shows all of its time",
    )
    verb.add_argument(
        "--since", type=_span, metavar="TIME", help="what Log Analytics keeps, too: 30m, 2h, 1d"
    )
    verb.add_argument(
        "--timestamps", action="store_true", help="each line with its time, in UTC (--json has it always)"
    )
    verb.add_argument(
        "--previous", action="store_true", help="what the replica or container before this one wrote"
    )


def _ask(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "ask", "ask the model a question, with the app's key", examples.ASK)
    verb.add_argument("text", metavar="TEXT", help="the question; - reads it from standard input")
    _in_project(verb)
    verb.add_argument(
        "--model", metavar="NAME", help="of which model (default: the first that the app names)"
    )


def _portal(verbs: _Verbs[VerbParser]) -> None:
    _in_project(_verb(verbs, "portal", "open the app's page in the Azure portal", examples.PORTAL))


def _open(verbs: _Verbs[VerbParser]) -> None:
    _project(_verb(verbs, "open", "open the endpoint in the browser", examples.OPEN))


def _stop(verbs: _Verbs[VerbParser]) -> None:
    _in_project(_verb(verbs, "stop", "stop the app, so that no replica is billed", examples.STOP))


def _start(verbs: _Verbs[VerbParser]) -> None:
    _in_project(_verb(verbs, "start", "start the stopped app with the code that is there", examples.START))


def _scale(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "scale", "set how many replicas run at least and at most", examples.SCALE)
    _in_project(verb)
    verb.add_argument("--min", type=int, metavar="N", help="replicas that run when nobody asks: 0 or more")
    verb.add_argument("--max", type=int, metavar="N", help="the most replicas at a time: 1 or more")


def _secrets(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(verbs, "secrets", "set, list or remove the app's secrets", examples.SECRETS)
    actions = ("set", "list", "remove")
    verb.add_argument("action", choices=actions, metavar="|".join(actions), help="what to do")
    verb.add_argument("name", nargs="?", metavar="NAME", help="of which secret; its value is not an argument")
    surplus = verb.add_argument("surplus", nargs="*", help=argparse.SUPPRESS)
    surplus.required = False  # a value: refused without repeating it, and not named among what is missing
    _in_project(verb)
    verb.add_argument(
        "--restart",
        action=argparse.BooleanOptionalAction,
        help="restart the app, or not, so that it has a changed value (default: it is asked)",
    )


def _protect(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(
        verbs, "protect", "say who may use the endpoint, which is public otherwise", examples.PROTECT
    )
    _in_project(verb)
    ways = verb.add_mutually_exclusive_group()
    ways.add_argument("--api-key", action="store_true", help="those with a key, which is made and shown once")
    ways.add_argument("--allow-ip", nargs="+", metavar="CIDR", help="these ranges of IPv4 addresses alone")
    ways.add_argument("--open", action="store_true", help="everybody; removes what the others set")
    _answers(verb)


def _delete(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(
        verbs, "delete", "delete exactly what this project made in Azure, after listing it", examples.DELETE
    )
    _in_project(verb)
    verb.add_argument("--subscription", metavar="ID|local", help="where, if the project's files do not say")
    verb.add_argument("--resource-group", metavar="RG", help="where, if the project's files do not say")
    verb.add_argument(
        "--all", action="store_true", help="also what fine-tuning uses, where this project made it"
    )
    verb.add_argument(
        "--share", metavar="NAME", help="the share's name: one with adapters is not deleted without"
    )
    _answers(verb)


def _sync(verbs: _Verbs[VerbParser]) -> None:
    verb = _verb(
        verbs, "sync", "bring an Azure Files share, or a folder of it, to what a folder has", examples.SYNC
    )
    verb.add_argument("folder", type=_folder, metavar="DIR", help="the folder to send")
    verb.add_argument("url", metavar="SHARE_URL", help="URL of the share or of a folder in it, with ?SAS")
    verb.add_argument(
        "--dry-run", action="store_true", help="say what would be sent, deleted and left out, send nothing"
    )
    _verify(verb)
    _answers(verb)


def _verify(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--verify",
        action="store_true",
        help="hash every file, here and on the share, and look at every name there",
    )


def _demo(verbs: _Verbs[VerbParser]) -> None:
    words = "new, provision and deploy on this computer, then one real chat request"
    verb = _verb(verbs, "demo", words, examples.DEMO)
    verb.add_argument("--once", action="store_true", help="stop what was started, and exit")
    verb.add_argument(
        "--project", type=_folder, default=Path("demo-project"), metavar="DIR", help="default: demo-project"
    )
    verb.add_argument("--question", metavar="TEXT", help="what to ask the model")


def _serve(verbs: _Verbs[VerbParser]) -> None:
    _verb(verbs, "serve", "the language server on stdin and stdout", examples.SERVE)


def _folder(text: str) -> Path:
    """Return the path of a folder; an empty word is no name for the one that happens to be the current."""
    if not text:
        raise argparse.ArgumentTypeError("it is empty; a variable may not be set")
    if "://" in text:
        raise argparse.ArgumentTypeError("a folder is wanted here, not a URL")
    folder = Path(text)
    try:
        folder.expanduser().resolve()
    except RuntimeError as error:  # no such user, or links in a circle
        raise argparse.ArgumentTypeError(f"{text} can't be a folder: {error}".rstrip(".")) from error
    return folder


def _lines(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= _MOST_LINES:
        raise argparse.ArgumentTypeError(f"it must be a number between 0 and {_MOST_LINES}")
    return int(text)


def _span(text: str) -> str:
    from aitk_inference.flows.operate.log_range import span  # noqa: PLC0415 - only logs asks

    try:
        span(text)
    except AppError as error:
        raise argparse.ArgumentTypeError(f"{error.message} {error.suggestion}") from None
    return text


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError("it must be a number of seconds, more than 0")
    return value
