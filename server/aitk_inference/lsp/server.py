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
from aitk_inference.core.interface import Level
from aitk_inference.lsp import wire as messages
from aitk_inference.lsp.codec import WireError, from_json
from aitk_inference.lsp.editor import Editor
from aitk_inference.lsp.handlers import HANDLERS, Flows, Session, look
from aitk_inference.lsp.log import to_editor
from aitk_inference.lsp.problems import Problems
from aitk_inference.lsp.protocol import FlowServerProtocol
from aitk_inference.lsp.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.ports import MakeCompiler, Wire


class FlowServer(LanguageServer):
    """pygls' server; a fault of ours goes to the log in words, never as a pop-up with a traceback."""

    protocol: FlowServerProtocol

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Say that a message was not understood; its content stays out, since it may hold a secret."""
        logging.getLogger("aitk_inference").warning("A message was dropped (%s).", type(error).__name__)


def serve(wire: Wire, flows: Callable[[], Flows], compiler: MakeCompiler) -> int:
    """Serve one editor on stdio until it says ``exit`` or goes away.

    Args:
        wire: Makes the targets from settings.
        flows: Loads the flows, at the first command.
        compiler: Makes the compiler whose findings become the editor's problems.

    Returns:
        The exit code.
    """
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not break the wire
    build(wire, flows, compiler).start_io(sys.stdin.buffer, stdout)
    return 0


def build(wire: Wire, flows: Callable[[], Flows], compiler: MakeCompiler) -> FlowServer:
    """The server with its commands, not yet started."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole messages, and they hold secrets
    server = FlowServer(
        "aitk-inference",
        __version__,
        protocol_cls=FlowServerProtocol,
        converter_factory=default_converter,
        text_document_sync_kind=types.TextDocumentSyncKind.None_,  # what lies on the disk counts
    )
    editor = Editor(server.protocol)
    problems = Problems(editor, compiler)
    session = Session(editor, Runs(), lambda: tuple(server.workspace.folders), wire, flows, problems)
    for command, handler in HANDLERS.items():
        server.command(command.name)(partial(handler, session))
    server.feature(types.INITIALIZE)(partial(_greet, editor))
    server.feature(types.INITIALIZED)(lambda _: editor.log(Level.INFO, _ready()))
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(lambda _: None)
    _watch(server, session)
    return server


def _ready() -> str:
    """What somebody who reads the output panel of a failure wants to know first."""
    python = platform.python_version()
    return f"aitk-inference {__version__} is ready (Python {python}, process {os.getpid()})"


def _watch(server: FlowServer, session: Session) -> None:
    """Look at a project whenever one of its files is opened, saved or changed on the disk."""

    async def seen(params: types.DidOpenTextDocumentParams | types.DidSaveTextDocumentParams) -> None:
        await look(session, [params.text_document.uri])

    async def changed(params: types.DidChangeWatchedFilesParams) -> None:
        await look(session, [change.uri for change in params.changes])

    server.feature(types.TEXT_DOCUMENT_DID_OPEN)(seen)
    server.feature(types.TEXT_DOCUMENT_DID_SAVE)(seen)
    server.feature(types.WORKSPACE_DID_CHANGE_WATCHED_FILES)(changed)


def _greet(editor: Editor, params: types.InitializeParams) -> None:
    """Note what the client can do beyond LSP."""
    to_editor(editor, asyncio.get_running_loop())
    options = params.initialization_options
    announced = options.get("aitk", {}) if isinstance(options, dict) else {}
    try:
        editor.features = from_json(messages.ClientFeatures, announced)
    except WireError as error:
        editor.log(Level.WARNING, f"initializationOptions.aitk is malformed and ignored: {error}")
