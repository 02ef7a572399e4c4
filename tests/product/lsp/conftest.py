"""A real server process and a client that answers as an editor would."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, make_test_lsp_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

FAKE = [sys.executable, "-W", "error", str(Path(__file__).with_name("fake_server.py"))]
TIMEOUT = 20.0


class EditorClient:
    """A client of the test's own making: what it announces and how it answers is up to the test."""

    def __init__(self, client: LanguageClient, folders: list[Path]) -> None:
        self.lsp = client
        self.folders = folders
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: deque[Any] = deque()
        self.pressed: deque[str | None] = deque()
        self.requests: list[types.ShowMessageRequestParams] = []
        self.withdrawn: list[Any] = []
        self.settings: dict[str, Any] = {}
        self._tokens = 0

    async def initialize(
        self, capabilities: types.ClientCapabilities | None = None, **announced: bool
    ) -> types.InitializeResult:
        options = {"aitk": announced} if announced else None
        params = types.InitializeParams(
            capabilities=capabilities or types.ClientCapabilities(),
            initialization_options=options,
            workspace_folders=[types.WorkspaceFolder(f.as_uri(), f.name) for f in self.folders],
        )
        return await asyncio.wait_for(self.lsp.initialize_session(params), TIMEOUT)

    def token(self) -> str:
        self._tokens += 1
        token = f"token-{self._tokens}"
        self.lsp.progress_reports[token] = []
        return token

    def start(self, verb: str, token: str | None = None, **argument: Any) -> tuple[str, asyncio.Future[Any]]:
        """Send a command; returns the request's id and its answer to come."""
        msg_id = str(uuid.uuid4())
        params = types.ExecuteCommandParams(
            command=f"aitk-inference.{verb}", arguments=[argument], work_done_token=token
        )
        answer = self.lsp.protocol.send_request_async(types.WORKSPACE_EXECUTE_COMMAND, params, msg_id)
        return msg_id, asyncio.ensure_future(answer)

    async def run(self, verb: str, token: str | None = None, **argument: Any) -> Any:
        return await asyncio.wait_for(self.start(verb, token, **argument)[1], TIMEOUT)

    def cancel(self, msg_id: str) -> None:
        self.lsp.cancel_request(types.CancelParams(msg_id))

    async def until(self, met: Callable[[], object]) -> None:
        async with asyncio.timeout(TIMEOUT):
            while not met():  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.01)

    @property
    def log(self) -> str:
        return "\n".join(message.message for message in self.lsp.log_messages)


def answer_questions(editor: EditorClient) -> None:
    """Answer requests of the server from what the test put into ``answers`` and ``pressed``."""

    async def ask(params: Any) -> Any:
        await editor.asked.put(params)
        try:
            while not editor.answers:  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            editor.withdrawn.append(params)
            raise
        return editor.answers.popleft()

    async def show(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        editor.requests.append(params)
        while not editor.pressed:  # noqa: ASYNC110 - what is waited for is another process
            await asyncio.sleep(0.01)
        title = editor.pressed.popleft()
        return None if title is None else types.MessageActionItem(title)

    editor.lsp.feature("workspace/aitk/ask")(ask)
    editor.lsp.feature("workspace/aitk/accessToken")(ask)
    editor.lsp.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)(show)


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Callable[..., Awaitable[EditorClient]]]:
    """Starts servers; each is stopped at the end."""
    started: list[LanguageClient] = []

    async def _start(command: list[str] = FAKE, folders: list[Path] | None = None) -> EditorClient:
        client = await ClientServerConfig(command, make_test_lsp_client).start()
        assert isinstance(client, LanguageClient)
        started.append(client)
        editor = EditorClient(client, [tmp_path] if folders is None else folders)
        answer_questions(editor)
        return editor

    yield _start
    for client in started:
        await _stop(client)


async def _stop(client: LanguageClient) -> None:
    if client._server is not None and client._server.returncode is None:
        await asyncio.wait_for(client.shutdown_session(), TIMEOUT)
    await client.stop()


ABLE = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(configuration=True),
    window=types.WindowClientCapabilities(
        work_done_progress=True, show_document=types.ShowDocumentClientCapabilities(support=True)
    ),
)


@pytest.fixture
async def editor(start: Callable[..., Awaitable[EditorClient]]) -> EditorClient:
    """An editor that announced everything, as our extension does."""
    client = await start()
    await client.initialize(ABLE, ask=True, accessToken=True, notifications=True)
    return client


@pytest.fixture
async def plain(start: Callable[..., Awaitable[EditorClient]]) -> EditorClient:
    """An editor that knows LSP and nothing of ours."""
    client = await start()
    await client.initialize(ABLE)
    return client
