"""Parameters in Bicep's own words: a .bicepparam beside the template."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import InvalidProject, NotFound
from aitk_inference.core.params import BICEP_PARAMETERS, PARAMETER_PATHS, locate_parameter, read_parameters
from aitk_inference.core.user_interface import Level
from aitk_inference.flows.api import ProvisionRequest
from aitk_inference.flows.project.parameters import compiled
from aitk_inference.flows.provision.provision import provision
from support.azure_world import WorldClouds
from support.doubles import FakeCompiler
from support.scripted import Scripted

if TYPE_CHECKING:
    from pathlib import Path

    from support.azure_world import World

SOURCE = "using 'inference.bicep'\n\n  param acaAppName = 'bicep-app'\nparam other = 1\n"


@pytest.fixture
def written(project: Path) -> Path:
    path = project / BICEP_PARAMETERS
    path.write_text(SOURCE)
    return path


async def _run(project: Path, azure: World, ui: Scripted) -> None:
    await provision(ProvisionRequest(project, "local", "models"), ui=ui, clouds=WorldClouds(azure))


async def test_it_is_deployed_and_both_files_together_are_warned_of(
    project: Path, azure: World, written: Path
) -> None:
    azure.compiler.parameters = {"acaAppName": "bicep-app", "location": None}
    ui = Scripted()
    await _run(project, azure, ui)
    (request,) = azure.deployed
    assert request["given"][2]["acaAppName"] == "bicep-app"
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
    project: Path, azure: World, written: Path
) -> None:
    azure.compiler.parameters = {"other": 1}
    with pytest.raises(InvalidProject, match="no parameter other") as caught:
        await _run(project, azure, Scripted())
    (problem,) = caught.value.problems
    assert (problem.path, problem.line, problem.column) == (written, 3, 6)
    assert not azure.deployed


async def test_without_a_bicep_cli_nothing_is_deployed(project: Path, azure: World, written: Path) -> None:
    with pytest.raises(NotFound):
        await _run(project, azure, Scripted())
    assert not azure.deployed


def test_a_name_is_found_in_either_language(tmp_path: Path) -> None:
    texts = {
        "a.bicepparam": (SOURCE, "acaAppName", (2, 8)),
        "b.bicepparam": ("// param x\nparam xy = 1", "x", (0, 0)),
        "c.json": ('{"x": {"acaAppName": 1},\n "parameters": {"AcaAppName": {}}}', "acaAppName", (1, 16)),
    }
    for name, (text, parameter, place) in texts.items():
        (tmp_path / name).write_text(text)
        assert locate_parameter(tmp_path / name, parameter) == place
