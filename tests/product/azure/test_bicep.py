"""The compiler port over the real Bicep CLI, where one lies beside the checkout."""

import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aitk_inference.bicep import BicepCompiler
from aitk_inference.core.errors import AppError, InvalidProject, NotFound
from support.shared import shared

GOOD = "param name string = 'x'\noutput said string = name\n"
WRONG = "param unused string = 'x'\n\noutput said string = 7\n"


@pytest.fixture
async def compiler() -> AsyncIterator[BicepCompiler]:
    async with BicepCompiler(shared("tools/bicep")) as made:
        yield made


async def test_a_good_file_becomes_a_template(compiler: BicepCompiler, tmp_path: Path) -> None:
    source = tmp_path / "good.bicep"
    source.write_text(GOOD)
    template = await compiler.compile(source)
    assert isinstance(template, dict)
    assert template["outputs"] == {"said": {"type": "string", "value": "[parameters('name')]"}}
    assert list(await compiler.lint(source)) == []


async def test_errors_and_warnings_have_their_places(compiler: BicepCompiler, tmp_path: Path) -> None:
    source = tmp_path / "wrong.bicep"
    source.write_text(WRONG)
    with pytest.raises(InvalidProject, match="Line 3: ") as caught:
        await compiler.compile(source)
    assert [(p.line, p.column, p.code, p.severity) for p in caught.value.problems] == [
        (2, 21, "BCP033", "error")
    ]
    found = {(p.line, p.code, p.severity) for p in await compiler.lint(source)}
    assert found == {(0, "no-unused-params", "warning"), (2, "BCP033", "error")}


async def test_a_parameters_file_in_bicep_becomes_json(compiler: BicepCompiler, tmp_path: Path) -> None:
    (tmp_path / "good.bicep").write_text(GOOD)
    source = tmp_path / "good.bicepparam"
    source.write_text("using 'good.bicep'\nparam name = toUpper('y')\n")
    document = await compiler.compile_parameters(source)
    assert isinstance(document, dict)
    assert document["parameters"] == {"name": {"value": "Y"}}
    source.write_text("using 'good.bicep'\nparam nothing = 1\n")
    with pytest.raises(InvalidProject, match=r"good\.bicepparam has errors") as caught:
        await compiler.compile_parameters(source)
    assert caught.value.problems[0].path == source
    assert caught.value.problems[0].line == 1


async def test_a_missing_cli_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    async with BicepCompiler(None) as compiler:
        with pytest.raises(NotFound) as caught:
            await compiler.compile(tmp_path / "x.bicep")
    assert "az bicep install" in caught.value.suggestion
    async with BicepCompiler(tmp_path / "none") as compiler:
        with pytest.raises(NotFound, match="which the setting names"):
            await compiler.lint(tmp_path / "x.bicep")


async def test_a_cli_that_breaks_is_told_in_words(tmp_path: Path) -> None:
    if os.name == "nt":
        pytest.skip("NOT TRIED: a script can't stand for the CLI on Windows")
    program = tmp_path / "bicep"
    body = "print('Bicep CLI version 0.40.2 (x)') if '--version' in sys.argv else sys.exit(3)"
    program.write_text(f"#!{sys.executable}\nimport sys\n{body}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    source = tmp_path / "x.bicep"
    source.write_text(GOOD)
    async with BicepCompiler(program) as compiler:
        with pytest.raises(AppError) as caught:
            await compiler.compile(source)
    assert "Traceback" not in caught.value.message
    assert caught.value.message
