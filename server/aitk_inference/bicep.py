"""The Bicep CLI behind the TemplateCompiler port. Only ``services`` uses this."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, TypeVar

from bicep_cli import BicepError, BicepService, Level, find

from aitk_inference.core.errors import AppError, InvalidProject, NotFound, Problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from pathlib import Path

    from bicep_cli import Diagnostic

    from aitk_inference.core.model import Json

T = TypeVar("T")
_REPORTED = (Level.ERROR, Level.WARNING)


class BicepCompiler:
    """The :class:`~aitk_inference.core.ports.TemplateCompiler` port; the CLI starts at the first question.

    Args:
        path: The Bicep CLI; None looks where people have it.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._service: BicepService | None = None
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> BicepCompiler:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._service is not None:
            await self._service.close()

    async def compile(self, source: Path) -> Json:
        """Return the compiled ARM template of a ``.bicep`` file.

        Raises:
            InvalidProject: the Bicep file has errors, with their places.
            NotFound: there is no Bicep CLI.
        """
        found = await self._asked(lambda service: service.compile(source))
        if found.template is None or found.errors:
            raise _wrong(source, found.errors)
        template: Json = json.loads(found.template)
        return template

    async def compile_parameters(self, source: Path) -> Json:
        """Return the parameters file (JSON) of a ``.bicepparam`` file.

        Raises:
            InvalidProject: it has errors, or the template that it uses has, with their places.
            NotFound: there is no Bicep CLI.
        """
        found = await self._asked(lambda service: service.compile_parameters(source))
        if found.parameters is None or found.errors:
            raise _wrong(source, found.errors)
        parameters: Json = json.loads(found.parameters)
        return parameters

    async def lint(self, source: Path) -> Sequence[Problem]:
        """Warnings and errors of a ``.bicep`` file.

        Raises:
            NotFound: there is no Bicep CLI.
        """
        return _problems((await self._asked(lambda service: service.compile(source))).diagnostics)

    async def _asked(self, question: Callable[[BicepService], Awaitable[T]]) -> T:
        service = await self._started()
        try:
            return await question(service)
        except BicepError as error:
            raise AppError(error.message, suggestion=error.suggestion, link=error.link) from error

    async def _started(self) -> BicepService:
        async with self._lock:
            if self._service is None:
                setting = str(self._path) if self._path else None
                try:
                    self._service = BicepService(await asyncio.to_thread(find, setting))
                except BicepError as error:
                    raise NotFound(error.message, suggestion=error.suggestion, link=error.link) from error
            return self._service


def _wrong(source: Path, errors: Sequence[Diagnostic]) -> InvalidProject:
    problems = _problems(errors)
    if not problems:
        return InvalidProject(f"{source.name} could not be compiled, and Bicep did not say why.", ())
    first = problems[0]
    return InvalidProject(
        f"{source.name} has errors. Line {first.line + 1}: {first.message}",
        problems,
        suggestion=f"Mend {source} and run the command again.",
    )


def _problems(diagnostics: Iterable[Diagnostic]) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            path=item.path,
            message=item.message,
            line=item.range.start.line,
            column=item.range.start.character,
            code=item.code,
            severity="error" if item.level is Level.ERROR else "warning",
            end=(item.range.end.line, item.range.end.character),
        )
        for item in diagnostics
        if item.level in _REPORTED
    )
