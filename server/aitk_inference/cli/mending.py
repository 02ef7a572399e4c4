"""Provision in a terminal: what an editor offers as buttons beside a problem is offered as a choice after it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aitk_inference.cli.render import error_lines
from aitk_inference.core.actions import ActionKind
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import Choice, Level, Option
from aitk_inference.flows.api import FixRequest, SwitchRequest
from aitk_inference.flows.operate import app_lifecycle
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.provision.fix import fix
from aitk_inference.flows.provision.fix_text import effect_of
from aitk_inference.flows.provision.preflight_catalogue import STOP
from aitk_inference.flows.provision.provision import provision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import ProvisionRequest

_LEAVE = Option("leave", "Change nothing")


async def provision_mending(
    request: ProvisionRequest, *, ui: UserInterface, clouds: Clouds, tenant: str | None
) -> Outcome:
    """Provision; where a problem can be mended, ask whether to, and begin again.

    Args:
        request: The answers that the command line gives.
        ui: Who is asked.
        clouds: The targets.
        tenant: The directory that the command names: the commands that it shows name it again.

    Raises:
        AppError: as :func:`~aitk_inference.flows.provision.provision` does, where nobody can be asked or nothing mends it.
    """
    while True:
        try:
            outcome = await provision(request, ui=ui, clouds=clouds)
            outcome = outcome._replace(actions=_in_directory(outcome.actions, tenant))
            if not outcome.failed or not (mends := _mends(outcome.actions, request, ui)):
                return outcome
            ui.say(Level.INFO, outcome.summary, _links(outcome.actions))
        except AppError as error:
            error.actions = _in_directory(error.actions, tenant)
            if not (mends := _mends(error.actions, request, ui)):
                raise
            ui.say(Level.ERROR, "\n".join(error_lines(error, request.project)), _links(error.actions))
        options = [Option(action.target, action.title, effect_of(action)) for action in mends]
        picked = await ui.ask([Choice("fix", "Choose what to do", "--set", (*options, _LEAVE))])
        chosen = next((action for action in mends if action.target == picked["fix"]), None)
        if chosen is None:
            return Outcome("Nothing was changed.", failed=True)
        request = await _mended(chosen, request, ui=ui, clouds=clouds)


def _in_directory(actions: Sequence[Action], tenant: str | None) -> tuple[Action, ...]:
    """Return buttons that go on in a directory; those that say where to carry it."""
    more = f"&{urlencode({'tenant': tenant})}" if tenant else ""
    kinds = (ActionKind.RUN, ActionKind.FIX)
    return tuple(
        one._replace(target=one.target + more) if one.kind in kinds and "?" in one.target else one
        for one in actions
    )


def _mends(actions: Sequence[Action], request: ProvisionRequest, ui: UserInterface) -> list[Action]:
    """Return what a person may choose; nothing where nobody is there, or wants to be asked."""
    if request.assume_yes or not ui.can_ask:
        return []
    return [action for action in actions if action.kind is ActionKind.FIX or action == STOP]


def _links(actions: Sequence[Action]) -> list[Action]:
    return [action for action in actions if action.kind is ActionKind.OPEN_LINK]


async def _mended(
    chosen: Action, request: ProvisionRequest, *, ui: UserInterface, clouds: Clouds
) -> ProvisionRequest:
    """Do what was chosen; return the request by which Provision goes on, with the flags that it had."""
    if chosen == STOP:
        outcome = await app_lifecycle.stop(SwitchRequest(request.project), ui=ui, clouds=clouds)
        ui.say(Level.INFO, outcome.summary)
        return request
    again = await fix(FixRequest(request.project, chosen.target), ui=ui, clouds=clouds)
    return request._replace(
        subscription=again.subscription, resource_group=again.resource_group, location=again.location
    )
