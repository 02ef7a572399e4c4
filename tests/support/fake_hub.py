"""A model hub on loopback that speaks as much of Hugging Face's HTTP as its client needs; it can stop in mid-file."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COMMIT = "0a67737cc96d2554230f90338b163bc6380a2a85"
NAME = "org/tiny"
_GATED = f"Access to model {NAME} is restricted. You must have access to it and be authenticated to access it. Please log in."
"""What Hugging Face says to somebody without a token (github.com/ToTheBeginning/PuLID/issues/97)."""
_CHUNK = 1 << 14
_LARGE = 1 << 20


@dataclass
class FakeHub:
    """One model at one commit.

    Attributes:
        files: By name.
        token: The token that is wanted; None lets everybody in.
        stop_after: Bytes of a file after which the answer stalls until the client is gone; None never.
        stalled: Set when an answer has stalled.
        requests: Method, path and Range of each request.
    """

    files: Mapping[str, bytes]
    token: str | None = None
    stop_after: int | None = None
    stalled: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    url: str = ""

    def gets(self, name: str) -> list[str | None]:
        """The ranges that were asked of a file."""
        return [
            wanted for method, path, wanted in self.requests if method == "GET" and path.endswith(f"/{name}")
        ]


@contextmanager
def serving(hub: FakeHub) -> Iterator[FakeHub]:
    server = _Server(hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield hub
    finally:
        hub.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: FakeHub) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.hub.requests.append((self.command, path, self.headers.get("Range")))
        if self.server.hub.token and self.headers.get("Authorization") != f"Bearer {self.server.hub.token}":
            self.refuse(401, "GatedRepo", _GATED)
        elif match := re.fullmatch(rf"/api/models/{NAME}(?:/revision/(.+))?", path):
            self.model(match[1])
        elif match := re.fullmatch(rf"/{NAME}/resolve/{COMMIT}/(.+)", path):
            self.file(match[1])
        else:
            self.refuse(404, "RepoNotFound")

    def model(self, revision: str | None) -> None:
        if revision not in (None, "main", COMMIT):
            self.refuse(404, "RevisionNotFound")
            return
        siblings = [
            {"rfilename": name, "size": len(data), **_lfs(data)}
            for name, data in self.server.hub.files.items()
        ]
        self.send_json({"_id": "0", "id": NAME, "sha": COMMIT, "siblings": siblings, "private": False})

    def file(self, name: str) -> None:
        data = self.server.hub.files.get(name)
        if data is None:
            self.refuse(404, "EntryNotFound")
            return
        begin = int((re.search(r"\d+", self.headers.get("Range") or "0") or ["0"])[0])
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(data) - begin))
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        if self.command == "GET":
            self.body(data[begin:])

    def body(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            if self.server.hub.stop_after is not None and start >= self.server.hub.stop_after:
                self.server.hub.stalled.set()
                self.server.hub.released.wait(60)
                self.close_connection = True
                return
            self.wfile.write(data[start : start + _CHUNK])

    def refuse(self, status: int, code: str, message: str = "") -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("X-Error-Message", message or code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_json(self, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _lfs(data: bytes) -> dict[str, Any]:
    """What a hub says of a large file."""
    if len(data) < _LARGE:
        return {}
    return {"lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}}
