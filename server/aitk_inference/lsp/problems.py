"""The editor's list of problems: what is wrong with a project's files, until it is mended."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

from lsprotocol import types

from aitk_inference.core.errors import AppError, DeployFailed, InvalidProject, NotFound, Problem, problems_of
from aitk_inference.core.redaction import redact
from aitk_inference.core.user_interface import Level
from aitk_inference.lsp import settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from aitk_inference.core.ports import MakeCompiler, TemplateCompiler
    from aitk_inference.core.settings import Settings
    from aitk_inference.lsp.editor import Editor

_SEVERITY = {"error": types.DiagnosticSeverity.Error, "warning": types.DiagnosticSeverity.Warning}


class Problems:
    """Shows the problems of projects. The compiler starts at the first need and is kept for the next.

    Args:
        editor: Where they are shown.
        make: Makes the compiler from the editor's settings.
    """

    def __init__(self, editor: Editor, make: MakeCompiler) -> None:
        self._editor = editor
        self._make = make
        self._shown: dict[Path, dict[Path, tuple[Problem, ...]]] = {}
        self._asked: defaultdict[Path, int] = defaultdict(int)
        self._turn = asyncio.Lock()
        self._compiler: tuple[Path | None, TemplateCompiler] | None = None
        self._open = AsyncExitStack()
        self._mentioned: set[str] = set()

    async def refresh(self, project: Path) -> None:
        """Look at the project's files as they are on the disk; of several wishes the last one is enough."""
        self._asked[project] += 1
        mine = self._asked[project]
        async with self._turn:
            if self._asked[project] == mine:
                found = await self._found(project)
                if self._asked[project] == mine:
                    self.show(project, found)

    def show(self, project: Path, problems: Iterable[Problem]) -> None:
        """Show these problems of a project and no others."""
        self._asked[project] += 1  # what is being looked for is older than this
        before = self._shown.get(project, {})
        now = by_file(problems)
        for path in before.keys() | now.keys():
            if before.get(path) != now.get(path):
                self._editor.publish(path.absolute().as_uri(), [as_diagnostic(p) for p in now.get(path, ())])
        self._shown[project] = now

    @contextmanager
    def of_run(self, project: Path) -> Iterator[None]:
        """Show what a flow refuses; after one that went well, look whether the rest still holds."""
        try:
            yield
        except (InvalidProject, DeployFailed) as error:
            self.show(project, problems_of(error))
            raise
        if self._shown.get(project):
            self._editor.background(self.refresh(project))

    async def _found(self, project: Path) -> tuple[Problem, ...]:
        from aitk_inference.flows.project import check  # noqa: PLC0415 - 9 ms, after `initialize`

        chosen = await settings.read(self._editor)
        compiler = await self._opened(chosen.settings)
        plain = check.check_files(project)
        template: tuple[Problem, ...] = ()
        try:
            template = () if plain else await check.check_template(project, compiler)
        except AppError as error:
            self._mention(error)
        model = await check.check_model_of(project, None if plain else compiler)
        return (*plain, *template, *model.problems)

    async def _opened(self, chosen: Settings) -> TemplateCompiler:
        """Return the compiler that the settings name; another one when they have changed."""
        path = chosen.bicep_path
        if self._compiler is None or self._compiler[0] != path:
            await self._open.aclose()
            self._compiler = (path, await self._open.enter_async_context(self._make(chosen)))
        return self._compiler[1]

    def _mention(self, error: AppError) -> None:
        """One line, once: nobody asked for the look."""
        if error.message not in self._mentioned:
            self._mentioned.add(error.message)
            what = "The template's problems are not shown" if isinstance(error, NotFound) else "Bicep"
            self._editor.log(Level.INFO, f"{what}: {error.message} {error.suggestion}".rstrip())


def by_file(problems: Iterable[Problem]) -> dict[Path, tuple[Problem, ...]]:
    """Return problems by the file that they stand in; one that is not there can't show any."""
    found: dict[Path, tuple[Problem, ...]] = {}
    for problem in problems:
        if os.path.lexists(problem.path):
            found[problem.path] = (*found.get(problem.path, ()), problem)
    return found


def as_diagnostic(problem: Problem) -> types.Diagnostic:
    """Return the problem as LSP has it: from its place to its end, or to the end of its line."""
    start = types.Position(problem.line, problem.column)
    end = types.Position(*problem.end) if problem.end else types.Position(problem.line + 1, 0)
    return types.Diagnostic(
        range=types.Range(start, end),
        message=redact(problem.words),
        severity=_SEVERITY[problem.severity],
        code=problem.code,
        code_description=types.CodeDescription(problem.link) if problem.link else None,
        source="AI Toolkit",
    )
