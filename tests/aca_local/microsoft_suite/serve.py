"""The Files service for Microsoft's suite: host-style, over https with a certificate of its own."""

import argparse
import asyncio
import base64
import json
import ssl
from collections.abc import Sequence
from pathlib import Path

from aca_local.files import FileShares, build_handler
from aiohttp import web

ACCOUNTS = ("storagename", "pyrmtstoragestorname", "premiumname")
AUDIENCES = (
    "https://storage.azure.com/.default",
    *(f"https://{a}.file.core.windows.net/.default" for a in ACCOUNTS),
)


class Keys:
    """One key for all accounts of the suite."""

    def __init__(self, key: str) -> None:
        self._key = key

    def keys(self, account: str) -> Sequence[str]:
        return [self._key] if account in ACCOUNTS else []


def for_storage(token: str) -> bool:
    """Say whether a token of the suite's sign-in is for this service."""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["aud"] in AUDIENCES


async def serve(root: Path, key: str, certificate: Path) -> None:
    shares = FileShares(root)
    for account in ACCOUNTS:
        shares.create_account(account)
    handler = build_handler(shares, Keys(key), token_is_valid=for_storage)
    runner = web.ServerRunner(web.Server(handler, auto_decompress=False, access_log=None))
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    print(json.dumps({"port": runner.addresses[0][1]}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("root", type=Path)
    parser.add_argument("key")
    parser.add_argument("certificate", type=Path)
    chosen = parser.parse_args()
    asyncio.run(serve(chosen.root, chosen.key, chosen.certificate))
