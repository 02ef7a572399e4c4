"""The container app that a configuration names, as Azure has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH
from aitk_inference.core.errors import NotFound

if TYPE_CHECKING:
    from aitk_inference.core.model import AppRef, ContainerApp
    from aitk_inference.core.ports import Cloud


async def find_app(ref: AppRef, cloud: Cloud) -> ContainerApp:
    """Return the app.

    Raises:
        NotFound: it is not there.
    """
    app = await cloud.apps.get(ref)
    if app is None:
        raise NotFound(
            f"There is no container app {ref.name} in the resource group {ref.resource_group}.",
            suggestion="Run Provision to make it, or mend ACA_APP_NAME and RESOURCE_GROUP_NAME in "
            f"{CONFIG_PATH.as_posix()}.",
        )
    return app
