"""The real server with the product's own flows, on aca-local's Resource Manager in the server's own process."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path

from aca_local import certificates
from aitk_inference.lsp.server import serve
from support.azure_world import World, WorldClouds
from support.scripted_replicas import EverReady


def main(folder: Path) -> int:
    """Serve; ``folder`` is this server's own."""
    with ExitStack() as stack:
        world = World(folder, stack, certificates.ensure(folder / "certificates"))
        world.replicas = EverReady()
        clouds = WorldClouds(world, running=True)
        return serve(lambda *_: clouds, lambda url: None, lambda _: None)  # type: ignore[arg-type, return-value]  # no share by URL, no Bicep CLI


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
