"""The language server: one editor on stdin and stdout."""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.protocol import default_converter

from aitk_inference import __version__
from aitk_inference.core.ports import Level
from aitk_inference.lsp import wire as messages
from aitk_inference.lsp.codec import WireError, from_json
from aitk_inference.lsp.editor import Editor
from aitk_inference.lsp.handlers import HANDLERS, Flows, Session
from aitk_inference.lsp.log import to_editor
from aitk_inference.lsp.protocol import FlowServerProtocol
from aitk_inference.lsp.runs import Runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from aitk_inference.core.ports import Wire


class FlowServer(LanguageServer):
    """pygls' server; a fault of ours goes to the log in words, never as a pop-up with a traceback."""

    protocol: FlowServerProtocol

    def report_server_error(self, error: Exception, source: Any) -> None:
        """Say that a message was not understood; its content stays out, since it may hold a secret."""
        logging.getLogger("aitk_inference").warning("A message was dropped (%s).", type(error).__name__)


def serve(wire: Wire, flows: Callable[[], Flows]) -> int:
    """Serve one editor on stdio until it says ``exit`` or goes away.

    Args:
        wire: Makes the targets from settings.
        flows: Loads the flows, at the first command.

    Returns:
        The exit code.
    """
    stdout = sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not break the wire
    build(wire, flows).start_io(sys.stdin.buffer, stdout)
    return 0


def build(wire: Wire, flows: Callable[[], Flows]) -> FlowServer:
    """The server with its commands, not yet started."""
    logging.getLogger("pygls").setLevel(logging.CRITICAL)  # it logs whole messages, and they hold secrets
    server = FlowServer(
        "aitk-inference",
        __version__,
        protocol_cls=FlowServerProtocol,
        converter_factory=default_converter,
    )
    editor = Editor(server.protocol)
    session = Session(editor, Runs(), lambda: tuple(server.workspace.folders), wire, flows)
    for command, handler in HANDLERS.items():
        server.command(command.name)(partial(handler, session))
    server.feature(types.INITIALIZE)(partial(_greet, editor))
    server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)(lambda _: None)
    return server


def _greet(editor: Editor, params: types.InitializeParams) -> None:
    """Note what the client can do beyond LSP."""
    to_editor(editor, asyncio.get_running_loop())
    options = params.initialization_options
    announced = options.get("aitk", {}) if isinstance(options, dict) else {}
    try:
        editor.features = from_json(messages.ClientFeatures, announced)
    except WireError as error:
        editor.log(Level.WARNING, f"initializationOptions.aitk is malformed and ignored: {error}")
