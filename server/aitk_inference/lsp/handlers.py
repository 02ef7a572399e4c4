"""The commands: each reads its request, runs its flow, answers with the outcome. Nothing is decided here.

A flow is loaded when its command is first run: the server answers ``initialize`` without them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Generic, TypeVar

from pygls.exceptions import JsonRpcInvalidParams
from pygls.uris import to_fs_path

from aitk_inference.core.clock import SystemClock
from aitk_inference.flows.api import (
    AccountRequest,
    AskRequest,
    CheckRequest,
    DeleteRequest,
    DeployRequest,
    FixRequest,
    LogsRequest,
    NewRequest,
    OpenRequest,
    PortalRequest,
    ProtectRequest,
    ProvisionRequest,
    ScaleRequest,
    SecretsRequest,
    StatusRequest,
    SwitchRequest,
)
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.sync_request import SyncRequest
from aitk_inference.lsp.codec import WireError, from_json
from aitk_inference.lsp.run_flow import Call
from aitk_inference.lsp.wire import COMMAND_PREFIX

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from typing import Any

    from lsprotocol.types import ProgressToken

    from aitk_inference.core.model import Json
    from aitk_inference.lsp.run_flow import Session

R = TypeVar("R", bound="tuple[object, ...]")
_PROJECT = "projectUri"


@dataclass(frozen=True)
class Command(Generic[R]):
    """A command of ``workspace/executeCommand``: one argument, its flow's request.

    Attributes:
        verb: What the terminal calls it, too.
        title: What a person calls it: in the palette, over its progress, in the output panel.
        icon: Of its entry in the palette; empty: it has none.
        given: What the palette passes beside the project.
        always: Its entry is there in each window, not only where a project is open.
    """

    verb: str
    title: str
    request: type[R]
    run: Callable[[Call, R], Awaitable[Json]]
    icon: str = ""
    given: Mapping[str, Json] = field(default_factory=dict)
    always: bool = False

    @property
    def name(self) -> str:
        """Return the name that it is called by."""
        return f"{COMMAND_PREFIX}{self.verb}"

    async def handle(self, session: Session, argument: object, token: ProgressToken | None) -> Json:
        """Read the argument and run the command.

        Raises:
            JsonRpcException: the argument does not have its shape, or the flow did not end well.
        """
        request = _read(self.request, argument, session)
        async with session.warm_up.held():
            return await self.run(Call(session, self.verb, self.title, token), request)


async def _provision(call: Call, request: ProvisionRequest) -> Json:
    from aitk_inference.flows.provision.provision import provision

    async with call.run(request.project) as run:
        given = request._replace(subscription=request.subscription or run.settings.target)
        return run.result(await provision(given, ui=run.ui, clouds=run.clouds))


async def _plan(call: Call, request: ProvisionRequest) -> Json:
    return await _provision(call, request._replace(plan_only=True))


async def _preflight(call: Call, request: ProvisionRequest) -> Json:
    return await _provision(call, request._replace(check_only=True))


async def _fix(call: Call, request: FixRequest) -> Json:
    from aitk_inference.flows.provision.fix import fix
    from aitk_inference.flows.provision.provision import provision

    async with call.run(request.project) as run:
        again = await fix(request, ui=run.ui, clouds=run.clouds)
        return run.result(await provision(again, ui=run.ui, clouds=run.clouds))


async def _deploy(call: Call, request: DeployRequest) -> Json:
    from aitk_inference.flows.deploy.deploy import deploy

    async with call.run(request.project) as run:
        return run.result(await deploy(request, ui=run.ui, clouds=run.clouds))


async def _preview(call: Call, request: DeployRequest) -> Json:
    return await _deploy(call, request._replace(dry_run=True))


async def _check(call: Call, request: CheckRequest) -> Json:
    from aitk_inference.flows.project.check import check

    async with call.run(request.project) as run, run.clouds.compiler() as compiler:
        return run.result(await check(request.project, ui=run.ui, compiler=compiler))


async def _status(call: Call, request: StatusRequest) -> Json:
    from aitk_inference.flows.operate.status import status

    async with call.run(request.project, alone=False) as run:
        return run.result(await status(request, ui=run.ui, clouds=run.clouds))


async def _account(call: Call, request: AccountRequest) -> Json:
    from aitk_inference.flows.operate.account import choose_account

    async with call.run(request.project) as run:
        return run.result(await choose_account(request, ui=run.ui, clouds=run.clouds))


async def _open(call: Call, request: OpenRequest) -> Json:
    from aitk_inference.flows.operate.app_lifecycle import endpoint

    async with call.run(request.project) as run:
        outcome = endpoint(request)
        opened = await run.editor.open(outcome.endpoint or "", external=True)
        return run.result(outcome._replace(actions=()) if opened else outcome)


async def _logs(call: Call, request: LogsRequest) -> Json:
    from aitk_inference.flows.operate import logs
    from aitk_inference.lsp.streaming import follow_logs, panel_lines

    async with call.run(request.project, alone=False) as run:
        if request.follow and run.editor.features.channels:
            return run.result(follow_logs(call.session, request, run))
        show = panel_lines(run.editor)
        return run.result(await logs.logs(request, ui=run.ui, clouds=run.clouds, show=show))


async def _stop_logs(call: Call, request: SwitchRequest) -> Json:
    async with call.run(request.project, alone=False) as run:
        was_followed = await call.session.followers.stop(request.project)
        return run.result(Outcome("Stopped." if was_followed else "No logs are followed."))


async def _ask(call: Call, request: AskRequest) -> Json:
    from aitk_inference.flows.operate import ask
    from aitk_inference.lsp.streaming import AnswerText

    async with call.run(request.project, alone=False) as run:
        given = await ask.with_question(request, run.ui)
        shown = AnswerText(call.session, run, given)
        outcome = await ask.ask(given, ui=run.ui, clouds=run.clouds, show=shown.add)
        return run.result(await shown.end(outcome))


async def _portal(call: Call, request: PortalRequest) -> Json:
    from aitk_inference.flows.operate.portal import portal

    async with call.run(request.project, alone=False) as run:
        outcome = await portal(request, ui=run.ui, clouds=run.clouds)
        opened = await run.editor.open(outcome.actions[0].target, external=True)
        return run.result(outcome._replace(actions=()) if opened else outcome)


async def _stop(call: Call, request: SwitchRequest) -> Json:
    from aitk_inference.flows.operate.app_lifecycle import stop

    async with call.run(request.project) as run:
        return run.result(await stop(request, ui=run.ui, clouds=run.clouds))


async def _start(call: Call, request: SwitchRequest) -> Json:
    from aitk_inference.flows.operate.app_lifecycle import start

    async with call.run(request.project) as run:
        return run.result(await start(request, ui=run.ui, clouds=run.clouds))


async def _scale(call: Call, request: ScaleRequest) -> Json:
    from aitk_inference.flows.operate.scale import scale

    async with call.run(request.project) as run:
        return run.result(await scale(request, ui=run.ui, clouds=run.clouds))


async def _secrets(call: Call, request: SecretsRequest) -> Json:
    from aitk_inference.flows.operate.secrets import secrets

    async with call.run(request.project) as run:
        return run.result(await secrets(request, ui=run.ui, clouds=run.clouds))


async def _protect(call: Call, request: ProtectRequest) -> Json:
    from aitk_inference.flows.operate.protect import protect

    async with call.run(request.project) as run:
        return run.result(await protect(request, ui=run.ui, clouds=run.clouds))


async def _delete(call: Call, request: DeleteRequest) -> Json:
    from aitk_inference.flows.provision.delete import delete

    async with call.run(request.project) as run:
        return run.result(await delete(request, ui=run.ui, clouds=run.clouds))


async def _sync(call: Call, request: SyncRequest) -> Json:
    from aitk_inference.flows.deploy.sync_folder import sync_folder

    async with call.run(request.folder) as run:
        outcome = await sync_folder(
            request, ui=run.ui, open_share=call.session.open_share, clock=SystemClock()
        )
        return run.result(outcome)


async def _new(call: Call, request: NewRequest) -> Json:
    from aitk_inference.flows.project.scaffold import new_project, packaged_infra

    async with call.run(request.project) as run:
        return run.result(await new_project(request.project, infra=packaged_infra(), ui=run.ui))


_FOLLOWED: Mapping[str, Json] = MappingProxyType({"follow": True, "both": True, "since": "1h", "tail": 300})
"""What runs now, both logs of it, after the last hour of what ran before."""

COMMANDS: tuple[Command[Any], ...] = (
    Command(
        "provision",
        "Provision Azure Container Apps for inference",
        ProvisionRequest,
        _provision,
        icon="cloud-upload",
        always=True,
    ),
    Command(
        "plan",
        "Preview what Provision for inference would do",
        ProvisionRequest,
        _plan,
        icon="type-hierarchy",
    ),
    Command(
        "preflight",
        "Check what Provision for inference needs",
        ProvisionRequest,
        _preflight,
        icon="verified",
    ),
    Command("fix", "Provision Azure Container Apps for inference", FixRequest, _fix),
    Command("deploy", "Deploy for inference", DeployRequest, _deploy, icon="rocket", always=True),
    Command(
        "preview",
        "Preview what Deploy for inference would send",
        DeployRequest,
        _preview,
        icon="list-unordered",
    ),
    Command("check", "Check the inference project and its model", CheckRequest, _check, icon="checklist"),
    Command("status", "Inference status", StatusRequest, _status, icon="pulse"),
    Command(
        "account",
        "Choose the Azure account and directory for inference",
        AccountRequest,
        _account,
        icon="account",
    ),
    Command("open", "Open inference endpoint", OpenRequest, _open, icon="globe"),
    Command("logs", "Show inference logs", LogsRequest, _logs, icon="list-flat", given=_FOLLOWED),
    Command("stopLogs", "Stop following inference logs", SwitchRequest, _stop_logs, icon="stop-circle"),
    Command("ask", "Ask the inference model", AskRequest, _ask, icon="comment"),
    Command("portal", "Open inference app in the Azure portal", PortalRequest, _portal, icon="link-external"),
    Command("stop", "Stop inference", SwitchRequest, _stop, icon="debug-stop"),
    Command("start", "Start inference", SwitchRequest, _start, icon="debug-start"),
    Command("scale", "Scale inference", ScaleRequest, _scale, icon="versions"),
    Command("secrets", "Inference secrets", SecretsRequest, _secrets, icon="lock"),
    Command("protect", "Protect inference endpoint", ProtectRequest, _protect, icon="shield"),
    Command("delete", "Delete inference resources", DeleteRequest, _delete, icon="trash"),
    Command("sync", "Sync a folder to a share", SyncRequest, _sync),
    Command("new", "Create remote inference project", NewRequest, _new, icon="new-folder", always=True),
)


async def look(session: Session, uris: Sequence[str]) -> None:
    """Show what is wrong with the projects of files that were opened, saved or changed by another program."""
    from aitk_inference.flows.project.check import project_of

    paths = (to_fs_path(uri) for uri in uris if uri.startswith("file:"))
    for project in {found for path in paths if path and (found := project_of(Path(path)))}:
        await session.problems.refresh(project)


def _read(shape: type[R], argument: object, session: Session) -> R:
    """Return the request; its project is the only folder that is open where the argument names none."""
    if (
        isinstance(argument, dict)
        and "project" in getattr(shape, "_fields", ())
        and not argument.get(_PROJECT)
    ):
        folders = session.folders()
        if len(folders) != 1:
            raise JsonRpcInvalidParams(f"Pass {_PROJECT}: which folder is meant can't be known.")
        argument = {**argument, _PROJECT: folders[0]}
    try:
        return from_json(shape, argument)
    except WireError as error:
        raise JsonRpcInvalidParams(f"The command's argument does not have its shape: {error}") from None
