"""``aca-local evaluate``: what a template would create, nothing deployed.

A table for people, ``--json`` for programs, and ``--batch`` for many: JSON lines in, JSON lines out.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from arm_template import JSON, Plan, Scope, TemplateError, evaluate, snapshot
from arm_template.source_positions import read_template, too_deep
from bicep_cli import BicepError, BicepService, find

from aca_local.state.regular_files import check_regular, read_regular
from aca_local.streams import speaks_unicode
from aca_local.usage import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from bicep_cli import Compilation, ParametersCompilation

Compiled = TypeVar("Compiled", "Compilation", "ParametersCompilation")
NOBODY = "00000000-0000-0000-0000-000000000000"
BICEP_PATH = "AITK_BICEP_PATH"
SOURCES = (".bicep", ".bicepparam")
HANDED_OVER = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")  # what a shell opened for us
WIDEST = 60  # characters of one cell for people
SCOPE_DEFAULTS: Mapping[str, tuple[str, str]] = {
    "tenantId": (NOBODY, "the tenant"),
    "subscriptionId": (NOBODY, "the subscription"),
    "resourceGroup": ("rg-local", "the resource group"),
    "location": ("westus", "its location"),
    "deploymentName": ("main", "the deployment"),
}


class InputError(Exception):
    """What was given cannot be read: one line for people."""


@dataclass(frozen=True)
class Request:
    """A template's text or JSON, its parameters as `{name: {"value": …}}`, and where it would be deployed."""

    template: str | Mapping[str, JSON]
    parameters: Mapping[str, JSON]
    scope: Scope


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the arguments of the command."""
    parser.add_argument(
        "template", nargs="?", type=Path, metavar="TEMPLATE", help="a .json, .bicep or .bicepparam file"
    )
    parser.add_argument(
        "--parameters", type=Path, metavar="FILE", help="a parameters file (.json or .bicepparam)"
    )
    for name, (default, words) in SCOPE_DEFAULTS.items():
        flag = "".join(f"-{char.lower()}" if char.isupper() else char for char in name)
        parser.add_argument(f"--{flag}", dest=name, metavar="X", help=f"{words} (default: {default})")
    parser.add_argument(
        "--bicep", type=Path, metavar="PATH", help=f"the Bicep CLI (default: ${BICEP_PATH}, PATH …)"
    )
    parser.add_argument("--json", action="store_true", help="print what `bicep snapshot` prints")
    parser.add_argument(
        "--batch", action="store_true", help="read JSON lines from standard input, answer a line each"
    )


def main(arguments: Sequence[str]) -> int:
    """Run the command from its arguments."""
    parser = Parser("aca-local evaluate", description="Say what a template would create.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def run(options: argparse.Namespace) -> int:
    """Run the command; answer the exit code (0 done, 1 the template is not valid, 2 usage)."""
    if options.batch:
        return batch(sys.stdin, sys.stdout)
    if options.template is None:
        return _fail("Name a template (.json, .bicep or .bicepparam), or give --batch.", 2)
    try:
        request = _request(options)
    except InputError as problem:
        return _fail(str(problem), 1)
    return _show(request, as_json=options.json)


def _show(request: Request, *, as_json: bool) -> int:
    try:
        plan = evaluate(request.template, request.parameters, request.scope, strict=False, preview=True)
    except TemplateError as error:
        if as_json:
            _say(json.dumps({"error": error.body()}))
        return _fail(f"{error.code}: {error.message}", 1)
    _say(json.dumps(snapshot(plan), ensure_ascii=not speaks_unicode(), indent=2) if as_json else table(plan))
    try:  # again, strictly: the engine takes what the service would refuse
        evaluate(request.template, request.parameters, request.scope, preview=True)
    except TemplateError as error:
        sys.stderr.write(f"warning: a deployment would be refused: {error.message}\n")
    return 0


# Reading what is given


def _request(options: argparse.Namespace) -> Request:
    template, parameters = asyncio.run(_texts(options))
    given = {name: getattr(options, name) for name in SCOPE_DEFAULTS}
    try:
        values = parameters_of(read_template(parameters))
    except TemplateError as error:
        raise InputError(
            f"{options.parameters or options.template} is not a JSON object of parameters."
        ) from error
    return Request(template, values, _scope_for(template, given))


def _scope_for(template: str, given: Mapping[str, str | None]) -> Scope:
    """Take the defaults for what is not given; a template for subscriptions has no group."""
    whole = {name: given.get(name) or default for name, (default, _) in SCOPE_DEFAULTS.items()}
    try:
        document = read_template(template)
    except TemplateError:
        document = {}
    if for_subscription(document) and not given.get("resourceGroup"):
        return scope_of({**whole, "resourceGroup": None})
    return scope_of(whole)


def for_subscription(document: Mapping[str, JSON]) -> bool:
    """Return True if the schema says that a template is deployed to a subscription."""
    return "subscriptiondeploymenttemplate.json" in str(document.get("$schema", "")).lower()


async def _texts(options: argparse.Namespace) -> tuple[str, str]:
    """Read the template and the parameters, compiling what is Bicep. Raises InputError."""
    template, parameters = options.template, options.parameters
    if not any(path is not None and path.suffix.lower() in SOURCES for path in (template, parameters)):
        return _read(template), _read(parameters) if parameters else "{}"
    for path in filter(None, (template, parameters)):
        try:
            check_regular(path)  # the Bicep CLI would wait for a pipe
        except OSError as error:
            raise _unreadable(path, error) from error
    try:
        setting = options.bicep or os.environ.get(BICEP_PATH)
        async with BicepService(find(str(setting) if setting else None)) as bicep:
            return await _compiled(bicep, template, parameters)
    except BicepError as error:
        raise InputError(f"{error.message} {error.suggestion}".strip()) from error


async def _compiled(bicep: BicepService, template: Path, parameters: Path | None) -> tuple[str, str]:
    text, values = "", _read(parameters) if parameters and parameters.suffix.lower() not in SOURCES else "{}"
    for path in (parameters, template):
        if path is not None and path.suffix.lower() == ".bicepparam":
            done = _checked(await bicep.compile_parameters(path), path)
            text, values = done.template or text, done.parameters or values
    if template.suffix.lower() == ".bicep":
        text = _checked(await bicep.compile(template), template).template or ""
    elif template.suffix.lower() != ".bicepparam":
        text = _read(template)
    return text, values


def _checked(done: Compiled, path: Path) -> Compiled:
    sys.stderr.writelines(f"{diagnostic.line()}\n" for diagnostic in done.diagnostics)
    if done.errors:
        raise InputError(f"{path.name} has errors; mend them first.")
    return done


def _read(path: Path) -> str:
    try:
        if str(path).startswith(HANDED_OVER):  # `evaluate <(bicep build …)`: its writer is there
            return path.read_text("utf-8-sig")
        return read_regular(path).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError | UnicodeDecodeError) -> InputError:
    reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
    return InputError(f"{path} cannot be read: {reason}. Name another file.")


def parameters_of(given: Mapping[str, JSON]) -> dict[str, JSON]:
    """Take parameters as a parameters file, a deployment's `{name: {"value": …}}`, or plain values."""
    inside = given.get("parameters")
    listed = (
        inside if isinstance(inside, dict) and ("$schema" in given or "contentVersion" in given) else given
    )
    if all(isinstance(item, dict) and item.keys() & {"value", "reference"} for item in listed.values()):
        return dict(listed)
    return {name: {"value": value} for name, value in listed.items()}


def scope_of(given: Mapping[str, JSON]) -> Scope:
    """Read `{tenantId, subscriptionId, resourceGroup, location, deploymentName}`."""
    text = {name: str(given.get(name) or default) for name, (default, _) in SCOPE_DEFAULTS.items()}
    return Scope(
        tenant_id=text["tenantId"],
        subscription_id=text["subscriptionId"],
        resource_group=text["resourceGroup"] if given.get("resourceGroup") else None,
        location=text["location"],
        deployment_name=text["deploymentName"],
    )


# Many at once


def batch(lines: TextIO, out: TextIO) -> int:
    """Answer each line with one line, in order: `{"snapshot": …}` or `{"error": {"code", "message", …}}`."""
    for line in lines:
        out.write(json.dumps(answer(line)) + "\n")
        out.flush()
    return 0


def answer(line: str) -> dict[str, JSON]:
    """Evaluate one line of a batch. It never raises: whatever the line holds, there is an answer."""
    try:
        return {"snapshot": snapshot(_evaluated(_line(line)))}
    except InputError as problem:
        return {"error": {"code": "InvalidRequestContent", "message": str(problem)}}
    except TemplateError as error:
        return {"error": dict(error.body())}
    except Exception as error:
        return {
            "error": {"code": "InternalError", "message": f"The evaluator failed: {type(error).__name__}."}
        }


def _line(text: str) -> dict[str, JSON]:
    """Read a line. Raises InputError, and TemplateError where it is nested too deeply for any template."""
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise too_deep() from error
    except ValueError as error:
        raise InputError("The line is not a JSON object.") from error
    if not isinstance(found, dict):
        raise InputError("The line is not a JSON object.")
    return found


def _evaluated(line: Mapping[str, JSON]) -> Plan:
    template = line.get("template")
    parameters, scope = (
        found if isinstance(found := line.get(name), dict) else {} for name in ("parameters", "scope")
    )
    if not isinstance(template, (str, dict)):
        raise InputError("The line has no template.")
    try:
        text = template if isinstance(template, str) else json.dumps(template, ensure_ascii=False)
    except RecursionError as error:
        raise too_deep() from error
    document = read_template(text) if isinstance(template, str) else template
    _check_scope(document, scope)
    whole = {**{name: default for name, (default, _) in SCOPE_DEFAULTS.items()}, **scope}
    if for_subscription(document) and not scope.get("resourceGroup"):
        whole["resourceGroup"] = None
    return evaluate(text, parameters_of(parameters), scope_of(whole), strict=False, preview=True)


def _check_scope(document: Mapping[str, JSON], scope: Mapping[str, JSON]) -> None:
    """Refuse what does not go with the template's schema, in the engine's words."""
    schema = str(document.get("$schema", "")).lower()
    for kind in ("Subscription", "Tenant", "ManagementGroup"):
        if f"/{kind.lower()}deploymenttemplate.json" not in schema:
            continue
        if kind != "Subscription" and scope.get("subscriptionId"):
            raise TemplateError(f"Subscription ID cannot be specified for a template of scope {kind}")
        if scope.get("resourceGroup"):
            raise TemplateError(f"Resource group name cannot be specified for a template of scope {kind}")


# For people


def table(plan: Plan) -> str:
    """Write a plan for people: what would be put, and the outputs."""
    resources = []
    for one in plan.leaves():
        loop = f"{one.copy.name} {one.copy.index + 1}/{one.copy.count}" if one.copy else ""
        resources.append((one.type, one.name, one.location or "", loop))
    outputs = []
    for name, output in plan.outputs.items():
        value = output.value
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        outputs.append((name, output.type, text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"))
    parts = [_section(f"{len(resources)} resource(s)", ("TYPE", "NAME", "LOCATION", "LOOP"), resources)]
    if outputs:
        parts.append(_section(f"{len(outputs)} output(s)", ("NAME", "TYPE", "VALUE"), outputs))
    return "\n\n".join(parts)


def _section(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return title
    widths = [max(len(row[at]) for row in (heads, *rows)) for at in range(len(heads))]
    kept = [at for at in range(len(heads)) if any(row[at] for row in rows)]
    lines = ["  ".join(row[at].ljust(widths[at]) for at in kept).rstrip() for row in (heads, *rows)]
    return "\n".join([title, *(f"  {line}" for line in lines)])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _fail(message: str, code: int) -> int:
    sys.stderr.write(message + "\n")
    return code
