"""What an owner does with an app, from an editor: each verb's own flow behind the wire."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from product.lsp.conftest import ABLE
from product.lsp.test_streams import statuses
from product.lsp.test_wire import plain_json
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from product.lsp.conftest import EditorClient

SERVER = [sys.executable, str(Path(__file__).with_name("world_server.py"))]
PATIENCE = 90.0
CANARY = "canary-value-of-a-secret-71d2"


async def test_an_app_is_operated_over_the_wire(
    start: Callable[..., Awaitable[EditorClient]],
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    editor = await start([*SERVER, str(tmp_path / "world")], [project])
    bar = statuses(editor)
    await editor.initialize(ABLE, ask=True, notifications=True, status=True)
    done = await run(editor, "provision", subscription="local", resourceGroup="models", assumeYes=True)
    assert done["data"]["public"] is True
    await run(editor, "start")
    await editor.until(lambda: bar and "Inference: answering (local" in bar[-1].text)
    await logs_are_read(editor)
    await it_is_scaled(editor)
    await a_secret_is_set(editor)
    await it_is_protected(editor)
    await what_is_not_there_is_said(editor)
    await it_is_deleted(editor)
    await editor.until(lambda: not bar[-1].text)  # the project was provisioned nowhere any more


@pytest.mark.parametrize("verb", ["plan", "preflight"])
async def test_the_button_below_a_plan_or_checks_provisions_where_they_were_for(
    start: Callable[..., Awaitable[EditorClient]],
    project: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    editor = await start([*SERVER, str(tmp_path / "world")], [project])
    await editor.initialize(ABLE, ask=True, notifications=True)
    planned = await run(editor, verb, subscription="local", resourceGroup="models")
    (button,) = [one for one in planned["actions"] if one["title"] == "Provision"]
    assert button["kind"] == "fix"  # what a client sends back as it is
    done = await run(editor, "fix", fix=button["target"])
    assert done["data"]["resourceGroup"] == "models"
    assert editor.asked.empty()


async def run(editor: EditorClient, verb: str, **argument: Any) -> dict[str, Any]:
    result: dict[str, Any] = plain_json(await editor.run(verb, **argument))
    return result


async def failure(editor: EditorClient, verb: str, **argument: Any) -> dict[str, Any]:
    with pytest.raises(JsonRpcException) as caught:
        await editor.run(verb, **argument)
    data: dict[str, Any] = plain_json(caught.value.data)
    return data


async def logs_are_read(editor: EditorClient) -> None:
    assert (await run(editor, "logs", tail=2))["data"] == {"lines": 2}
    assert "line 4" in editor.log
    assert "line 2" not in editor.log
    assert (await run(editor, "logs", system=True))["data"] == {"lines": 1}
    assert "no length of time" in (await failure(editor, "logs", since="soon"))["message"]


async def it_is_scaled(editor: EditorClient) -> None:
    result = await run(editor, "scale", least=1, most=3)
    assert result["data"] == {"minReplicas": 1, "maxReplicas": 3}
    assert "can't both be" in (await failure(editor, "scale", least=3, most=1))["message"]
    status = await run(editor, "status")
    assert (status["data"]["app"]["maxReplicas"], status["data"]["state"]) == (3, "answering")
    assert status["data"]["cost"]["currency"] == "USD"


async def a_secret_is_set(editor: EditorClient) -> None:
    editor.answers.append({"answers": {"value": CANARY}})
    result = await run(editor, "secrets", action="set", name="HF_TOKEN")
    (question,) = plain_json(editor.asked.get_nowait())["questions"]
    assert (question["kind"], question["prompt"]) == ("secret", "The value of HF_TOKEN")
    assert result["data"]["variable"] == "HF_TOKEN"
    listed = await run(editor, "secrets", action="list")
    assert "hf-token" in listed["data"]["secrets"]
    assert CANARY not in editor.log + repr(result) + repr(listed)


async def it_is_protected(editor: EditorClient) -> None:
    result = await run(editor, "protect", allowIp=["203.0.113.0/24"])
    assert result["data"]["ranges"] == ["203.0.113.0/24"]
    editor.answers.append({"answers": {"way": "key"}})
    result = await run(editor, "protect")
    assert result["data"]["protection"] == "apiKey"
    await editor.until(lambda: editor.requests)
    shown, buttons = editor.requests[-1].message, editor.requests[-1].actions
    assert shown.startswith("The key, shown this once: ")
    assert [button.title for button in buttons or ()] == ["I have it"]  # without one it would be cut off
    editor.pressed.append("I have it")
    assert shown.rpartition(" ")[2] not in editor.log + repr(result)
    assert (await run(editor, "status"))["data"]["public"] is False
    assert (await run(editor, "protect", open=True))["data"]["protection"] == "none"


async def what_is_not_there_is_said(editor: EditorClient) -> None:
    assert "runs on this computer" in (await failure(editor, "portal"))["message"]
    said = await failure(editor, "ask", text="Why?")
    assert said["code"] == "Unreachable"
    assert "does not answer" in said["message"]


async def it_is_deleted(editor: EditorClient) -> None:
    answer = editor.start("delete", assumeYes=True)[1]
    result = plain_json(await asyncio.wait_for(answer, PATIENCE))
    assert "Deleted" in result["summary"], result
