"""What streams to an editor: logs in a channel of their own, answers, and what the status bar says."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from product.lsp.conftest import ABLE
from product.lsp.test_wire import plain_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from product.lsp.conftest import EditorClient

FOLLOWED = {"follow": True, "since": "1h"}


class Channels:
    """An editor's output channels; nothing is shown while it is not ``open``."""

    def __init__(self, editor: EditorClient) -> None:
        self.text: dict[str, str] = {}
        self.revealed: list[str] = []
        self.batches = 0
        self.open = asyncio.Event()
        self.open.set()

        @editor.lsp.feature("workspace/aitk/append")
        async def append(params: Any) -> dict[str, Any]:
            await self.open.wait()
            self.batches += 1
            self.text[params.channel] = self.text.get(params.channel, "") + params.text
            if params.reveal:
                self.revealed.append(params.channel)
            return {"shown": True}

    def __getitem__(self, name: str) -> str:
        return self.text.get(f"AI Toolkit Inference {name}", "")


def statuses(editor: EditorClient) -> list[Any]:
    """What the status bar is told."""
    said: list[Any] = []

    @editor.lsp.feature("workspace/aitk/status")
    def status(params: Any) -> None:
        said.append(params)

    return said


@pytest.fixture
async def able(start: Callable[..., Awaitable[EditorClient]]) -> tuple[EditorClient, Channels]:
    editor = await start()
    channels = Channels(editor)
    await editor.initialize(ABLE, ask=True, notifications=True, channels=True)
    return editor, channels


async def test_followed_logs_have_a_channel_and_hold_nobody_up(able: tuple[EditorClient, Channels]) -> None:
    editor, channels = able
    result = plain_json(await editor.run("logs", tail=3, **FOLLOWED))
    assert (result["data"], result["severity"]) == ({"following": True}, "none")
    await editor.until(lambda: "The log ends here." in channels["Logs"])
    assert "[abc] line 2 of the app\n" in channels["Logs"]
    assert "\x1b" not in channels["Logs"]
    assert channels.revealed == ["AI Toolkit Inference Logs"]
    assert "line 2" not in editor.log  # the output panel stays for what commands say
    assert plain_json(await editor.run("status"))["summary"] == "Running."
    assert "endpoint" in plain_json(await editor.run("deploy"))  # another flow runs beside it
    again = plain_json(await editor.run("logs", tail=3, **FOLLOWED))
    assert again["data"] == {"following": True}
    await editor.until(lambda: len(channels.revealed) == 2)
    assert channels["Logs"].count("line 2 of the app") == 1


async def test_followed_logs_stop_when_told(able: tuple[EditorClient, Channels]) -> None:
    editor, channels = able
    assert plain_json(await editor.run("stopLogs"))["summary"] == "No logs are followed."
    await editor.run("logs", tail=1, **FOLLOWED)
    await editor.until(lambda: "line 0" in channels["Logs"])
    assert plain_json(await editor.run("stopLogs"))["summary"] == "Stopped."
    await editor.until(lambda: channels["Logs"].endswith("— Stopped.\n"))
    await editor.run("logs", tail=1, **FOLLOWED)
    await editor.until(lambda: channels["Logs"].count("line 0") == 2)


async def test_a_slow_editor_is_not_flooded_and_answers_go_on(able: tuple[EditorClient, Channels]) -> None:
    editor, channels = able
    channels.open.clear()
    await editor.run("logs", tail=100_000, **FOLLOWED)
    assert plain_json(await editor.run("status"))["summary"] == "Running."
    channels.open.set()
    await editor.until(lambda: "The log ends here." in channels["Logs"])
    assert "lines left out: they came faster than they could be shown." in channels["Logs"]
    assert "line 99999 of the app" in channels["Logs"]
    assert len(channels["Logs"]) < 2_000_000
    assert channels.batches < 100


async def test_a_client_without_channels_gets_lines_until_it_cancels(editor: EditorClient) -> None:
    msg_id, answer = editor.start("logs", tail=2, **FOLLOWED)
    await editor.until(lambda: "line 1 of the app" in editor.log)
    editor.cancel(msg_id)
    with pytest.raises(Exception, match="was stopped"):
        await answer
    assert "\x1b" not in editor.log


async def test_an_answer_streams_with_its_question_before_it(able: tuple[EditorClient, Channels]) -> None:
    editor, channels = able
    result = plain_json(await editor.run("ask", text="Why is the sea salty?"))
    assert channels["Answers"] == (
        "> Why is the sea salty?\n\nBecause of rivers.\n\n— m: First word after 0.1 s.\n\n"
    )
    assert channels.batches > 2  # it came in parts
    assert result["data"] == {"tokens": 3}
    assert channels.revealed == ["AI Toolkit Inference Answers"]


async def test_the_palette_asks_for_the_question(able: tuple[EditorClient, Channels]) -> None:
    editor, channels = able
    editor.answers.append({"answers": {"text": "  Why?  "}})
    await editor.run("ask")
    (question,) = plain_json(editor.asked.get_nowait())["questions"]
    assert (question["kind"], question["prompt"]) == ("text", "What to ask the model")
    assert channels["Answers"].startswith("> Why?\n\n")


async def test_a_plain_client_has_the_answer_in_its_output_panel(plain: EditorClient) -> None:
    await plain.run("ask", text="Why?")
    assert "Because of rivers." in plain.log


async def test_the_status_bar_says_nothing_of_a_folder_without_a_project(
    start: Callable[..., Awaitable[EditorClient]],
) -> None:
    editor = await start()
    said = statuses(editor)
    await editor.initialize(types.ClientCapabilities(), status=True, notifications=True)
    await editor.run("status")
    assert said == []


async def test_the_status_bar_says_why_nothing_is_known(
    start: Callable[..., Awaitable[EditorClient]],
) -> None:
    editor = await start()
    folder = editor.folders[0] / "infra"
    folder.mkdir()
    (folder / "inference.config.json").write_text(json.dumps({"SUBSCRIPTION_ID": 3}))
    said = statuses(editor)
    await editor.initialize(types.ClientCapabilities(), status=True, notifications=True)
    await editor.until(lambda: said)
    assert said[0].text == "$(circle-slash) Inference: not known"
    assert "inference.config.json" in said[0].tooltip
    assert [entry.target for entry in said[0].menu][:1] == ["aitk-inference.status"]
