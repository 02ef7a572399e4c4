"""Who may talk to a listener: only names of this computer, against DNS rebinding by a web page."""

from __future__ import annotations

import hashlib
import hmac
import re
from ipaddress import ip_address

HOST = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
PAGE_COOKIE = "aca-local-"  # its name goes on with the port of the page


def is_local_host(host: str | None) -> bool:
    """Return True if a ``Host`` header names this computer: a loopback address, localhost or below it.

    It is a name and a port and nothing else: with a path, a user or a backslash in it, programs read it differently.
    """
    found = HOST.fullmatch(host or "")
    if found is None:
        return False
    name = found["name"].strip("[]").lower()
    try:
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False


def is_secret(given: str, secret: str) -> bool:
    """Return True if a client's text is a secret, in a time that tells nothing; the text may be any bytes."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def page_key(token: str) -> str:
    """Make the key to the page, which only shows, from the instance's token."""
    return hmac.new(token.encode(), b"page", hashlib.sha256).hexdigest()[:32]


def page_url(arm_http: str, token: str) -> str:
    """Write the address of the page, with its key."""
    return f"{arm_http}/?key={page_key(token)}"
