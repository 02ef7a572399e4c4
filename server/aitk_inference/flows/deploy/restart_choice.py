"""Whether a Deploy restarts the app: always, but where nothing has changed and a person says no."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Dismissed, InvalidProject
from aitk_inference.core.user_interface import Confirm
from aitk_inference.sync.ignore import MANIFEST_NAME

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.share import Share
    from aitk_inference.flows.api import DeployRequest
    from aitk_inference.flows.app.answer import Endpoint

_PRECISION = timedelta(seconds=1)
"""A replica's time is told in whole seconds."""


async def runs_what_lies_there(app: ContainerApp, share: Share, endpoint: Endpoint, cloud: Cloud) -> bool:
    """Return True if each replica of the serving revision is ready, began after the last sync, and the app answers."""
    if app.is_stopped or not app.serving:
        return False
    manifest = await share.entry(MANIFEST_NAME)
    synced = manifest.last_write if manifest else None
    replicas = await cloud.apps.replicas(app.ref, app.serving[0])
    if not replicas or not all(replica.ready for replica in replicas):
        return False
    if synced and any(one.created and one.created + _PRECISION < synced for one in replicas):
        return False
    try:
        answer = await endpoint.ask()
    except InvalidProject:
        return False
    return not answer.waiting and not answer.warning


async def wants_restart(
    request: DeployRequest, app: ContainerApp, report: Reporter, *, is_fresh: bool
) -> bool:
    """Return whether to restart.

    Args:
        request: What was wished for on the command line, or in the editor.
        app: The app.
        report: Whom to ask.
        is_fresh: The app answers, with the very files that are on the share.
    """
    if request.restart is not None:
        return request.restart
    if not is_fresh:
        return True
    unchanged = f"Nothing has changed, and {app.ref.name} answers."
    if not report.ui.can_ask or request.assume_yes:
        report.info(f"{unchanged} It is restarted all the same (--no-restart leaves it as it is).")
        return True
    question = Confirm("restart", f"{unchanged} Restart it all the same?", "--restart", "Restart")
    try:
        return (await report.ui.ask([question]))[question.name] == "yes"
    except Dismissed:
        return False
