"""What of a project stays when it is deleted: what fine-tuning uses, what others use, and what those stand on.

Two projects in one group have the same share, account and environment where their templates name them alike: what
one of them made is there for the other's app, too.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core import api_versions
from aitk_inference.core.arm_names import name_of, same, type_of
from aitk_inference.core.json_paths import objects, text
from aitk_inference.flows.project.template_plan import (
    ACCOUNT,
    APP,
    ENVIRONMENT,
    ENVIRONMENT_STORAGE,
    SHARE,
    WORKSPACE,
    environment_id_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aitk_inference.core.model import Json
    from aitk_inference.core.resource_manager import Resources
    from aitk_inference.flows.provision.ownership import Made

_JOB = "Microsoft.App/jobs"
_FINETUNING: Mapping[str, str] = {
    ACCOUNT.lower(): "storageAccountName",
    SHARE.lower(): "fileShareName",
    ENVIRONMENT.lower(): "acaEnvironmentName",
    ENVIRONMENT_STORAGE.lower(): "acaEnvironmentStorageName",
    WORKSPACE.lower(): "acaLogAnalyticsName",
}
"""By which of its names the fine-tuning step uses a resource."""
OF_FINETUNING = "fine-tuning uses it"


class Present(NamedTuple):
    """Something that this project made and that is there, as it stands."""

    made: Made
    document: Mapping[str, Json]


class Kept(NamedTuple):
    """Something that this project made and that stays, and why."""

    made: Made
    why: str


async def present(made: Iterable[Made], resources: Resources) -> list[Present]:
    """Return what is still there of what a project made."""
    asked = list(made)
    found = await asyncio.gather(*(resources.get(one.id, one.api_version) for one in asked))
    return [
        Present(one, document) for one, document in zip(asked, found, strict=True) if document is not None
    ]


async def others(group_id: str, ours: Sequence[Present], resources: Resources) -> list[Mapping[str, Json]]:
    """Return what a project did not make: what is in its group, shares of its accounts, what their apps mount.

    Apps and jobs are whole documents, so that it can be seen what they stand on; the rest is as lists show it.
    """
    accounts = [one.made for one in ours if same(type_of(one.made.id), ACCOUNT)]
    lists = await asyncio.gather(
        resources.list(f"{group_id}/resources", api_versions.RESOURCES),
        *(resources.list(f"{one.id}/fileServices/default/shares", one.api_version) for one in accounts),
    )
    known = {one.made.id.lower() for one in ours}
    found = [item for listed in lists for item in listed if text(item, "id").lower() not in known]
    runs = [item for item in found if text(item, "type").lower() in (APP.lower(), _JOB.lower())]
    running = await _documents((text(item, "id") for item in runs), resources)
    volumes = {one for document in running for one in _volumes(document)} - known
    mounted = await _documents(sorted(volumes), resources)
    return [*(item for item in found if item not in runs), *running, *mounted]


def kept(
    ours: Sequence[Present], theirs: Sequence[Mapping[str, Json]], finetuned: Mapping[str, str]
) -> list[Kept]:
    """Return what stays, and why.

    Args:
        ours: What this project made and is there.
        theirs: What others made.
        finetuned: Names of what fine-tuning uses, by the template's parameter.
    """
    staying: dict[str, str] = {}
    while fresh := {
        one.made.id: why
        for one in ours
        if one.made.id not in staying and (why := _reason(one, ours, theirs, finetuned, staying))
    }:
        staying |= fresh  # and what these stand on, in the next round
    return [Kept(one.made, staying[one.made.id]) for one in ours if one.made.id in staying]


def _reason(
    one: Present,
    ours: Sequence[Present],
    theirs: Sequence[Mapping[str, Json]],
    finetuned: Mapping[str, str],
    staying: Mapping[str, str],
) -> str:
    name = finetuned.get(_FINETUNING.get(type_of(one.made.id).lower(), ""), "")
    if name and same(name, name_of(one.made.id)):
        return OF_FINETUNING
    if any(_stands_on(other, one) for other in theirs):
        return "others use it"
    users = (user.document for user in ours if user.made.id in staying)
    return "what stays needs it" if any(_stands_on(user, one) for user in users) else ""


def _stands_on(user: Mapping[str, Json], one: Present) -> bool:
    lower = one.made.id.lower()
    if text(user, "id").lower().startswith(f"{lower}/") or lower in (
        environment_id_of(user).lower(),
        *_volumes(user),
    ):
        return True
    account, share = (
        text(user, "properties", "azureFile", key).lower() for key in ("accountName", "shareName")
    )
    path = f"/storageaccounts/{account}"
    if account and lower.endswith((path, f"{path}/fileservices/default/shares/{share}")):
        return True
    logs = text(user, "properties", "appLogsConfiguration", "logAnalyticsConfiguration", "customerId")
    return bool(logs) and same(logs, text(one.document, "properties", "customerId"))


def _volumes(user: Mapping[str, Json]) -> list[str]:
    """Return the ids of the environment's storages that an app or a job mounts, in lower case."""
    names = (text(one, "storageName").lower() for one in objects(user, "properties", "template", "volumes"))
    return [f"{environment_id_of(user).lower()}/storages/{name}" for name in names if name]


async def _documents(ids: Iterable[str], resources: Resources) -> list[Mapping[str, Json]]:
    found = await asyncio.gather(*(resources.get(one, api_versions.APPS) for one in ids))
    return [document for document in found if document is not None]
