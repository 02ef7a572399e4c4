"""Reads, joins and writes URIs as .NET's `System.Uri` does (RFC 3986, and liberties of its own)."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass, replace
from ipaddress import AddressValueError, IPv6Address
from urllib.parse import unquote_to_bytes

from arm_template.dotnet.utf16 import utf8

SCHEME = re.compile(r"([^:/?#\\]+):(.*)", re.DOTALL)
SCHEME_NAME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
PARTS = re.compile(
    r"(?://(?P<authority>[^/?#]*))?(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?", re.DOTALL
)
DRIVE = re.compile(r"[A-Za-z]:[/\\]")
PORT = re.compile(r":[^\]:]*$")
HOST = re.compile(r"(?:[\w-]+\.)*[\w-]+\.?")
OLD_ADDRESS = re.compile(r"(?:0x[0-9a-f]+|\d+)(?:\.(?:0x[0-9a-f]+|\d+)){0,3}")
PLAIN = r"A-Za-z0-9\-._~"
ESCAPED = re.compile(r"(?:%[0-9a-fA-F]{2})+")
UNSAFE = re.compile(rf"%(?![0-9a-fA-F]{{2}})|[^{PLAIN}!$&'()*+,;=:@/?#\[\]%]+")
MALFORMED = re.compile(r"[\s<>\"\\^`{|}]|%(?![0-9a-fA-F]{2})")
PORTS = {"http": 80, "https": 443, "ftp": 21, "ws": 80, "wss": 443}
OPAQUE = ("mailto", "news", "urn", "uuid")  # written without "//"
LARGEST_PORT = 65535
KEPT = "%/?#\\@:&=+$,;[]!'()*"  # what stays escaped in the readable form


class UriError(Exception):
    """A text is not a URI: .NET's words."""


@dataclass(frozen=True, slots=True)
class Uri:
    """An absolute URI in .NET's canonical form.

    `authority` tells whether it is written with "//"; `port` None is that of the scheme.
    """

    scheme: str
    authority: bool
    user: str
    host: str
    port: int | None
    path: str
    query: str
    fragment: str

    def __str__(self) -> str:
        place = ""
        if self.authority or self.user or self.host:
            user = f"{self.user}@" if self.user else ""
            port = "" if self.port is None else f":{self.port}"
            place = f"{'//' if self.authority else ''}{user}{self.host}{port}"
        return f"{self.scheme}:{place}{self.path}{self.query}{self.fragment}"


def read_uri(text: str) -> Uri:
    """Read an absolute URI. Raises UriError."""
    text = text.strip()
    if not text:
        raise UriError("Invalid URI: The URI is empty.")
    if DRIVE.match(text):
        return _hierarchical("file", f"///{text}")
    if text[0] in "/\\":
        return _hierarchical("file", text if _slashed(text).startswith("//") else f"//{text}")
    match = SCHEME.fullmatch(text)
    if match is None:
        raise UriError("Invalid URI: The format of the URI could not be determined.")
    if not SCHEME_NAME.fullmatch(match[1]):
        raise UriError("Invalid URI: The URI scheme is not valid.")
    return _of_scheme(match[1].lower(), match[2])


def _of_scheme(scheme: str, rest: str) -> Uri:
    if scheme == "mailto":
        return _mail(rest)
    if scheme in PORTS or scheme == "file":
        if not _slashed(rest).startswith("//"):
            raise UriError("Invalid URI: The Authority/Host could not be parsed.")
        return _hierarchical(scheme, rest)
    if rest.startswith("//"):
        return _hierarchical(scheme, rest)
    if len(scheme) == 1:
        raise UriError("Invalid URI: The format of the URI could not be determined.")
    return _opaque(scheme, rest)


def _slashed(text: str) -> str:
    return text.replace("\\", "/")


def _mail(rest: str) -> Uri:
    address, mark, query = rest.partition("?")
    user, _, host = address.rpartition("@")
    return Uri(
        "mailto",
        authority=False,
        user=user,
        host=host.lower(),
        port=None,
        path="",
        query=mark + query,
        fragment="",
    )


def _opaque(scheme: str, rest: str) -> Uri:
    parts = _cut(rest)
    path, query, fragment = (escaped(parts[name] or "") for name in ("path", "query", "fragment"))
    return Uri(
        scheme, authority=False, user="", host="", port=None, path=path, query=query, fragment=fragment
    )


def _cut(text: str) -> re.Match[str]:
    match = PARTS.fullmatch(text)
    assert match is not None
    return match


def _hierarchical(scheme: str, rest: str) -> Uri:
    parts = _cut(_slashed_path(scheme, rest))
    user, host, port = _user_host_port(scheme, parts["authority"] or "")
    path = parts["path"] or "/"
    return Uri(
        scheme,
        authority=True,
        user=escaped(user),
        host=host,
        port=None if port == PORTS.get(scheme) else port,
        path=without_dots(escaped(path)),
        query=escaped(parts["query"] or ""),
        fragment=escaped(parts["fragment"] or ""),
    )


def _slashed_path(scheme: str, rest: str) -> str:
    """Take backslashes of the place and the path for slashes, in the schemes of the web and of files."""
    if scheme not in PORTS and scheme != "file":
        return rest
    match = re.match(r"[^?#]*", rest)
    end = match.end() if match else 0
    return _slashed(rest[:end]) + rest[end:]


def _user_host_port(scheme: str, authority: str) -> tuple[str, str, int | None]:
    """Read user, host and port."""
    user, _, place = authority.partition("@") if "@" in authority else ("", "", authority)
    found = PORT.search(place)
    host, digits = (place[: found.start()], place[found.start() + 1 :]) if found else (place, "")
    if digits and not (re.fullmatch(r"\d{1,9}", digits, re.ASCII) and int(digits) <= LARGEST_PORT):
        raise UriError("Invalid URI: Invalid port specified.")
    if not host and scheme in PORTS:
        raise UriError("Invalid URI: The hostname could not be parsed.")
    return user, host_text(host), int(digits) if digits else None


def host_text(host: str) -> str:
    """Write a host as .NET does. Raises UriError."""
    try:
        if host.startswith("[") and host.endswith("]"):
            return f"[{IPv6Address(host[1:-1])}]"
        if OLD_ADDRESS.fullmatch(host.lower()):
            return socket.inet_ntoa(socket.inet_aton(host))
    except AddressValueError as error:
        raise UriError("Invalid URI: The hostname could not be parsed.") from error
    except OSError:
        return host.lower()
    if host and not HOST.fullmatch(host):
        raise UriError("Invalid URI: The hostname could not be parsed.")
    return host.lower()


def escaped(text: str) -> str:
    """Escape what a URI cannot hold, and unescape what needs no escape."""
    plain = ESCAPED.sub(_simplest, text)
    return UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in utf8(match.group())), plain)


def _simplest(match: re.Match[str]) -> str:
    """Return a run of escapes with the plain letters in it written out, and valid UTF-8 in capitals."""
    run, text = match.group(), ""
    for at in range(0, len(run), 3):
        triple = run[at : at + 3]
        char = chr(int(triple[1:], 16))
        if re.fullmatch(f"[{PLAIN}]", char):
            text += char
        else:
            text += triple if char < "\x80" else triple.upper()
    return text


def readable(text: str) -> str:
    """Unescape what people can read, as `Uri.ToString` does."""
    return ESCAPED.sub(_readable_run, text)


def _readable_run(match: re.Match[str]) -> str:
    run = match.group()
    try:
        plain = unquote_to_bytes(run).decode()
    except UnicodeDecodeError:
        return run
    return "".join(
        char if char not in KEPT and char.isprintable() else "".join(f"%{byte:02X}" for byte in char.encode())
        for char in plain
    )


def without_dots(path: str) -> str:
    """Take "." and ".." out of a path."""
    kept: list[str] = []
    parts = path.split("/")
    for at, part in enumerate(parts):
        if part in (".", ".."):
            if part == ".." and len(kept) > 1:
                kept.pop()
            if at == len(parts) - 1:
                kept.append("")
        else:
            kept.append(part)
    return "/".join(kept)


def well_formed(text: str) -> bool:
    """Return True if .NET calls a text a well-formed URI: nothing in it would have to be escaped."""
    return not MALFORMED.search(text.strip())


def join(base: Uri, relative: str) -> Uri:
    """Resolve a reference against a URI. Raises UriError."""
    relative = relative.strip()
    match = SCHEME.fullmatch(relative)
    if match and match[1].lower() == base.scheme and not _slashed(match[2]).startswith("//"):
        relative = match[2]
    elif (match and SCHEME_NAME.fullmatch(match[1])) or relative.startswith("\\\\"):
        return read_uri(relative)
    if not relative:
        return base
    parts = _cut(_slashed_path(base.scheme, relative))
    if parts["authority"] is not None:
        return _hierarchical(base.scheme, relative)
    if base.scheme == "mailto":
        return replace(base, host=base.host + relative)
    path, query = _joined_path(base, parts)
    return replace(base, path=path, query=query, fragment=escaped(parts["fragment"] or ""))


def _joined_path(base: Uri, parts: re.Match[str]) -> tuple[str, str]:
    path, query = escaped(parts["path"]), escaped(parts["query"] or "")
    if not path:
        return base.path, base.query if parts["query"] is None else query
    if not path.startswith("/"):
        folder, slash, _ = base.path.rpartition("/")
        path = folder + slash + path
    return without_dots(path) if base.authority else path, query
