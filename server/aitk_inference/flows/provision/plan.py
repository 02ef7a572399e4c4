"""The plan of a Provision: what it changes, how it hangs together, what it costs; and the question before it."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from aitk_inference.core.errors import AppError, Dismissed
from aitk_inference.core.percents import ProvisionPercent
from aitk_inference.core.prices import HOURS_A_MONTH, PRICES_PAGE
from aitk_inference.core.user_interface import Choice, Confirm, Document, Option
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.provision.dependency_picture import picture
from aitk_inference.flows.provision.deployment import deployment_name
from aitk_inference.flows.provision.preview import (
    PlannedChange,
    counted,
    listed_lines,
    planned_changes,
    unguarded,
)
from aitk_inference.flows.provision.prices import price_of
from aitk_inference.flows.provision.quota import Demand
from aitk_inference.flows.provision.what_if import with_what_if

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence
    from typing import Any

    from arm_template import PlannedResource

    from aitk_inference.core.actions import Action
    from aitk_inference.core.model import Json
    from aitk_inference.core.prices import Price
    from aitk_inference.core.progress import Reporter
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.core.what_if import ResourceChange
    from aitk_inference.flows.provision.inputs import Site
    from aitk_inference.flows.provision.preflight_subject import Subject

_T = TypeVar("_T")
_PATIENCE = 5.0
"""Seconds after which what-if may be skipped; on Azure it takes from some seconds to some minutes."""
_LIST_NOTE = "Azure's list prices; storage and logs come on top."
_LOCAL_NOTE = "On this computer nobody is billed: the prices are made up."


@dataclass(frozen=True)
class ProvisionPlan:
    """What a Provision would do.

    Attributes:
        changes: The resource group first, then every resource.
        resources: All that the template makes where nothing exists, for the picture.
        go_on: The button that makes it so.
        note: Why Resource Manager's own comparison is not in it; empty where it is, or not needed.
    """

    changes: tuple[PlannedChange, ...]
    price: Price
    site: Site
    resources: tuple[PlannedResource, ...]
    go_on: Action
    note: str = ""

    @property
    def listed(self) -> str:
        """Return what it changes, in lines."""
        head = f"Provision would do this in {self.site.subscription.name} (nothing was changed):"
        note = [self.note] if self.note else []
        return "\n".join([head, *listed_lines(self.changes), *note])

    @property
    def text(self) -> str:
        """Return the plan in lines, the price last."""
        return f"{self.listed}\n{self.price.words}"

    def outcome(self) -> Outcome:
        """Return the plan as an outcome."""
        where: dict[str, Json] = {
            "subscriptionId": self.site.subscription.id,
            "resourceGroup": self.site.group.name,
        }
        data: dict[str, Json] = {
            "plan": [change.as_json() for change in self.changes],
            **where,
            "price": self.price.as_json(),
        }
        app = f"Provision {counted(self.changes)} in {self.site.group.name}; nothing was changed."
        return Outcome(self.text, data=data, actions=(self.go_on,), headline=app, document=self.document())

    def document(self) -> Document:
        """Return the plan to be read in an editor."""
        lines = [
            "# What Provision would do",
            f"Subscription **{_cell(self.site.subscription.name)}**, resource group **{_cell(self.site.group.name)}**"
            f"{f' in {self.site.group.location}' if self.site.group.location else ''}. Nothing has been changed yet.",
            f"![What each resource stands on]({self._picture()})",
            _table(("", "Resource", "Name", "What changes"), _rows(self.changes)),
            *([self.note] if self.note else []),
            "## What it costs",
            _table(("", "an hour", "a month"), self._prices()),
            _LOCAL_NOTE if self.price.made_up else _LIST_NOTE,
            *([] if self.price.known else [f"What is unknown is on [Azure's price page]({PRICES_PAGE})."]),
        ]
        return Document("Provision plan", "\n\n".join(lines) + "\n", self.text)

    def _picture(self) -> str:
        drawn = picture(self.resources, self.changes)
        return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"

    def _prices(self) -> Iterator[tuple[str, ...]]:
        parts = (
            ("busy, with requests", self.price.busy),
            ("idle, running without requests", self.price.idle),
            ("asleep, without a replica", self.price.asleep),
        )
        for name, value in parts:
            if value is None:
                yield name, "unknown", "unknown"
            else:
                yield (
                    name,
                    *(f"{amount:,.2f} {self.price.currency}" for amount in (value, value * HOURS_A_MONTH)),
                )


async def make_plan(subject: Subject, price: Price, report: Reporter) -> ProvisionPlan:
    """Return the plan; Resource Manager's what-if is part of it unless it is left out, skipped or refused."""
    listed = local_changes(subject)
    found, note = await _what_if(subject, report)
    changes = with_what_if(listed, found) if found is not None else tuple(listed)
    site = subject.site
    group = PlannedChange("keep" if site.exists else "create", "Resource group", site.group.name)
    missing = subject.missing
    added = (
        [PlannedChange("create", "Workload profile", f"{missing.name} ({missing.type})")] if missing else []
    )
    resources = subject.wanted.project.resources
    return ProvisionPlan((group, *changes, *added), price, site, resources, subject.go_on, note)


def local_changes(subject: Subject) -> list[PlannedChange]:
    """Return what comparing the template with what exists gives."""
    return planned_changes(subject.wanted.project, subject.put, subject.existing)


async def price_of_plan(subject: Subject) -> Price:
    """Return what the app will cost."""
    location = subject.site.group.location
    demand = Demand(subject.wanted.project, subject.existing, subject.missing, location)
    return await price_of(demand, subject.site.cloud, subject.site.subscription.id)


async def confirm(subject: Subject, plan: ProvisionPlan, ui: UserInterface) -> None:
    """Show the plan and ask whether to go on. The question has the price, so that lines above it say it no second time.

    Raises:
        Dismissed: the person says no.
    """
    await ui.show(plan.document()._replace(text=plan.listed))
    lost = _lost(subject)
    app, group = subject.wanted.project.app.name, plan.site.group.name
    question = Confirm(
        "provision",
        f"Provision {app} in {group} of {plan.site.subscription.name}? It {counted(plan.changes)}.",
        "--yes",
        "Provision",
        " ".join(
            part
            for part in (lost and f"It would reset what was set by hand: {lost}.", plan.price.words)
            if part
        ),
    )
    if (await ui.ask([question]))[question.name] != "yes":
        raise Dismissed


async def confirm_resets(subject: Subject, price: Price, ui: UserInterface) -> None:
    """Ask before a template that can't keep what people set takes it away, where nothing else is asked.

    Raises:
        Dismissed: the person says no.
        InputRequired: nobody can be asked.
    """
    lost = _lost(subject)
    if not lost or subject.request.assume_yes:
        return
    question = Confirm(
        "reset",
        f"This template would reset what was set by hand ({lost}). Deploy all the same?",
        "--yes",
        "Reset and deploy",
        f"Or give the template the parameters that keep it, as in infra/provision/inference.bicep of a new project. {price.words}",
    )
    if (await ui.ask([question]))["reset"] != "yes":
        raise Dismissed


def _lost(subject: Subject) -> str:
    """Return in words what people set and the deployment would take away."""
    lost = unguarded(local_changes(subject), subject.wanted.template)
    return "; ".join(
        f"{change.kind} {change.name}: "
        + ", ".join([*change.loses, *(prop.words for prop in change.properties)])
        for change in lost
    )


async def _what_if(subject: Subject, report: Reporter) -> tuple[Sequence[ResourceChange] | None, str]:
    """Return what Resource Manager answers, or None and why it was not asked or gave nothing."""
    if not subject.request.what_if:
        return None, "Azure's own comparison (what-if) was left out, as asked."
    if not subject.site.exists:
        return None, ""  # all of it is made, and there is no group to ask about
    if subject.missing is not None:
        return None, "Azure's own comparison (what-if) is left out: the workload profile must be there first."
    name = f"{deployment_name(subject.wanted.project.app.name)}-plan"
    ref = subject.site.deployment(name)
    document = subject.wanted.template.document
    asked = subject.site.cloud.preflight.what_if(ref, document, subject.parameters)
    try:
        found = await unless_skipped(asked, report)
    except AppError as error:
        return None, f"Azure's own comparison (what-if) can't be had: {error.message}"
    return found, "" if found is not None else "Azure's own comparison (what-if) was skipped."


async def unless_skipped(
    work: Coroutine[object, object, _T], report: Reporter, patience: float = _PATIENCE
) -> _T | None:
    """Return what some work gives; None where a person would not wait for it.

    Args:
        work: What takes a while.
        report: Where its progress goes, and who is asked.
        patience: Seconds after which it may be skipped.
    """
    task = asyncio.ensure_future(work)
    waited: list[asyncio.Future[Any]] = [task]
    try:
        while not any(one.done() for one in waited):
            report.step("Plan", "Azure works out what would change (what-if)", ProvisionPercent.WHAT_IF)
            await asyncio.wait(waited, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if len(waited) == 1 and not task.done() and report.ui.can_ask:
                waited.append(asyncio.ensure_future(_offer_to_skip(report.ui)))
        return task.result() if task.done() else None
    finally:
        for one in waited:
            one.cancel()
        await asyncio.gather(*waited, return_exceptions=True)


async def _offer_to_skip(ui: UserInterface) -> None:
    """Return once the person wants to go on without what-if; who closes the question waits for it."""
    option = Option("skip", "Go on without it", "the plan then shows what this computer can compare")
    question = Choice("skip", "Azure works out what would change", "--no-what-if", (option,))
    try:
        await ui.ask([question])
    except AppError:
        await asyncio.Event().wait()


def _rows(changes: Sequence[PlannedChange]) -> Iterator[tuple[str, ...]]:
    for change in changes:
        details = "<br>".join(map(_cell, change.details()))
        yield (
            f"**{change.word}**" if change.word != "unchanged" else change.word,
            change.kind,
            f"`{change.name}`",
            details,
        )


def _table(head: Sequence[str], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    """Return words for a cell: none of them is Markdown or HTML."""
    for character in "\\`*_[]|":
        text = text.replace(character, f"\\{character}")
    return text.replace("<", "&lt;").replace("\n", " ")
