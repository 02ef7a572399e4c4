import datetime
import ssl
import stat
from pathlib import Path

import pytest
from aca_local import certificates


def handshake(server: ssl.SSLContext, ca_file: Path, name: str) -> None:
    """Shake hands in memory, with all the strict checks that Python knows."""
    client = ssl.create_default_context(cafile=str(ca_file))
    client.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue
    assert not ends


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "acct.file.localhost"])
def test_the_certificate_holds_under_strict_checks(tmp_path: Path, name: str) -> None:
    made = certificates.ensure(tmp_path)
    handshake(made.context, made.ca_file, name)


def test_another_name_is_refused(tmp_path: Path) -> None:
    made = certificates.ensure(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(made.context, made.ca_file, "example.com")


def test_certificates_last_and_keys_are_secret(tmp_path: Path) -> None:
    first = certificates.ensure(tmp_path).ca_file.read_bytes()
    server = (tmp_path / "server.pem").read_bytes()
    assert certificates.ensure(tmp_path).ca_file.read_bytes() == first
    assert (tmp_path / "server.pem").read_bytes() == server
    for secret in ("ca.key", "server.pem"):
        assert stat.S_IMODE((tmp_path / secret).stat().st_mode) == 0o600


def test_a_server_certificate_about_to_expire_is_renewed_under_the_same_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certificates, "SERVER_LIFE", datetime.timedelta(days=1))
    first = certificates.ensure(tmp_path).ca_file.read_bytes()
    old = (tmp_path / "server.pem").read_bytes()
    monkeypatch.undo()
    made = certificates.ensure(tmp_path)
    assert made.ca_file.read_bytes() == first
    assert (tmp_path / "server.pem").read_bytes() != old
    handshake(made.context, made.ca_file, "127.0.0.1")
