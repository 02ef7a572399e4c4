"""Pages that the server writes and the editor shows; and buttons that mend what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.conftest import ABLE
from product.lsp.test_wire import plain_json
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from product.lsp.conftest import EditorClient


@pytest.fixture
async def pages(start: Callable[..., Awaitable[EditorClient]]) -> tuple[EditorClient, list[Any]]:
    """An editor that shows documents, and what it was given."""
    editor, shown = await start(), list[Any]()

    async def show(params: Any) -> dict[str, bool]:
        shown.append(params)
        return {"shown": True}

    editor.lsp.feature("workspace/aitk/show")(show)
    await editor.initialize(ABLE, ask=True, accessToken=True, notifications=True, documents=True)
    return editor, shown


async def test_a_page_comes_before_the_question_about_it(pages: tuple[EditorClient, list[Any]]) -> None:
    editor, shown = pages
    _, answer = editor.start("provision", resourceGroup="page")
    await editor.until(lambda: not editor.asked.empty())
    (page,) = shown
    assert page.title == "Provision plan"
    assert page.markdown.startswith("# Plan")
    assert "[hidden]" in page.markdown
    editor.answers.append({"answers": {"overwrite": "yes"}})
    assert plain_json(await answer)["data"] == {"overwrite": "yes"}
    assert "the plan in lines" in editor.log


async def test_a_plan_is_a_page_and_its_lines_do_not_open_the_panel(
    pages: tuple[EditorClient, list[Any]],
) -> None:
    editor, shown = pages
    result = plain_json(await editor.run("plan", resourceGroup="plan"))
    await editor.until(lambda: shown)
    assert result["headline"] == "plan True, check False"
    assert result["details"] == []
    result = plain_json(await editor.run("preflight", resourceGroup="plan"))
    assert result["headline"] == "plan False, check True"


async def test_an_editor_without_pages_gets_the_lines(editor: EditorClient) -> None:
    result = plain_json(await editor.run("plan", resourceGroup="plan"))
    assert "  create  app" in result["details"]
    _, answer = editor.start("provision", resourceGroup="page")
    await editor.until(lambda: not editor.asked.empty())
    assert "the plan in lines" in editor.log
    editor.answers.append({"answers": {"overwrite": "yes"}})
    await answer


async def test_a_failure_carries_what_mends_it(editor: EditorClient) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="fixable")
    data = plain_json(caught.value.data)
    assert data["actions"][0] == {"kind": "fix", "title": "Use T4", "target": "set?workloadProfileType=T4"}
    assert data["actions"][-1]["kind"] == "showOutput"


async def test_a_fix_is_made_and_the_command_goes_on(editor: EditorClient, tmp_path: Path) -> None:
    parameters = tmp_path / "infra/provision/inference.parameters.json"
    parameters.parent.mkdir(parents=True)
    parameters.write_text('{\n    "parameters": {\n        "a": {"value": 1}\n    }\n}\n')
    target = "set?workloadProfileType=T4&subscription=local&resource-group=plan&then=preflight"
    result = plain_json(await editor.run("fix", fix=target))
    assert result["headline"] == "plan False, check True"
    assert '        "workloadProfileType": {\n            "value": "T4"' in parameters.read_text()
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("fix", fix="drop?x=y")
    assert plain_json(caught.value.data)["code"] == "InvalidProject"
