"""What stands in for the web API of an app and for the Bicep CLI."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitk_inference.core.errors import NotFound, Problem
from aitk_inference.core.model import Json, ProbeResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass
class FakeProbe:
    results: Sequence[ProbeResult] = (ProbeResult(200),)
    elsewhere: Mapping[str, Sequence[ProbeResult]] = field(default_factory=dict)
    asked: int = 0

    async def get(self, url: str, *, timeout: float) -> ProbeResult:
        if url in self.elsewhere:
            first, *later = self.elsewhere[url]
            self.elsewhere = {**self.elsewhere, url: later or [first]}
            return first
        self.asked += 1
        return self.results[min(self.asked, len(self.results)) - 1]


@dataclass
class FakeCompiler:
    """A Bicep CLI: None as template means that there is none."""

    template: Json = None
    parameters: Mapping[str, Json] | None = None
    compiled: int = 0

    async def compile(self, source: Path) -> Json:
        if self.template is None:
            raise NotFound("There is no Bicep CLI.", suggestion="Set its path.")
        self.compiled += 1
        return self.template

    async def compile_parameters(self, source: Path) -> Json:
        if self.parameters is None:
            raise NotFound("There is no Bicep CLI.", suggestion="Set its path.")
        return {"parameters": {name: {"value": value} for name, value in self.parameters.items()}}

    async def lint(self, source: Path) -> Sequence[Problem]:
        return []
