import pytest
from aca_local.security import is_local_host


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:80", "localhost:8443", "[::1]:80", "acct.file.localhost:1", "LOCALHOST"],
)
def test_names_of_this_computer_are_taken(host: str) -> None:
    assert is_local_host(host)


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "10.0.0.1",
        "a b",
        "[x",
        "127.0.0.1/x",
        "x@127.0.0.1",
        "evil.example\\.localhost",
        "evil.example#.localhost",
        "\udcff.localhost",
        "127.0.0.1:port",
    ],
)
def test_other_names_are_refused(host: str | None) -> None:
    assert not is_local_host(host)
