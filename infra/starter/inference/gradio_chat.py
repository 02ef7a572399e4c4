"""Serve the model: ``python gradio_chat.py``. One process, one port: a page at ``/``, an API at ``/v1``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from settings import BadConfiguration, read_settings
from silence import silence

if TYPE_CHECKING:
    from settings import Settings


def main() -> None:
    """Read the configuration, load the model and serve until stopped."""
    try:
        settings = read_settings()
    except BadConfiguration as error:
        sys.exit(f"Not started: {error}")
    silence()
    serve(settings)


def serve(settings: Settings) -> None:
    """Load the model and serve it. The libraries are imported here, once they have been silenced."""
    import uvicorn  # noqa: PLC0415 # after the report is silenced
    from app import make_app  # noqa: PLC0415 # likewise
    from service import open_service  # noqa: PLC0415 # likewise

    print(f"Loading {settings.base} …", flush=True)
    service = open_service(settings)
    print(service.problem or f"Serving {', '.join(service.models)} on port {settings.port}.", flush=True)
    uvicorn.run(make_app(service), host=settings.host, port=settings.port, log_level="warning")


if __name__ == "__main__":
    main()
