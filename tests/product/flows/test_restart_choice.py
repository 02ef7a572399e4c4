"""Before a restart: what the start needs is looked for on the share, and nothing is restarted for nothing unasked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from aitk_inference.core.errors import Dismissed, InputRequired
from aitk_inference.core.model import ProbeResult
from aitk_inference.sync.ignore import MANIFEST_NAME
from support.projects import change_app, deploy_project, provisioned
from support.scripted import Scripted
from support.scripted_replicas import replica
from support.tiny_models import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from support.azure_world import World


@pytest.fixture(autouse=True)
def _provisioned(project: Path, azure: World) -> None:
    provisioned(project, azure)


def _starts_with(azure: World, script: str) -> None:
    change_app(azure, container={"command": ["/bin/bash", "-c", script]})


async def test_a_script_that_is_not_on_the_share_is_told_with_what_lies_there(
    project: Path, azure: World
) -> None:
    _starts_with(azure, "cd /mount/inference && pip install -r requirements.txt && python serve.py")
    with pytest.raises(InputRequired) as caught:
        await deploy_project(project, azure)
    words = str(caught.value)
    assert "The start command needs inference/serve.py, which is not on the share" in words
    assert "in inference: gradio_chat.py, requirements.txt" in words
    assert [item.flag for item in caught.value.inputs] == ["--yes"]
    assert azure.count("apps.restart") == 0
    ui = Scripted(answers={"restart": "yes", "missingOnShare": "no"})
    with pytest.raises(Dismissed):
        await deploy_project(project, azure, ui)
    assert azure.count("apps.restart") == 0


async def test_a_person_may_restart_all_the_same(project: Path, azure: World) -> None:
    _starts_with(azure, "cd /mount/inference && python serve.py")
    ui = Scripted()
    await deploy_project(project, azure, ui, assume_yes=True)
    assert any("needs inference/serve.py" in text for _, text in ui.said)
    assert azure.count("apps.restart") == 1


async def test_an_adapter_that_lies_elsewhere_on_the_share_is_named(project: Path, azure: World) -> None:
    write_json(project / "inference/config.json", {"base": "org/base", "adapter": "../models/mine"})
    await azure.share.make_directory("finetuned")
    azure.share.edit("finetuned/adapter_config.json", b"{}")
    with pytest.raises(InputRequired, match=r"config.json needs models/mine, .*adapters there: finetuned\)"):
        await deploy_project(project, azure)
    write_json(project / "inference/config.json", {"base": "org/base", "adapter": "../finetuned"})
    await deploy_project(project, azure)
    assert azure.count("apps.restart") == 1
    write_json(project / "inference/config.json", {"base": "../base", "adapter": "../finetuned"})
    with pytest.raises(InputRequired, match=r"config.json needs base, .*at its top: finetuned, inference\)"):
        await deploy_project(project, azure)


async def test_what_is_as_it_was_and_answers_is_restarted_when_a_person_says_so(
    project: Path, azure: World
) -> None:
    await deploy_project(project, azure)
    ui = Scripted(answers={"restart": "no"})
    outcome = await deploy_project(project, azure, ui)
    assert "Nothing has changed, and app answers" in ui.asked[-1].prompt
    assert "app was not restarted" in outcome.summary
    assert outcome.data["restarted"] is False
    assert azure.count("apps.restart") == 1
    await deploy_project(project, azure, Scripted(answers={"restart": "yes"}))
    assert azure.count("apps.restart") == 2


async def test_where_nobody_is_it_is_restarted_and_said(project: Path, azure: World) -> None:
    await deploy_project(project, azure)
    ui = Scripted()
    assert (await deploy_project(project, azure, ui)).data["restarted"] is True
    assert any("Nothing has changed" in text and "--no-restart" in text for _, text in ui.said)


@pytest.mark.parametrize("wish", [True, False])
async def test_a_wish_is_not_asked_about(project: Path, azure: World, wish: bool) -> None:
    ui = Scripted(answers={"restart": "yes"})
    outcome = await deploy_project(project, azure, ui, restart=wish)
    assert azure.share.files["inference/gradio_chat.py"] == b"print('hello')\n"
    assert (azure.count("apps.restart"), outcome.data["restarted"]) == (int(wish), wish)
    assert ui.asked == []


async def test_what_does_not_answer_is_restarted_unasked(project: Path, azure: World) -> None:
    await deploy_project(project, azure)
    azure.probe.results = (*[ProbeResult(502)] * (azure.probe.asked + 1), ProbeResult(200))
    azure.replicas.behaviour = lambda n: [replica(f"new{azure.count('apps.restart')}")]
    ui = Scripted(answers={"restart": "no"})
    await deploy_project(project, azure, ui)
    assert (ui.asked, azure.count("apps.restart")) == ([], 2)


async def test_what_began_before_the_last_sync_is_restarted_unasked(project: Path, azure: World) -> None:
    await deploy_project(project, azure, restart=False)
    azure.share.stored[MANIFEST_NAME].modified = datetime(2027, 1, 1, tzinfo=UTC)
    ui = Scripted(answers={"restart": "no"})
    await deploy_project(project, azure, ui)
    assert (ui.asked, azure.count("apps.restart")) == ([], 1)
