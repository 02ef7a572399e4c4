"""Bicep CLIs before 0.29: one `bicep build` for each question, its diagnostics read from standard error."""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bicep_cli.find import environment
from bicep_cli.messages import (
    BicepError,
    Compilation,
    Diagnostic,
    ParametersCompilation,
    Position,
    Range,
    level_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

LINE = re.compile(
    r"(?P<path>.+?)\((?P<line>\d+),(?P<column>\d+)\) : (?P<level>\w+) (?P<code>[^:]+): (?P<message>.*)"
)
LINK = re.compile(r"\s*\[https?://\S+\]\s*$")


async def compile_file(bicep: Path, path: Path, limit: float) -> Compilation:
    """Run `bicep build --stdout`. Raises BicepError."""
    code, output, errors = await _run([str(bicep), "build", str(path.resolve()), "--stdout"], limit)
    found = read_diagnostics(errors)
    if code and not found:
        raise _refused(errors)
    return Compilation(None if code else output, found)


async def compile_parameters(bicep: Path, path: Path, limit: float) -> ParametersCompilation:
    """Run `bicep build-params`. Raises BicepError."""
    with tempfile.TemporaryDirectory() as folder:
        parameters = Path(folder) / "parameters.json"
        target = ["--outfile", str(parameters)]
        code, _, errors = await _run([str(bicep), "build-params", str(path.resolve()), *target], limit)
        found = read_diagnostics(errors)
        if code and not found:
            raise _refused(errors)
        text = parameters.read_text("utf-8") if not code and parameters.exists() else None
    return ParametersCompilation(text, None, found)


def read_diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """Read `path(line,column) : Level code: message [link]`, counted from one."""
    return tuple(_diagnostic(match) for line in text.splitlines() if (match := LINE.fullmatch(line.strip())))


def _diagnostic(match: re.Match[str]) -> Diagnostic:
    place = Position(int(match["line"]) - 1, int(match["column"]) - 1)
    return Diagnostic(
        path=Path(match["path"]),
        range=Range(place, place),
        level=level_of(match["level"]),
        code=match["code"].strip(),
        message=LINK.sub("", match["message"]),
    )


def _refused(errors: str) -> BicepError:
    first = next((line.strip() for line in errors.splitlines() if line.strip()), "it gave no reason")
    return BicepError(f"The Bicep CLI refused: {first}")


async def _run(command: Sequence[str], limit: float) -> tuple[int, str, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
    except OSError as error:
        raise BicepError(f"The Bicep CLI at {command[0]} cannot be started: {error.strerror}.") from error
    try:
        async with asyncio.timeout(limit):
            output, errors = await process.communicate()
    except TimeoutError as error:
        raise BicepError(f"The Bicep CLI did not answer within {limit:.0f} seconds.", "Try again.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode("utf-8", "replace"), errors.decode("utf-8", "replace")
