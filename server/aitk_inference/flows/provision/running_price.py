"""What an app that is there costs an hour, from its own documents."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from arm_template import PlannedResource

from aitk_inference.core import api_versions
from aitk_inference.core.errors import AppError
from aitk_inference.flows.app.app_document import read_document
from aitk_inference.flows.project.template_plan import APP, ProjectResources
from aitk_inference.flows.provision.existing_resources import Existing
from aitk_inference.flows.provision.prices import price_of
from aitk_inference.flows.provision.quota import Demand

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Cloud
    from aitk_inference.core.prices import Price


async def price_of_app(app: ContainerApp, cloud: Cloud) -> Price | None:
    """Return its price an hour, or None where its documents can't be read."""
    if not app.environment_id:
        return None
    try:
        document, environment = await asyncio.gather(
            read_document(app, cloud), cloud.resources.get(app.environment_id, api_versions.APPS)
        )
        demand = _demand(app, document.body, environment)
        return await price_of(demand, cloud, app.ref.subscription_id)
    except AppError:
        return None


def _demand(app: ContainerApp, body: Mapping[str, Json], environment: Mapping[str, Json] | None) -> Demand:
    """Return what the app asks of its region, as its template would."""
    planned = PlannedResource(
        "", APP, app.ref.name, "", None, "", existing=True, symbolic_name=None, body=dict(body)
    )
    project = ProjectResources(planned, app.environment_id, None, "", "", ())
    return Demand(project, Existing(environment=environment, app=body), None, "")
