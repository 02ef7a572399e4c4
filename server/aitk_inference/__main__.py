"""The program ``aitk-inference``."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from aitk_inference.core.settings import settings_from

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from aitk_inference.bicep import BicepCompiler
    from aitk_inference.core.ports import Clouds, EditorTokens
    from aitk_inference.core.settings import Settings
    from aitk_inference.core.share import OpenedShare
    from aitk_inference.local_target import LocalTargets

_NEW_OBJECTS = 100_000
_NEEDED_SOON = (
    "aitk_inference.flows.provision.provision",
    "aitk_inference.opened_cloud",
    "azure.mgmt.resource.resources.aio",
    "aitk_inference.flows.deploy.deploy",
    "aitk_inference.azure.directories",
    "aitk_inference.azure.sign_in_sources",
)
"""What an editor's first command loads up to its first question, in this order."""


def command() -> int:
    """Run the program. A sync leaves as soon as all is written: to take apart what was loaded takes 10 ms."""
    code = main()
    if sys.argv[1:2] == ["sync"]:
        logging.shutdown()
        with contextlib.suppress(OSError, AttributeError):  # nobody reads, or there is no stream
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    return code


def collect_rarely() -> None:
    """Look for garbage less often: most of what is made lives until the end of a flow."""
    gc.set_threshold(_NEW_OBJECTS)


def main() -> int:
    """Run the command line, or the language server for ``serve``."""
    collect_rarely()
    if sys.argv[1:2] == ["serve"]:
        return _serve()
    from aitk_inference import cli  # noqa: PLC0415 - the language server starts without it

    return cli.run(sys.argv[1:], _make_clouds, open_share=_open_share, serve=_serve)


def _serve() -> int:
    from aitk_inference.local_target import LocalTargets  # noqa: PLC0415 - a sync starts without it
    from aitk_inference.lsp.server import serve  # noqa: PLC0415 - the command line starts without it

    used = LocalTargets()
    return serve(partial(_make_clouds, local=used), _open_share, _compiler, _NEEDED_SOON)


def _compiler(settings: Settings) -> BicepCompiler:
    from aitk_inference.bicep import BicepCompiler  # noqa: PLC0415 - loaded when a template is looked at

    return BicepCompiler(settings.bicep_path)


def _make_clouds(
    settings: Settings, tokens: EditorTokens | None, local: LocalTargets | None = None
) -> Clouds:
    from aitk_inference import composition  # noqa: PLC0415 - nothing of Azure before a command needs it

    return composition.clouds(settings, tokens=tokens, log=logging.getLogger("aitk_inference"), local=local)


def _open_share(url: str) -> AbstractAsyncContextManager[OpenedShare]:
    from aitk_inference import composition  # noqa: PLC0415 - nothing of Azure before a command needs it

    return composition.share_at(url, os.environ, settings_from(os.environ))


if __name__ == "__main__":
    sys.exit(command())
