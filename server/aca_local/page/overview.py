"""The overview: the subscription's deployments, then each resource group with what is in it, as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from aca_local.kernel.records import GROUP, RESOURCE
from aca_local.page.apps import app_card, job_card
from aca_local.page.deployments import deployments
from aca_local.page.frame import ROOT
from aca_local.page.html import Raw, join, table, tag
from aca_local.page.states import progress
from aca_local.providers.app_records import APPS
from aca_local.providers.job_records import JOBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aca_local.arm import Cloud
    from aca_local.kernel.records import GroupRecord

APP, JOB = "microsoft.app/containerapps", "microsoft.app/jobs"
ACCOUNT = "microsoft.storage/storageaccounts"
APART = frozenset({APP, JOB, f"{ACCOUNT}/fileservices/shares"})


def overview(cloud: Cloud) -> Raw:
    """Show everything; a hint for a newcomer when there is nothing."""
    groups = cloud.store.list(GROUP)
    whole = deployments(cloud, f"/subscriptions/{cloud.settings.subscription_id}")
    if not groups and not whole:
        return tag(
            "p", "No resource group yet. Provision a project: ", tag("code", "aitk-inference provision")
        )
    subscription = tag("section", tag("h2", "Subscription"), _part("Deployments", whole)) if whole else None
    return join(subscription, *(_group(cloud, one) for one in groups))


def _group(cloud: Cloud, group: GroupRecord) -> Raw:
    inside = cloud.store.list(RESOURCE, group["id"] + "/")
    apps = [one for one in cloud.store.list(APPS, group["id"] + "/") if one["type"].lower() == APP]
    jobs = [one for one in cloud.store.list(JOBS, group["id"] + "/") if one["type"].lower() == JOB]
    accounts = [one["name"] for one in inside if one["type"].lower() == ACCOUNT]
    apart = [one for one in inside if one["type"].lower() not in APART]
    states = [one["properties"].get("provisioningState") for one in apart]  # some have none
    others: list[tuple[object, ...]] = [
        (one["name"], one["type"], progress(state) if state else "")
        for one, state in zip(apart, states, strict=True)
    ]
    parts = (
        _part("Container apps", join(*(app_card(cloud, one) for one in apps))),
        _part("Jobs", join(*(job_card(cloud, one) for one in jobs))),
        _part("Deployments", deployments(cloud, group["id"])),
        _part("Shares", _shares(cloud, accounts)),
        _part("Other resources", table(("Name", "Type", "State"), others) if others else Raw()),
    )
    title = tag("h2", group["name"], " ", tag("small", group["location"]))
    empty = None if any(parts) else tag("p", "Nothing in it yet.", class_="quiet")
    return tag("section", title, *parts, empty)


def _part(title: str, content: Raw) -> Raw:
    """Return a titled part of a section; nothing where it has no content."""
    return tag("div", tag("h3", title), content) if content else Raw()


def _shares(cloud: Cloud, accounts: Sequence[str]) -> Raw:
    """Show the shares as the Files service has them, whoever made them."""
    rows: list[tuple[object, ...]] = []
    for account in accounts:
        for share in cloud.shares.list_shares(account):
            href = f"{ROOT}/files/{quote(account)}/{quote(share.name)}/"
            rows.append((tag("a", share.name, href=href), account, f"{share.quota_gib} GiB"))
    return table(("Share", "Storage account", "Size limit"), rows) if rows else Raw()
