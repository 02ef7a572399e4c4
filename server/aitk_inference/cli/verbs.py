"""Each verb: its arguments made into a request, its flow run."""

from __future__ import annotations

import asyncio
import os
import webbrowser
from typing import TYPE_CHECKING

from aitk_inference.core.config import incomplete, read_config
from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.settings import settings_from
from aitk_inference.flows import running
from aitk_inference.flows.deploy import deploy
from aitk_inference.flows.provision import provision
from aitk_inference.flows.requests import (
    READY_SECONDS,
    DeployRequest,
    LogsRequest,
    Outcome,
    ProvisionRequest,
    StatusRequest,
    SwitchRequest,
)
from aitk_inference.flows.scaffold import new_project, packaged_infra
from aitk_inference.flows.status import status

if TYPE_CHECKING:
    import argparse
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.ports import Wire

    Verb = Callable[[argparse.Namespace, Wire, UserInterface], Awaitable[Outcome]]


async def perform(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    """Run the verb that the arguments name."""
    verbs: Mapping[str, Verb] = {
        "new": _new,
        "provision": _provision,
        "deploy": _deploy,
        "status": _status,
        "open": _open,
        "logs": _logs,
        "stop": _stop,
        "start": _start,
        "demo": _demo,
    }
    return await verbs[arguments.verb](arguments, wire, ui)


async def _demo(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    from aitk_inference.cli.demo import demo  # noqa: PLC0415 - its HTTP client is for it alone

    return await demo(arguments, wire, ui)


async def _new(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    return await new_project(arguments.directory, infra=packaged_infra(), ui=ui)


async def _provision(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    request = ProvisionRequest(
        _project(arguments),
        arguments.subscription,
        arguments.resource_group,
        arguments.location,
        plan_only=arguments.plan,
        again=arguments.again,
        assume_yes=arguments.yes,
    )
    return await provision(request, ui=ui, clouds=wire(settings_from(os.environ), None))


async def _deploy(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    request = DeployRequest(
        _project(arguments),
        dry_run=arguments.dry_run,
        wait=not arguments.no_wait,
        verify=arguments.verify,
        assume_yes=arguments.yes,
        ready_timeout=arguments.timeout or READY_SECONDS,
    )
    return await deploy(request, ui=ui, clouds=wire(settings_from(os.environ), None))


async def _status(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    return await status(
        StatusRequest(_project(arguments)), ui=ui, clouds=wire(settings_from(os.environ), None)
    )


async def _logs(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    project = _project(arguments)
    request = LogsRequest(project, follow=arguments.follow, system=arguments.system, tail=arguments.tail)
    return await running.logs(request, ui=ui, clouds=wire(settings_from(os.environ), None))


async def _stop(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    request = SwitchRequest(_project(arguments))
    return await running.stop(request, ui=ui, clouds=wire(settings_from(os.environ), None))


async def _start(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    request = SwitchRequest(_project(arguments))
    return await running.start(request, ui=ui, clouds=wire(settings_from(os.environ), None))


async def _open(arguments: argparse.Namespace, wire: Wire, ui: UserInterface) -> Outcome:
    project = _project(arguments)
    config = read_config(project)
    endpoint = config.endpoint_url
    if endpoint is None:
        raise incomplete(project, config.missing())
    opened = await asyncio.to_thread(webbrowser.open, endpoint)
    return Outcome(f"Opened {endpoint}." if opened else f"Open {endpoint} in a browser.", endpoint)


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
