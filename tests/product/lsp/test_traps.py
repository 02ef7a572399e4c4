"""What pygls gets wrong by itself, and what a client may do wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from product.lsp.conftest import FAKE
from product.lsp.fake_server import SECRET
from product.lsp.raw import RawClient, raw_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

INVALID_PARAMS, UNKNOWN_METHOD, INTERNAL, CANCELLED, NOT_INITIALIZED = -32602, -32601, -32603, -32800, -32002


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[RawClient]:
    async with raw_client(FAKE) as raw:
        await raw.initialize(tmp_path, ask=True, notifications=True)
        yield raw


async def waiting(client: RawClient) -> None:
    """Until the scene ``wait`` waits."""
    await client.until(lambda m: m.get("method") == "$/progress" and "waiting" in str(m))


MALFORMED = (
    {"command": 5},
    {},
    None,
    [1, 2],
    {"command": "aitk-inference.deploy", "arguments": "no list"},
    {"command": "aitk-inference.deploy", "arguments": [{"wait": "yes"}]},
    {"command": "aitk-inference.deploy", "arguments": [{"projectUri": ["x"]}]},
    {"command": "aitk-inference.deploy", "arguments": [{"projectUri": "untitled:1"}]},
    {"command": "aitk-inference.deploy", "arguments": [17]},
    {"command": "aitk-inference.nothing", "arguments": []},
)


async def test_malformed_commands_are_answered_with_invalid_params(client: RawClient) -> None:
    for msg_id, params in enumerate(MALFORMED, start=1):
        client.send(id=msg_id, method="workspace/executeCommand", params=params)
        answer = await client.answer(msg_id)
        assert answer["error"]["code"] == INVALID_PARAMS, params
    client.execute(99, "status")
    assert (await client.answer(99))["result"]["summary"] == "Running."


async def test_an_unknown_method_is_answered_whatever_its_parameters(client: RawClient) -> None:
    client.send(id=1, method="workspace/aitk/nothing", params={"type_name": "class", "def": {"a b": 1}})
    assert (await client.answer(1))["error"]["code"] == UNKNOWN_METHOD


async def test_malformed_notifications_and_noise_are_survived(client: RawClient) -> None:
    client.send(method="workspace/didChangeConfiguration", params=3)
    client.send(method="textDocument/didOpen", params={"textDocument": {"uri": 1}})
    client.send(method="$/cancelRequest", params={"id": 99})
    client.send(method="window/workDoneProgress/cancel", params={"token": "unknown"})
    client.send(id="nobody-asked", result={"class": 1})
    client.send(id={"odd": 1}, result=None)
    client.send_bytes(b"Content-Length: 9\r\n\r\n{not json")
    client.execute(2, "status")
    assert (await client.answer(2))["result"]["summary"] == "Running."
    assert "Traceback" not in client.everything()


async def test_a_command_before_initialize_is_refused() -> None:
    async with raw_client(FAKE) as raw:
        raw.execute(1, "deploy")
        assert (await raw.answer(1))["error"]["code"] == NOT_INITIALIZED


async def test_initialization_options_of_the_wrong_shape_do_not_stop_the_server(tmp_path: Path) -> None:
    async with raw_client(FAKE) as raw:
        await raw.initialize(tmp_path, ask="maybe")  # type: ignore[arg-type]  # that is the point
        raw.execute(1, "status")
        assert (await raw.answer(1))["result"]["summary"] == "Running."


async def test_a_cancelled_question_is_withdrawn_and_its_late_answer_does_no_harm(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "ask"}, workDoneToken="t")
    question = await client.request("workspace/aitk/ask")
    client.send(method="$/cancelRequest", params={"id": 1})
    assert (await client.answer(1))["error"]["code"] == CANCELLED
    withdrawn = await client.request("$/cancelRequest")
    assert withdrawn["params"]["id"] == question["id"]
    client.send(id=question["id"], result={"answers": {"subscription": "local", "resourceGroup": "rg"}})
    client.execute(2, "status")
    assert (await client.answer(2))["result"]["summary"] == "Running."
    assert client.sent("window/showMessage") == []


async def test_a_question_may_stay_open_while_other_work_goes_on(client: RawClient, tmp_path: Path) -> None:
    other = tmp_path / "other"
    client.execute(1, "provision", {"resourceGroup": "ask"})
    question = await client.request("workspace/aitk/ask")
    for msg_id in range(2, 7):
        client.execute(msg_id, "status", {"projectUri": other.as_uri()})
        assert "result" in await client.answer(msg_id)
    client.send(id=question["id"], result={"answers": {"subscription": "local", "resourceGroup": "rg"}})
    assert (await client.answer(1))["result"]["summary"] == "local / rg"


BROKEN = (
    {"result": {"answers": {"subscription": 5}}},
    {"result": {"answers": ["x"]}},
    {"result": "nonsense"},
    {"result": {"type_name": "class"}},
    {"error": {"code": -32000, "message": "the quick pick broke"}},
    {"error": {"code": CANCELLED, "message": "closed"}},
    {"error": "no object"},
)


async def test_broken_answers_end_the_run_as_dismissed(client: RawClient) -> None:
    for msg_id, answer in enumerate(BROKEN, start=1):
        client.received.clear()
        client.execute(msg_id, "provision", {"resourceGroup": "ask"})
        question = await client.request("workspace/aitk/ask")
        client.send(id=question["id"], **answer)
        error = (await client.answer(msg_id))["error"]
        assert (error["code"], error["data"]["code"]) == (CANCELLED, "Dismissed"), answer


async def test_fifty_cancels_leave_a_working_server(client: RawClient) -> None:
    for msg_id in range(1, 51):
        client.execute(msg_id, "provision", {"resourceGroup": "plain-wait"}, workDoneToken=msg_id)
        await client.until(lambda m, t=msg_id: m.get("method") == "$/progress" and m["params"]["token"] == t)
        client.send(method="$/cancelRequest", params={"id": msg_id})
        assert (await client.answer(msg_id))["error"]["code"] == CANCELLED
    client.execute(99, "deploy")
    assert "result" in await client.answer(99)
    assert client.sent("window/showMessage") == []
    ends = [m for m in client.sent("$/progress") if m["params"]["value"]["kind"] == "end"]
    assert len(ends) == 50


async def test_cancelling_twice_lets_the_flow_leave_things_tidy(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "wait"}, workDoneToken="t")
    await waiting(client)
    client.send(method="$/cancelRequest", params={"id": 1})
    client.send(method="$/cancelRequest", params={"id": 1})
    error = (await client.answer(1))["error"]
    assert error["message"] == "The deployment was cancelled; 3 resources stay. Run it again."


async def test_the_progress_bar_of_other_editors_cancels_too(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "wait"}, workDoneToken="t")
    await waiting(client)
    client.send(method="window/workDoneProgress/cancel", params={"token": "t"})
    assert (await client.answer(1))["error"]["code"] == CANCELLED


async def test_an_unexpected_fault_answers_with_words_and_no_traceback(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "boom"}, workDoneToken="t")
    error = (await client.answer(1))["error"]
    assert error["code"] == INTERNAL
    assert "traceback" not in str(error).lower()
    await client.until(lambda m: m.get("method") == "window/logMessage" and "RuntimeError" in str(m))
    assert "Traceback" not in client.everything()
    assert client.sent("$/progress")[-1]["params"]["value"]["kind"] == "end"


async def test_payloads_are_logged_nowhere(tmp_path: Path) -> None:
    async with raw_client(FAKE) as raw:
        await raw.initialize(tmp_path, ask=True)
        raw.execute(1, "provision", {"resourceGroup": "secret"})
        question = await raw.request("workspace/aitk/ask")
        raw.send(id=question["id"], result={"answers": {"hfToken": "hf_verysecret"}})
        await raw.answer(1)
        raw.send(
            id=2, method="workspace/executeCommand", params={"command": 1, "arguments": ["hf_verysecret"]}
        )
        await raw.answer(2)
        raw.send(id=3, method="shutdown")
        await raw.answer(3)
        raw.send(method="exit")
        assert raw.process.stderr
        stderr = await raw.process.stderr.read()
        assert await asyncio.wait_for(raw.process.wait(), 10) == 0
    assert b"hf_verysecret" not in stderr
    assert SECRET.encode() not in stderr
    assert "hf_verysecret" not in raw.everything()


async def test_shutdown_in_the_middle_of_a_run_lets_it_leave_things_tidy(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "wait"}, workDoneToken="t")
    await waiting(client)
    client.send(id=2, method="shutdown")
    await client.answer(2)
    assert "3 resources stay" in client.everything()
    client.send(method="exit")
    assert await asyncio.wait_for(client.process.wait(), 10) == 0


async def test_an_editor_that_vanishes_takes_the_server_with_it(client: RawClient) -> None:
    client.execute(1, "provision", {"resourceGroup": "wait"}, workDoneToken="t")
    await waiting(client)
    assert client.process.stdin
    client.process.stdin.close()
    await asyncio.wait_for(client.process.wait(), 10)


async def test_places_are_counted_in_utf_16_whatever_the_editor_likes_best() -> None:
    general = {"positionEncodings": ["utf-8", "utf-16"]}
    params = {"processId": None, "capabilities": {"general": general}, "rootUri": None}
    async with raw_client(FAKE) as raw:
        raw.send(id=1, method="initialize", params=params)
        assert (await raw.answer(1))["result"]["capabilities"]["positionEncoding"] == "utf-16"
