"""A certificate for the time of a test."""

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path, hosts: Sequence[str], addresses: Sequence[str] = ()) -> tuple[Path, Path]:
    """Write a certificate for host names and IP addresses; return the server's file and the clients' one."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aca-local tests")])
    names: list[x509.GeneralName] = [x509.DNSName(host) for host in hosts]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    server, client = folder / "server.pem", folder / "ca.pem"
    server.write_bytes(private + public)
    client.write_bytes(public)
    return server, client


class _ClosedSocket(ssl.SSLSocket):
    """Closed also where the client was gone before the handshake, which ``wrap_socket`` leaves open."""

    def __del__(self) -> None:
        self.close()


def server_tls(server_file: Path) -> ssl.SSLContext:
    """Return how a server speaks TLS with a certificate that ``certificate`` wrote."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.sslsocket_class = _ClosedSocket
    tls.load_cert_chain(server_file)
    return tls
