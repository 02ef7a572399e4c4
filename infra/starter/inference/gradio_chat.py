"""Serve the model: ``python gradio_chat.py``. One process, one port: a page at ``/``, an API at ``/v1``."""

from __future__ import annotations

import os
import sys

# Before the imports below read them. Nothing here calls home.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import uvicorn
from app import make_app
from service import open_service
from settings import BadConfiguration, Settings, read_settings


def main() -> None:
    """Read the configuration, load the model and serve until stopped."""
    try:
        settings = read_settings()
    except BadConfiguration as error:
        sys.exit(f"Not started: {error}")
    serve(settings)


def serve(settings: Settings) -> None:
    """Load the model and serve it."""
    print(f"Loading {settings.base} …", flush=True)
    service = open_service(settings)
    print(service.problem or f"Serving {', '.join(service.models)} on port {settings.port}.", flush=True)
    uvicorn.run(make_app(service), host=settings.host, port=settings.port, log_level="warning")


if __name__ == "__main__":
    main()
