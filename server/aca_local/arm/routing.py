"""Which handler answers a path: ARM's paths do not tell upper from lower case, hence a table of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aca_local.arm import errors
from aca_local.templates import TemplateError
from aca_local.templates.source import read_template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from aca_local.arm.cloud import Cloud
    from aca_local.state import JsonObject


_MAX_BODY = 4 * 1024 * 1024


@dataclass(frozen=True)
class Ask:
    """A request as handlers see it; ``path`` holds the named parts of the path, as the client wrote them."""

    http: web.BaseRequest
    path: Mapping[str, str]
    api_version: str
    correlation_id: str

    @property
    def query(self) -> Mapping[str, str]:
        """The query options."""
        return self.http.query

    async def body(self) -> JsonObject:
        """The JSON object of the body; an empty body is an empty object. Raises InvalidRequestContent."""
        data = await self.http.content.read(_MAX_BODY + 1)
        while len(data) <= _MAX_BODY and (more := await self.http.content.read(_MAX_BODY)):
            data += more
        if len(data) > _MAX_BODY:
            raise errors.gateway(
                413, "RequestContentTooLarge", f"The request is larger than {_MAX_BODY} bytes."
            )
        if not data.strip():
            return {}
        return _read_json(data)


def _read_json(data: bytes) -> JsonObject:
    """Read a body as ARM does: comments and bare names are allowed; the Azure CLI sends them (recorded)."""
    try:
        text = data.decode()
        value = json.loads(text, strict=False) if text.strip().startswith("[") else read_template(text)
    except (UnicodeDecodeError, ValueError, TemplateError) as error:
        raise errors.invalid_body(str(error)) from None
    if not isinstance(value, dict):
        raise errors.invalid_body("The body is not a JSON object.")
    return value


Handler = Callable[["Cloud", Ask], Awaitable["web.StreamResponse"]]


@dataclass(frozen=True)
class Route:
    """``template`` holds names in braces; ``{rest:path}`` takes slashes too. ``query``: the ``$`` options it
    knows. ``sign_in``: "data" is a path of a data plane, which has its version in the path; "open" asks
    nobody who they are.
    """

    method: str
    template: str
    handler: Handler
    query: frozenset[str] = frozenset()
    versions: Sequence[str] | None = None
    sign_in: Literal["arm", "stream", "data", "open"] = "arm"
    pattern: re.Pattern[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", _compile(self.template))


def _compile(template: str) -> re.Pattern[str]:
    escaped = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+?)", template.replace(".", r"\."))
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", escaped) + "/?", re.IGNORECASE)


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """The first route for a path and method. Raises UnsupportedPath or MethodNotAllowed."""
    matches = [(one, found) for one in routes if (found := one.pattern.fullmatch(path))]
    for one, found in matches:
        if one.method in {method, "*"}:
            return one, found.groupdict()
    raise errors.unsupported_method(method) if matches else errors.unsupported_path(path)


def check_query(route: Route, query: Mapping[str, str]) -> None:
    """Refuse OData options that a route does not know; other unknown options change nothing, as in Azure."""
    unknown = [name for name in query if name.startswith("$") and name.lower() not in route.query]
    if unknown:
        raise errors.unsupported_query(unknown)


def check_conditions(headers: Mapping[str, str]) -> None:
    """Refuse conditional headers: passed over, a write could replace what its sender wanted kept."""
    given = [name for name in ("If-Match", "If-None-Match") if name in headers]
    if given:
        raise errors.unsupported_header(given)


_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)


def read_filter(text: str | None, known: frozenset[str]) -> dict[str, str]:
    """Read ``a eq 'x' and b eq 'y'``; raises InvalidFilterInQueryString for what is not of this form."""
    if not text:
        return {}
    clauses: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE):
        found = _CLAUSE.fullmatch(part)
        if found is None or found[1].lower() not in known:
            raise errors.gateway(
                400,
                "InvalidFilterInQueryString",
                f"Invalid $filter '{text}' specified in the query string. aca-local knows"
                f" \"name eq 'value'\" joined with 'and', for: {', '.join(sorted(known))}.",
            )
        clauses[found[1].lower()] = found[2].replace("''", "'")
    return clauses


def tags_match(document: JsonObject, clauses: Mapping[str, str]) -> bool:
    """Whether a resource has the tag that ``tagName`` and ``tagValue`` ask for."""
    name, value = clauses.get("tagname"), clauses.get("tagvalue")
    if name is None:
        return True
    tags = {key.lower(): held for key, held in (document.get("tags") or {}).items()}
    return name.lower() in tags and (value is None or tags[name.lower()] == value)
