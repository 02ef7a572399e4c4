"""Past logs by Microsoft's own client of the query API, from an aca-local in a process of its own."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.query import LogsQueryClient, LogsQueryStatus
from azure.monitor.query.aio import LogsQueryClient as AsyncLogsQueryClient
from support.arm_process import LIMIT, AsyncToken, Local, Token, start

GROUP = "logs"
CONSOLE = "ContainerAppConsoleLogs_CL"
SAY = "echo hello from $CONTAINER_APP_REPLICA_NAME; echo 'Error: a second line'; exec sleep 600"
Rows = list[list[Any]]


class Place:
    """A running aca-local with two workspaces; the environment of one app logs to the first."""

    def __init__(self, local: Local) -> None:
        self.local = local
        headers = {"Authorization": f"Bearer {local.line['token']}"}
        self.arm = httpx.Client(base_url=local.line["armHttp"], headers=headers, timeout=LIMIT)
        self.group = f"/subscriptions/{local.subscription}/resourceGroups/{GROUP}"

    def put(self, path: str, version: str, body: dict[str, Any]) -> dict[str, Any]:
        """Put a resource and wait until it is there."""
        url, params = f"{self.group}{path}", {"api-version": version}
        self.arm.put(url, params=params, json={"location": "eastus", **body}).raise_for_status()
        return until(lambda: self.get(path, version), lambda one: state(one) == "Succeeded")

    def get(self, path: str, version: str = "2024-03-01") -> dict[str, Any]:
        answer = self.arm.get(f"{self.group}{path}", params={"api-version": version})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def workspace(self, name: str) -> str:
        path = f"/providers/Microsoft.OperationalInsights/workspaces/{name}"
        return str(self.put(path, "2023-09-01", {"properties": {}})["properties"]["customerId"])

    def fill(self) -> tuple[str, str]:
        """Make all that is needed; the ids of the two workspaces."""
        self.put("", "2022-09-01", {})
        mine, other = self.workspace("mine"), self.workspace("other")
        logs = {"destination": "log-analytics", "logAnalyticsConfiguration": {"customerId": mine}}
        logs["logAnalyticsConfiguration"]["sharedKey"] = "a2V5"  # type: ignore[index]  # a dictionary of ours
        app = "/providers/Microsoft.App"
        self.put(
            f"{app}/managedEnvironments/env", "2024-03-01", {"properties": {"appLogsConfiguration": logs}}
        )
        container = {"name": "main", "image": "none", "command": ["/bin/sh", "-c", SAY]}
        template = {"containers": [container], "scale": {"minReplicas": 1, "maxReplicas": 1}}
        properties = {"environmentId": f"{self.group}{app}/managedEnvironments/env", "template": template}
        self.put(f"{app}/containerApps/talker", "2024-03-01", {"properties": properties})
        return mine, other

    def restart(self) -> None:
        app = "/providers/Microsoft.App/containerApps/talker"
        revision = self.get(app)["properties"]["latestRevisionName"]
        url = f"{self.group}{app}/revisions/{revision}/restart"
        self.arm.post(url, params={"api-version": "2024-03-01"}).raise_for_status()

    def client(self) -> LogsQueryClient:
        line = self.local.line
        return LogsQueryClient(
            Token(line["token"]), endpoint=line["arm"], connection_verify=line["caFile"], retry_total=0
        )


def state(resource: dict[str, Any]) -> str | None:
    found: str | None = resource["properties"].get("provisioningState")
    return found


def until(look: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    end = time.monotonic() + LIMIT
    while not good(found := look()):
        assert time.monotonic() < end, found
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs") / "data"


@pytest.fixture(scope="module")
def filled(folder: Path) -> Iterator[tuple[Place, str, str]]:
    """Two replicas have spoken, one after the other; then aca-local was ended and started again."""
    first = Place(start(folder))
    mine, other = first.fill()

    def greetings() -> Rows:
        return rows(first, mine, f"{CONSOLE} | where Log_s startswith 'hello'")

    until(greetings, lambda found: len(found) == 1)
    first.restart()
    until(greetings, lambda found: len(found) == 2)
    first.arm.close()
    first.local.stop()
    place = Place(start(folder))
    yield place, mine, other
    place.arm.close()
    place.local.stop()


def rows(place: Place, workspace: str, query: str, timespan: Any = timedelta(hours=1)) -> Rows:
    with place.client() as client:
        answer = client.query_workspace(workspace, query, timespan=timespan)
    assert answer.status == LogsQueryStatus.SUCCESS
    return [list(row) for row in answer.tables[0].rows]


def test_replicas_that_ended_are_in_the_console_table(filled: tuple[Place, str, str]) -> None:
    place, mine, _ = filled
    query = f"""
        {CONSOLE}
        | where ContainerAppName_s == 'talker' and Log_s has 'hello' and TimeGenerated > ago(1h)
        | project Time=TimeGenerated, RevisionName_s, ContainerGroupName_s, ContainerName_s, Log_s
        | order by Time asc
        | take 2
    """
    found = rows(place, mine, query)
    revision = place.get("/providers/Microsoft.App/containerApps/talker")["properties"]["latestRevisionName"]
    assert [row[1:4] for row in found] == [[revision, row[2], "main"] for row in found]
    assert [row[4] for row in found] == [f"hello from {row[2]}" for row in found]
    assert len({row[2] for row in found}) == 2
    times = [row[0] for row in found]
    assert times == sorted(times)
    assert all(one.tzinfo is not None and datetime.now(UTC) - one < timedelta(hours=1) for one in times)


async def test_the_async_client_reads_the_system_table(filled: tuple[Place, str, str]) -> None:
    place, mine, _ = filled
    line = place.local.line
    query = (
        "ContainerAppSystemLogs_CL | where Reason_s == 'ContainerStarted' | where EnvironmentName_s == 'env'"
    )
    async with AsyncLogsQueryClient(
        AsyncToken(line["token"]), endpoint=line["arm"], connection_verify=line["caFile"]
    ) as client:
        answer = await client.query_workspace(mine, query, timespan=None)
    assert isinstance(answer.tables[0].columns, list)
    table = [dict(zip(answer.tables[0].columns, row, strict=True)) for row in answer.tables[0].rows]
    assert len(table) >= 2
    assert {row["Log_s"] for row in table} == {"Started container 'main'"}
    assert {(row["ContainerAppName_s"], row["Type_s"], row["TenantId"]) for row in table} == {
        ("talker", "Normal", mine)
    }
    assert all(row["Count_d"] >= 1 for row in table)


def test_a_timespan_without_logs_and_another_workspace_are_empty(filled: tuple[Place, str, str]) -> None:
    place, mine, other = filled
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    assert rows(place, mine, CONSOLE, (long_ago, long_ago + timedelta(days=1))) == []
    assert rows(place, mine, CONSOLE, (long_ago, timedelta(days=1))) == []
    assert rows(place, other, CONSOLE) == []


def test_get_answers_as_post_does(filled: tuple[Place, str, str]) -> None:
    place, mine, _ = filled
    query = f"{CONSOLE} | where Log_s contains 'error' | project Log_s | take 1"
    answer = place.arm.get(f"/v1/workspaces/{mine}/query", params={"query": query, "timespan": "PT1H"})
    columns = [{"name": "Log_s", "type": "string"}]
    table = {"name": "PrimaryResult", "columns": columns, "rows": [["Error: a second line"]]}
    assert answer.json() == {"tables": [table]}


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        (f"{CONSOLE} | summarize count() by RevisionName_s", "UnsupportedQuery", "operator 'summarize'"),
        (f"{CONSOLE} | where Stream_s == 'stderr'", "UnsupportedQuery", "stdout and stderr are one log"),
        (f"{CONSOLE} | where Nothing_s == ''", "SemanticError", "named 'Nothing_s'"),
        ("Heartbeat | take 1", "SemanticError", "named 'Heartbeat'"),
        (f"{CONSOLE} | where", "SyntaxError", "is wanted"),
    ],
)
def test_a_refused_query_says_why_in_azures_shape(
    filled: tuple[Place, str, str], query: str, code: str, words: str
) -> None:
    place, mine, _ = filled
    with pytest.raises(HttpResponseError) as refused:
        rows(place, mine, query)
    assert refused.value.status_code == 400
    error = refused.value.error
    assert (error.code, error.message) == ("BadArgumentError", "The request had some invalid properties")
    assert error.innererror["code"] == code
    assert words in error.innererror["innererror"]["message"]


def test_what_would_change_the_answer_is_refused(filled: tuple[Place, str, str]) -> None:
    place, mine, other = filled
    with place.client() as client, pytest.raises(HttpResponseError, match="invalid properties"):
        client.query_workspace(mine, CONSOLE, timespan=None, additional_workspaces=[other])
    with place.client() as client, pytest.raises(HttpResponseError, match="invalid properties"):
        client.query_workspace(mine, CONSOLE, timespan=None, include_statistics=True)


def test_an_unknown_workspace_and_a_missing_or_wrong_token(filled: tuple[Place, str, str]) -> None:
    place, mine, _ = filled
    with pytest.raises(HttpResponseError) as missing:
        rows(place, "00000000-0000-0000-0000-000000000001", CONSOLE)
    assert (missing.value.status_code, missing.value.error.code) == (404, "PathNotFoundError")
    url = f"{place.local.line['armHttp']}/v1/workspaces/{mine}/query"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = httpx.post(url, json={"query": CONSOLE}, headers=headers)
        assert answer.status_code == 401
        assert "rows" not in answer.text
