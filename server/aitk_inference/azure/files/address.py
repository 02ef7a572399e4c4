"""Where a share is, read from a URL, and whether a proxy stands before it."""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from aitk_inference.azure.certificates import tls_context
from aitk_inference.azure.files.http import Origin
from aitk_inference.core.errors import AppError, Misuse

if TYPE_CHECKING:
    import ssl

_LONGEST_LABEL = 64
_PORTS = {"http": 80, "https": 443}
_EXAMPLE = "https://ACCOUNT.file.core.windows.net/SHARE/FOLDER?SAS"


class Endpoint(NamedTuple):
    """The file endpoint of a storage account.

    Attributes:
        scheme: ``https``; ``http`` only on this computer.
        path: ``""``, or ``/account`` where addresses are path-style (an emulator's are).
    """

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def of(cls, address: str) -> Endpoint:
        """Read an account's ``primaryEndpoints.file``."""
        parts = urlsplit(address)
        scheme, host = parts.scheme.lower(), parts.hostname or ""
        standard = _PORTS[scheme]
        if not host.isascii() or any(
            not 0 < len(label) < _LONGEST_LABEL for label in host.rstrip(".").split(".")
        ):
            host.encode("idna")  # as it is looked up; one that can't be raises a ValueError
        return cls(scheme, host, parts.port or standard, parts.path.rstrip("/"))

    @property
    def address(self) -> str:
        """The endpoint as the SDK takes it."""
        return f"{self.url}{self.path}"

    @property
    def url(self) -> str:
        """Scheme and host."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """True if it is this computer."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost" or self.host.endswith(".localhost")

    def origin(self, tls: ssl.SSLContext | None = None) -> Origin:
        """Return where to connect to; without a context the computer's own authorities count."""
        if self.scheme == "http":
            return Origin(self.host, self.port, None)
        return Origin(self.host, self.port, tls or tls_context())

    @property
    def has_proxy(self) -> bool:
        """True if requests go through a proxy (variables, and the system's settings where it has some)."""
        if self.is_loopback or not (
            sys.platform in ("darwin", "win32") or any(name.lower().endswith("_proxy") for name in os.environ)
        ):
            return False
        from aitk_inference.azure.proxies import proxy_for

        return proxy_for(f"{self.scheme}://{self.authority}") is not None


class ShareUrl(NamedTuple):
    """What a share's URL names.

    Attributes:
        account: The storage account's name.
        folder: Inside the share, ``/`` between parts; empty: the share itself.
        sas: The signature in the URL's query; empty: there is none.
    """

    endpoint: Endpoint
    account: str
    share: str
    folder: str
    sas: str

    def __repr__(self) -> str:
        """Leave the signature out."""
        return f"ShareUrl({self.name!r})"

    @property
    def name(self) -> str:
        """The share and folder in words, without the signature."""
        return "/".join(part for part in (self.endpoint.address, self.share, self.folder) if part)


def parse_share_url(url: str) -> ShareUrl:
    """Read ``https://ACCOUNT.file.core.windows.net/SHARE/FOLDER?SAS``, or a path-style one.

    Raises:
        AppError: it is no such URL, or would show a signature to the network.
    """
    try:
        parts = urlsplit(url.strip())
        endpoint = Endpoint.of(f"{parts.scheme}://{parts.netloc}")
        names = _names(parts.path)
    except (ValueError, KeyError):
        raise _unreadable() from None
    _check_query(parts.query)
    account = endpoint.host.partition(".")[0]
    if _is_address(endpoint.host) and names:
        account, names = names[0], names[1:]
        endpoint = Endpoint(endpoint.scheme, endpoint.host, endpoint.port, f"/{account}")
    if not names or not endpoint.host:
        raise _unreadable()
    if endpoint.scheme == "http" and not endpoint.is_loopback:
        raise AppError(
            "Over http anybody on the way could read the files.", suggestion="Use https in the URL."
        )
    return ShareUrl(endpoint, account, names[0], "/".join(names[1:]), parts.query.lstrip("?"))


def _names(path: str) -> list[str]:
    """Return the names in a URL's path.

    Raises:
        ValueError: it is no text, or leads elsewhere than it says (``..``).
    """
    names = [unquote(name, errors="strict") for name in path.split("/") if name]
    if {".", ".."} & {part for name in names for part in name.split("/")}:
        raise ValueError(path)
    "".join(names).encode()
    return names


def _check_query(query: str) -> None:
    """Refuse a signature that was broken on its way here: by a line's end, a mail program, a wrong alphabet."""
    if not query.isascii() or not query.isprintable() or " " in query:
        raise AppError(
            "The signature (SAS) in the URL has a space or a character that none has.",
            suggestion="Copy the URL again, in one piece, and put it in quotes.",
        )


def _is_address(host: str) -> bool:
    """Return True if the account can't be in the host's name."""
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _unreadable() -> Misuse:
    return Misuse("That is not the URL of a file share.", suggestion=f"It looks like {_EXAMPLE}.")
