"""The Bicep CLI as a service: warm, idle, crashed, hanging, missing, old."""

from __future__ import annotations

import asyncio
import stat
import sys
from pathlib import Path

import pytest
from bicep_cli import BicepError, BicepService, Level, find

FAKE = Path(__file__).with_name("fake_bicep.py")
MAIN = Path("/project/main.bicep")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for the CLI is a script")


def fake(folder: Path, behaviour: str) -> Path:
    """Make a stand-in for the CLI that behaves so."""
    path = folder / f"bicep-{behaviour}"
    path.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


async def test_a_compilation_brings_the_template_and_its_problems(tmp_path: Path) -> None:
    async with BicepService(find(str(fake(tmp_path, "good")))) as bicep:
        done = await bicep.compile(MAIN)

    assert done.template == "{}"
    assert not done.errors
    assert done.diagnostics[0].level is Level.WARNING
    assert done.diagnostics[0].line() == (
        "/project/main.bicep(2,5) : Warning no-unused-vars: Variable is never used."
    )


async def test_requests_share_one_process_which_ends_when_idle(tmp_path: Path) -> None:
    async with BicepService(find(str(fake(tmp_path, "good"))), idle=0.05) as bicep:
        assert not bicep.running
        await asyncio.gather(bicep.compile(MAIN), bicep.compile(MAIN), bicep.compile_parameters(MAIN))
        first = bicep.running
        async with asyncio.timeout(10):
            while bicep.running:  # noqa: ASYNC110 - the service tells nobody that it rests
                await asyncio.sleep(0.02)
        again = await bicep.compile(MAIN)

    assert first
    assert again.template == "{}"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ("crashing", "The Bicep CLI stopped unexpectedly."),
        ("babbling", "The Bicep CLI stopped unexpectedly."),
        ("refusing", "The Bicep CLI refused: An error occurred reading file."),
    ],
)
async def test_what_goes_wrong_is_one_line(tmp_path: Path, behaviour: str, message: str) -> None:
    async with BicepService(find(str(fake(tmp_path, behaviour)))) as bicep:
        with pytest.raises(BicepError) as caught:
            await bicep.compile(MAIN)

    assert caught.value.message == message


async def test_a_hanging_process_is_ended_and_the_next_request_starts_another(tmp_path: Path) -> None:
    async with BicepService(find(str(fake(tmp_path, "hanging"))), limit=0.2) as bicep:
        for _ in range(2):
            with pytest.raises(BicepError, match="did not answer bicep/compile"):
                await bicep.compile(MAIN)

        assert not bicep.running


async def test_an_old_cli_is_run_for_each_request(tmp_path: Path) -> None:
    async with BicepService(find(str(fake(tmp_path, "old")))) as bicep:
        done = await bicep.compile(MAIN)

        assert not bicep.running

    assert bicep.bicep.version == (0, 20, 4)
    assert done.template == '{"resources": []}'


async def test_the_problems_of_an_old_cli_are_read_from_its_lines(tmp_path: Path) -> None:
    async with BicepService(find(str(fake(tmp_path, "oldbad")))) as bicep:
        done = await bicep.compile(MAIN)

    assert done.template is None
    assert [item.line() for item in done.errors] == [
        '/p/main.bicep(1,9) : Error BCP302: The name "x" is not a type.'
    ]


def test_a_setting_that_names_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(BicepError, match="which the setting names"):
        find(str(tmp_path / "nope"))


def test_without_a_setting_path_comes_first_then_the_folders_of_azure_cli_and_azd(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(BicepError, match="No Bicep CLI was found"):
        find(home=tmp_path)
    for folder in (".azd/bin", ".azure/bin"):
        (tmp_path / folder).mkdir(parents=True)
        fake(tmp_path, "good").rename(tmp_path / folder / "bicep")

        assert find(home=tmp_path).path == tmp_path / folder / "bicep"


def test_a_program_that_is_no_bicep_cli_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bicep"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)

    with pytest.raises(BicepError, match="is not a Bicep CLI"):
        find(str(path))
