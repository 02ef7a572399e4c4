"""Serve for a benchmark, on one core: the Files service, or a bare handler of the same server library."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from aca_local.files import FileShares, build_handler
from aiohttp import web

KEY = "c2VjcmV0LWtleS1mb3ItYmVuY2htYXJrcy1vbmx5LTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA=="


class Keys:
    """The one account of the benchmark."""

    def keys(self, account: str) -> Sequence[str]:
        return [KEY] if account == "acct" else []


async def bare(request: web.BaseRequest) -> web.StreamResponse:
    """Take the body and answer: what the library costs by itself."""
    while await request.content.readany():
        pass
    return web.Response(status=201)


def files(root: Path) -> web.Server:
    shares = FileShares(root)
    shares.create_account("acct")
    shares.create_share("acct", "share")
    return web.Server(build_handler(shares, Keys()), auto_decompress=False, access_log=None)


async def main(what: str, root: Path) -> None:
    server = files(root) if what == "files" else web.Server(bare, auto_decompress=False, access_log=None)
    runner = web.ServerRunner(server)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
