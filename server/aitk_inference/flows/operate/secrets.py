"""Secrets: set one, list their names, remove one. A value comes from a hidden prompt or standard input alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.actions import Action, ActionKind
from aitk_inference.core.errors import AppError, Dismissed, InputRequired, Misuse, NotFound
from aitk_inference.core.json_paths import text
from aitk_inference.core.user_interface import Choice, Confirm, Option, Secret, Text
from aitk_inference.flows.app.app_document import AppDocument, change_app, read_document
from aitk_inference.flows.app.app_secrets import read_secrets, uses_of, with_secret
from aitk_inference.flows.app.restart import restart
from aitk_inference.flows.app.secret_variable import (
    HF_TOKEN,
    SecretName,
    gated_base,
    secret_name,
    template_with_variable,
    template_without_variable,
    variable_of,
)
from aitk_inference.flows.operate.opened_app import app_to_change, configured_app
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from aitk_inference.core.model import ContainerApp, Json
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.user_interface import Question, UserInterface
    from aitk_inference.flows.api import SecretsRequest

_NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
_NAME_HINT = "A secret's name has lower-case letters, digits, - and . alone, for example hf-token; HF_TOKEN names the variable, too."
_NAMES = rf"{_NAME}|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"
_NAME_PROMPT = "The secret's name, or the variable that is to have its value"
_ACTIONS = (
    Option("set", "Set a secret"),
    Option("list", "List the names"),
    Option("remove", "Remove a secret"),
)


class _Context(NamedTuple):
    """What the three actions work with; ``variable`` is to show the secret to the first container, or is empty."""

    request: SecretsRequest
    ui: UserInterface
    cloud: Cloud
    app: ContainerApp
    document: AppDocument
    report: Reporter
    variable: str

    def names(self) -> list[str]:
        return sorted(text(one, "name") for one in self.document.objects("configuration", "secrets"))


async def secrets(
    request: SecretsRequest, *, ui: UserInterface, clouds: Clouds, value: str | None = None
) -> Outcome:
    """Set, list or remove secrets of the app; what the request leaves open is asked.

    Args:
        request: What to do with which secret.
        ui: Asks for the value, unless it is given.
        clouds: The targets.
        value: The value that standard input gave; None: it is asked for, hidden.

    Raises:
        AppError: the name or the value can't be one, or something refers to a secret that should go.
        InvalidProject: the project was not provisioned.
        NotFound: the app or the secret is not there.
        Busy, Conflict, NotAuthenticated, Forbidden, Unreachable.
    """
    named = secret_name(request.name) if request.name else SecretName("")
    if request.name:
        _check_name(named.secret)
        request = request._replace(name=named.secret)
    if value == "" and request.name:
        raise Misuse(
            "No value came on standard input.",
            suggestion='Give it there, for example: printf %s "$TOKEN" | aitk-inference secrets set NAME',
        )
    configured_app(request.project)  # before anything is asked
    action = (
        request.action
        or (await ui.ask((Choice("action", "What to do with secrets", "set, list or remove", _ACTIONS),)))[
            "action"
        ]
    )
    async with app_to_change(request.project, "secrets", ui=ui, clouds=clouds) as (cloud, app, report):
        document = await read_document(app, cloud)
        context = _Context(request, ui, cloud, app, document, report, named.variable)
        if action == "set":
            return await _set(context, value)
        if action == "remove":
            return await _remove(context)
        if action == "list":
            return _list(context)
    raise Misuse("Secrets can be set, listed and removed.", suggestion="Give one of: set, list, remove.")


def _list(context: _Context) -> Outcome:
    names = context.names()
    if not names:
        return Outcome(f"{context.app.ref.name} has no secrets.", data={"secrets": []})
    headline = f"{context.app.ref.name} has {len(names)} {'secret' if len(names) == 1 else 'secrets'}."
    return Outcome("\n".join(names), data={"secrets": [*names]}, headline=headline)


async def _set(context: _Context, value: str | None) -> Outcome:
    named = await _name_of_new(context)
    name = named.secret
    if value is None:
        question = Secret("value", f"The value of {named.variable or name}", "the value on standard input")
        value = (await context.ui.ask((question,)))["value"]
    if not value.strip():
        raise Misuse(
            "The value is empty.", suggestion="To remove the secret: aitk-inference secrets remove NAME"
        )
    known = await read_secrets(context.document, context.cloud)
    before = next((one for one in known if one.get("name") == name), None)
    if before and before.get("keyVaultUrl"):
        raise AppError(
            f"The value of {name} is kept in a key vault, not in the app.",
            suggestion="Change it in the key vault.",
        )
    template = template_with_variable(context.document, named) if named.variable else {}
    app = context.app.ref.name
    if before and before.get("value") == value and not template:
        if not context.request.restart:  # what runs may have an older value
            words = f"{name} has this value already; nothing was changed."
            return Outcome(words, data=_data(name, False, False))
        uses = await uses_of(context.document, name, context.cloud)
        return await _restarted(context, f"{name} has this value already.", name, uses, changed=False)
    context.report.step("Secret", f"Setting {name} of {app}")
    changes: dict[str, Json] = {"configuration": {"secrets": with_secret(known, name, value)}}
    await change_app(
        context.document,
        context.cloud,
        context.report,
        {**changes, "template": template} if template else changes,
    )
    done = f"{'Changed' if before else 'Added'} the secret {name} of {app}."
    if template:
        words = f"{done}\nA new revision starts, in which {named.variable} has its value."
        status = (Action(ActionKind.RUN, "Status", "status"),)
        return Outcome(words, actions=status, data={**_data(name, True, False), "variable": named.variable})
    uses = await uses_of(context.document, name, context.cloud)
    if not uses:
        return Outcome(f"{done}\nNothing in the app refers to it yet.", data=_data(name, True, False))
    return await _restarted(context, done, name, uses)


async def _name_of_new(context: _Context) -> SecretName:
    if context.request.name:
        return SecretName(context.request.name, context.variable)
    gated = gated_base(context.request.project)
    offered = [Option(HF_TOKEN, HF_TOKEN, f"the token that {gated} wants")] if gated else []
    offered += [Option(name, name) for name in context.names()]
    question: Question = Text("name", _NAME_PROMPT, "NAME", pattern=_NAMES, pattern_hint=_NAME_HINT)
    if offered:
        question = Choice("name", _NAME_PROMPT, "NAME", tuple(offered), create_label="Another name…")
    named = secret_name((await context.ui.ask((question,)))["name"])
    _check_name(named.secret)
    return named


async def _restarted(
    context: _Context, done: str, name: str, uses: list[str], *, changed: bool = True
) -> Outcome:
    """Restart what runs where the person wants it: a new value makes no revision, so replicas keep the old one."""
    app = context.app
    status = (Action(ActionKind.RUN, "Status", "status"),)
    running = [
        one for revision in app.serving for one in await context.cloud.apps.replicas(app.ref, revision)
    ]
    if not running or app.is_stopped:
        return Outcome(f"{done}\nNo replica runs; the next one has it.", data=_data(name, changed, False))
    if await _wants_restart(context):
        await restart(app, context.cloud, context.report)
        words = f"{done}\nRestarted {app.ref.name}, so that it has the new value. The web API needs a while to answer."
        return Outcome(words, actions=status, data=_data(name, changed, True))
    words = f"{done}\nWhat runs keeps the old value ({', '.join(uses)}) until it is restarted: Deploy restarts it, so does --restart here."
    return Outcome(words, actions=status, data=_data(name, changed, False))


async def _wants_restart(context: _Context) -> bool:
    if context.request.restart is not None:
        return context.request.restart
    question = Confirm(
        "restart",
        f"Restart {context.app.ref.name} now?",
        "--restart or --no-restart",
        yes_label="Restart",
        detail="A changed secret makes no new revision: what runs keeps the old value until it is restarted.",
    )
    try:
        return (await context.ui.ask((question,)))["restart"] == "yes"
    except (InputRequired, Dismissed):  # the secret is set; a restart that nobody wanted is none
        return False


async def _remove(context: _Context) -> Outcome:
    app, names = context.app.ref.name, context.names()
    name = context.request.name
    if not name and names:
        options = tuple(Option(one, one) for one in names)
        name = (await context.ui.ask((Choice("name", "Which secret to remove", "NAME", options),)))["name"]
    if name not in names:
        raise NotFound(
            f"{app} has no secret {name}." if name else f"{app} has no secrets.",
            suggestion=f"It has: {', '.join(names)}." if names else "",
        )
    if context.variable and (template := template_without_variable(context.document, variable_of(name))):
        return await _without_variable(context, name, template)
    uses = await uses_of(context.document, name, context.cloud)
    if uses:
        shown = variable_of(name)
        way = "Take that reference out first; an older revision has to be inactive, too."
        if template_without_variable(context.document, shown):
            way = f"Take the variable out first: aitk-inference secrets remove {shown.variable}"
        raise AppError(f"The secret {name} is in use: {', '.join(uses)}.", suggestion=way)
    context.report.step("Secret", f"Removing {name} of {app}")
    kept = with_secret(await read_secrets(context.document, context.cloud), name, None)
    await change_app(context.document, context.cloud, context.report, {"configuration": {"secrets": kept}})
    return Outcome(f"Removed the secret {name} of {app}.", data={"name": name, "removed": True})


async def _without_variable(context: _Context, name: str, template: dict[str, Json]) -> Outcome:
    """Take the variable out; its secret stays while a revision that has it is active: Azure removes none in use."""
    app, variable = context.app.ref.name, context.variable
    context.report.step("Secret", f"Taking {variable} out of {app}")
    await change_app(context.document, context.cloud, context.report, {"template": template})
    words = f"A new revision of {app} starts without {variable}.\nOnce it answers, the secret can go, too: aitk-inference secrets remove {name}"
    status = (Action(ActionKind.RUN, "Status", "status"),)
    return Outcome(words, actions=status, data={"name": name, "removed": False, "variable": variable})


def _check_name(name: str) -> None:
    """Raise AppError for what can't be a name; it is not repeated: it may hold a value."""
    if re.fullmatch(_NAME, name) is None:
        raise Misuse(
            "That can't be the name of a secret.",
            suggestion=f"{_NAME_HINT} The value comes from standard input or a hidden prompt.",
        )


def _data(name: str, changed: bool, restarted: bool) -> dict[str, str | bool]:
    return {"name": name, "changed": changed, "restarted": restarted}
