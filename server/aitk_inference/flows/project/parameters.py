"""The parameters of a project, compiled where they are written in Bicep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aitk_inference.core.config import read_source
from aitk_inference.core.params import is_bicep, values_of

if TYPE_CHECKING:
    from aitk_inference.core.params import Parameters
    from aitk_inference.core.ports import TemplateCompiler


async def compiled(parameters: Parameters, compiler: TemplateCompiler) -> Parameters:
    """Return the parameters with their values; those of a JSON file have them already.

    Raises:
        InvalidProject: the ``.bicepparam`` has errors, with their places.
        NotFound: there is no Bicep CLI.
    """
    if not is_bicep(parameters.path):
        return parameters
    read_source(parameters.path)  # the compiler would wait for one that is no file
    document = await compiler.compile_parameters(parameters.path)
    content = document if isinstance(document, dict) else {}
    return replace(parameters, values=values_of(parameters.path, content))
