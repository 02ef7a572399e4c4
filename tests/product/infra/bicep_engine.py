"""A warm Bicep CLI, asked over its standard streams: JSON-RPC with Content-Length headers, as in LSP."""

from __future__ import annotations

import itertools
import json
import subprocess
from typing import IO, Any, Self


class Engine:
    """``bicep jsonrpc --stdio``, running while the context lasts."""

    def __init__(self, path: str) -> None:
        self._process = subprocess.Popen(
            [path, "jsonrpc", "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self._ids = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)

    def ask(self, method: str, **parameters: object) -> Any:
        """The result of ``bicep/<method>``."""
        call = {"jsonrpc": "2.0", "id": next(self._ids), "method": f"bicep/{method}", "params": parameters}
        body = json.dumps(call).encode()
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        stdin.flush()
        answer = _read(stdout)
        assert "error" not in answer, answer["error"]["message"]
        return answer["result"]


def _read(stream: IO[bytes]) -> Any:
    length = 0
    while line := stream.readline().strip():
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return json.loads(stream.read(length))
