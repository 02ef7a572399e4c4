"""Where to: asks for subscription, group and location; what is known is preselected, never chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.errors import InputRequired, MissingInput, NotAuthenticated, NotFound
from aitk_inference.core.interface import Choice, Option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.interface import Question, UserInterface
    from aitk_inference.core.model import ResourceGroup, Subscription
    from aitk_inference.core.params import FineTuning
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.flows.requests import ProvisionRequest

LOCAL = "local"
SIGN_IN = "sign-in"
CREATE_GROUP = "Create new resource group…"
_GROUP_QUESTION = ("resourceGroup", "--resource-group", "Choose a resource group")
_SUBSCRIPTION_PROMPT = "Choose a subscription"


@dataclass(frozen=True)
class Defaults:
    """What to preselect: this project's earlier answers, else those of the fine-tuning step."""

    subscription: str | None
    resource_group: str | None


def defaults(config: InferenceConfig, finetuning: FineTuning) -> Defaults:
    """The answers to preselect."""
    if config.subscription_id:
        return Defaults(config.subscription_id, config.resource_group_name)
    return Defaults(finetuning.subscription_id, finetuning.resource_group)


async def choose_subscription(
    request: ProvisionRequest, known: Defaults, *, ui: UserInterface, clouds: Clouds
) -> Subscription:
    """The subscription: the one that the request names, else the one that is picked.

    Raises:
        NotFound: this person can't see it; lists those that can be seen.
        NotAuthenticated, InputRequired, Dismissed: as their names say.
    """
    if request.subscription:
        return await find_subscription(request.subscription, clouds)
    visible = await _visible(clouds)
    picked = await _pick_subscription(request, known, visible, ui=ui, clouds=clouds)
    if picked == SIGN_IN:
        visible = await clouds.subscriptions(interactive=True)
        picked = await _pick_subscription(request, known, visible, ui=ui, clouds=clouds)
    return _named(picked, [clouds.local, *(visible or ())])


async def find_subscription(name: str, clouds: Clouds) -> Subscription:
    """The subscription of that id or display name.

    Raises:
        NotFound: this person can't see it; lists those that can be seen.
        NotAuthenticated: nobody is signed in.
    """
    local = clouds.local
    if name.lower() in (LOCAL, local.id.lower()):
        return local
    visible = await _visible(clouds)
    if visible is None:
        visible = await clouds.subscriptions(interactive=True)
    return _named(name, [*visible, local])


async def choose_group(
    request: ProvisionRequest, known: Defaults, *, subscription: Subscription, ui: UserInterface, cloud: Cloud
) -> str:
    """Name of the resource group, existing or new."""
    if request.resource_group:
        return request.resource_group.strip()
    groups = await cloud.subscriptions.resource_groups(subscription.id)
    name, flag, prompt = _GROUP_QUESTION
    default = known.resource_group if known.subscription in (subscription.id, LOCAL) else None
    options = tuple(Option(group.name, group.name, group.location) for group in groups)
    if default and all(option.value.lower() != default.lower() for option in options):
        options = (Option(default, default, "does not exist yet"), *options)
    answers = await ui.ask([Choice(name, prompt, flag, options, default, CREATE_GROUP)])
    return answers[name].strip()


async def ensure_group(
    request: ProvisionRequest, group: str, *, subscription: Subscription, ui: UserInterface, cloud: Cloud
) -> ResourceGroup:
    """The resource group as Azure spells it; a new one is made in the location that is asked for."""
    existing = await cloud.subscriptions.resource_group(subscription.id, group)
    if existing is not None:
        return existing
    location = await choose_location(request, group, subscription=subscription, ui=ui, cloud=cloud)
    return await cloud.subscriptions.create_resource_group(subscription.id, group, location)


async def choose_location(
    request: ProvisionRequest, group: str, *, subscription: Subscription, ui: UserInterface, cloud: Cloud
) -> str:
    """The region of a new resource group.

    Raises:
        NotFound: no region of that name has container apps; lists those that have.
    """
    locations = await cloud.subscriptions.locations(subscription.id)
    if request.location:
        wanted = request.location.replace(" ", "").lower()
        found = next((place.name for place in locations if place.name.lower() == wanted), None)
        if found is None:
            raise NotFound(
                f"{request.location} is not a region of this subscription where container apps can be made.",
                suggestion="Choose one of: " + ", ".join(place.name for place in locations) + ".",
            )
        return found
    if cloud.is_local and locations:
        return locations[0].name  # this computer is in no region: there is nothing to choose
    options = tuple(Option(place.name, place.display_name, place.name) for place in locations)
    prompt = f"Choose the location of the new resource group {group}"
    answers = await ui.ask([Choice("location", prompt, "--location", options)])
    return answers["location"]


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
    wanted = name.lower()
    found = [item for item in visible if wanted in (item.id.lower(), item.name.lower())]
    if found:
        return found[0]
    listed = "; ".join(f"{item.name} ({LOCAL if item.is_local else item.id})" for item in visible)
    raise NotFound(
        f"There is no subscription {name} that you can see.",
        suggestion=f"Choose one of: {listed}. Or sign in with another account.",
    )
