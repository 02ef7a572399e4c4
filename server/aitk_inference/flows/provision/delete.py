"""Delete: exactly what this project made, listed before; a run that was interrupted is finished by the next.

What it made stands in the records of its deployments (``ownership.py``). They go last, when nothing of it is left.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aitk_inference.core.arm_names import group_id, kind, name_of, same, type_of
from aitk_inference.core.config import (
    CONFIG_PATH,
    TENANT_KEY,
    InferenceConfig,
    check_is_project,
    read_config,
    write_config,
)
from aitk_inference.core.errors import AppError, Busy, Cancelled, Conflict, Dismissed, NotFound
from aitk_inference.core.model import AppRef, DeploymentRef, ShareRef
from aitk_inference.core.params import read_finetuning
from aitk_inference.core.percents import DeletePercent, between
from aitk_inference.core.progress import Reporter
from aitk_inference.core.project_lock import hold
from aitk_inference.core.user_interface import Confirm, Level, Text
from aitk_inference.flows.app.share_contents import Contents, contents_of
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.project.template_plan import (
    ACCOUNT,
    APP,
    ENVIRONMENT,
    ENVIRONMENT_STORAGE,
    SHARE,
    WORKSPACE,
)
from aitk_inference.flows.provision.choose_target import defaults, find_subscription
from aitk_inference.flows.provision.deployment import PROJECT_LABEL_TAG, deployment_name
from aitk_inference.flows.provision.existing_resources import MAKING_BOUND, MAKING_PAUSE
from aitk_inference.flows.provision.ownership import is_of, made_by
from aitk_inference.flows.provision.running_price import price_of_app
from aitk_inference.flows.provision.still_needed import OF_FINETUNING, kept, others, present
from aitk_inference.flows.user_dirs import state_folder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.model import DeploymentRecord, Json, ResourceGroup
    from aitk_inference.core.params import FineTuning
    from aitk_inference.core.ports import Cloud, Clouds
    from aitk_inference.core.prices import Price
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import DeleteRequest
    from aitk_inference.flows.provision.ownership import Made
    from aitk_inference.flows.provision.still_needed import Kept

_ORDER = tuple(one.lower() for one in (APP, ENVIRONMENT_STORAGE, ENVIRONMENT, SHARE, ACCOUNT, WORKSPACE))
"""What is deleted before what it stands on."""
_BUSY = "OperationInProgress"
"""How the codes end by which Azure refuses a second change of one resource."""


@dataclass(frozen=True)
class Deletion:
    """What is deleted and what stays.

    Attributes:
        going: In the order in which it is deleted.
        records: The records of this project's deployments.
        group: The resource group, where it is this project's and nothing else is in it.
    """

    going: tuple[Made, ...]
    kept: tuple[Kept, ...]
    records: tuple[DeploymentRecord, ...]
    group: str | None

    def share(self) -> Made | None:
        """Return the share that is deleted, by itself or with its account."""
        return next((one for one in self.going if same(type_of(one.id), SHARE)), None)


async def delete(request: DeleteRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """List what this project made, ask, delete it, empty the configuration.

    Raises:
        NotFound: nothing says where the project is.
        Busy: a deployment of this project is running.
        InputRequired: nobody can be asked, or a share with adapters is not named.
        Dismissed, InvalidProject, NotAuthenticated, Forbidden, Conflict, Unreachable.
    """
    config, finetuning = read_config(request.project), read_finetuning(request.project)
    known = defaults(config, finetuning)
    if config.sign_in:
        clouds.prefer(config.sign_in)
    name = request.subscription or known.subscription
    group = request.resource_group or known.resource_group
    if not name or not group:
        check_is_project(request.project)
        raise NotFound(
            "This project is not provisioned, as far as its files say.",
            suggestion="Give --subscription and --resource-group where it was provisioned all the same.",
        )
    with hold(request.project, "delete", state_folder()):
        subscription = await find_subscription(name, ui=ui, clouds=clouds)
        async with clouds.open(subscription.id, subscription.sign_in_tenant) as cloud:
            found = await cloud.subscriptions.resource_group(subscription.id, group)
            work = _Work(request, config, finetuning, cloud, subscription.id, Reporter(ui))
            return (
                await work.run(found) if found else work.emptied(f"There is no resource group {group}.", ())
            )


@dataclass(frozen=True)
class _Work:
    """One deletion under way."""

    request: DeleteRequest
    config: InferenceConfig
    finetuning: FineTuning
    cloud: Cloud
    subscription_id: str
    report: Reporter

    async def run(self, group: ResourceGroup) -> Outcome:
        self.report.step("Look", f"Reading what this project made in {group.name}", DeletePercent.LOOK)
        deletion = await self._plan(group)
        if not deletion.going and deletion.group is None:
            kept = _kept_words(deletion.kept)
            if not deletion.records:
                await self._refuse_foreign(group)
            return self.emptied(f"Nothing is left of what this project made in {group.name}.{kept}", ())
        contents, price = await asyncio.gather(self._contents(deletion, group), self._price(deletion, group))
        await self._confirm(deletion, contents, price, group)
        try:
            await self._delete_all(deletion)
        except asyncio.CancelledError:
            raise Cancelled(
                f"Delete was cancelled; what it had asked for in {group.name} goes on there.",
                suggestion="Run delete again: it lists what is left, and deletes that.",
            ) from None
        gone = [_words(one) for one in deletion.going]
        gone += [f"the resource group {deletion.group}"] if deletion.group is not None else []
        return self.emptied(f"Deleted {', '.join(gone)}.{_kept_words(deletion.kept)}", deletion.going)

    async def _delete_all(self, deletion: Deletion) -> None:
        folders = tuple(f"{one.id.lower()}/" for one in deletion.going)
        for number, one in enumerate(deletion.going):
            if one.id.lower().startswith(folders):
                continue  # a share goes with its account
            percent = between(DeletePercent.FIRST, DeletePercent.LAST, number / len(deletion.going))
            self.report.step("Delete", f"Deleting {_words(one)}", percent)
            await self._delete(one)
        if not deletion.kept:
            await self._forget(deletion)

    async def _delete(self, one: Made) -> None:
        """Delete a resource; wait for its end where it is still being made, as after a cancelled Provision."""
        clock = self.cloud.clock
        until = clock.monotonic() + MAKING_BOUND
        while True:
            try:
                return await self.cloud.resources.delete(one.id, one.api_version)
            except Conflict as error:
                if not error.cloud_code.endswith(_BUSY) or clock.monotonic() > until:
                    raise
            self.report.step("Delete", f"{_words(one)} is still being made or changed: waiting for that")
            await clock.sleep(MAKING_PAUSE)

    def emptied(self, summary: str, gone: Sequence[Made]) -> Outcome:
        """Empty the configuration, a person's own keys apart, and say how it ended."""
        extra = {key: value for key, value in self.config.extra.items() if key != TENANT_KEY}
        path = write_config(self.request.project, InferenceConfig(extra=extra))
        self.report.step("Delete", f"Emptied {CONFIG_PATH.as_posix()}", DeletePercent.DONE)
        deleted: list[Json] = [one.id for one in gone]
        return Outcome(summary, config=path, data={"deleted": deleted})

    async def _refuse_foreign(self, group: ResourceGroup) -> None:
        """Refuse to forget an app that is there: the record of who made it names another project, or is gone.

        Raises:
            Conflict: says whose it is.
        """
        name = self.config.aca_app_name
        if not name or await self.cloud.apps.get(AppRef(self.subscription_id, group.name, name)) is None:
            return
        ref = DeploymentRef(self.subscription_id, group.name, deployment_name(name))
        record = await self.cloud.deployments.status(ref)
        maker = record.tags.get(PROJECT_LABEL_TAG) if record else None
        raise Conflict(
            f"The container app {name} was made by another project: {maker}."
            if maker
            else f"No record says that this project made the container app {name}.",
            suggestion=f"Run delete in the project that made it, or delete it in the portal, in the resource group {group.name}.",
        )

    async def _plan(self, group: ResourceGroup) -> Deletion:
        home = group_id(self.subscription_id, group.name)
        listed = await self.cloud.deployments.records(self.subscription_id, group.name)
        records = tuple(one for one in listed if is_of(one.status.tags, self.request.project))
        running = [one.ref.name for one in records if not one.status.state.is_final]
        if running:
            raise Busy(
                f"The deployment {running[0]} of this project is running.",
                suggestion="Wait for it, or cancel Provision, then delete.",
            )
        noted = {one.id.lower(): one for each in records for one in made_by(each.status.tags, home)}
        there = await present(noted.values(), self.cloud.resources)
        theirs = await others(home, there, self.cloud.resources)
        staying = kept(there, theirs, {} if self.request.everything else self.finetuning.names)
        stays = {one.made.id for one in staying}
        going = sorted((one.made for one in there if one.made.id not in stays), key=_rank)
        ours = is_of(group.tags, self.request.project) and not staying and not theirs
        return Deletion(tuple(going), tuple(staying), records, group.name if ours else None)

    async def _contents(self, deletion: Deletion, group: ResourceGroup) -> Contents:
        share = deletion.share()
        if share is None:
            return Contents()
        account = share.id.split("/")[8]
        ref = ShareRef(self.subscription_id, group.name, account, name_of(share.id))
        self.report.step("Look", f"Reading what lies on the share {ref.share}", DeletePercent.SHARE)
        try:
            async with self.cloud.shares.open(ref) as opened:
                return await contents_of(opened, ref.share)
        except AppError as error:
            return Contents(ref.share, unread=error.message)

    async def _price(self, deletion: Deletion, group: ResourceGroup) -> Price | None:
        """Return what the app that is deleted costs an hour; None where there is none, or nobody knows."""
        made = next((one for one in deletion.going if same(type_of(one.id), APP)), None)
        ref = AppRef(self.subscription_id, group.name, name_of(made.id)) if made else None
        app = await self.cloud.apps.get(ref) if ref else None
        return await price_of_app(app, self.cloud) if app else None

    async def _confirm(
        self, deletion: Deletion, contents: Contents, price: Price | None, group: ResourceGroup
    ) -> None:
        lines = [f"  {_words(one)}" for one in deletion.going]
        lines += [f"  resource group {group.name}"] if deletion.group else []
        lines += [f"  on the share {contents.share}: {contents.words}"] if contents.share else []
        lines += [f"  {price.words}"] if price else []
        listed = "\n".join(["This is deleted:", *lines])
        is_said = self.request.assume_yes or contents.needs_name
        if is_said:
            self.report.ui.say(Level.INFO, listed)
        name = self._name_question(contents)
        sure = self._last_question(group, "" if is_said else listed)
        if not self.report.ui.can_ask and (missing := [one for one in (name, sure) if one is not None]):
            await self.report.ui.ask(missing)  # nobody is there: both flags are named at once
        if name is not None:
            self._check_name((await self.report.ui.ask([name]))[name.name], contents)
        if sure is not None and (await self.report.ui.ask([sure]))[sure.name] != "yes":
            raise Dismissed

    def _name_question(self, contents: Contents) -> Text | None:
        """Return the question for the share's name; None where it is given, or need not be."""
        given = self.request.share_name
        if not contents.needs_name:
            return None
        if given:
            self._check_name(given, contents)
            return None
        prompt = f"The share {contents.share} holds {contents.words}. Type its name to delete it"
        return Text("share", prompt, f"--share {contents.share}")

    def _last_question(self, group: ResourceGroup, detail: str) -> Confirm | None:
        if self.request.assume_yes:
            return None
        words = f"Delete what this project made in {group.name}, and all that is in it?"
        return Confirm("delete", words, "--yes", "Delete", detail)

    @staticmethod
    def _check_name(given: str, contents: Contents) -> None:
        """Raise AppError where it is not the share's name."""
        if not same(given.strip(), contents.share):
            raise AppError(
                f"{given.strip()} is not the name of the share, so nothing was deleted.",
                suggestion=f"It is {contents.share}, and it holds {contents.words}.",
            )

    async def _forget(self, deletion: Deletion) -> None:
        """Delete the group, or else the records: nothing of what they note is there any more."""
        if deletion.group is not None:
            self.report.step("Delete", f"Deleting the resource group {deletion.group}", DeletePercent.GROUP)
            await self.cloud.subscriptions.delete_resource_group(self.subscription_id, deletion.group)
            return
        await asyncio.gather(*(self.cloud.deployments.delete(one.ref) for one in deletion.records))


def _rank(made: Made) -> int:
    lower = type_of(made.id).lower()
    return _ORDER.index(lower) if lower in _ORDER else -1


def _words(made: Made) -> str:
    return f"{kind(type_of(made.id))} {name_of(made.id)}"


def _kept_words(kept: Sequence[Kept]) -> str:
    if not kept:
        return ""
    named = "; ".join(f"{_words(one.made)} ({one.why})" for one in kept)
    more = " `aitk-inference delete --all` takes what fine-tuning uses, too."
    return f" Kept: {named}.{more if any(one.why == OF_FINETUNING for one in kept) else ''}"
