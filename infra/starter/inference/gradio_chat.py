"""Serve the model: ``python gradio_chat.py``. One process, one port: a page at ``/``, an API at ``/v1``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from settings import BadConfiguration, read_settings
from silence import silence

if TYPE_CHECKING:
    from settings import Settings

GRACE_SECONDS = 5
"""How long running answers may take when the app is stopped."""


def main() -> None:
    """Read the configuration and serve until stopped, or until the engine ends."""
    try:
        settings = read_settings()
    except BadConfiguration as error:
        sys.exit(f"Not started: {error}")
    silence()
    sys.exit(serve(settings))


def serve(settings: Settings) -> int:
    """Serve; returns the exit code. The libraries are imported here, once they have been silenced."""
    import uvicorn  # noqa: PLC0415 # after the report is silenced
    from app import make_app  # noqa: PLC0415 # loaded when the app is made, not when it is imported
    from service import Service  # noqa: PLC0415 # loaded when the app is made, not when it is imported
    from web.key_file import KeyFile  # noqa: PLC0415 # loaded when the app is made, not when it is imported

    key_file = KeyFile(settings.api_key_file)
    service = Service(settings, key_file, lambda line: print(line, flush=True))

    def end() -> None:
        server.should_exit = True

    config = uvicorn.Config(
        make_app(service, key_file, end),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    server.run()
    return 0 if service.failure is None else 1


if __name__ == "__main__":
    main()
