"""The certificate authority of one data directory and the server certificate that it signs.

Made for Python's and OpenSSL's strict checks (``VERIFY_X509_STRICT``): key identifiers and key usage on both.
The authority may only name this computer (name constraints), so trusting it opens no other door.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from aca_local.state.own_files import OwnFile

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=800)  # Apple's limit for what a user trusts is 825
RENEW_BEFORE = timedelta(days=60)
NAMES = ("localhost", "*.file.localhost")
REMEDY = "Delete the folder certificates: new ones are made when aca-local starts."


@dataclass(frozen=True)
class Certificates:
    """Where the authority's certificate lies, and a context for listeners."""

    ca_file: Path
    context: ssl.SSLContext


def ensure(folder: Path) -> Certificates:
    """Make what is missing or about to expire in ``folder`` (keys with mode 0600); answer what to use.

    Raises OwnFileError for a file that is neither a certificate nor a key.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca_file, ca_key, chain = (OwnFile(folder / name, REMEDY) for name in ("ca.pem", "ca.key", "server.pem"))
    if not _is_fresh(ca_file) or ca_key.data() is None:
        made = ec.generate_private_key(ec.SECP256R1())
        ca_key.write(_key_bytes(made))
        ca_file.write(_authority(made).public_bytes(serialization.Encoding.PEM))
        chain.path.unlink(missing_ok=True)
    if not _is_fresh(chain):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _server(key, x509.load_pem_x509_certificate(ca_file.data() or b""), _signer(ca_key))
        chain.write(certificate.public_bytes(serialization.Encoding.PEM) + _key_bytes(key))
    return Certificates(ca_file.path, _context(chain))


def _is_fresh(file: OwnFile) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(file.data() or b"")
    except ValueError:
        return False
    return certificate.not_valid_after_utc > datetime.now(UTC) + RENEW_BEFORE


def _signer(file: OwnFile) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(file.data() or b"", None)
    except (ValueError, TypeError):  # no key, or one with a password
        key = None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise file.damaged("it is not the key that aca-local made")
    return key


def _context(chain: OwnFile) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(chain.path)
    except ssl.SSLError:
        raise chain.damaged("its certificate and its key do not belong together") from None
    return context


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "aca-local (this computer only)")])
    permitted = [
        x509.IPAddress(ip_network("127.0.0.0/8")),
        x509.IPAddress(ip_network("::1/128")),
        x509.DNSName("localhost"),
    ]
    return (
        _builder(name, name, key, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(sign_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    key: ec.EllipticCurvePrivateKey, authority: x509.Certificate, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    addresses = [x509.IPAddress(ip_address(one)) for one in ("127.0.0.1", "::1")]
    alternatives = x509.SubjectAlternativeName([*map(x509.DNSName, NAMES), *addresses])
    return (
        _builder(name, authority.subject, key, SERVER_LIFE)
        .add_extension(alternatives, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
