"""The language server: one editor on stdin and stdout."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from aitk_inference import __version__
from aitk_inference.core.user_interface import Level
from aitk_inference.lsp.channels import Channels, Followers
from aitk_inference.lsp.codec import WireError, from_json
from aitk_inference.lsp.editor import Editor
from aitk_inference.lsp.handlers import COMMANDS, look
from aitk_inference.lsp.logging_bridge import to_editor
from aitk_inference.lsp.problems import Problems
from aitk_inference.lsp.protocol import FlowServerProtocol
from aitk_inference.lsp.run_flow import Running, Session
from aitk_inference.lsp.status_bar import StatusBar
from aitk_inference.lsp.warm_up import WarmUp
from aitk_inference.lsp.wire import SETTINGS_SECTION, ClientFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.ports import MakeClouds, MakeCompiler, OpenShare


_READY = f"aitk-inference {__version__} is ready (Python {platform.python_version()}, process {os.getpid()})"
"""What somebody who reads the output panel of a failure wants to know first."""


class FlowServer(LanguageServer):
    """pygls' server; a fault of ours goes to the log in words, never as a pop-up with a traceback."""

    protocol: FlowServerProtocol

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Say that a message was not understood; its content stays out, since it may hold a secret."""
        logging.getLogger("aitk_inference").warning("A message was dropped (%s).", type(error).__name__)


def serve(
    make_clouds: MakeClouds, open_share: OpenShare, compiler: MakeCompiler, needed_soon: Sequence[str] = ()
) -> int:
    """Serve one editor on stdio until it says ``exit`` or goes away.

    Args:
        make_clouds: Makes the targets from settings.
        open_share: Opens a share by its URL.
        compiler: Makes the compiler whose findings become the editor's problems.
        needed_soon: Names of modules to load once the editor is answered, before a command needs them.

    Returns:
        The exit code.
    """
    if sys.stdin is None or sys.stdout is None:
        return 0  # an editor that is gone already
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not break the wire
    build(make_clouds, open_share, compiler, needed_soon).start_io(sys.stdin.buffer, stdout)
    return 0


def build(
    make_clouds: MakeClouds, open_share: OpenShare, compiler: MakeCompiler, needed_soon: Sequence[str]
) -> FlowServer:
    """Return the server with its commands, not yet started."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole messages, and they hold secrets
    server = FlowServer(
        "aitk-inference",
        __version__,
        protocol_cls=FlowServerProtocol,
        converter_factory=default_converter,
        text_document_sync_kind=types.TextDocumentSyncKind.None_,  # what lies on the disk counts
    )
    editor = Editor(server.protocol)
    channels, warm_up = Channels(editor), WarmUp(needed_soon)

    def folders() -> tuple[str, ...]:
        return tuple(server.workspace.folders)

    session = Session(
        editor,
        Running(),
        Problems(editor, compiler),
        channels,
        Followers(channels),
        StatusBar(editor, folders, make_clouds, warm_up),
        warm_up,
        folders=folders,
        make_clouds=make_clouds,
        open_share=open_share,
    )
    for command in COMMANDS:
        server.command(command.name)(partial(command.handle, session))
    server.feature(types.INITIALIZE)(partial(_greet, editor))
    server.feature(types.INITIALIZED)(partial(_begin, session))
    server.feature(types.SHUTDOWN)(partial(_end, session))
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(partial(_keep_settings, editor))
    _watch(server, session)
    return server


def _watch(server: FlowServer, session: Session) -> None:
    """Look at a project whenever one of its files is opened, saved or changed on the disk."""

    async def seen(params: types.DidOpenTextDocumentParams | types.DidSaveTextDocumentParams) -> None:
        await look(session, [params.text_document.uri])

    async def changed(params: types.DidChangeWatchedFilesParams) -> None:
        session.status_bar.refresh()
        await look(session, [change.uri for change in params.changes])

    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(seen)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(seen)
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(changed)


def _begin(session: Session, _: types.InitializedParams) -> None:
    session.editor.log(Level.INFO, _READY)
    session.warm_up.begin()
    session.status_bar.refresh()


async def _end(session: Session, *_: object) -> None:
    """End what goes on beside commands."""
    await session.followers.stop_all()
    await session.status_bar.stop()
    await session.warm_up.stop()


def _keep_settings(editor: Editor, params: types.DidChangeConfigurationParams) -> None:
    """Keep the settings that a client sends by itself: they are nested by the parts of their names."""
    section: object = params.settings
    for part in SETTINGS_SECTION.split("."):
        section = section.get(part) if isinstance(section, dict) else None
    editor.sent_settings = section if isinstance(section, dict) else {}


def _greet(editor: Editor, params: types.InitializeParams) -> None:
    """Note what the client can do beyond LSP."""
    to_editor(editor, asyncio.get_running_loop())
    editor.capabilities = params.capabilities
    options = params.initialization_options
    announced = options.get("aitk", {}) if isinstance(options, dict) else {}
    try:
        editor.features = from_json(ClientFeatures, announced)
    except WireError as error:
        editor.log(Level.WARNING, f"initializationOptions.aitk is malformed and ignored: {error}")
