"""The command line: verbs, flags and help."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_EXAMPLES = """\
examples:
  aitk-inference new my-model                                   a starter project
  aitk-inference provision --project my-model                   asks where to
  aitk-inference provision --subscription local --resource-group dev --project my-model
  aitk-inference deploy --project my-model
  aitk-inference demo                                           all of it, on this computer

exit codes: 0 done, 1 failed, 2 usage or missing input, 130 cancelled
"""
_PROVISION = """\
examples:
  aitk-inference provision                                      asks for subscription and resource group
  aitk-inference provision --subscription local --resource-group dev --location local
  aitk-inference provision --subscription 00000000-… --resource-group models --plan
  aitk-inference provision --no-input --json --subscription 00000000-… --resource-group models
"""
_DEPLOY = """\
examples:
  aitk-inference deploy                                         sync, restart, wait until it answers
  aitk-inference deploy --dry-run                               what would be sent and deleted
  aitk-inference deploy --yes --json                            in a pipeline
"""
_SYNC = """\
examples:
  aitk-inference sync adapters 'https://ACCOUNT.file.core.windows.net/SHARE/adapters?SAS'
  aitk-inference sync . 'https://ACCOUNT.file.core.windows.net/SHARE?SAS' --dry-run

Without ?SAS the variable AZURE_STORAGE_CONNECTION_STRING lets it in; unlike the URL, a variable is not seen
in the list of processes. Only what an earlier sync sent is ever deleted.
"""
_NEW = """\
examples:
  aitk-inference new my-model                                   a new folder; an empty one will do, too
"""
_STATUS = """\
examples:
  aitk-inference status                                         of this folder's project
  aitk-inference status --project my-model --json               for a script: data.answers says if it does
"""
_OPEN = """\
examples:
  aitk-inference open --project my-model
"""
_DEMO = """\
examples:
  aitk-inference demo                                           leaves the app running: open its page
  aitk-inference demo --once --question "Why is the sky blue?"
"""
_SERVE = """\
examples:
  aitk-inference serve                                          what an editor starts
"""
_LOGS = """\
examples:
  aitk-inference logs                                           the last 100 lines
  aitk-inference logs --follow --tail 20
  aitk-inference logs --system                                  why a replica does not start
"""
_STOP = """\
examples:
  aitk-inference stop --project my-model                        nothing is billed until: aitk-inference start
"""
_START = """\
examples:
  aitk-inference start --project my-model
"""
_MOST_LINES = 300
"""Azure's log streams give no more."""
_LOG_LEVELS = ("debug", "info", "warning", "error")


def parser(verb: str | None = None) -> argparse.ArgumentParser:
    """The parser of ``aitk-inference``.

    Args:
        verb: What the command line begins with; a verb needs no parser of the others.
    """
    top = argparse.ArgumentParser(
        prog="aitk-inference",
        description="Provision Azure Container Apps for inference, deploy fine-tuned models to them, "
        "and do the same on this computer.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    makers = _makers()
    for make in [makers[verb]] if verb in makers else makers.values():
        make(verbs)
    return top


def _makers() -> dict[str, Callable[[_Verbs[argparse.ArgumentParser]], None]]:
    """What makes each verb's parser, in the order of the help."""
    return {
        "new": _new,
        "provision": _provision,
        "deploy": _deploy,
        "status": _status,
        "open": _open,
        "logs": _logs,
        "stop": _stop,
        "start": _start,
        "sync": _sync,
        "demo": _demo,
        "serve": _serve,
    }


_Verbs = argparse._SubParsersAction


def _verb(
    verbs: _Verbs[argparse.ArgumentParser], name: str, words: str, examples: str = ""
) -> argparse.ArgumentParser:
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
    verb.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="the project's folder (default: this one)"
    )


def _new(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "new", "make a starter project", _NEW)
    verb.add_argument("directory", type=Path, metavar="DIR", help="a new or empty folder")


def _provision(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "provision", "make the Azure resources and note where they are", _PROVISION)
    _in_project(verb)
    verb.add_argument("--subscription", metavar="ID|local", help="id or name of a subscription, or: local")
    verb.add_argument("--resource-group", metavar="RG", help="an existing or a new resource group")
    verb.add_argument("--location", metavar="L", help="region of a new resource group")
    verb.add_argument("--plan", action="store_true", help="say what would be made, make nothing")
    verb.add_argument(
        "--again", action="store_true", help="deploy even when nothing changed since the last time"
    )
    _answers(verb)


def _deploy(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "deploy", "sync the project, restart its app, wait until it answers", _DEPLOY)
    _in_project(verb)
    verb.add_argument(
        "--dry-run", action="store_true", help="say what would be sent and deleted, send nothing"
    )
    _verify(verb)
    verb.add_argument("--no-wait", action="store_true", help="do not wait until the web API answers")
    verb.add_argument(
        "--timeout", type=_seconds, metavar="SECONDS", help="how long the web API may take (default: 1500)"
    )
    _answers(verb)


def _answers(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--yes", action="store_true", help="confirm everything that would be asked")
    verb.add_argument("--no-input", action="store_true", help="never ask; a missing answer ends with code 2")


def _status(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    _in_project(_verb(verbs, "status", "say what is there, what runs and whether it answers", _STATUS))


def _logs(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "logs", "tell what the newest replica wrote", _LOGS)
    _in_project(verb)
    verb.add_argument("--follow", action="store_true", help="go on with new lines; Ctrl+C ends it")
    verb.add_argument(
        "--system", action="store_true", help="image pulls, volume mounts, probes and restarts instead"
    )
    verb.add_argument(
        "--tail",
        type=_lines,
        default=100,
        metavar="N",
        help="how many of the last lines, 0 to 300 (default: 100)",
    )


def _open(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    _in_project(_verb(verbs, "open", "open the endpoint in the browser", _OPEN))


def _stop(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    _in_project(_verb(verbs, "stop", "stop the app, so that no replica is billed", _STOP))


def _start(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    _in_project(_verb(verbs, "start", "start the stopped app with the code that is there", _START))


def _sync(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    verb = _verb(verbs, "sync", "bring an Azure Files share, or a folder of it, to what a folder has", _SYNC)
    verb.add_argument("folder", type=Path, metavar="DIR", help="the folder to send")
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
        help="hash every file whatever its time says, and look for changes everywhere on the share",
    )


def _demo(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    words = "new, provision and deploy on this computer, then one real chat request"
    verb = _verb(verbs, "demo", words, _DEMO)
    verb.add_argument("--once", action="store_true", help="stop what was started, and exit")
    verb.add_argument(
        "--project", type=Path, default=Path("demo-project"), metavar="DIR", help="default: demo-project"
    )
    verb.add_argument("--question", metavar="TEXT", help="what to ask the model")


def _serve(verbs: _Verbs[argparse.ArgumentParser]) -> None:
    _verb(verbs, "serve", "the language server on stdin and stdout", _SERVE)


def _lines(text: str) -> int:
    value = int(text)
    if not 0 <= value <= _MOST_LINES:
        raise argparse.ArgumentTypeError(f"it must be between 0 and {_MOST_LINES}")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("it must be more than 0")
    return value
