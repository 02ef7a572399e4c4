"""What mends a problem of the preflight with one press: names, regions and hardware that would do.

A fix is text (``set?NAME=VALUE``, ``register?namespaces=…``) that ``fix.py`` reads again, with where Provision goes on.
"""

from __future__ import annotations

import hashlib
import re
from string import Formatter
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from aitk_inference.core.actions import ActionKind
from aitk_inference.core.arm_names import region_key
from aitk_inference.core.errors import AppError
from aitk_inference.core.params import is_bicep
from aitk_inference.core.portal import resource_page
from aitk_inference.flows.project.template_plan import ACCOUNT, SHARE, WORKSPACE, of_type, short_name
from aitk_inference.flows.provision import regions
from aitk_inference.flows.provision.preflight_catalogue import CATALOGUE
from aitk_inference.flows.provision.quota import Demand, gpu_usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aitk_inference.core.actions import Action
    from aitk_inference.core.preflight import Check
    from aitk_inference.flows.provision.preflight_subject import Subject

_SET = "set?"
_LONGEST_ACCOUNT, _LONGEST_APP, _LONGEST_NAME = 24, 32, 63
_LOOKED_UP = ("other_type", "other_region")
"""Values that Azure must be asked for."""


def fixable(check: Check, subject: Subject, known: Mapping[str, str]) -> Check:
    """Return a finding with the fixes whose values are known."""
    row = CATALOGUE.get(check.code)
    if row is None or not row.fixes:
        return check
    filled = (_filled(fix, {**known, **check.values}, subject) for fix in row.fixes)
    return check._replace(fixes=tuple(fix for fix in filled if fix is not None))


async def values(subject: Subject, checks: Sequence[Check]) -> dict[str, str]:
    """Return what the fixes of some findings are filled with; Azure is asked only where a fix needs it."""
    names = {
        name
        for check in checks
        for fix in (CATALOGUE[check.code].fixes if check.code else ())
        for name in _placeholders(fix)
    }
    known = _names(subject)
    if any(name in names for name in _LOOKED_UP):
        known |= await _hardware(subject)
    return known


def _filled(fix: Action, known: Mapping[str, str], subject: Subject) -> Action | None:
    if not all(known.get(name) for name in _placeholders(fix)):
        return None
    title, target = fix.title.format(**known), fix.target.format(**known)
    if fix.kind is not ActionKind.FIX:
        return fix._replace(title=title, target=target)
    verb, _, query = target.partition("?")
    given = parse_qsl(query)
    if target.startswith(_SET) and (
        is_bicep(subject.wanted.parameters.path) or not _are_declared(given, subject)
    ):
        return None
    then = "preflight" if subject.request.check_only else "provision"
    return fix._replace(title=title, target=f"{verb}?{urlencode([*given, *subject.target, ('then', then)])}")


def _are_declared(given: Sequence[tuple[str, str]], subject: Subject) -> bool:
    """Return True if a template takes these parameters and values."""
    declared = [(subject.wanted.template.declared(name), value) for name, value in given]
    allowed = [
        (subject.wanted.template.parameters[name].get("allowedValues"), value)
        for name, value in declared
        if name
    ]
    fits = all(not isinstance(values, list) or value in values for values, value in allowed)
    return fits and len(allowed) == len(declared)


def _placeholders(fix: Action) -> set[str]:
    words = f"{fix.title}{fix.target}"
    return {name for _, name, _, _ in Formatter().parse(words) if name}


def _names(subject: Subject) -> dict[str, str]:
    """Return other names for what stands in the way, the same at each run; and the page that says who may do what."""
    project, group = subject.wanted.project, f"{subject.site.subscription.id}/{subject.site.group.name}"

    def other(name: str, longest: int) -> str:
        tail = hashlib.sha256(f"{group}/{name}".lower().encode()).hexdigest()[:4]
        return f"{name[: longest - len(tail)].rstrip('-')}{tail}"

    def first(resource_type: str) -> str:
        return next((short_name(one) for one in of_type(project.resources, resource_type)), "")

    account = re.sub(r"[^a-z0-9]", "", first(ACCOUNT).lower()) or "inference"
    group_page = resource_page(subject.scope, subject.site.subscription.sign_in_tenant)
    page = "" if subject.site.cloud.is_local else f"{group_page}/users"
    return {
        "free_account": other(account, _LONGEST_ACCOUNT),
        "free_share": other(first(SHARE), _LONGEST_NAME) if first(SHARE) else "",
        "free_workspace": other(first(WORKSPACE), _LONGEST_NAME) if first(WORKSPACE) else "",
        "free_app": other(project.app.name, _LONGEST_APP),
        "access_page": page,
    }


async def _hardware(subject: Subject) -> dict[str, str]:
    """Return another GPU that this region has, and another region that has this GPU; empty where there is none."""
    demand = Demand(subject.wanted.project, subject.existing, subject.missing, subject.site.group.location)
    try:
        return {
            "other_type": await _other_type(subject, demand),
            "other_region": "" if subject.existing.environment else await _other_region(subject, demand),
        }
    except AppError:
        return {}


async def _other_type(subject: Subject, demand: Demand) -> str:
    ask, subscription = subject.site.cloud.preflight, subject.site.subscription.id
    types = await ask.profile_types(subscription, demand.region)
    usages = await ask.region_usages(subscription, demand.region)
    is_serverless = demand.profile.type.startswith("Consumption")
    declared = subject.wanted.template.parameters.get("workloadProfileType", {}).get("allowedValues")
    for kind in types:
        usage = gpu_usage(kind, usages) if kind.gpus else None
        is_other = kind.name != demand.profile.type and kind.name.startswith("Consumption") == is_serverless
        is_allowed = not isinstance(declared, list) or kind.name in declared
        if is_other and is_allowed and usage is not None and usage.limit - usage.used >= demand.gpus(kind):
            return kind.name
    return ""


async def _other_region(subject: Subject, demand: Demand) -> str:
    subscription, cloud = subject.site.subscription.id, subject.site.cloud
    locations = await cloud.subscriptions.locations(subscription)
    others = [one for one in locations if region_key(one.name) != region_key(demand.region)]
    found = await regions.offers(demand, others, cloud.preflight, subscription)
    best = next(iter(found), None)
    return best.location.name if best is not None and best.rank == 0 else ""
