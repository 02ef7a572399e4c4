"""ARCHITECTURE.md says what is there: a newcomer must be able to trust the map."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def test_every_place_on_the_map_exists() -> None:
    places = re.findall(r"^\| `([^`]+)`", TEXT.split("## The map")[1].split("## Invariants")[0], re.MULTILINE)
    assert places
    assert [place for place in places if not (ROOT / place).exists()] == []


def test_every_package_of_the_server_is_on_the_map() -> None:
    packages = [
        folder.parent.relative_to(ROOT).as_posix()
        for folder in (ROOT / "server").glob("*/*/__init__.py")
        if folder.parent.name != "__pycache__"
    ]
    assert [package for package in packages if f"`{package}/`" not in TEXT] == []


def test_every_file_that_the_readme_shows_or_links_exists() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert {name for name in named if name.endswith(".png")} >= {
        f"docs/images/{picture.name}" for picture in (ROOT / "docs/images").glob("editor-*.png")
    }


def test_every_dependency_says_why_in_one_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[\[<>=]", item)[0] for item in project["dependencies"]}
    listed = set(re.findall(r"^\| ([\w.-]+) \|", TEXT.split("## Dependencies")[1], re.MULTILINE))
    assert names - listed == set()
    assert listed - names - {"package", "---"} == set()


def test_each_example_of_a_change_is_there() -> None:
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## What a change touches")[1]
    rows = [line.rsplit("|", 2)[1] for line in table.split("## ")[0].splitlines() if line.startswith("| a")]
    examples = [re.findall(r"`([^`]+\.py)`", row)[0] for row in rows]
    assert len(examples) == 6
    assert [name for name in examples if not {*ROOT.glob(name), *ROOT.glob(f"server/{name}")}] == []
