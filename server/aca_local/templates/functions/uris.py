"""Functions of URIs and data URIs."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote, unquote_to_bytes, urlsplit

from aca_local.templates.errors import TemplateError, fault
from aca_local.templates.functions.strings import utf8
from aca_local.templates.jsontext import write_json
from aca_local.templates.machine import Function
from aca_local.templates.numbers import float_text
from aca_local.templates.values import Value, get

TEXT = ("String",)
ABSOLUTE = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*):(?P<rest>.*)", re.DOTALL)
DATA = re.compile(
    r"data:(?P<type>[^;,]*)(?P<parameters>(?:;[^;,]*)*),(?P<data>.*)", re.DOTALL | re.IGNORECASE
)
CHARSET = re.compile(r";charset=([^;]*)", re.IGNORECASE)
CHARSETS = ("utf8", "utf-8", "us-ascii", "ascii")
PORTS = {"http": 80, "https": 443, "ftp": 21}
KEPT = "%:/?#[]@!$&'()*+,;=-._~"


def component(text: str) -> str:
    """`uriComponent(text)`."""
    return quote(utf8(text), safe="-_.~")


def component_to_string(text: str) -> str:
    """`uriComponentToString(text)`: "+" is a space, and `%u0041` is read too."""
    plain = re.sub(r"%u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text.replace("+", " "))
    return unquote_to_bytes(plain.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def data_uri(value: Value) -> str:
    """`dataUri(value)`: text as text, all else as JSON."""
    if value is None:
        raise _target("dataUri")
    kind = "text/plain" if isinstance(value, str) else "application/json"
    encoded = base64.b64encode(utf8(_content(value))).decode()
    return f"data:{kind};charset=utf-8;base64,{encoded}"


def _content(value: Value) -> str:
    if isinstance(value, (str, bool)):
        return str(value)
    return float_text(value) if isinstance(value, float) else write_json(value)


def data_uri_to_string(text: str) -> str:
    """`dataUriToString(uri)`."""
    match = DATA.fullmatch(text)
    page = "https://aka.ms/arm-functions#dataUriToString"
    if match is None:
        raise fault(
            "The template language function 'dataUriToString' expects its parameter to be formatted as a "
            "valid data URI. "
            f"The provided value '{text}' was not formatted correctly.",
            page,
        )
    charset = CHARSET.search(match["parameters"])
    if charset and charset[1].lower() not in CHARSETS:
        raise fault(
            "The template language function 'dataUriToString' parameter is not valid. "
            f"The provided charset '{charset[1]}' is not supported.",
            page,
        )
    if not match["parameters"].lower().endswith(";base64"):
        return unquote_to_bytes(match["data"]).decode("utf-8", "replace")
    try:
        return base64.b64decode(match["data"], validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise _target("dataUriToString") from error


def _target(name: str) -> TemplateError:
    return TemplateError(
        f"The template language function '{name}' was invoked with a parameter that is not valid. "
        "The value cannot be converted to the target type."
    )


def uri(base: str, relative: str) -> str:
    """`uri(base, relative)`: as .NET's `Uri` joins them (RFC 3986)."""
    match = ABSOLUTE.fullmatch(base)
    if match is None or (PORTS.get(match["scheme"].lower()) and not _host(match["rest"])):
        raise fault(
            "The template language function 'uri' expects its first argument to be a uri string. "
            f"The provided value is '{base}'.",
            "https://aka.ms/arm-function-datauri",
        )
    target = ABSOLUTE.fullmatch(relative)
    if target is not None:
        return _normal(target["scheme"], target["rest"])
    return _normal(match["scheme"], _joined(match["rest"], relative))


def _host(rest: str) -> str:
    authority = re.match(r"//([^/?#]*)", rest)
    host = authority[1] if authority else ""
    return "" if re.search(r"[\s<>\"\\^`{|}]", host) else host


def _joined(base: str, relative: str) -> str:
    if relative.startswith("//"):
        return relative
    authority, path, query = _parts(base)
    if relative.startswith("/"):
        return authority + relative
    if relative.startswith("?"):
        return authority + path + relative
    if relative.startswith("#") or not relative:
        return authority + path + query + relative
    if not authority and "/" not in path:
        return path.rpartition(":")[0] + (":" if ":" in path else path) + relative
    return authority + (path.rpartition("/")[0] + "/" if path else "/") + relative


def _parts(rest: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"(//[^/?#]*)?([^?#]*)(\?[^#]*)?(?:#.*)?", rest, re.DOTALL)
    assert match is not None
    return match[1] or "", match[2], match[3] or ""


def _normal(scheme: str, rest: str) -> str:
    """Write a URI as .NET does:

    lower scheme and host, no default port, no dots in the path, the rest escaped.
    """
    match = re.fullmatch(r"(?://([^/?#]*))?([^?#]*)(.*)", rest, re.DOTALL)
    assert match is not None
    authority, path, tail = match.groups()
    if authority is None:
        return scheme.lower() + ":" + quote(path + tail, safe=KEPT)
    user, at, host = authority.rpartition("@")
    host = re.sub(f":{PORTS.get(scheme.lower(), 0)}$", "", host.lower())
    path = _without_dots(path) or "/"
    return f"{scheme.lower()}://{user}{at}{host}{quote(path + tail, safe=KEPT)}"


def _without_dots(path: str) -> str:
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


def parse_uri(text: str) -> Value:
    """`parseUri(text)`."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if not parts.scheme or not parts.hostname:
        problem = "Invalid URI: The format of the URI could not be determined."
        raise TemplateError(f"The specified URL '{text}' is not valid '{problem}'.")
    made: dict[str, Value] = {"scheme": parts.scheme, "host": parts.hostname, "port": port}
    if parts.path:
        made["path"] = parts.path
    if parts.query:
        made["query"] = "?" + parts.query
    return made


def build_uri(parts: dict[str, Value]) -> str:
    """`buildUri(object)`."""
    for name in ("scheme", "host"):
        if not isinstance(get(parts, name), str):
            raise TemplateError(
                f"The input object to the 'buildUri' function is missing the required property '{name}''."
            )
    port, path, query = (get(parts, name) for name in ("port", "path", "query"))
    place = f"{get(parts, 'host')}" + (f":{port}" if type(port) is int else "")
    route = "/" + path.lstrip("/") if isinstance(path, str) else "/"
    search = "?" + query.removeprefix("?") if isinstance(query, str) and query else ""
    return f"{get(parts, 'scheme')}://{place}{route}{search}"


TABLE = {
    "uricomponent": Function(component, 1, 1, (TEXT,)),
    "uricomponenttostring": Function(component_to_string, 1, 1, (TEXT,)),
    "datauri": Function(data_uri, 1, 1),
    "datauritostring": Function(data_uri_to_string, 1, 1, (TEXT,)),
    "uri": Function(uri, 2, 2, (TEXT,)),
    "parseuri": Function(parse_uri, 1, 1, (TEXT,)),
    "builduri": Function(build_uri, 1, 1, (("Object",),)),
}
