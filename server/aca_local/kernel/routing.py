"""Which handler answers a path: ARM's paths do not tell upper from lower case, hence a table of our own."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from arm_template import TemplateError
from arm_template.source_positions import read_template

from aca_local.kernel import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.state import JsonObject


_MAX_BODY = 4 * 1024 * 1024
_QUIET = re.compile(r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|//[^\n]*|/\*.*?\*/""", re.DOTALL)
_MOST_DIGITS = 9
T = TypeVar("T")


@dataclass(frozen=True)
class ArmRequest:
    """A request as handlers see it; ``path`` holds the named parts of the path, as the client wrote them."""

    http: web.BaseRequest
    path: Mapping[str, str]
    api_version: str
    correlation_id: str
    tenant: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        """Return the query options."""
        return self.http.query

    async def body(self) -> JsonObject:
        """Return the body's JSON object; an empty body is an empty one. Raise InvalidRequestContent."""
        data = await self.http.content.read(_MAX_BODY + 1)
        while len(data) <= _MAX_BODY and (more := await self.http.content.read(_MAX_BODY)):
            data += more
        if len(data) > _MAX_BODY:
            raise errors.TOO_LARGE.error(most=_MAX_BODY)
        if not data.strip():
            return {}
        return _read_json(data)


def _read_json(data: bytes) -> JsonObject:
    """Read a body as ARM does: comments and bare names are allowed; the Azure CLI sends them (recorded)."""
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, strict=False) if text.strip().startswith("[") else read_template(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # no half of a pair, no NaN
        # the template's reader takes a text that was cut off as far as it goes
        plain = _QUIET.sub("", text)
        if sum(map(plain.count, "{[")) != sum(map(plain.count, "}]")):
            raise ValueError("Unexpected end of content while loading JObject.")
    except (ValueError, RecursionError, TemplateError) as error:
        raise errors.INVALID_BODY.error(why=error) from None
    if not isinstance(value, dict):
        raise errors.INVALID_BODY.error(why="The body is not a JSON object.")
    return value


Handler = Callable[["Cloud", ArmRequest], Awaitable["web.StreamResponse"]]


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
        pattern = re.sub(r"\{(\w+):path\}", r"(?P<\1>.+?)", self.template.replace(".", r"\."))
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        object.__setattr__(self, "pattern", re.compile(f"{pattern}/?", re.IGNORECASE))


def find(routes: Sequence[Route], method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    """Return the first route for a path and method. Raises UnsupportedPath or MethodNotAllowed."""
    matches = [(one, found) for one in routes if (found := one.pattern.fullmatch(path))]
    for one, found in matches:
        if one.method in {method, "*"}:
            return one, found.groupdict()
    refusal = errors.UNSUPPORTED_METHOD if matches else errors.UNSUPPORTED_PATH
    raise refusal.error(method=method, path=path)


def check_query(route: Route, query: Mapping[str, str]) -> None:
    """Refuse OData options that a route does not know; other unknown options change nothing, as in Azure."""
    unknown = [name for name in query if name.startswith("$") and name.lower() not in route.query]
    if unknown:
        raise errors.UNSUPPORTED_QUERY.error(names=", ".join(unknown))


def check_conditions(headers: Mapping[str, str]) -> None:
    """Refuse conditional headers: passed over, a write could replace what its sender wanted kept."""
    given = [name for name in ("If-Match", "If-None-Match") if name in headers]
    if given:
        raise errors.UNSUPPORTED_HEADER.error(names=", ".join(given))


def limited(found: Sequence[T], query: Mapping[str, str]) -> Sequence[T]:
    """Return as many as ``$top`` says, all where it says no number."""
    top = query.get("$top", "")
    return found[: int(top[:_MOST_DIGITS])] if top.isdecimal() else found


_CLAUSE = re.compile(r"\s*(\w+)\s+eq\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)


def read_filter(text: str | None, known: frozenset[str]) -> dict[str, str]:
    """Read ``a eq 'x' and b eq 'y'``; raises InvalidFilterInQueryString for what is not of this form."""
    if not text:
        return {}
    clauses: dict[str, str] = {}
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE):
        found = _CLAUSE.fullmatch(part)
        if found is None or found[1].lower() not in known:
            raise errors.FILTER.error(text=text, known=", ".join(sorted(known)))
        clauses[found[1].lower()] = found[2].replace("''", "'")
    return clauses


def tags_match(document: Mapping[str, Any], clauses: Mapping[str, str]) -> bool:
    """Return True if a resource has the tag that ``tagName`` and ``tagValue`` name."""
    name, value = clauses.get("tagname"), clauses.get("tagvalue")
    if name is None:
        return True
    known = document.get("tags")  # an older aca-local stored whatever came
    tags = {key.lower(): held for key, held in known.items()} if isinstance(known, dict) else {}
    return name.lower() in tags and (value is None or tags[name.lower()] == value)
