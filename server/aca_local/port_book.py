"""Ports that last: chosen once, written to ``ports.json``, kept, since configurations hold them."""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

import psutil

from aca_local.state.own_files import OwnFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

HOST = "127.0.0.1"
# Below the ranges that systems take outgoing ports from (Linux 32768+, macOS and Windows 49152+): a port from
# there would be lost to some outgoing connection sooner or later.
FIRST, LAST = 20_000, 32_000
ATTEMPTS = 200
HIGHEST = 65_535
REMEDY = (
    "Restore it from a copy, or delete it: new ports are chosen then, so what was provisioned has other "
    "endpoints. Provision again."
)


class PortInUseError(Exception):
    """A kept port is taken; the text says by whom and what to do."""


class PortBook:
    """The ports of one data directory, by name (``arm``, ``files``, an app's id)."""

    def __init__(self, path: Path) -> None:
        """Read what was kept. Raises OwnFileError."""
        self._file = OwnFile(path, REMEDY)
        found = self._file.document() or {}
        if not all(type(port) is int and 0 < port <= HIGHEST for port in found.values()):
            raise self._file.damaged("it does not hold a port for each name")
        self._ports: dict[str, int] = found

    def port(self, name: str) -> int:
        """Answer the port of this name, the same each time; choose a free one the first time."""
        if name not in self._ports:
            self.keep(name, choose(self._ports.values()))
        return self._ports[name]

    def keep(self, name: str, port: int) -> None:
        """Write down that this port belongs to this name from now on."""
        self._ports[name] = port
        self._write()

    def claim(self, name: str, port: int) -> None:
        """Keep a port that somebody chose; raise PortInUseError for one that can't be had, which is not kept."""
        if not is_free(port):
            raise PortInUseError(f"Port {port} of {HOST} is in use by {holder_of(port)}. Choose another one.")
        self.keep(name, port)

    def release(self, name: str) -> None:
        """Forget a name and its port."""
        if self._ports.pop(name, None) is not None:
            self._write()

    def check(self) -> None:
        """Raise PortInUseError for the first kept port that another program has."""
        for port in self._ports.values():
            if not is_free(port):
                raise PortInUseError(in_use(port))

    def choose_again(self) -> None:
        """Give a new port to each name whose kept port is taken."""
        for name, port in list(self._ports.items()):
            if not is_free(port):
                self.keep(name, choose(self._ports.values()))

    def _write(self) -> None:
        self._file.write(json.dumps(self._ports, indent=2).encode())


def choose(taken: Iterable[int]) -> int:
    """Find a free port that is not in ``taken``."""
    avoid = set(taken)
    for _ in range(ATTEMPTS):
        port = random.randint(FIRST, LAST)  # noqa: S311 # any free one will do
        if port not in avoid and is_free(port):
            return port
    raise PortInUseError(f"No free port was found between {FIRST} and {LAST}.")


def is_free(port: int) -> bool:
    """Return True if this port of 127.0.0.1 can be listened on now."""
    with socket.socket() as attempt:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((HOST, port))
        except OSError:
            return False
    return True


def in_use(port: int) -> str:
    """Say who has a port and what to do about it."""
    return (
        f"Port {port} of 127.0.0.1 is in use by {holder_of(port)}. "
        "Stop it, or start with --new-ports to choose another: endpoints change then, so provision again."
    )


def holder_of(port: int) -> str:
    """Name the program that listens on a port, as far as this system says."""
    try:
        for one in psutil.net_connections(kind="tcp"):
            if one.laddr and one.laddr.port == port and one.status == psutil.CONN_LISTEN and one.pid:
                return f"'{psutil.Process(one.pid).name()}' (process {one.pid})"
    except psutil.Error:
        pass
    return "another program"
