"""What an earlier release left behind goes on working: a project, its share with the manifest, aca-local's data.

``tree_of_827f447.tar.gz`` was made by that commit: ``new`` files of a small project with minReplicas 0, ``provision``
and ``deploy --no-wait`` on the local target, ``aca-local stop``; then packed without certificates, tokens and logs.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.desk import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator

TREE = Path(__file__).with_name("tree_of_827f447.tar.gz")


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Desk, Path]]:
    home = tmp_path_factory.mktemp("older")
    with tarfile.open(TREE) as packed:
        packed.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.2 has none
        packed.extractall(home)
    (home / "data" / "ports.json").unlink()  # its ports may be taken on this computer: it takes new ones
    desk = Desk(home)
    yield desk, home / "project"
    desk.local("stop")


def test_its_resources_are_found_and_not_made_again(older: tuple[Desk, Path]) -> None:
    desk, project = older
    before = json.loads((project / "infra/inference.config.json").read_text())
    where = ("--project", str(project), "--subscription", "local", "--resource-group", "older")
    plan = desk.run("provision", *where, "--plan")[-1]["data"]["plan"]  # type: ignore[index]  # JSON
    assert {row["change"] for row in plan} == {"keep"}
    desk.run("provision", *where)
    after = json.loads((project / "infra/inference.config.json").read_text())
    assert {**after, "ACA_APP_ENDPOINT": ""} == {**before, "ACA_APP_ENDPOINT": ""}


def test_its_share_takes_a_deploy_of_the_same_files(older: tuple[Desk, Path]) -> None:
    desk, project = older
    (project / "inference" / "answer.txt").write_text("two")
    summary = str(desk.run("deploy", "--project", str(project), "--no-wait", "--yes")[-1]["summary"])
    assert "of 3 files changed" in summary, summary
