"""Which proxy a request goes through, as people write it into variables; else as the system's settings say.

``NO_PROXY`` is read as curl and Go read it: names with all below them, addresses, networks (``10.0.0.0/8``,
``fd07:b51a:cc66:f0::/64``), each with or without a port, ``*`` for everything. The libraries that send our
requests each read it in a way of their own, and some fail at a network: they are given the proxy instead.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from aitk_inference.core.errors import AppError
from aitk_inference.core.redaction import redact

CONNECT_TIMEOUT = 15.0
"""Seconds to reach a service, or the proxy in front of it."""
_THIS_COMPUTER = ("localhost", "127.0.0.0/8", "::1")
_USABLE = ("http", "https")
_PORTS = {"http": 80, "https": 443}
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):(\d+)")


def proxy_for(url: str) -> str | None:
    """Return the address of the proxy for a URL; None: it is reached directly.

    Raises:
        AppError: a variable names a proxy that can't be used.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    found = getproxies()
    proxy = (found.get(parts.scheme) or found.get("all") or "").strip()
    entries = (*_THIS_COMPUTER, *re.split(r"[,\s]+", found.get("no", "")))
    if not proxy or any(_matches(entry, host, port) for entry in entries if entry):
        return None
    if "no" not in found and proxy_bypass(host):  # as the system's settings say
        return None
    return _address(proxy, parts.scheme)


def _matches(entry: str, host: str, port: int) -> bool:
    """Return True if an entry of ``NO_PROXY`` means the host."""
    if entry == "*":
        return True
    named = _WITH_PORT.fullmatch(entry)
    if named and int(named[2]) != port:
        return False
    name = (named[1] if named else entry).strip("[]").lower()
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(name, strict=False)
    except ValueError:
        domain = name.removeprefix("*").lstrip(".")
        return bool(domain) and (host == domain or host.endswith(f".{domain}"))


def _address(proxy: str, scheme: str) -> str:
    """Return a proxy's address with its scheme, which people leave out."""
    address = proxy if "://" in proxy else f"http://{proxy}"
    try:
        parts = urlsplit(address)
        is_usable = parts.scheme.lower() in _USABLE and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise AppError(
            f"The proxy that {scheme.upper()}_PROXY (or ALL_PROXY) names can't be used: {redact(proxy)}",
            suggestion="Set it to http://HOST:PORT, or name the hosts that need no proxy in NO_PROXY.",
        )
    return address
