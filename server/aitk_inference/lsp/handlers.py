"""The commands of the wire: read the argument, run the flow. Nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from pygls.exceptions import JsonRpcInvalidParams
from pygls.uris import to_fs_path

from aitk_inference.flows.requests import DeployRequest, ProvisionRequest, StatusRequest
from aitk_inference.lsp import settings, wire
from aitk_inference.lsp.codec import WireError, from_json
from aitk_inference.lsp.runs import Job, Runs, run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from lsprotocol.types import ProgressToken

    from aitk_inference.core.interface import UserInterface
    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clouds, Wire
    from aitk_inference.flows.requests import Outcome
    from aitk_inference.lsp.editor import Editor
    from aitk_inference.lsp.problems import Problems
    from aitk_inference.lsp.ui import LspUserInterface

T = TypeVar("T")


class Flows(Protocol):
    """The flows that commands run; loaded at the first command."""

    async def provision(self, request: ProvisionRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
        """See ``flows/provision.py``."""
        ...

    async def deploy(self, request: DeployRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
        """See ``flows/deploy.py``."""
        ...

    async def status(self, request: StatusRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
        """See ``flows/status.py``."""
        ...

    async def new_project(self, target: Path, *, ui: UserInterface) -> Outcome:
        """See ``flows/scaffold.py``."""
        ...


@dataclass(frozen=True)
class Session:
    """What a handler works with.

    Attributes:
        folders: The folders that are open in the editor, as URIs.
        wire: Makes the targets from the editor's settings.
        flows: Loads the flows; called at the first command, since that costs time.
    """

    editor: Editor
    runs: Runs
    folders: Callable[[], Sequence[str]]
    wire: Wire
    flows: Callable[[], Flows]
    problems: Problems

    async def run(
        self,
        title: str,
        project: Path,
        token: ProgressToken | None,
        flow: Callable[[Flows, LspUserInterface, Clouds, settings.EditorSettings], Awaitable[Outcome]],
    ) -> Json:
        """Read the settings, wire the targets, run the flow."""

        async def start(ui: LspUserInterface) -> Outcome:
            chosen = await settings.read(self.editor)
            tokens = self.editor if self.editor.features.access_token else None
            with self.problems.of_run(project):
                return await flow(self.flows(), ui, self.wire(chosen.settings, tokens), chosen)

        return await run(self.editor, self.runs, Job(title, project, token), start)


async def provision(session: Session, argument: object, token: ProgressToken | None) -> Json:
    """``aitk-inference.provision``."""
    given = _read(wire.ProvisionArguments, argument)
    project = _project(session, given.project_uri)

    async def flow(
        flows: Flows, ui: LspUserInterface, clouds: Clouds, chosen: settings.EditorSettings
    ) -> Outcome:
        request = ProvisionRequest(
            project,
            subscription=given.subscription or chosen.target,
            resource_group=given.resource_group,
            location=given.location,
            plan_only=given.plan_only,
            again=given.again,
            assume_yes=given.assume_yes,
        )
        return await flows.provision(request, ui=ui, clouds=clouds)

    return await session.run("Provision Azure Container Apps for inference", project, token, flow)


async def deploy(session: Session, argument: object, token: ProgressToken | None) -> Json:
    """``aitk-inference.deploy``."""
    given = _read(wire.DeployArguments, argument)
    project = _project(session, given.project_uri)

    async def flow(
        flows: Flows, ui: LspUserInterface, clouds: Clouds, chosen: settings.EditorSettings
    ) -> Outcome:
        request = DeployRequest(
            project,
            dry_run=given.dry_run,
            wait=given.wait,
            assume_yes=given.assume_yes,
            ignore=chosen.settings.ignore,
        )
        return await flows.deploy(request, ui=ui, clouds=clouds)

    title = "Preview what Deploy for inference would send" if given.dry_run else "Deploy for inference"
    return await session.run(title, project, token, flow)


async def status(session: Session, argument: object, token: ProgressToken | None) -> Json:
    """``aitk-inference.status``."""
    request = StatusRequest(_project(session, _read(wire.StatusArguments, argument).project_uri))
    return await session.run(
        "Inference status",
        request.project,
        token,
        lambda flows, ui, clouds, _: flows.status(request, ui=ui, clouds=clouds),
    )


async def new(session: Session, argument: object, token: ProgressToken | None) -> Json:
    """``aitk-inference.new``."""
    target = _project(session, _read(wire.NewArguments, argument).project_uri)
    return await session.run(
        "Create remote inference project",
        target,
        token,
        lambda flows, ui, _, __: flows.new_project(target, ui=ui),
    )


async def look(session: Session, uris: Sequence[str]) -> None:
    """Files were opened, saved, or changed by another program: show what is wrong with their projects."""
    from aitk_inference.flows.check import project_of  # noqa: PLC0415 - 9 ms, after `initialize`

    paths = (to_fs_path(uri) for uri in uris if uri.startswith("file:"))
    for project in {found for path in paths if path and (found := project_of(Path(path)))}:
        await session.problems.refresh(project)


HANDLERS = {wire.PROVISION: provision, wire.DEPLOY: deploy, wire.STATUS: status, wire.NEW: new}


def _read(shape: type[T], argument: object) -> T:
    try:
        return from_json(shape, argument)
    except WireError as error:
        raise JsonRpcInvalidParams(f"The command's argument does not have its shape: {error}") from None


def _project(session: Session, uri: str | None) -> Path:
    """The folder that was named, else the only one that is open."""
    folders = session.folders()
    if uri is None and len(folders) != 1:
        raise JsonRpcInvalidParams("Pass projectUri: which folder is meant can't be told.")
    path = to_fs_path(uri or folders[0]) if (uri or folders[0]).startswith("file:") else None
    if path is None:
        raise JsonRpcInvalidParams("projectUri must be a file: URI of a folder on this computer.")
    return Path(path)
