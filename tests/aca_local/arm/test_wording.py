from datetime import UTC, datetime, timedelta

import pytest
from aca_local.arm.deployments import american, camel
from aca_local.kernel.errors import ArmError
from aca_local.kernel.ids import parse
from aca_local.kernel.resource_type import deep_merge
from aca_local.kernel.routing import read_filter
from aca_local.state import ticks
from aca_local.state.clock import duration


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("AZURE_CONTAINER_REGISTRY_NAME", "azurE_CONTAINER_REGISTRY_NAME"),  # these three are recorded
        ("SERVICE_WEB_IDENTITY_ID", "servicE_WEB_IDENTITY_ID"),
        ("NewNSG", "newNSG"),
        ("Empty", "empty"),
        ("a", "a"),
        ("A", "a"),
        ("ID", "id"),
        ("myparameter", "myparameter"),
    ],
)
def test_names_of_outputs_go_through_the_camel_case_rule(name: str, written: str) -> None:
    assert camel(name) == written


def test_messages_write_dates_the_american_way() -> None:
    assert american(datetime(2021, 4, 23, 8, 17, 44)) == "4/23/2021 8:17:44 AM"
    assert american(datetime(2024, 6, 14, 22, 2, 46)) == "6/14/2024 10:02:46 PM"
    assert american(datetime(2024, 6, 14, 0, 2, 6)) == "6/14/2024 12:02:06 AM"


def test_durations_are_written_as_recorded() -> None:
    assert duration(timedelta(seconds=5.3934955)) == "PT5.393496S"
    assert duration(timedelta(minutes=1, seconds=3.5)) == "PT1M3.5S"
    assert duration(timedelta(0)) == "PT0S"
    assert duration(timedelta(seconds=60)) == "PT1M0S"


def test_ticks_count_from_the_year_one() -> None:
    assert ticks(datetime(1970, 1, 1, tzinfo=UTC)) == 621355968000000000


def test_ids_are_read_whatever_their_case() -> None:
    target = parse(
        "/subscriptions/s/resourcegroups/g/PROVIDERS/Microsoft.App/managedEnvironments/e/storages/x"
    )
    assert (target.group, target.type, target.name) == (
        "g",
        "Microsoft.App/managedEnvironments/storages",
        "x",
    )
    assert target.parent is not None
    assert (
        str(target.parent)
        == "/subscriptions/s/resourceGroups/g/providers/Microsoft.App/managedEnvironments/e"
    )


@pytest.mark.parametrize(
    "text", ["", "/subscriptions/s", "/subscriptions/s/resourceGroups/g/providers/N/t", "x/y"]
)
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a resource id"):
        parse(text)


def test_a_filter_is_read() -> None:
    text = "tagName eq 'env' and tagValue eq 'it''s'"
    assert read_filter(text, frozenset({"tagname", "tagvalue"})) == {"tagname": "env", "tagvalue": "it's"}


def test_a_filter_that_is_not_understood_is_refused() -> None:
    with pytest.raises(ArmError, match="InvalidFilterInQueryString"):
        read_filter("startswith(name, 'x')", frozenset({"name"}))


def test_a_merge_patch_removes_with_null_and_replaces_lists() -> None:
    old = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    assert deep_merge(old, {"a": {"b": 3}, "list": [9], "gone": None}) == {"a": {"b": 3, "c": 2}, "list": [9]}
    assert old["gone"] == 1
