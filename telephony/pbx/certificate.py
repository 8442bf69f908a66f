"""The certificate of SIP over TLS and WebSocket: the operator's own, or a self-signed one, so
that both are there from the first start."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from telephony.pbx.errors import PbxError
from telephony.secrets import write_private
from telephony.settings import Settings

VALID_DAYS = 397
"""What browsers accept at most."""
RENEW_DAYS = 30


@dataclass(frozen=True)
class Certificate:
    """PEM files; `key` is readable by its owner alone if we made it."""

    certificate: Path
    key: Path


def certificate(settings: Settings) -> Certificate:
    """The one in the settings, else the kept self-signed one; made anew where there is none yet,
    it is about to run out, or it is for another address."""
    if settings.tls_cert and settings.tls_key:
        return Certificate(settings.tls_cert, settings.tls_key)
    if settings.tls_cert or settings.tls_key:
        raise PbxError("Set both SMS_VOIP_TLS_CERT and SMS_VOIP_TLS_KEY, or neither.")
    kept = Certificate(settings.self_signed_cert, settings.self_signed_cert.with_suffix(".key"))
    if not _fits(kept, _names(settings)):
        _make(kept, _names(settings))
    return kept


def _names(settings: Settings) -> x509.SubjectAlternativeName:
    """How phones on this machine and elsewhere name the server."""
    hosts = {"localhost", "127.0.0.1", settings.local_host.strip("[]"), settings.sip_host}
    names = {host.strip("[]") for host in hosts}
    # An address is a name, too, for phones whose TLS library (mbedTLS) knows names only.
    texts = [x509.DNSName(name) for name in sorted(names)]
    return x509.SubjectAlternativeName([*texts, *map(x509.IPAddress, _addresses(names))])


def _addresses(names: set[str]) -> Iterator[IPv4Address | IPv6Address]:
    for name in sorted(names):
        with suppress(ValueError):
            yield ip_address(name)


def _fits(kept: Certificate, names: x509.SubjectAlternativeName) -> bool:
    try:
        found = x509.load_pem_x509_certificate(kept.certificate.read_bytes())
        key = serialization.load_pem_private_key(kept.key.read_bytes(), None)
        named = found.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    in_time = found.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEW_DAYS)
    return in_time and named.value == names and found.public_key() == key.public_key()


def _make(kept: Certificate, names: x509.SubjectAlternativeName) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    kept.certificate.parent.mkdir(parents=True, exist_ok=True)
    # The key first: a stop between the two leaves a pair that does not fit, and is made anew.
    write_private(kept.key, _pem(key))
    made = _signed(key, names).public_bytes(serialization.Encoding.PEM)
    write_private(kept.certificate, made.decode())
    kept.certificate.chmod(0o644)


def _signed(
    key: ec.EllipticCurvePrivateKey, names: x509.SubjectAlternativeName
) -> x509.Certificate:
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sms-voip (self-signed)")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
