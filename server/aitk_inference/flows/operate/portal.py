"""The app's page in the Azure portal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import AppError
from aitk_inference.flows.operate.opened_app import app_of_project
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import PortalRequest


async def portal(request: PortalRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Return where the app's page is; a front end opens it.

    Raises:
        AppError: the app runs on this computer.
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        NotAuthenticated, Forbidden, Unreachable.
    """
    async with app_of_project(request.project, ui=ui, clouds=clouds) as (_, app, _):
        if app.portal_url is None:
            raise AppError(
                f"{app.ref.name} runs on this computer; the portal has no page of it.",
                suggestion="See how it stands with: aitk-inference status",
            )
        action = Action(ActionKind.OPEN_PORTAL, "Open in portal", app.portal_url)
        return Outcome(f"{app.ref.name} in the portal: {app.portal_url}", app.endpoint, actions=(action,))
