"""``aca-local evaluate``: what a template would create, nothing deployed.

A table for people, ``--json`` for programs, and ``--batch`` for many: JSON lines in, JSON lines out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from bicep_cli import BicepError, BicepService, find

from aca_local.templates import JSON, Plan, Scope, TemplateError, evaluate, snapshot
from aca_local.templates.source import read_template, too_deep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bicep_cli import Compilation, Diagnostic, ParametersCompilation

Compiled = TypeVar("Compiled", "Compilation", "ParametersCompilation")
NOBODY = "00000000-0000-0000-0000-000000000000"
BICEP_PATH = "AITK_BICEP_PATH"
SOURCES = (".bicep", ".bicepparam")
WIDEST = 60  # characters of one cell for people
PLACE: Mapping[str, tuple[str, str]] = {
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
    for name, (default, words) in PLACE.items():
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
    parser = argparse.ArgumentParser("aca-local evaluate", description="Say what a template would create.")
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
    _say(json.dumps(snapshot(plan), ensure_ascii=False, indent=2) if as_json else table(plan))
    _warn_of_service(request)
    return 0


def _warn_of_service(request: Request) -> None:
    """Say on standard error what the engine takes and the service would refuse."""
    try:
        evaluate(request.template, request.parameters, request.scope, preview=True)
    except TemplateError as error:
        sys.stderr.write(f"warning: a deployment would be refused: {error.message}\n")


# Reading what is given


def _request(options: argparse.Namespace) -> Request:
    texts = asyncio.run(_texts(options))
    given = {name: getattr(options, name) for name in PLACE}
    return Request(
        texts[0], parameters_of(_object(texts[1], "The parameters file")), _scope_for(texts[0], given)
    )


def _scope_for(template: str, given: Mapping[str, str | None]) -> Scope:
    """Take the defaults for what is not given; a template for subscriptions has no group."""
    whole = {name: given.get(name) or default for name, (default, _) in PLACE.items()}
    try:
        document = read_template(template)
    except TemplateError:
        document = {}
    if for_subscription(document) and not given.get("resourceGroup"):
        return scope_of({**whole, "resourceGroup": None})
    return scope_of(whole)


def for_subscription(document: Mapping[str, JSON]) -> bool:
    """Tell from the schema whether a template is deployed to a subscription."""
    return "subscriptiondeploymenttemplate.json" in str(document.get("$schema", "")).lower()


async def _texts(options: argparse.Namespace) -> tuple[str, str]:
    """Read the template and the parameters, compiling what is Bicep. Raises InputError."""
    template, parameters = options.template, options.parameters
    if not any(path is not None and path.suffix.lower() in SOURCES for path in (template, parameters)):
        return _read(template), _read(parameters) if parameters else "{}"
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
    _tell(done.diagnostics)
    if done.errors:
        raise InputError(f"{path.name} has errors; mend them first.")
    return done


def _tell(diagnostics: Sequence[Diagnostic]) -> None:
    for diagnostic in diagnostics:
        sys.stderr.write(diagnostic.line() + "\n")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path} cannot be read: {reason}.") from error


def _object(text: str, what: str) -> Mapping[str, JSON]:
    try:
        return read_template(text)
    except TemplateError as error:
        raise InputError(f"{what} is not a JSON object.") from error


def parameters_of(given: Mapping[str, JSON]) -> dict[str, JSON]:
    """Take parameters as a parameters file, as a deployment's `{name:

    {"value": …}}` or as plain `{name: value}`.
    """
    inside = given.get("parameters")
    listed = (
        inside if isinstance(inside, dict) and ("$schema" in given or "contentVersion" in given) else given
    )
    if all(isinstance(item, dict) and item.keys() & {"value", "reference"} for item in listed.values()):
        return dict(listed)
    return {name: {"value": value} for name, value in listed.items()}


def scope_of(given: Mapping[str, JSON]) -> Scope:
    """Read `{tenantId, subscriptionId, resourceGroup, location, deploymentName}`."""
    text = {name: str(given.get(name) or default) for name, (default, _) in PLACE.items()}
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
    template, parameters, place = (line.get(name) for name in ("template", "parameters", "scope"))
    if not isinstance(template, (str, dict)):
        raise InputError("The line has no template.")
    text = template if isinstance(template, str) else _written(template)
    document = read_template(text) if isinstance(template, str) else template
    given = parameters if isinstance(parameters, dict) else {}
    where = {
        **{name: default for name, (default, _) in PLACE.items()},
        **(place if isinstance(place, dict) else {}),
    }
    _check_scope(document, place if isinstance(place, dict) else {})
    if for_subscription(document) and not (isinstance(place, dict) and place.get("resourceGroup")):
        where["resourceGroup"] = None
    return evaluate(text, parameters_of(given), scope_of(where), strict=False, preview=True)


def _written(template: JSON) -> str:
    try:
        return json.dumps(template, ensure_ascii=False)
    except RecursionError as error:
        raise too_deep() from error


def _check_scope(document: Mapping[str, JSON], place: Mapping[str, JSON]) -> None:
    """Refuse what does not go with the template's schema, in the engine's words."""
    schema = str(document.get("$schema", "")).lower()
    for kind in ("Subscription", "Tenant", "ManagementGroup"):
        if f"/{kind.lower()}deploymenttemplate.json" not in schema:
            continue
        if kind != "Subscription" and place.get("subscriptionId"):
            raise TemplateError(f"Subscription ID cannot be specified for a template of scope {kind}")
        if place.get("resourceGroup"):
            raise TemplateError(f"Resource group name cannot be specified for a template of scope {kind}")


# For people


def table(plan: Plan) -> str:
    """Write a plan for people: what would be put, and the outputs."""
    resources = [(item.type, item.name, item.location or "", _note(item.copy)) for item in plan.leaves()]
    outputs = [(name, item.type, _short(item.value)) for name, item in plan.outputs.items()]
    parts = [_section(f"{len(resources)} resource(s)", ("TYPE", "NAME", "LOCATION", "LOOP"), resources)]
    if outputs:
        parts.append(_section(f"{len(outputs)} output(s)", ("NAME", "TYPE", "VALUE"), outputs))
    return "\n\n".join(parts)


def _note(copy: object) -> str:
    index, count, name = (getattr(copy, part, None) for part in ("index", "count", "name"))
    return "" if index is None else f"{name} {index + 1}/{count}"


def _short(value: JSON) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


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
