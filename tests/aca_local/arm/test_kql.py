from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aca_local.providers.kql import Table, parse
from aca_local.providers.kql_text import QueryError

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
LOGS = Table(
    "Logs", {"When": "datetime", "App": "string", "Text": "string", "Count": "real"}, {"Stream": "why"}
)
ROWS = [
    {"When": NOW - timedelta(minutes=age), "App": app, "Text": text, "Count": float(age)}
    for age, app, text in (
        (90, "web", "Error: no such file"),
        (40, "WEB", "errors are many"),
        (20, "web", "it's fine\\so"),
        (10, "api", "GET /v1/models 200"),
    )
]


def ages(query: str) -> Sequence[object]:
    """The ages in minutes of the rows that a query leaves."""
    return [row["Count"] for row in parse(query, {"Logs": LOGS}, NOW).run(ROWS)]


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        ("App == 'web'", [90, 20]),
        ('App == "web"', [90, 20]),
        ("App =~ 'web'", [90, 40, 20]),
        ("App != 'web'", [40, 10]),
        ("App !~ 'web'", [10]),
        ("App in ('api', 'WEB')", [40, 10]),
        ("App in~ ('web')", [90, 40, 20]),
        ("App !in ('web')", [40, 10]),
        ("Text contains 'ERR'", [90, 40]),
        ("Text contains_cs 'Err'", [90]),
        ("Text !contains 'err'", [20, 10]),
        ("Text has 'error'", [90]),
        ("Text has 'models'", [10]),
        ("Text has 'model'", []),
        ("Text !has 'error'", [40, 20, 10]),
        ("Text startswith 'error'", [90, 40]),
        ("Text endswith '200'", [10]),
        ("Text == 'it\\'s fine\\\\so'", [20]),
        ("Text == @'it''s fine\\so'", [20]),
        ("When > ago(1h)", [40, 20, 10]),
        ("When >= ago(20m) and When < now()", [20, 10]),
        ("When < datetime(2026-01-02T11:00:00Z)", [90]),
        ("When >= datetime(2026-01-03)", []),
        ("Count <= 20", [20, 10]),
        ("App == 'api' or App == 'WEB' and Count > 40", [10]),
        ("(App == 'api' or App == 'WEB') and Count > 10", [40]),
        ("not(App =~ 'web')", [10]),
    ],
)
def test_where_keeps_the_rows_that_kusto_keeps(condition: str, wanted: Sequence[float]) -> None:
    assert ages(f"Logs | where {condition}") == wanted


def test_stages_work_one_after_the_other() -> None:
    query = """
        Logs // all
        | where App =~ 'web'
        | project Age = Count, App, Message=Text
        | sort by Age
        | take 2;
    """
    found = parse(query, {"Logs": LOGS}, NOW)
    assert found.columns == {"Age": "real", "App": "string", "Message": "string"}
    assert [row["Age"] for row in found.run(ROWS)] == [90, 40]


def test_order_by_is_descending_unless_asked_and_stable_over_keys() -> None:
    assert ages("Logs | order by When") == [10, 20, 40, 90]
    assert ages("Logs | order by When asc | limit 1") == [90]
    assert ages("Logs | order by App asc, When desc") == [40, 10, 20, 90]


@pytest.mark.parametrize(
    ("query", "code", "token"),
    [
        ("", "SyntaxError", "the end of the query"),
        ("Logs |", "SyntaxError", "the end of the query"),
        ("Logs | where", "SyntaxError", "the end of the query"),
        ("Logs | where App ==", "SyntaxError", "the end of the query"),
        ("Logs | where App", "SyntaxError", "the end of the query"),
        ("Logs | where App == 'x", "SyntaxError", "'"),
        ("Logs | where App == 'a\\qb'", "SyntaxError", "'a\\qb'"),
        ("Logs | where When > datetime(yesterday)", "SyntaxError", "datetime(yesterday)"),
        ("Logs | take 1.5", "SyntaxError", "1.5"),
        ("Logs Logs", "SyntaxError", "Logs"),
        ("Heartbeat | take 1", "SemanticError", "Heartbeat"),
        ("Logs | where Level == 'x'", "SemanticError", "Level"),
        ("Logs | project App, App", "SemanticError", "App"),
        ("Logs | project App | where Count > 1", "SemanticError", "Count"),
        ("Logs | where App == 1", "SemanticError", "1"),
        ("Logs | where When > 'yesterday'", "SemanticError", "'yesterday'"),
        ("Logs | where When > 1h", "SemanticError", "1h"),
        ("Logs | summarize count() by App", "UnsupportedQuery", "summarize"),
        ("Logs | extend x = 1", "UnsupportedQuery", "extend"),
        ("Logs | where isempty(App)", "UnsupportedQuery", "isempty"),
        ("Logs | where Text matches regex 'x'", "UnsupportedQuery", "matches"),
        ("Logs | where App < 'x'", "UnsupportedQuery", "<"),
        ("Logs | where App == Text", "UnsupportedQuery", "Text"),
        ("Logs | where Stream == 'stderr'", "UnsupportedQuery", "Stream"),
        ("Logs | order by App nulls first", "UnsupportedQuery", "nulls"),
        (f"Logs | where {'(' * 500}App == 'x'{')' * 500}", "UnsupportedQuery", "("),
    ],
)
def test_what_is_not_known_is_refused_with_its_place(query: str, code: str, token: str) -> None:
    with pytest.raises(QueryError) as refused:
        ages(query)
    assert (refused.value.code, refused.value.token) == (code, token)
    assert token == "the end of the query" or query[refused.value.pos :].startswith(token)
