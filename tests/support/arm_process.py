"""aca-local as a process of its own, for contract tests: started, killed, started again on the same data."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.core.credentials import AccessToken, AccessTokenInfo

LIMIT = 60.0


@dataclass
class Token:
    """A credential, for sync clients."""

    value: str

    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self.value, 2**31)

    def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        return AccessTokenInfo(self.value, 2**31)

    def close(self) -> None:
        pass


@dataclass
class AsyncToken:
    """A credential, for aio clients."""

    value: str

    async def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken(self.value, 2**31)

    async def get_token_info(self, *_: str, **__: Any) -> AccessTokenInfo:
        return AccessTokenInfo(self.value, 2**31)

    async def close(self) -> None:
        pass

    async def __aenter__(self) -> "AsyncToken":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@dataclass
class Local:
    """A running aca-local."""

    process: subprocess.Popen[str]
    line: dict[str, Any]

    @property
    def subscription(self) -> str:
        return str(self.line["subscriptionId"])

    @property
    def options(self) -> dict[str, Any]:
        """What an SDK client needs: https, with the CA that aca-local made."""
        return {
            "base_url": self.line["arm"],
            "credential_scopes": [f"{self.line['arm']}/.default"],
            "connection_verify": self.line["caFile"],
        }

    def kill(self) -> None:
        """kill -9 of aca-local itself."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LIMIT)
        if self.process.stdout:
            self.process.stdout.close()

    def stop(self) -> None:
        """The way a user ends it."""
        self.process.terminate()
        self.process.wait(LIMIT)
        if self.process.stdout:
            self.process.stdout.close()


def start(folder: Path, timing: str = "instant") -> Local:
    """Start it on a data folder and wait for its one line."""
    command = [
        sys.executable,
        "-m",
        "aca_local",
        "serve",
        "--json",
        "--timing",
        timing,
        "--data-dir",
        str(folder),
    ]
    with (folder.parent / f"{folder.name}.log").open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ})
    assert process.stdout is not None
    text = process.stdout.readline()
    assert text, (folder.parent / f"{folder.name}.log").read_text()
    return Local(process, json.loads(text))
