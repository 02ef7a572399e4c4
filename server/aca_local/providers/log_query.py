"""The Log Analytics query API, ``/v1/workspaces/{customerId}/query``, as api.loganalytics.io answers it.

Shapes: https://learn.microsoft.com/azure/azure-monitor/logs/api/response-format and …/api/errors.
"""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from aca_local.kernel import errors, responses, unsupported
from aca_local.kernel.routing import Route
from aca_local.providers import kql, log_tables
from aca_local.providers.kql_text import QueryError, moment
from aca_local.providers.storage_records import WORKSPACE, WORKSPACES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web

    from aca_local.kernel.context import Cloud
    from aca_local.kernel.routing import ArmRequest
    from aca_local.state import JsonObject

_KNOWN = frozenset({"query", "timespan", "workspaces"})
_DURATION = re.compile(r"P(?:([\d.]+)D)?(?:T(?:([\d.]+)H)?(?:([\d.]+)M)?(?:([\d.]+)S)?)?")
_INVALID = "The request had some invalid properties"
_LEADS = {"SyntaxError": "A syntax error occurred.", "SemanticError": "A semantic error occurred."}

Span = tuple[datetime, datetime]
_ALWAYS: Span = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def routes() -> list[Route]:
    """Return the paths of this data plane; the version stands in the path."""
    path = "/v1/workspaces/{workspace}/query"
    return [Route(method, path, query, versions=("v1",), sign_in="data") for method in ("GET", "POST")]


async def query(cloud: Cloud, request: ArmRequest) -> web.StreamResponse:
    """``GET`` (query options) or ``POST`` (JSON body): run a query on a workspace."""
    asked = dict(request.query) if request.http.method == "GET" else await request.body()
    workspace = request.path["workspace"].lower()
    try:
        known = (one for one in cloud.store.list(WORKSPACES) if one["type"] == WORKSPACE)
        if not any(one["properties"]["customerId"].lower() == workspace for one in known):
            return _failure(404, "PathNotFoundError", "The requested path does not exist", request)
        table = await _answer(cloud, workspace, asked, request.http.headers.get("Prefer", ""))
    except QueryError as error:
        if error.code == "UnsupportedQuery":
            note = errors.gateway(400, error.code, error.message)
            unsupported.note(cloud.store, request.http.method, request.http.path, note)
        cause: JsonObject = {"code": error.code, "message": error.message, "line": 1, "pos": error.pos}
        inner: JsonObject = {"code": error.code, "message": _LEADS.get(error.code, error.message)}
        inner["innererror"] = cause | {"token": error.token}
        return _failure(400, "BadArgumentError", _INVALID, request, inner)
    return responses.answer({"tables": [table]})


async def _answer(cloud: Cloud, workspace: str, asked: JsonObject, prefer: str) -> JsonObject:
    unknown = sorted(key for key, value in asked.items() if key not in _KNOWN and value is not None)
    if asked.get("workspaces"):
        unknown.append("workspaces")
    unknown += [name for name in ("include-statistics", "include-render") if name in prefer]
    if unknown:
        words = f"aca-local does not support {', '.join(unknown)} in a query of logs."
        raise QueryError("UnsupportedQuery", words, unknown[0])
    text = asked.get("query")
    if not isinstance(text, str) or not text.strip():
        raise QueryError("SyntaxError", "The query is missing.")
    now = cloud.clock()
    span = read_timespan(str(asked.get("timespan") or ""), now)
    found = kql.parse(text, log_tables.tables(), now)
    rows = log_tables.rows(cloud, workspace, found.table)  # the store is read here, the files on a thread
    return await asyncio.to_thread(_table, found, rows, span)


def _table(found: kql.Query, rows: Iterator[kql.Row], span: Span) -> JsonObject:
    first, last = span
    inside = (row for row in rows if first <= cast("datetime", row["TimeGenerated"]) <= last)
    values = ([row[name] for name in found.columns] for row in found.run(inside))
    answered = [
        [one.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if isinstance(one, datetime) else one for one in row]
        for row in values
    ]
    columns = [{"name": name, "type": kind} for name, kind in found.columns.items()]
    return {"name": "PrimaryResult", "columns": columns, "rows": answered}


def read_timespan(text: str, now: datetime) -> Span:
    """``timespan``: an ISO 8601 duration up to now, or two ends with a slash. Raises QueryError."""
    if not text:
        return _ALWAYS
    first, slash, second = text.partition("/")
    try:
        if not slash:
            return now - _duration(first), now
        if first.startswith("P"):
            return moment(second) - _duration(first), moment(second)
        return moment(first), moment(first) + _duration(second) if second.startswith("P") else moment(second)
    except (ValueError, OverflowError):
        words = f"The timespan '{text}' is not an ISO 8601 duration or interval."
        raise QueryError("SyntaxError", words, text) from None


def _duration(text: str) -> timedelta:
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise ValueError(text)
    days, hours, minutes, seconds = (float(one or 0) for one in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


def _failure(
    status: int, code: str, message: str, request: ArmRequest, inner: JsonObject | None = None
) -> web.StreamResponse:
    body: JsonObject = {"message": message, "code": code, "correlationId": request.correlation_id}
    return responses.answer({"error": body | ({"innererror": inner} if inner else {})}, status)
