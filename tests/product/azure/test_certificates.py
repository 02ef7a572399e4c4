"""The operating system's certificate authorities and the company's count, whichever library asks."""

import ssl
import sys
from pathlib import Path

import pytest
from aitk_inference.azure.certificates import thread_transport, tls_context
from aitk_inference.azure.files.address import Endpoint
from aitk_inference.core.errors import AppError
from support.certificates import certificate

BUNDLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in BUNDLES:
        monkeypatch.delenv(name, raising=False)
    return certificate(tmp_path, ["example.test"])[1]


def knows(context: ssl.SSLContext) -> bool:
    return any(
        ("commonName", "aca-local tests") in names
        for one in context.get_ca_certs()
        for names in one["subject"]
    )


@pytest.mark.parametrize("name", BUNDLES)
def test_each_variable_counts_for_each_library(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    assert not knows(tls_context())
    monkeypatch.setenv(name, str(bundle))
    assert knows(tls_context())
    tls = Endpoint("https", "account.file.core.windows.net", 443, "").origin().tls
    assert tls is not None
    assert knows(tls)
    adapter = thread_transport().session.get_adapter("https://login.microsoftonline.com")
    pool = adapter.get_connection_with_tls_context(request(), verify=True)
    assert knows(pool.conn_kw["ssl_context"])


def request() -> object:
    import requests

    return requests.Request("GET", "https://login.microsoftonline.com/x").prepare()


def test_a_local_targets_authority_stands_alone(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    assert [one["subject"] for one in tls_context(bundle).get_ca_certs()] == [
        ((("commonName", "aca-local tests"),),)
    ]


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_bundle_that_cant_be_read_is_named(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "bundle.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    with pytest.raises(AppError, match=r"REQUESTS_CA_BUNDLE names can't be read: .*bundle.pem"):
        tls_context()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_where_openssl_knows_no_authorities_the_systems_are_asked(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    import truststore

    monkeypatch.setattr(sys, "platform", platform)
    assert isinstance(tls_context(), truststore.SSLContext)
