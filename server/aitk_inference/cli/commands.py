"""Each verb: its arguments made into a request, its flow run."""

from __future__ import annotations

import asyncio
import os
import sys
import webbrowser
from functools import partial
from typing import TYPE_CHECKING

from aitk_inference.cli.mending import provision_mending
from aitk_inference.cli.terminal import read_all
from aitk_inference.core.errors import InvalidProject, Misuse, Problem
from aitk_inference.core.settings import settings_from
from aitk_inference.flows.api import (
    READY_SECONDS,
    AccountRequest,
    AskRequest,
    DeleteRequest,
    DeployRequest,
    LogsRequest,
    OpenRequest,
    PortalRequest,
    ProtectRequest,
    ProvisionRequest,
    ScaleRequest,
    SecretsRequest,
    StatusRequest,
    SwitchRequest,
)
from aitk_inference.flows.deploy.deploy import deploy
from aitk_inference.flows.operate import app_lifecycle
from aitk_inference.flows.operate.account import show_account
from aitk_inference.flows.operate.ask import ask
from aitk_inference.flows.operate.logs import logs
from aitk_inference.flows.operate.portal import portal
from aitk_inference.flows.operate.protect import protect
from aitk_inference.flows.operate.scale import scale
from aitk_inference.flows.operate.secrets import secrets
from aitk_inference.flows.operate.status import status
from aitk_inference.flows.project.check import check
from aitk_inference.flows.project.scaffold import new_project, packaged_infra
from aitk_inference.flows.provision.delete import delete
from aitk_inference.flows.provision.set_parameters import set_given

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from aitk_inference.cli.json_lines import JsonLinesUserInterface
    from aitk_inference.cli.terminal import NoInputUserInterface
    from aitk_inference.core.ports import Clouds, MakeClouds
    from aitk_inference.flows.outcome import Outcome

    UserInterface = NoInputUserInterface | JsonLinesUserInterface
    """A terminal's: it shows streams, too."""
    Verb = Callable[[argparse.Namespace, MakeClouds, UserInterface], Awaitable[Outcome]]


async def perform(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    """Run the verb that the arguments name."""
    verbs: Mapping[str, Verb] = {
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
        "demo": _demo,
    }
    return await verbs[arguments.verb](arguments, make_clouds, ui)


def _clouds(arguments: argparse.Namespace, make_clouds: MakeClouds) -> Clouds:
    """Return the targets, signed in to the directory that the command names; none: the project's own."""
    return make_clouds(settings_from(os.environ)._replace(command_tenant=arguments.tenant), None)


async def _demo(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    from aitk_inference.cli.demo import demo  # noqa: PLC0415 - its HTTP client is for it alone

    return await demo(arguments, make_clouds, ui)


async def _new(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    return await new_project(arguments.directory, infra=packaged_infra(), ui=ui)


async def _check(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    async with make_clouds(settings_from(os.environ), None).compiler() as compiler:
        return await check(_project(arguments), ui=ui, compiler=compiler)


async def _provision(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    clouds = _clouds(arguments, make_clouds)
    request = ProvisionRequest(
        _project(arguments),
        arguments.subscription,
        arguments.resource_group,
        arguments.location,
        plan_only=arguments.plan,
        check_only=arguments.check,
        again=arguments.again,
        assume_yes=arguments.yes,
        what_if=not arguments.no_what_if,
    )
    if arguments.set:
        async with clouds.compiler() as compiler:
            await set_given(request.project, arguments.set, compiler, ui)
    return await provision_mending(request, ui=ui, clouds=clouds, tenant=arguments.tenant)


async def _deploy(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = DeployRequest(
        _project(arguments),
        dry_run=arguments.dry_run,
        wait=not arguments.no_wait,
        verify=arguments.verify,
        assume_yes=arguments.yes,
        ready_timeout=arguments.timeout or READY_SECONDS,
        restart=arguments.restart,
    )
    return await deploy(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _status(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    project, clouds = _project(arguments), _clouds(arguments, make_clouds)
    if arguments.account:
        return await show_account(AccountRequest(project), ui=ui, clouds=clouds)
    return await status(StatusRequest(project), ui=ui, clouds=clouds)


async def _logs(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = LogsRequest(
        _project(arguments),
        follow=arguments.follow,
        system=arguments.system,
        both=arguments.both,
        tail=arguments.tail,
        since=arguments.since,
        previous=arguments.previous,
    )
    show = partial(ui.log, named=request.both, timed=arguments.timestamps)
    return await logs(request, ui=ui, clouds=_clouds(arguments, make_clouds), show=show)


async def _ask(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    text = arguments.text
    if text == "-":  # without a standard input it is empty
        text = (await read_all(sys.stdin.fileno())).decode(errors="replace") if sys.stdin is not None else ""
    request = AskRequest(_project(arguments), text, arguments.model)
    return await ask(request, ui=ui, clouds=_clouds(arguments, make_clouds), show=ui.answer)


async def _portal(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    clouds = _clouds(arguments, make_clouds)
    outcome = await portal(PortalRequest(_project(arguments)), ui=ui, clouds=clouds)
    opened = await asyncio.to_thread(webbrowser.open, outcome.actions[0].target)
    return outcome._replace(summary="Opened the portal.", actions=()) if opened else outcome


async def _stop(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = SwitchRequest(_project(arguments))
    return await app_lifecycle.stop(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _start(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = SwitchRequest(_project(arguments))
    return await app_lifecycle.start(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _scale(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = ScaleRequest(_project(arguments), arguments.min, arguments.max)
    return await scale(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _secrets(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    if arguments.surplus:
        raise Misuse(
            "A secret's value is never an argument: others read it in the list of processes.",
            suggestion="Give it on standard input or to the hidden prompt, and replace the value that was shown.",
        )
    if arguments.action == "list" and arguments.name:
        raise Misuse("The list has all names.", suggestion="Leave out NAME: aitk-inference secrets list")
    request = SecretsRequest(_project(arguments), arguments.action, arguments.name, arguments.restart)
    value = await _piped() if arguments.action == "set" else None
    clouds = _clouds(arguments, make_clouds)
    return await secrets(request, ui=ui, clouds=clouds, value=value)


async def _piped() -> str | None:
    """Return what a pipe or a file on standard input holds, without its last line end; None: a person is there."""
    if sys.stdin is None or sys.stdin.isatty():
        return None
    try:
        return (await read_all(sys.stdin.fileno())).decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise Misuse("The value on standard input is not text in UTF-8.") from None


async def _protect(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = ProtectRequest(
        _project(arguments),
        api_key=arguments.api_key,
        allow_ip=tuple(arguments.allow_ip or ()),
        open=arguments.open,
        assume_yes=arguments.yes,
    )
    return await protect(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _delete(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    request = DeleteRequest(
        _project(arguments),
        arguments.subscription,
        arguments.resource_group,
        everything=arguments.all,
        share_name=arguments.share,
        assume_yes=arguments.yes,
    )
    return await delete(request, ui=ui, clouds=_clouds(arguments, make_clouds))


async def _open(arguments: argparse.Namespace, make_clouds: MakeClouds, ui: UserInterface) -> Outcome:
    outcome = app_lifecycle.endpoint(OpenRequest(_project(arguments)))
    opened = await asyncio.to_thread(webbrowser.open, outcome.endpoint or "")
    return outcome._replace(summary=f"Opened {outcome.endpoint}.", actions=()) if opened else outcome


def _project(arguments: argparse.Namespace) -> Path:
    project: Path = arguments.project.expanduser().resolve()
    if not project.is_dir():
        message = f"There is no folder {project}."
        raise InvalidProject(
            message,
            [Problem(project, message, code="missing")],
            suggestion="Make a project with: aitk-inference new DIR",
        )
    return project
