"""SharedKey's order of headers, against the table that the SDK signs by."""

from aca_local.files.sharedkey import service_order
from azure.storage.fileshare._shared.authentication import _storage_header_sort
from hypothesis import given, settings
from hypothesis import strategies as st

NAMES = st.from_regex(r"\Ax-ms-[a-z0-9_-]{1,12}\Z")


@settings(deadline=None)
@given(st.lists(NAMES, unique_by=lambda name: name.replace("-", ""), max_size=12))
def test_headers_are_sorted_as_the_sdk_sorts_them(names: list[str]) -> None:
    expected = [name for name, _ in _storage_header_sort([(name, "") for name in names])]
    assert list(service_order(tuple(names))) == expected
