"""Protect: who may use the endpoint, by a key, by addresses, or everybody."""

from __future__ import annotations

import ipaddress
import re
from secrets import token_urlsafe
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import AppError, Dismissed, Misuse
from aitk_inference.core.json_paths import text
from aitk_inference.core.user_interface import Choice, Confirm, Option, Text
from aitk_inference.flows.app.app_document import AppDocument, change_app, read_document
from aitk_inference.flows.app.app_secrets import read_secrets, with_secret
from aitk_inference.flows.app.key_mount import (
    KEY_SECRET,
    KEY_VARIABLE,
    template_with_key,
    template_without_key,
)
from aitk_inference.flows.app.restart import restart
from aitk_inference.flows.operate.opened_app import app_to_change, configured_app
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import ProtectRequest

_KEY_BYTES = 32
_OUR_RULE = re.compile(r"allow-ip-\d+|allowed-\d+")
"""Ours, and those of the template's ``allowedIpRanges``: Provision replaces the latter, so ours have another name."""
_WAYS = (
    Option("key", "An API key", "made now, shown once"),
    Option("addresses", "Some addresses alone", "ranges of IPv4 addresses"),
    Option("open", "Open to everybody", "removes both"),
)
_KEY_STAYS = f"A new revision starts without the key. Once it answers, the secret can go, too: aitk-inference secrets remove {KEY_SECRET}"
_STATUS = Action(ActionKind.RUN, "Status", "status")


class _Context(NamedTuple):
    """What the ways of protection work with."""

    request: ProtectRequest
    ui: UserInterface
    cloud: Cloud
    app: ContainerApp
    document: AppDocument
    report: Reporter

    async def change(self, properties: dict[str, Json]) -> None:
        await change_app(self.document, self.cloud, self.report, properties)


async def protect(request: ProtectRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Give the endpoint a key, let only some addresses in, or open it again.

    Raises:
        AppError: an address range can't be one, or the app stands in the way.
        InvalidProject: the project was not provisioned.
        NotFound: the app is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    way, given = await _wanted(request, ui)
    ranges = [*dict.fromkeys(_range(one) for one in given)]
    async with app_to_change(request.project, "protect", ui=ui, clouds=clouds) as (cloud, app, report):
        document = await read_document(app, cloud)
        context = _Context(request, ui, cloud, app, document, report)
        if way == "key":
            return await _with_key(context)
        if way == "addresses":
            return await _with_addresses(context, ranges)
        return await _open(context)


async def _wanted(request: ProtectRequest, ui: UserInterface) -> tuple[str, Sequence[str]]:
    """Return the way, and the ranges as they were given."""
    ways = {"key": request.api_key, "addresses": bool(request.allow_ip), "open": request.open}
    named = [way for way, is_named in ways.items() if is_named]
    if len(named) > 1:
        raise Misuse("One at a time.", suggestion="Give one of --api-key, --allow-ip and --open.")
    if named:
        return named[0], request.allow_ip
    configured_app(request.project)  # before anything is asked
    flags = "--api-key, --allow-ip CIDR or --open"
    way = (await ui.ask((Choice("way", "Who may use the endpoint", flags, _WAYS),)))["way"]
    if way != "addresses":
        return way, ()
    question = Text("ranges", "Which ranges, for example 203.0.113.0/24 198.51.100.7", "--allow-ip CIDR")
    return way, re.split(r"[\s,]+", (await ui.ask((question,)))["ranges"].strip())


def _range(given: str) -> str:
    """Return a range of addresses in Azure's form; raise AppError for what can't be one."""
    try:
        network = ipaddress.ip_network(given, strict=False)
    except ValueError:
        raise Misuse(
            f"{given} is no range of addresses.",
            suggestion="Give one like 203.0.113.0/24, or an address like 198.51.100.7",
        ) from None
    if network.version != 4:  # noqa: PLR2004 - IPv4
        raise Misuse(
            f"{given} is an IPv6 range; Container Apps takes rules for IPv4 alone.",
            suggestion="Give IPv4 ranges.",
        )
    if network.prefixlen == 0:
        raise Misuse(
            f"{given} is everybody.", suggestion="To open the endpoint: aitk-inference protect --open"
        )
    return str(network)


async def _with_key(context: _Context) -> Outcome:
    app, template = context.app, template_with_key(context.document)
    known = await read_secrets(context.document, context.cloud)
    replaces = any(one.get("name") == KEY_SECRET for one in known)
    if replaces and not context.request.assume_yes:
        await _confirm_new_key(context.ui)
    key = token_urlsafe(_KEY_BYTES)
    context.report.step("Key", f"Giving {app.ref.name} a new key")
    changes: dict[str, Json] = {"configuration": {"secrets": with_secret(known, KEY_SECRET, key)}}
    await context.change({**changes, "template": template} if template else changes)
    if template:
        how = "A new revision starts with it, from the code that is there; until it answers, the one before serves as it did."
    elif app.is_stopped:
        how = "The app is stopped; it has the key when it starts."
    else:
        await restart(app, context.cloud, context.report)
        how = "The app restarts with it, and refuses the old one."
    lines = [
        f"{app.ref.name} wants {'a new' if replaces else 'a'} key now. {how}",
        f"The starter wants it in each request's Authorization header, after the word Bearer; code of your own finds it in the file that {KEY_VARIABLE} names.",
        *_pinned(app if template else None),
    ]
    data: dict[str, Json] = {"protection": "apiKey", "replaced": replaces}
    return Outcome("\n".join(lines), app.endpoint, actions=(_STATUS,), data=data, key=key)


async def _confirm_new_key(ui: UserInterface) -> None:
    question = Confirm(
        "replace",
        "Make a new key?",
        "--yes",
        yes_label="Make a new key",
        detail="The app has a key; programs that use it are refused once there is a new one.",
    )
    if (await ui.ask((question,)))["replace"] != "yes":
        raise Dismissed


async def _with_addresses(context: _Context, ranges: Sequence[str]) -> Outcome:
    app, others = context.app, _other_rules(context.document)
    if context.document.find("configuration", "ingress") is None:
        raise AppError(f"{app.ref.name} has no endpoint that addresses could be kept from.")
    denying = [text(one, "name") for one in others if text(one, "action").lower() == "deny"]
    if denying:
        raise AppError(
            f"{app.ref.name} has rules that deny addresses: {', '.join(denying)}. Azure takes rules of one kind alone.",
            suggestion="Remove them first.",
        )
    ours: list[Json] = [
        {"name": f"allow-ip-{number}", "action": "Allow", "ipAddressRange": one}
        for number, one in enumerate(ranges, 1)
    ]
    context.report.step("Addresses", f"Letting {', '.join(ranges)} in")
    await context.change({"configuration": {"ingress": {"ipSecurityRestrictions": [*others, *ours]}}})
    also = [f"{text(one, 'ipAddressRange')} ({text(one, 'name')})" for one in others]
    lines = [
        f"{app.ref.name} answers {', '.join([*ranges, *also])} alone now.",
        "Deploy and Status ask the endpoint from this computer: its own address has to be among them.",
    ]
    data: dict[str, Json] = {"protection": "addresses", "ranges": [*ranges]}
    return Outcome("\n".join(lines), app.endpoint, actions=(_STATUS,), data=data)


async def _open(context: _Context) -> Outcome:
    app, template = context.app, template_without_key(context.document)
    rules, others = (
        context.document.objects("configuration", "ingress", "ipSecurityRestrictions"),
        _other_rules(context.document),
    )
    changes: dict[str, Json] = {"template": template} if template else {}
    if len(rules) != len(others):
        changes["configuration"] = {"ingress": {"ipSecurityRestrictions": [*others]}}
    left = [f"The IP rules {', '.join(text(one, 'name') for one in others)} stay: they were made elsewhere."]
    data: dict[str, Json] = {"protection": "none"}
    if not changes:
        lines = [f"{app.ref.name} has no key and no rules of this command.", *(left if others else [])]
        return Outcome("\n".join(lines), app.endpoint, data=data)
    context.report.step("Open", f"Opening {app.ref.name}")
    await context.change(changes)
    lines = [
        f"{app.ref.name} has no key and no rules of this command now."
        if others
        else f"{app.ref.name} is open: everybody who finds the address may use it.",
        *(left if others else []),
        *([_KEY_STAYS] if template else []),
        *_pinned(app if template else None),
    ]
    return Outcome("\n".join(lines), app.endpoint, actions=(_STATUS,), data=data)


def _other_rules(document: AppDocument) -> list[dict[str, Json]]:
    rules = document.objects("configuration", "ingress", "ipSecurityRestrictions")
    return [one for one in rules if not _OUR_RULE.fullmatch(text(one, "name"))]


def _pinned(app: ContainerApp | None) -> list[str]:
    """Return a warning where a new revision gets no traffic, so that nothing changes for anybody."""
    if app is None or not app.several_revisions or any(part.latest and part.weight for part in app.traffic):
        return []
    return [
        f"The traffic stays with {', '.join(app.serving)}, which goes on as before: send it to the new revision."
    ]
