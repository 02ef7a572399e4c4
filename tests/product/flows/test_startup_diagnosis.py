"""Why an app does not start: each row of the table on a published log, the lines that matter, the place in the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aitk_inference.flows.deploy.blamed_line import blamed_line
from aitk_inference.flows.deploy.startup_diagnosis import (
    SHOWN,
    Evidence,
    diagnose,
    final_cause,
    without_noise,
)
from aitk_inference.flows.deploy.startup_patterns import PATTERNS
from support.startup_excerpts import CONSOLE, SYSTEM, Excerpt

if TYPE_CHECKING:
    from pathlib import Path


def _evidence(excerpt: Excerpt) -> Evidence:
    return (
        Evidence(events=excerpt.lines)
        if excerpt in SYSTEM
        else Evidence(console=without_noise(excerpt.lines))
    )


@pytest.mark.parametrize("excerpt", [*SYSTEM, *CONSOLE], ids=lambda one: f"{one.name}: {one.lines[-1][:40]}")
def test_a_published_log_is_diagnosed(excerpt: Excerpt) -> None:
    found = diagnose(_evidence(excerpt))
    assert found is not None
    assert found.name == excerpt.name
    assert excerpt.says in found.cause
    assert 0 < len(found.lines) <= SHOWN
    assert "{" not in found.cause


def test_every_row_has_an_excerpt_a_remedy_and_a_link() -> None:
    assert {pattern.name for pattern in PATTERNS} == {one.name for one in (*SYSTEM, *CONSOLE)}
    for pattern in PATTERNS:
        assert pattern.remedy.endswith((".", "HF_TOKEN"))
        assert pattern.link.startswith("https://")
        assert not pattern.cause.endswith(".")


def test_what_came_first_is_the_cause_of_what_followed() -> None:
    failed_install = "ERROR: No matching distribution found for gradio==99"
    followed = "ModuleNotFoundError: No module named 'gradio'"
    found = diagnose(Evidence(console=(failed_install, "Traceback (most recent call last):", followed)))
    assert found is not None
    assert found.name == "pip-no-wheel"


def test_a_container_that_started_had_its_image_and_its_share() -> None:
    passed = (
        "VolumeMountFailure: mount error(13): Permission denied",
        "AssigningReplica: Replica 'x' waits for a node: no GPU is free.",
        "ContainerStarted: Started container 'app'",
    )
    found = diagnose(Evidence(("ModuleNotFoundError: No module named 'x'",), passed))
    assert found is not None
    assert found.name == "missing-module"
    assert diagnose(Evidence(("nobody knows this",), passed)) is None


def test_only_what_was_said_twice_and_will_not_pass_ends_a_start_early() -> None:
    denied, limited = "VolumeMountFailure: mount error(13): Permission denied", "toomanyrequests"
    assert final_cause([denied]) is None
    assert final_cause([limited, limited]) is None
    found = final_cause([denied, denied])
    assert found is not None
    assert found.name == "mount-denied"


def test_five_lines_matter_and_a_long_one_is_cut() -> None:
    console = (*(f"line {n}" for n in range(50)), f"torch.OutOfMemoryError: CUDA out of memory. {'x' * 2000}")
    found = diagnose(Evidence(console=console))
    assert found is not None
    assert found.lines[0] == "line 46"
    assert len(found.lines[-1]) < 500


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (('  File "/mount/inference/app.py", line 3', "    def answer(:", "               ^"), (2, 15)),
        (('  File "/srv/share/inference/app.py", line 4, in <module>', "    import nothing"), (3, 0)),
        (("    x==1 from https://index/x.whl (from -r inference/requirements.txt (line 2)):",), (1, 0)),
    ],
)
def test_the_line_of_the_projects_own_file_is_found(
    tmp_path: Path, lines: tuple[str, ...], expected: tuple[int, int]
) -> None:
    (tmp_path / "inference").mkdir()
    (tmp_path / "inference/app.py").write_text("import os\n\n    def answer(:\nimport nothing\n")
    (tmp_path / "inference/requirements.txt").write_text("a\nx==1\n")
    library = '  File "/usr/lib/python3/dist-packages/inference/app.py", line 1, in load'
    place = blamed_line((*lines, library), tmp_path, "Wrong.")
    assert place is not None
    assert (place.line, place.column) == expected
    assert place.message == "Wrong."


def test_a_library_and_a_file_that_is_not_here_are_no_place(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("1")
    lines = (
        '  File "/venv/lib/python3.12/site-packages/app.py", line 1',
        '  File "/mount/other.py", line 1',
        "words",
    )
    assert blamed_line(lines, tmp_path, "") is None
