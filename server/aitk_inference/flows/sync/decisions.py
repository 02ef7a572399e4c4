"""What a person is asked before a sync destroys anything; each question once, whatever happens between."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core.errors import Dismissed
from aitk_inference.core.interface import Confirm
from aitk_inference.flows.sync.plan import risky

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.flows.progress import Reporter
    from aitk_inference.flows.sync.manifest import Manifest
    from aitk_inference.flows.sync.plan import Plan

_LISTED = 10
_FLAG = "--yes"


@dataclass(eq=False, repr=False)
class Decisions:
    """Asks, and remembers.

    Attributes:
        dry: Nobody is asked: what would be asked is said.
        assume_yes: Nobody is asked: all is agreed to.
    """

    report: Reporter
    dry: bool
    assume_yes: bool
    _given: dict[tuple[str, frozenset[str]], bool] = field(default_factory=dict)

    async def take_over(self, found: Manifest) -> None:
        """Another project's share.

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
        """Files of somebody else stand where ours go.

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
        """Files that we sent were changed on the share since: the plan, less those that shall stay so."""
        question = Confirm(
            "drift",
            f"{_files(paths)} changed on the share since the last sync. Replace or delete all the same?",
            _FLAG,
            "Replace",
            listed(paths),
        )
        if not paths or await self._agreed(question, paths):
            return plan
        self.report.info(f"{_files(paths)} stay on the share as they are: {listed(paths)}.")
        return _without(plan, paths)

    async def delete_risky(self, plan: Plan, base: Manifest) -> Plan:
        """Model files, or much of what we sent, would be deleted: the plan, less what shall stay."""
        paths = risky(plan, base.files)
        question = Confirm(
            "delete",
            f"{_files(paths)} that are gone here would be deleted on the share. Delete there too?",
            _FLAG,
            "Delete",
            listed(paths),
        )
        if not paths or await self._agreed(question, paths):
            return plan
        self.report.info(f"{_files(paths)} stay on the share: {listed(paths)}.")
        return _without(plan, paths)

    async def _agreed(self, question: Confirm, about: Sequence[str]) -> bool:
        if self.dry:
            self.report.warn(f"{question.prompt} {question.detail} (You will be asked.)")
            return True
        key = (question.name, frozenset(about))
        if self.assume_yes:
            return True
        if key not in self._given:
            answers = await self.report.ui.ask([question])
            self._given[key] = answers[question.name] == "yes"
        return self._given[key]


def listed(paths: Sequence[str]) -> str:
    """Some paths, and how many more there are."""
    more = f" and {len(paths) - _LISTED:,} more" if len(paths) > _LISTED else ""
    return ", ".join(paths[:_LISTED]) + more


def _files(paths: Sequence[str]) -> str:
    return "1 file" if len(paths) == 1 else f"{len(paths):,} files"


def _without(plan: Plan, paths: Sequence[str]) -> Plan:
    kept = {path.lower() for path in paths}
    return plan._replace(
        send=tuple(file for file in plan.send if file.path.lower() not in kept),
        delete=tuple(path for path in plan.delete if path.lower() not in kept),
    )
