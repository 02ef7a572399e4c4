from datetime import UTC, datetime, timedelta

import pytest
from aca_local.providers.kql_text import QueryError
from aca_local.providers.log_query import read_timespan

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))),
        ("PT1H", (NOW - timedelta(hours=1), NOW)),
        ("P1DT2H", (NOW - timedelta(hours=26), NOW)),
        ("PT3600.0S", (NOW - timedelta(hours=1), NOW)),
        ("2026-01-01T00:00:00Z/2026-01-02T12:00:00Z", (START, NOW)),
        ("2026-01-01T00:00:00Z/PT1H", (START, START + timedelta(hours=1))),
        ("PT1H/2026-01-01T00:00:00Z", (START - timedelta(hours=1), START)),
    ],
)
def test_a_timespan_is_a_duration_or_an_interval(text: str, wanted: tuple[object, object]) -> None:
    assert read_timespan(text, NOW) == wanted


@pytest.mark.parametrize("text", ["P", "PT", "1h", "yesterday/today", "P1Y", "PT9999999999999H"])
def test_another_timespan_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        read_timespan(text, NOW)
