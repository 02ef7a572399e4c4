"""Functions of URIs and data URIs."""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote, unquote_to_bytes

from arm_template.dotnet.newtonsoft_json import write_json
from arm_template.dotnet.numbers import float_text
from arm_template.dotnet.uris import (
    LARGEST_PORT,
    OPAQUE,
    SCHEME_NAME,
    UriError,
    join,
    read_uri,
    readable,
    well_formed,
)
from arm_template.dotnet.utf16 import utf8
from arm_template.errors import TemplateError, fault
from arm_template.messages import wrong_result
from arm_template.scope import Function
from arm_template.values import MISSING, Value, get

TEXT = ("String",)
DATA = re.compile(
    r"data:(?P<parameters>[^;,]+(?:;[^;,]+)*|(?:;base64)?),(?P<data>.*)", re.DOTALL | re.IGNORECASE
)
CHARSET = re.compile(r";charset=([^;]*)", re.IGNORECASE)
CHARSETS = ("utf8", "utf-8")
JOINING = "https://aka.ms/arm-function-datauri"
DRIVE_PATH = re.compile(r"/[A-Za-z]:")


def component(text: str) -> str:
    """`uriComponent(text)`."""
    return quote(utf8(text), safe="-_.~")


def component_to_string(text: str) -> str:
    """`uriComponentToString(text)`: "+" is a space, and `%u0041` is read too."""
    return _unquoted(re.sub(r"%u([0-9a-fA-F]{4})", lambda match: chr(int(match.group(1), 16)), text))


def _unquoted(text: str) -> str:
    """Undo the escapes; "+" is a space."""
    plain = text.replace("+", " ")
    return unquote_to_bytes(plain.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def data_uri(value: Value) -> str:
    """`dataUri(value)`: text as text, all else as JSON."""
    if value is None:
        raise _target("dataUri")
    if isinstance(value, (str, bool)):
        text = str(value)
    elif isinstance(value, float):
        text = float_text(value)
    else:
        text = write_json(value)
    kind = "text/plain" if isinstance(value, str) else "application/json"
    return f"data:{kind};charset=utf-8;base64,{base64.b64encode(utf8(text)).decode()}"


def data_uri_to_string(text: str) -> str:
    """`dataUriToString(uri)`."""
    match = DATA.fullmatch(text)
    page = "https://aka.ms/arm-functions#dataUriToString"
    if match is None:
        raise fault(
            f"The template language function 'dataUriToString' expects its parameter to be formatted as a valid data URI. The provided value '{text}' was not formatted correctly.",
            page,
        )
    charset = CHARSET.search(match["parameters"])
    if charset and charset[1].lower() not in CHARSETS:
        raise fault(
            f"The template language function 'dataUriToString' parameter is not valid. The provided charset '{charset[1]}' is not supported.",
            page,
        )
    if not match["parameters"].lower().endswith(";base64"):
        return _unquoted(match["data"])
    try:
        return base64.b64decode(re.sub(r"\s", "", match["data"]), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        raise _target("dataUriToString") from error


def _target(name: str) -> TemplateError:
    return TemplateError(
        f"The template language function '{name}' was invoked with a parameter that is not valid. The value cannot be converted to the target type."
    )


def uri(base: str, relative: str) -> str:
    """`uri(base, relative)`: as .NET's `Uri` joins them."""
    try:
        start = read_uri(base) if well_formed(base) and not base.strip().startswith("/") else None
    except UriError:
        start = None
    if start is None:
        raise fault(
            f"The template language function 'uri' expects its first argument to be a uri string. The provided value is '{base}'.",
            JOINING,
        )
    try:
        return str(join(start, relative))
    except UriError as error:
        raise fault(
            f"Cannot construct valid uri from base uri '{base}' and string '{relative}', check if the base uri is empty.",
            JOINING,
        ) from error


def parse_uri(text: str) -> Value:
    """`parseUri(text)`: a path that is only a slash, and a query that is empty, are left out."""
    try:
        found = read_uri(text)
    except UriError as error:
        raise TemplateError(f"The specified URL '{text}' is not valid '{error}'.") from error
    path = found.path.lstrip("/") if DRIVE_PATH.match(found.path) else found.path
    made: dict[str, Value] = {"scheme": found.scheme, "host": found.host, "port": found.port}
    if path != "/":
        made["path"] = path
    if found.query:
        made["query"] = found.query
    return made


def build_uri(parts: dict[str, Value]) -> str:
    """`buildUri(object)`."""
    scheme, host = _member(parts, "scheme", needed=True), _member(parts, "host", needed=True)
    path, query = _member(parts, "path"), _member(parts, "query")
    try:
        return _built(scheme, host, _port(get(parts, "port")), path, query)
    except UriError as error:
        raise TemplateError(
            f"An error occured while evaluating the 'buildUri' function '{error}'."
        ) from error


def _member(parts: dict[str, Value], name: str, *, needed: bool = False) -> str:
    value = get(parts, name)
    if value is MISSING or value == "":
        if needed:
            raise TemplateError(
                f"The input object to the 'buildUri' function is missing the required property '{name}''."
            )
        return ""
    if not isinstance(value, str):
        raise wrong_result(value, "String")
    return value


def _port(value: Value) -> int:
    if value is MISSING or value is None:
        return -1
    if type(value) is not int:
        raise wrong_result(value, "Integer")
    bound = ("greater", "-1") if value < -1 else ("less", str(LARGEST_PORT)) if value > LARGEST_PORT else None
    if bound:
        raise UriError(
            f"value ('{value}') must be {bound[0]} than or equal to '{bound[1]}'. (Parameter 'value')\nActual value was {value}."
        )
    return value


def _built(scheme: str, host: str, port: int, path: str, query: str) -> str:
    """Write the parts as .NET's `UriBuilder` and `Uri.ToString` do."""
    scheme = scheme.partition(":")[0].lower()
    if not SCHEME_NAME.fullmatch(scheme):
        raise UriError("Invalid URI: The URI scheme is not valid. (Parameter 'value')")
    if scheme in OPAQUE:
        return f"{scheme}:{host}/{path.lstrip('/')}"
    host = f"[{host}]" if ":" in host and host.count(":") > 1 and not host.startswith("[") else host
    if ":" in host and not host.startswith("["):
        raise UriError("Invalid URI: The hostname could not be parsed.")
    route = path.replace("?", "%3F").replace("#", "%23")
    search = f"?{query.removeprefix('?')}" if query else ""
    place = host + (f":{port}" if port >= 0 else "")
    return readable(
        str(read_uri(f"{scheme}://{place}{route if route.startswith('/') else '/' + route}{search}"))
    )


TABLE = {
    "uricomponent": Function(component, 1, 1, (TEXT,)),
    "uricomponenttostring": Function(component_to_string, 1, 1, (TEXT,)),
    "datauri": Function(data_uri, 1, 1),
    "datauritostring": Function(data_uri_to_string, 1, 1, (TEXT,)),
    "uri": Function(uri, 2, 2, (TEXT,)),
    "parseuri": Function(parse_uri, 1, 1, (TEXT,)),
    "builduri": Function(build_uri, 1, 1, (("Object",),)),
}
