"""Past logs of container apps, read with the Log Analytics query API.

https://learn.microsoft.com/azure/container-apps/log-monitoring has the tables; of a line's times only
``TimeGenerated`` is promised.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aitk_inference.azure.errors import answer_error, map_azure_errors, unreadable
from aitk_inference.azure.log_streams import system_text, when
from aitk_inference.core import api_versions
from aitk_inference.core.errors import NotFound
from aitk_inference.core.json_paths import find, objects, text
from aitk_inference.core.logs import CONSOLE, SYSTEM
from aitk_inference.core.model import LogLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from aitk_inference.azure.clients import Clients
    from aitk_inference.core.logs import PastQuery
    from aitk_inference.core.model import ContainerApp, Json

_API = "https://api.loganalytics.io"
_DESTINATION = "log-analytics"
_TIMEOUT = 30.0
_DOING = "reading past logs from Log Analytics"
_TABLES = {
    CONSOLE: ("ContainerAppConsoleLogs_CL", "ContainerGroupName_s, Log_s"),
    SYSTEM: ("ContainerAppSystemLogs_CL", "ReplicaName_s, Log_s, Reason_s"),
}


class LogAnalytics:
    """The :class:`~aitk_inference.core.logs.PastLogs` port.

    Args:
        clients: For the environment's workspace, and a token.
        http: The client that asks.
    """

    def __init__(self, clients: Clients, http: httpx.AsyncClient) -> None:
        self._clients = clients
        self._http = http

    async def lines(self, app: ContainerApp, query: PastQuery) -> Sequence[LogLine]:
        """Return lines, the oldest first."""
        workspace = await self._workspace(app)
        document = await self._ask(f"/v1/workspaces/{workspace}/query", _body(app, query))
        table = next(iter(objects(document, "tables")), {})
        rows = find(table, "rows")
        found = (
            [row for row in rows if isinstance(row, list) and len(row) > 1] if isinstance(rows, list) else []
        )
        return [
            LogLine(
                when(time),
                system_text(*(str(one or "") for one in reversed(words))),
                query.source,
                str(replica or ""),
            )
            for time, replica, *words in reversed(found)
        ]

    async def _workspace(self, app: ContainerApp) -> str:
        environment = await self._clients.get(app.environment_id, api_versions.APPS)
        logs = find(environment, "properties", "appLogsConfiguration")
        workspace = text(logs, "logAnalyticsConfiguration", "customerId")
        if not workspace or text(logs, "destination") != _DESTINATION:
            raise NotFound(
                f"Nothing is kept of the logs of {app.ref.name}: its environment sends none to Log Analytics.",
                suggestion="Read what runs now: aitk-inference logs",
            )
        return workspace

    async def _ask(self, path: str, body: dict[str, str]) -> Json:
        endpoint = self._clients.endpoint
        base = endpoint.arm if endpoint.is_local else _API
        with map_azure_errors(_DOING):
            token = await self._clients.credential.get_token(f"{base}/.default")
            response = await self._http.post(
                f"{base}{path}",
                json=body,
                headers={"Authorization": f"Bearer {token.token}"},
                timeout=_TIMEOUT,
            )
            if response.status_code >= HTTPStatus.BAD_REQUEST:
                raise answer_error(response.status_code, response.text, "", _DOING)
            document: Json = response.json()
            if not objects(document, "tables"):
                raise unreadable(response.text, _DOING)
            return document


def _body(app: ContainerApp, query: PastQuery) -> dict[str, str]:
    table, columns = _TABLES[query.source]
    stages = (
        table,
        f"where ContainerAppName_s == '{app.ref.name}'",
        f"project TimeGenerated, {columns}",
        "order by TimeGenerated desc",
        f"take {query.most}",
    )
    return {"query": " | ".join(stages), "timespan": f"PT{round(query.since.total_seconds())}S"}
