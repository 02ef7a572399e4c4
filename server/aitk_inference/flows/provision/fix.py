"""Mends a problem of the preflight: what its button says is done, then the command goes on where it stopped or was planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.progress import Reporter
from aitk_inference.flows.api import ProvisionRequest
from aitk_inference.flows.provision.choose_target import find_subscription
from aitk_inference.flows.provision.fix_text import read_fix
from aitk_inference.flows.provision.set_parameters import set_parameters

if TYPE_CHECKING:
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import FixRequest
    from aitk_inference.flows.provision.fix_text import Fix


async def fix(request: FixRequest, *, ui: UserInterface, clouds: Clouds) -> ProvisionRequest:
    """Mend a problem and return the request by which the command goes on.

    Raises:
        InvalidProject: there is no such fix, or the parameters file can't be written so.
        NotFound, NotAuthenticated, Forbidden, Unreachable: a provider can't be registered.
    """
    chosen, report = read_fix(request.fix), Reporter(ui)
    if chosen.verb == "set":
        set_parameters(request.project, chosen.values, report)
    elif chosen.verb == "register":
        await _register(chosen, ui, clouds)
    then = chosen.goes_on.get("then")
    return ProvisionRequest(
        request.project,
        chosen.goes_on.get("subscription"),
        chosen.goes_on.get("resource-group"),
        chosen.goes_on.get("group-location"),
        check_only=then == "preflight",
    )


async def _register(chosen: Fix, ui: UserInterface, clouds: Clouds) -> None:
    names = [name.strip() for name in chosen.values.get("namespaces", "").split(",") if name.strip()]
    subscription = await find_subscription(chosen.goes_on.get("subscription", ""), ui=ui, clouds=clouds)
    async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
        await cloud.subscriptions.register(subscription.id, names)
    Reporter(ui).info(f"Asked for the registration of {', '.join(names)}.")
