"""What Provision would make: nothing is changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.model import ExistingResources
from aitk_inference.flows import existing as kept
from aitk_inference.flows.requests import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.model import Json, Subscription
    from aitk_inference.core.params import FineTuning, Parameters
    from aitk_inference.core.ports import Cloud
    from aitk_inference.flows.existing import Wanted
    from aitk_inference.flows.template import Template


@dataclass(frozen=True)
class Wishes:
    """What the project's files ask for."""

    parameters: Parameters
    finetuning: FineTuning
    template: Template


async def plan(wishes: Wishes, subscription: Subscription, group: str, cloud: Cloud) -> Outcome:
    """Say what would be created, updated and kept.

    Raises:
        Conflict, InvalidProject: what exists stands in the way, as Provision would say.
    """
    found = await cloud.subscriptions.resource_group(subscription.id, group)
    name = found.name if found else group
    want = kept.wanted(wishes.parameters, wishes.finetuning, wishes.template, subscription.id, name)
    there = (
        await cloud.apps.existing(subscription.id, found.name, want.names) if found else ExistingResources()
    )
    profile = kept.check(there, want, wishes.parameters)
    changes = [("create" if found is None else "keep", "Resource group", found.name if found else group)]
    changes += _changes(there, want)
    if profile is not None:
        changes.append(("create", "Workload profile", f"{profile.name} ({profile.type})"))
    lines = [f"  {change:<7} {words} {name}" for change, words, name in changes]
    listed: list[Json] = [{"change": c, "kind": words, "name": name} for c, words, name in changes]
    summary = f"Provision would do this in {subscription.name} (nothing was changed):\n" + "\n".join(lines)
    return Outcome(summary, data={"plan": listed, "subscriptionId": subscription.id, "resourceGroup": group})


def _changes(there: ExistingResources, want: Wanted) -> list[tuple[str, str, str]]:
    names, environment = want.names, there.environment is not None
    kept_or_new = {True: "keep", False: "create"}
    return [
        (kept_or_new[there.storage_account], "Storage account", names["storageAccountName"]),
        (kept_or_new[there.file_share], "File share", names["fileShareName"]),
        (
            kept_or_new[there.log_analytics or environment],
            "Log Analytics workspace",
            names["acaLogAnalyticsName"],
        ),
        (kept_or_new[environment], "Container Apps environment", names["acaEnvironmentName"]),
        ("update" if environment else "create", "Environment storage", names["acaEnvironmentStorageName"]),
        ("update" if there.app else "create", "Container app", names["acaAppName"]),
    ]
