"""aca-local's Files service as a process of its own, which counts the requests of each share.

    python -m benchmarks.sync.serve FOLDER MILLISECONDS...

It listens at one port for each latency (added as ``aca-local serve --latency-ms`` does) over the same
shares, and prints the ports as one JSON line. Then it reads commands, one JSON object a line
(``{"create": SHARE}``, ``{"delete": SHARE}``, ``{"take": SHARE}``), and answers each with what was counted
since the last one. It ends when its standard input does, so that it never outlives who started it.
"""

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from aca_local.files import FileShares, build_handler
from aca_local.listeners import Handler, with_latency
from aiohttp import web
from benchmarks.sync.place import ACCOUNT, KEY


class Keys:
    """The one account's key."""

    def keys(self, account: str) -> list[str]:
        return [KEY] if account == ACCOUNT else []


@dataclass
class Counts:
    """Requests of each share by kind (``PUT range``, ``GET`` …), and this process' own time at last count."""

    of: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    cpu: float = 0.0

    def around(self, handler: Handler) -> Handler:
        """Count, then answer."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            share = request.url.raw_parts[2] if len(request.url.raw_parts) > 2 else ""
            self.of[share][f"{request.method} {request.query.get('comp', '')}".strip()] += 1
            return await handler(request)

        return answer

    def take(self, share: str) -> dict[str, object]:
        """Return what was counted since the last time, and begin anew."""
        before, self.cpu = self.cpu, time.process_time()
        return {"kinds": dict(self.of.pop(share, Counter())), "cpu": self.cpu - before}


def carry_out(command: dict[str, str], shares: FileShares, counts: Counts) -> dict[str, object]:
    """Do what one line asks for."""
    [(verb, share)] = command.items()
    if verb == "create":
        shares.create_share(ACCOUNT, share)
    elif verb == "delete":
        shares.delete_share(ACCOUNT, share)
    return counts.take(share)


async def listen(handler: Handler, latencies: list[int]) -> list[int]:
    """Open a port for each latency and return them in that order."""
    ports = []
    for milliseconds in latencies:
        delayed = with_latency(handler, milliseconds / 1000)
        runner = web.ServerRunner(web.Server(delayed, auto_decompress=False, access_log=None))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        ports.append(runner.addresses[0][1])
    return ports


async def main(root: Path, latencies: list[int]) -> None:
    shares, counts = FileShares(root), Counts()
    shares.create_account(ACCOUNT)
    handler = counts.around(build_handler(shares, Keys()))
    print(json.dumps(await listen(handler, latencies)), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(carry_out(json.loads(line), shares, counts)), flush=True)
    shares.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]))
