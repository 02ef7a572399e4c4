"""Parameters in Bicep's own words: a .bicepparam beside the template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import InvalidProject, NotFound
from aitk_inference.core.interface import Level
from aitk_inference.core.params import BICEP_PARAMETERS, PARAMETER_PATHS, locate, read_parameters
from aitk_inference.flows.parameters import compiled
from aitk_inference.flows.provision import provision
from aitk_inference.flows.requests import ProvisionRequest
from doubles import FakeClouds, FakeCompiler
from scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from doubles import FakeCloud

SOURCE = "using 'inference.bicep'\n\n  param acaAppName = 'bicep-app'\nparam other = 1\n"


@pytest.fixture
def written(project: Path) -> Path:
    path = project / BICEP_PARAMETERS
    path.write_text(SOURCE)
    return path


async def _run(project: Path, world: FakeCloud, ui: Scripted) -> None:
    await provision(ProvisionRequest(project, "local", "models"), ui=ui, clouds=FakeClouds(world))


async def test_it_is_deployed_and_both_files_together_are_warned_of(
    project: Path, world: FakeCloud, written: Path
) -> None:
    world.compiler.parameters = {"acaAppName": "bicep-app", "location": None}
    ui = Scripted()
    await _run(project, world, ui)
    (request,) = world.deployments.started
    assert request.parameters["acaAppName"] == "bicep-app"
    warnings = [text for level, text in ui.said if level is Level.WARNING]
    unused = project / PARAMETER_PATHS[0]
    assert f"{unused} is not used: {written} is there and comes first." in warnings


async def test_alone_it_is_enough(project: Path, written: Path) -> None:
    (project / PARAMETER_PATHS[0]).unlink()
    read = read_parameters(project)
    assert (read.path, read.warnings) == (written, ())
    values = (await compiled(read, FakeCompiler(parameters={"a": [1], "b": None}))).values
    assert values == {"a": [1]}


async def test_a_parameter_that_the_template_lacks_is_told_at_its_line(
    project: Path, world: FakeCloud, written: Path
) -> None:
    world.compiler.parameters = {"other": 1}
    with pytest.raises(InvalidProject, match="no parameter other") as caught:
        await _run(project, world, Scripted())
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.column) == (written, 3, 6)
    assert not world.deployments.started


async def test_without_a_bicep_cli_nothing_is_deployed(
    project: Path, world: FakeCloud, written: Path
) -> None:
    with pytest.raises(NotFound):
        await _run(project, world, Scripted())
    assert not world.deployments.started


def test_a_name_is_found_in_either_language() -> None:
    assert locate(SOURCE, "acaAppName") == (2, 8)
    assert locate('{\n "acaAppName": {}}', "acaAppName") == (1, 1)
    assert locate("// param x\nparam xy = 1", "x") == (0, 0)
