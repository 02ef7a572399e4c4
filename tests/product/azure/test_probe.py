"""The probe of the web API: why nothing answers, in words that are the same on every system."""

import socket
import ssl

import httpx
import pytest
from aitk_inference.azure.probe import HttpProbe


async def _probed(url: str) -> tuple[int | None, str]:
    async with httpx.AsyncClient(trust_env=False) as http:
        result = await HttpProbe(http).get(url, timeout=10)
    return result.status, result.detail


async def test_a_port_where_nobody_listens_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert await _probed(f"http://127.0.0.1:{port}/x") == (None, f"nothing listens at 127.0.0.1:{port}")


async def test_a_host_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert await _probed("https://no.such.host/") == (None, "there is no host no.such.host")


async def test_a_certificate_that_nobody_knows_is_told_in_its_own_words() -> None:
    async def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("certificate verify failed") from ssl.SSLError("x")

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        result = await HttpProbe(http).get("https://x.example.org", timeout=10)
    assert result.detail == "certificate verify failed"
