"""The server's other end: starts it, makes shares on it, and asks what it counted."""

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

ACCOUNT = "acct"
KEY = "c2VjcmV0LWtleS1mb3ItYmVuY2htYXJrcy1vbmx5LTAxMjM0NTY3ODkwMTIzNDU2Nzg5MA=="
TESTS = Path(__file__).parents[2]


@dataclass(frozen=True)
class Counted:
    """Requests by kind, and the seconds of processor time that the server spent on them."""

    kinds: dict[str, int]
    cpu: float

    @property
    def requests(self) -> int:
        return sum(self.kinds.values())


@dataclass(frozen=True)
class Place:
    """A running server.

    Attributes:
        root: Where its files are; a share's lie as plain files below.
        ports: By latency in milliseconds.
    """

    root: Path
    ports: dict[int, int]
    process: "subprocess.Popen[str]"

    def create(self, share: str) -> None:
        self._ask("create", share)

    def delete(self, share: str) -> None:
        self._ask("delete", share)

    def take(self, share: str) -> Counted:
        """What was counted since the last command."""
        return self._ask("take", share)

    def folder(self, share: str) -> Path:
        return self.root / "shares" / ACCOUNT / share

    def url(self, latency: int, share: str) -> str:
        """The share's address with a signature, as AzCopy and rclone take it."""
        return f"http://127.0.0.1:{self.ports[latency]}/{ACCOUNT}/{share}?{account_sas(KEY)}"

    def _ask(self, verb: str, share: str) -> Counted:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({verb: share}) + "\n")
        self.process.stdin.flush()
        return Counted(**json.loads(self.process.stdout.readline()))


@contextmanager
def serving(root: Path, latencies: Sequence[int]) -> Iterator[Place]:
    """Serve while the context lasts."""
    command = [sys.executable, "-m", "benchmarks.sync.serve", str(root), *map(str, latencies)]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        ports = json.loads(process.stdout.readline())
        yield Place(root, dict(zip(latencies, ports, strict=True)), process)


def account_sas(key: str) -> str:
    """Sign a day of everything on the account ("Create an account SAS"): the SDK's own would fill memory."""
    fields = {
        "sp": "rwdlc",
        "ss": "f",
        "srt": "sco",
        "st": "",
        "se": (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sip": "",
        "spr": "",
        "sv": "2022-11-02",
        "ses": "",
    }
    text = f"{ACCOUNT}\n" + "".join(f"{value}\n" for value in fields.values())
    digest = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    given = {name: value for name, value in fields.items() if value}
    return urlencode({**given, "sig": base64.b64encode(digest).decode()})
