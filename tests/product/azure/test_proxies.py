"""Proxies as people name them in variables: each is used, or refused in words."""

from __future__ import annotations

import os

import pytest
from aitk_inference.azure.proxies import proxy_for
from aitk_inference.core.errors import AppError

ARM = "https://management.azure.com/subscriptions"
PROXY = "http://127.0.0.1:3128"
LISTS = {
    "localhost,127.0.0.1,fd07:b51a:cc66:f0::/64": PROXY,
    "fe80::/10 ::1 [fd00::1]:443": PROXY,
    "10.0.0.0/8, 192.168.0.0/16": PROXY,
    "other.com,azure.org": PROXY,
    "management.azure.com:8443": PROXY,
    "ement.azure.com": PROXY,
    ",, ,": PROXY,
    "[": PROXY,
    "azure.com": None,
    ".azure.com": None,
    "*.AZURE.com": None,
    "management.azure.com:443": None,
    "x,*": None,
}


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("without", LISTS)
def test_hosts_without_a_proxy(without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", without)
    assert proxy_for(ARM) == LISTS[without]


@pytest.mark.parametrize(
    ("host", "without"),
    [
        ("10.1.2.3", "10.0.0.0/8"),
        ("[fd07:b51a:cc66:f0::5]", "fd07:b51a:cc66:f0::/64"),
        ("[fd00::1]:8", "[fd00::1]:8"),
    ],
)
def test_networks_are_known(host: str, without: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    assert proxy_for(f"https://{host}/") == PROXY
    monkeypatch.setenv("NO_PROXY", without)
    assert proxy_for(f"https://{host}/") is None


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "app.localhost"])
def test_this_computer_needs_no_proxy(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for(f"http://{host}:5/") is None


UNUSABLE = [
    "socks5://127.0.0.1:1",
    "ftp://127.0.0.1:1",
    "http://",
    "http://[::bad",
    "http://127.0.0.1:port",
    "http://h:99999",
    "://",
]


@pytest.mark.parametrize("value", UNUSABLE)
def test_what_cannot_be_used_is_told(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(AppError, match="HTTPS_PROXY"):
        proxy_for(ARM)


def test_a_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://me:hunter2@127.0.0.1:1")
    with pytest.raises(AppError) as caught:
        proxy_for(ARM)
    assert "hunter2" not in caught.value.message
