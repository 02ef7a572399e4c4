"""Which revisions of an app the traffic goes to, and how it is split between them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from aca_local.kernel.body_schema import invalid
from aca_local.kernel.replicas import AccessRules, TrafficTarget
from aca_local.providers.app_records import REVISIONS

if TYPE_CHECKING:
    from collections.abc import Collection

    from aca_local.kernel.context import Cloud
    from aca_local.providers.app_records import AppRecord, TrafficRecord
    from aca_local.state import JsonObject

_PATH = ".properties.configuration.ingress.traffic"
WHOLE = 100
LABEL = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
LONGEST_LABEL = 63  # it is part of a host name
LABEL_RULE = (
    "A label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and "
    "end with an alphanumeric character."
)


def read(asked: list[JsonObject] | None) -> list[TrafficRecord]:
    """Return the traffic of an ingress as it is stored; unsaid, the newest revision gets all."""
    if not asked:
        return [{"weight": WHOLE, "latestRevision": True}]
    found: list[TrafficRecord] = []
    for index, one in enumerate(asked):
        weight = one.get("weight", 0)
        if not 0 <= weight <= WHOLE:
            raise invalid(
                f"{_PATH}[{index}].weight", f"The traffic weight {weight} must be between 0 and 100."
            )
        if bool(one.get("latestRevision")) == bool(one.get("revisionName")):
            raise invalid(f"{_PATH}[{index}]", "Either latestRevision or revisionName must be set.")
        found.append({**one, "weight": weight})  # type: ignore[typeddict-item]  # the table has checked the rest
    _check_repetitions(found)
    total = sum(one.get("weight", 0) for one in found)
    if total != WHOLE:
        raise invalid(_PATH, f"The traffic weights must add up to 100, not {total}.")
    return found


def _check_repetitions(asked: list[TrafficRecord]) -> None:
    """Raise InvalidRequestContent for a label, or a revision, that stands twice, and for what is no label.

    What a label is: https://learn.microsoft.com/azure/container-apps/revisions#labels
    """
    seen: set[tuple[str, str]] = set()
    for index, one in enumerate(asked):
        label = one.get("label") or ""
        if label and not (LABEL.fullmatch(label) and len(label) <= LONGEST_LABEL):
            raise invalid(f"{_PATH}[{index}].label", f"The label '{label}' is invalid. {LABEL_RULE}")
        revision = (one.get("revisionName") or "").lower()
        target = ("revisionName", revision) if revision else ("latestRevision", "true")
        for name, value in (("label", label), target):
            if value and (name, value) in seen:
                raise invalid(f"{_PATH}[{index}].{name}", f"The {name} '{value}' is used more than once.")
            seen.add((name, value))


def check_names(asked: list[TrafficRecord], known: Collection[str]) -> None:
    """Raise InvalidRequestContent where a revision is named that does not exist."""
    lowered = {name.lower() for name in known}
    for index, one in enumerate(asked):
        name = one.get("revisionName")
        if name and name.lower() not in lowered:
            raise invalid(f"{_PATH}[{index}].revisionName", f"The revision '{name}' does not exist.")


def weights(cloud: Cloud, app: AppRecord) -> dict[str, int]:
    """Return the share of the traffic that each revision gets, in percent."""
    found: dict[str, int] = {}
    for one in targets(cloud, app):
        found[one.revision] = found.get(one.revision, 0) + one.weight
    return found


def targets(cloud: Cloud, app: AppRecord) -> list[TrafficTarget]:
    """Return the traffic of an app by revision: ``latestRevision`` is the newest one that is ready."""
    properties = app["properties"]
    ingress, current = properties["configuration"]["ingress"], properties["latestReadyRevisionName"]
    current = current or properties["latestRevisionName"]
    if not ingress:
        return []
    if properties["configuration"]["activeRevisionsMode"] == "Single":
        return [TrafficTarget(current, WHOLE)] if current else []
    active = [one["name"] for one in cloud.store.list(REVISIONS, f"{app['id']}/revisions/") if one["active"]]
    spelled = {name.lower(): name for name in active}
    found = []
    for one in ingress["traffic"]:
        named = spelled.get((one.get("revisionName") or "").lower(), "")
        name = current if one.get("latestRevision") else named
        if name:  # an older aca-local stored weights as text
            found.append(TrafficTarget(name, int(one.get("weight") or 0), one.get("label", "")))
    return found


async def route(cloud: Cloud, app: AppRecord) -> None:
    """Split an app's traffic as its settings say."""
    ingress, found = app["properties"]["configuration"]["ingress"], targets(cloud, app)
    if not ingress or not found:
        return
    rules = ingress["ipSecurityRestrictions"] or []
    access = AccessRules(
        external=ingress["external"],
        ranges=tuple(one["ipAddressRange"] for one in rules),
        allow=all(one.get("action") == "Allow" for one in rules),
    )
    await cloud.ingress.route(app["id"], found, access)
