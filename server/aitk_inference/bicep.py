"""The Bicep CLI behind the TemplateCompiler port. Only ``services`` uses this."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitk_inference.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.core.errors import Problem
    from aitk_inference.core.model import Json


class NoCompiler:
    """Stands where no Bicep CLI is to be had."""

    async def compile(self, source: Path) -> Json:
        """Always refuses.

        Raises:
            NotFound: says what to install.
        """
        raise NotFound(
            f"There is no Bicep CLI to compile {source.name} with.",
            suggestion="Install it (`az bicep install`), or name it in the setting of the Bicep path.",
            link="https://learn.microsoft.com/azure/azure-resource-manager/bicep/install",
        )

    async def lint(self, source: Path) -> Sequence[Problem]:
        """Nothing can be said of the file."""
        del source
        return ()
