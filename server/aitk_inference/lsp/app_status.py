"""What the status bar says of an app, and its menu: all of its words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import NobodyToAsk
from aitk_inference.flows.app.protection import protection
from aitk_inference.flows.operate.app_state import snapshot
from aitk_inference.flows.provision.choose_target import configured_subscription
from aitk_inference.lsp.buttons import addressed
from aitk_inference.lsp.wire import Severity, StatusParams

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import Document, Level, ProgressEvent
    from aitk_inference.flows.operate.app_state import Snapshot

_ICONS = {
    "answering": "$(pass-filled)",
    "starting": "$(sync~spin)",
    "asleep": "$(clock)",
    "stopped": "$(debug-stop)",
    "failed": "$(error)",
}
_MEANS = {
    "answering": "The app answers.",
    "starting": "The app starts: its model may take minutes to load.",
    "asleep": "No replica runs, and none is billed; the first request starts one.",
    "stopped": "The app is stopped; nothing is billed for it.",
    "failed": "The app does not come up. The logs say why.",
}
STARTING = _ICONS["starting"]
"""Begins the text of an app that will soon stand otherwise."""


class _Nobody(NobodyToAsk):
    """Stands in for a person who must not be disturbed."""

    def progress(self, event: ProgressEvent) -> None:
        """Show nothing."""

    def say(self, level: Level, text: str, actions: Sequence[Action] = ()) -> None:
        """Say nothing."""

    async def show(self, document: Document) -> None:
        """Show nothing."""


async def look(uri: str, project: Path, clouds: Callable[[], Awaitable[Clouds]]) -> StatusParams:
    """Return what the status bar says of a project; nobody is asked, and nothing is started.

    Args:
        uri: The project's folder, as the editor names it.
        project: The same, on the disk.
        clouds: Gives the targets, where there is something to look at.

    Raises:
        AppError: the configuration can't be read, or nobody answers.
    """
    config = read_config(project)
    ref = config.app
    if ref is None:
        return StatusParams(uri, "")
    targets = await clouds()
    subscription = await configured_subscription(config, ui=_Nobody(), clouds=targets)
    if subscription.is_local and not await targets.local_running():
        return _local_ended(uri)
    async with targets.open(subscription.id, subscription.sign_in_tenant) as cloud:
        app = await cloud.apps.get(ref)
        if app is None:
            tooltip = f"The container app {ref.name} is not there. Provision makes it."
            make = addressed(Action(ActionKind.RUN, "$(cloud-upload) Provision", "provision"))
            return StatusParams(uri, "$(question) Inference: not there", tooltip, menu=(make,))
        return as_status(uri, await snapshot(app, cloud), is_local=subscription.is_local)


def as_status(uri: str, found: Snapshot, *, is_local: bool) -> StatusParams:
    """Return what the status bar says of an app, and its menu."""
    state, app = found.state, found.app
    protected = protection(app)
    is_open = not protected and not is_local and bool(app.endpoint)
    notes = (("local", is_local), (found.gpu, bool(found.gpu)), ("public", is_open))
    words = ", ".join(text for text, is_so in notes if is_so)
    severity = Severity.ERROR if state == "failed" else Severity.WARNING if is_open else Severity.NONE
    lines = [
        f"{app.ref.name} in {app.ref.resource_group}: {state}",
        _MEANS[state],
        *(found.reasons if state == "failed" else ()),
        f"GPU: {found.gpu} ({app.workload_profile})" if found.gpu else "",
        "It runs on this computer." if is_local else "",
        "Public: everybody who finds the address may use it, until it is protected." if is_open else "",
        f"Protected: {'; '.join(protected)}." if protected else "",
    ]
    text = f"{_ICONS[state]} Inference: {state}{f' ({words})' if words else ''}"
    tooltip = "\n".join(line for line in lines if line)
    return StatusParams(uri, text, tooltip, severity, _menu(found, is_open=is_open))


def _menu(found: Snapshot, *, is_open: bool) -> tuple[Action, ...]:
    app, state = found.app, found.state
    runs = state in ("answering", "asleep")
    entries = (
        (
            Action(ActionKind.OPEN_ENDPOINT, "$(globe) Go to Inference Endpoint", app.endpoint or ""),
            runs and bool(app.endpoint),
        ),
        (Action(ActionKind.RUN, "$(comment) Ask the model…", "ask"), runs),
        (Action(ActionKind.RUN, "$(shield) Protect the endpoint, which is public…", "protect"), is_open),
        (Action(ActionKind.RUN, "$(debug-start) Start", "start"), state == "stopped"),
        (Action(ActionKind.RUN, "$(list-flat) Show logs", "logs"), True),
        (Action(ActionKind.RUN, "$(pulse) Status", "status"), True),
        (Action(ActionKind.RUN, "$(rocket) Deploy", "deploy"), True),
        (Action(ActionKind.RUN, "$(debug-stop) Stop", "stop"), state != "stopped"),
        (Action(ActionKind.RUN, "$(versions) Scale…", "scale"), True),
        (Action(ActionKind.RUN, "$(shield) Protect…", "protect"), not is_open),
        (Action(ActionKind.RUN, "$(lock) Secrets…", "secrets"), True),
        (
            Action(ActionKind.OPEN_PORTAL, "$(link-external) Open in portal", app.portal_url or ""),
            bool(app.portal_url),
        ),
    )
    return tuple(addressed(action) for action, is_offered in entries if is_offered)


def _local_ended(uri: str) -> StatusParams:
    menu = (
        Action(ActionKind.RUN, "$(rocket) Deploy", "deploy"),
        Action(ActionKind.RUN, "$(pulse) Status", "status"),
    )
    return StatusParams(
        uri,
        "$(debug-stop) Inference: stopped (local)",
        "The local Azure does not run, so the app does not. Deploy starts both.",
        menu=tuple(addressed(action) for action in menu),
    )


def unknown(uri: str, error: AppError | OSError) -> StatusParams:
    """Return what is said where nobody answers: why, and how to look again."""
    said = error.message if isinstance(error, AppError) else "A file of the project can't be read."
    menu = (
        Action(ActionKind.RUN, "$(pulse) Status", "status"),
        Action(ActionKind.SHOW_OUTPUT, "$(output) Show output"),
    )
    return StatusParams(
        uri,
        "$(circle-slash) Inference: not known",
        said,
        Severity.NONE,
        tuple(addressed(action) for action in menu),
    )
