"""Where to: asks for subscription, group and location; what is known is preselected, never chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.arm_names import region_key
from aitk_inference.core.errors import Conflict, InputRequired, MissingInput, NotAuthenticated, NotFound
from aitk_inference.core.model import Subscription
from aitk_inference.core.user_interface import Choice, Option
from aitk_inference.flows.provision import regions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.model import Location
    from aitk_inference.core.params import FineTuning
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.user_interface import Question, UserInterface
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.provision.quota import Demand

LOCAL = "local"
SIGN_IN = "sign-in"
CREATE_GROUP = "Create new resource group…"
_GROUP_QUESTION = ("resourceGroup", "--resource-group", "Choose a resource group")
_SUBSCRIPTION_PROMPT = "Choose a subscription"
_LONGEST_GROUP = 90
_GROUP_NAME = re.compile(rf"[-\w.()]{{0,{_LONGEST_GROUP - 1}}}[-\w()]")
_NAMES_PAGE = "https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources"
_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True)
class Defaults:
    """What to preselect: this project's earlier answers, else those of the fine-tuning step."""

    subscription: str | None
    resource_group: str | None


def defaults(config: InferenceConfig, finetuning: FineTuning) -> Defaults:
    """Return the answers to preselect."""
    if config.subscription_id:
        return Defaults(config.subscription_id, config.resource_group_name)
    return Defaults(finetuning.subscription_id, finetuning.resource_group)


async def choose_subscription(
    request: ProvisionRequest, known: Defaults, *, ui: UserInterface, clouds: Clouds
) -> Subscription:
    """Return the subscription: the one that the request names, else the one that is picked.

    Raises:
        NotFound: this person can't see it; lists those that can be seen.
        Conflict: several have that name.
        NotAuthenticated, InputRequired, Dismissed: as their names say.
    """
    clouds.attend(ui)
    if request.subscription:
        return await find_subscription(request.subscription, ui=ui, clouds=clouds)
    visible = await _visible(clouds)
    picked = await _pick_subscription(request, known, visible, ui=ui, clouds=clouds)
    if picked == SIGN_IN:
        visible = await clouds.subscriptions(interactive=True)
        picked = await _pick_subscription(request, known, visible, ui=ui, clouds=clouds)
    return _named(picked, [clouds.local, *(visible or ())])


async def find_subscription(name: str, *, ui: UserInterface, clouds: Clouds) -> Subscription:
    """Return the subscription of that id or display name, of whatever directory.

    Raises:
        NotFound: this person can't see it; lists those that can be seen.
        Conflict: several have that name; lists their ids.
        NotAuthenticated: nobody is signed in.
    """
    clouds.attend(ui)
    local = clouds.local
    if name.lower() in (LOCAL, local.id.lower()):
        return local
    found = await clouds.subscription(name) if _GUID.fullmatch(name) else None
    if found is not None:
        return found
    visible = await _visible(clouds)
    if visible is None:
        visible = await clouds.subscriptions(interactive=ui.can_ask)
    return _named(name, [*visible, local])


async def configured_subscription(
    config: InferenceConfig, *, ui: UserInterface, clouds: Clouds
) -> Subscription:
    """Return the subscription that the configuration names; one of an id is taken as it is, without a look.

    Raises:
        NotFound, Conflict, NotAuthenticated: of a name, as :func:`find_subscription` does.
    """
    clouds.attend(ui)
    if config.sign_in:
        clouds.prefer(config.sign_in)
    name = config.subscription_id or ""
    if _GUID.fullmatch(name) and name.lower() != clouds.local.id.lower():
        return Subscription(name, f"the subscription {name}", config.tenant_id or "")
    return await find_subscription(name, ui=ui, clouds=clouds)


async def choose_group(
    request: ProvisionRequest, known: Defaults, *, subscription: Subscription, ui: UserInterface, cloud: Cloud
) -> str:
    """Return the name of the resource group, existing or new.

    Raises:
        Conflict: no group can have that name.
    """
    if request.resource_group and request.resource_group.strip():
        return _group_name(request.resource_group)
    groups = await cloud.subscriptions.resource_groups(subscription.id)
    name, flag, prompt = _GROUP_QUESTION
    default = known.resource_group if known.subscription in (subscription.id, LOCAL) else None
    options = tuple(Option(group.name, group.name, group.location) for group in groups)
    if default and all(option.value.lower() != default.lower() for option in options):
        options = (Option(default, default, "does not exist yet"), *options)
    answers = await ui.ask([Choice(name, prompt, flag, options, default, CREATE_GROUP)])
    return _group_name(answers[name])


async def choose_location(
    request: ProvisionRequest,
    group: str,
    demand: Callable[[], Demand],
    *,
    subscription: Subscription,
    ui: UserInterface,
    cloud: Cloud,
) -> str:
    """Return the region of a new resource group; where it is asked, the regions that fit come first.

    Args:
        request: It may name the region.
        group: The new group.
        demand: What the project needs of a region.
        subscription: Whose regions and quotas.
        ui: Who is asked.
        cloud: Where what a region offers is read.

    Raises:
        NotFound: no region of that name has container apps; lists those that have.
    """
    locations = await cloud.subscriptions.locations(subscription.id)
    if request.location:
        return _region(request.location, locations)
    if cloud.is_local and locations:
        return locations[0].name  # this computer is in no region: there is nothing to choose
    wanted = demand()
    found = await regions.offers(wanted, locations, cloud.preflight, subscription.id) if ui.can_ask else []
    prompt = f"Choose the location of the new resource group {group}"
    options = regions.options(found, wanted.profile.type)
    answers = await ui.ask([Choice("location", prompt, "--location", options)])
    return answers["location"]


def _group_name(given: str) -> str:
    """Return a name that a group can have: Azure says so only when the group is made, after all else was checked."""
    name = given.strip()
    if not _GROUP_NAME.fullmatch(name):
        raise Conflict(
            f"{name} can't be the name of a resource group.",
            suggestion=f"Choose one of 1 to {_LONGEST_GROUP} letters, digits and the signs . _ - ( ), which does not end with a dot.",
            link=_NAMES_PAGE,
        )
    return name


def _region(name: str, locations: Sequence[Location]) -> str:
    wanted = region_key(name)
    found = next((place.name for place in locations if place.name.lower() == wanted), None)
    if found is None:
        raise NotFound(
            f"{name} is not a region of this subscription where container apps can be made.",
            suggestion="Choose one of: " + ", ".join(place.name for place in locations) + ".",
        )
    return found


async def _visible(clouds: Clouds) -> Sequence[Subscription] | None:
    try:
        return await clouds.subscriptions(interactive=False)
    except NotAuthenticated:
        return None


async def _pick_subscription(
    request: ProvisionRequest,
    known: Defaults,
    visible: Sequence[Subscription] | None,
    *,
    ui: UserInterface,
    clouds: Clouds,
) -> str:
    local = clouds.local
    options = [Option(local.id, local.name, "No account needed, nothing is billed")]
    options += [Option(item.id, item.name, item.id) for item in visible or ()]
    if visible is None:
        options.append(Option(SIGN_IN, "Sign in to Azure…"))
    default = local.id if known.subscription == LOCAL else known.subscription
    preselected = default if any(option.value == default for option in options) else None
    question = Choice("subscription", _SUBSCRIPTION_PROMPT, "--subscription", tuple(options), preselected)
    return (await _ask_all(ui, question, request))["subscription"]


async def _ask_all(ui: UserInterface, question: Question, request: ProvisionRequest) -> dict[str, str]:
    """Ask; where nobody can be asked, name the group too, so that one try is enough."""
    try:
        return dict(await ui.ask([question]))
    except InputRequired as error:
        more = () if request.resource_group else (MissingInput(*_GROUP_QUESTION),)
        raise InputRequired([*error.inputs, *more]) from error


def _named(name: str, visible: Sequence[Subscription]) -> Subscription:
    """Return the subscription of an id, else the only one of a name."""
    wanted = name.lower()
    by_id = [item for item in visible if item.id.lower() == wanted]
    found = by_id or [item for item in visible if item.name.lower() == wanted]
    if len(found) > 1:
        raise Conflict(
            f"{len(found)} subscriptions have the name {name}.",
            suggestion=f"Name one by its id: {', '.join(item.id for item in found)}.",
        )
    if found:
        return found[0]
    listed = "; ".join(f"{item.name} ({LOCAL if item.is_local else item.id})" for item in visible)
    raise NotFound(
        f"There is no subscription {name} that you can see.",
        suggestion=f"Choose one of: {listed}. Or sign in with another account or to another directory: `az login --tenant ID`.",
    )
