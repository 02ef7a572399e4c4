"""A Files service in a process of its own, for tests that kill it: `python -m support.files_process`."""

import asyncio
import sys
from pathlib import Path

from aca_local.files import FileShares, build_handler
from aiohttp import web
from support.files_server import FixedKeys


async def main(root: Path) -> None:
    shares = FileShares(root)
    shares.create_account("acct")
    if not shares.list_shares("acct"):
        shares.create_share("acct", "share")
    server = web.Server(build_handler(shares, FixedKeys()), auto_decompress=False, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
