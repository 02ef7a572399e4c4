"""What stands between a program and a service, and at times answers in its place: a company's proxy."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_A_CONNECTION = frozenset({"connection", "content-length", "host", "transfer-encoding"})


class Page(NamedTuple):
    """An answer of its own."""

    status: int
    content: bytes = b"<html>Sign in</html>"
    kind: str = "text/html"


@dataclass
class Between:
    """What runs.

    Attributes:
        url: Where it listens.
        pages: What requests are answered with that would else be passed on: by method and a part of the address.
        bodies: What stands in the place of a body that came, by the same.
    """

    url: str
    pages: dict[tuple[str, str], Page] = field(default_factory=dict)
    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)


@contextmanager
def between(service: str) -> Iterator[Between]:
    """Run it before a service (``http://host:port``)."""
    with _Server(("127.0.0.1", 0), _Proxy) as server:
        running = Between(f"http://127.0.0.1:{server.server_port}")
        server.RequestHandlerClass = _handler(running, service.partition("://")[2])
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()


def _of(known: dict[tuple[str, str], Page] | dict[tuple[str, str], bytes], method: str, path: str) -> object:
    return next((one for (verb, part), one in known.items() if verb == method and part in path), None)


def _handler(running: Between, service: str) -> type[_Proxy]:
    return type("Handler", (_Proxy,), {"running": running, "service": service})


class _Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    running: Between
    service: str

    def log_message(self, *_: object) -> None: ...

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        page = _of(self.running.pages, self.command, self.path)
        if isinstance(page, Page):
            self._send(page.status, [("Content-Type", page.kind)], page.content)
        else:
            self._pass_on(body)

    def _pass_on(self, body: bytes) -> None:
        connection = http.client.HTTPConnection(self.service, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in _OF_A_CONNECTION}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content, other = answer.read(), _of(self.running.bodies, self.command, self.path)
        self._send(answer.status, answer.getheaders(), other if isinstance(other, bytes) else content)
        connection.close()

    def _send(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        length = dict(headers).get("Content-Length") if self.command == "HEAD" else None
        for name, value in headers:
            if name.lower() not in _OF_A_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_DELETE = _answer  # noqa: N815 - the names that the library looks for


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has left."""
