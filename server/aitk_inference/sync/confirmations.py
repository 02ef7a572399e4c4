"""What a person is asked before a sync destroys anything; each question once, whatever happens between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.core.user_interface import Confirm
from aitk_inference.sync.plan import beside_models, is_model, risky

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from aitk_inference.core.progress import Reporter
    from aitk_inference.sync.manifest import Base, Manifest
    from aitk_inference.sync.plan import Plan

_LISTED = 10
_FLAG = "--yes"


@dataclass(eq=False, repr=False)
class Confirmations:
    """Asks, and remembers.

    Attributes:
        dry: Nobody is asked: what would be asked is said.
        assume_yes: Nobody is asked: all is agreed to.
        before_asking: Makes sure that the question is about the share as it is; what it raises ends the asking.
    """

    report: Reporter
    dry: bool
    assume_yes: bool
    before_asking: Callable[[], Awaitable[None]]
    _given: dict[tuple[str, frozenset[str]], bool] = field(default_factory=dict)

    async def take_over(self, found: Manifest) -> None:
        """Ask whether another project's share may be taken.

        Raises:
            Dismissed: it stays that project's.
        """
        question = Confirm(
            "takeOver",
            f"The file share holds another project: {found.project.label}. Deploy this one over it?",
            _FLAG,
            "Deploy over it",
            "Files of the same name are replaced; its other files stay. "
            "To keep both, give this project its own fileShareName and run Provision.",
        )
        if not await self._agreed(question, [found.project.id]):
            raise Dismissed

    async def replace_foreign(self, paths: Sequence[str]) -> None:
        """Ask whether files of somebody else may be replaced.

        Raises:
            Dismissed: they stay.
        """
        question = Confirm(
            "overwrite",
            f"{_files(paths)} that somebody else put on the share would be replaced. Replace?",
            _FLAG,
            "Replace",
            listed(paths),
        )
        if not await self._agreed(question, paths):
            raise Dismissed

    async def replace_drifted(self, plan: Plan, paths: Sequence[str]) -> Plan:
        """Ask about files that we sent and that were changed on the share since; return the plan, less those that stay."""
        question = Confirm(
            "drift",
            f"{_files(paths)} changed on the share since the last sync. Replace or delete all the same?",
            _FLAG,
            "Replace",
            listed(paths),
        )
        if not paths or await self._agreed(question, paths):
            return plan
        self.report.info(f"{_files(paths)} {_stay(paths)} on the share as they are: {listed(paths)}.")
        return plan.keeping(paths)

    async def delete_risky(self, plan: Plan, base: Manifest) -> Plan:
        """Ask about deletions of models, or of much of what we sent; return the plan, less what stays."""
        paths = risky(plan, base.files)
        question = Confirm(
            "delete",
            f"{_files(paths)} that {'is' if len(paths) == 1 else 'are'} gone here would be deleted on the share. Delete there too?",
            _FLAG,
            "Delete",
            listed(paths),
        )
        if not paths or await self._agreed(question, paths):
            return plan
        self.report.info(f"{_files(paths)} {_stay(paths)} on the share: {listed(paths)}.")
        return plan.keeping(paths)

    async def delete_unknown(self, plan: Plan, base: Base, asked: Collection[str]) -> Plan:
        """Keep what other computers sent and this folder never had, unless somebody says otherwise.

        Args:
            plan: What would be done.
            base: What the share has of ours.
            asked: What was asked about in an earlier run.

        Returns:
            The plan, less what stays.
        """
        unknown = [path for path in plan.delete if path in base.unknown]
        if self.assume_yes:
            stay = beside_models(unknown, [path for path in unknown if is_model(path)])
        elif self.dry or set(unknown) <= set(asked) or not await self._may_delete_unknown(unknown):
            stay = tuple(unknown)
        else:
            stay = ()
        if stay and not set(stay) <= set(asked):
            words = f"{_files(stay)} that this folder never had {_stay(stay)} on the share: {listed(stay)}."
            self.report.info(words)
        return plan.keeping(stay) if stay else plan

    async def _may_delete_unknown(self, paths: Sequence[str]) -> bool:
        """Return True if a person wants them deleted; where nobody can be asked they stay."""
        question = Confirm(
            "delete",
            f"{_files(paths)} on the share that another computer sent and this folder never had. Delete there?",
            _FLAG,
            "Delete",
            listed(paths),
        )
        try:
            return await self._agreed(question, paths)
        except InputRequired:
            return False

    async def _agreed(self, question: Confirm, about: Sequence[str]) -> bool:
        if self.dry:
            self.report.warn(f"{question.prompt} {question.detail} (You will be asked.)")
            return True
        key = (question.name, frozenset(about))
        if self.assume_yes:
            return True
        if key not in self._given:
            await self.before_asking()
            answers = await self.report.ui.ask([question])
            self._given[key] = answers[question.name] == "yes"
        return self._given[key]


def listed(paths: Sequence[str]) -> str:
    """Return some paths, and how many more there are."""
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return ", ".join(paths[:_LISTED]) + more


def _files(paths: Sequence[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths):,} files"


def _stay(paths: Sequence[str]) -> str:
    return "stays" if len(paths) == 1 else "stay"
