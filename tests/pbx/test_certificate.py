"""The self-signed certificate is kept while it is good, and made anew when it is not."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from telephony.pbx import certificate as maker
from telephony.pbx.certificate import Certificate, certificate
from telephony.pbx.errors import PbxError
from telephony.settings import Settings
from tests.pbx.certificate import write_certificate


def made(folder: Path, **changes: Any) -> Certificate:
    return certificate(Settings(var_dir=folder, **changes))


def shown(pair: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def names(pair: Certificate) -> set[str]:
    found = shown(pair).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in found}


def test_it_is_for_this_machine_and_its_key_for_us_alone(tmp_path: Path) -> None:
    pair = made(tmp_path)
    assert names(pair) == {"localhost", "127.0.0.1"}
    assert pair.certificate == tmp_path / "tls/tls.crt"
    assert pair.key.stat().st_mode & 0o777 == 0o600
    left = shown(pair).not_valid_after_utc - datetime.now(UTC)
    assert timedelta(days=396) < left <= timedelta(days=397)
    # OpenSSL agrees that they are a pair.
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)


@pytest.mark.parametrize(
    ("changes", "others"),
    [
        ({"bind_host": "192.0.2.7"}, {"192.0.2.7"}),
        ({"bind_host": "0.0.0.0", "public_url": "https://sip.example:8443/x"}, {"sip.example"}),
        ({"bind_host": "::1"}, {"::1"}),
        ({"public_url": "https://[2001:db8::1]"}, {"2001:db8::1"}),
    ],
)
def test_it_is_for_the_address_that_phones_use(
    tmp_path: Path, changes: dict[str, Any], others: set[str]
) -> None:
    assert names(made(tmp_path, **changes)) == {"localhost", "127.0.0.1"} | others


def test_it_is_kept_across_starts(tmp_path: Path) -> None:
    first = made(tmp_path).certificate.read_bytes()
    assert made(tmp_path).certificate.read_bytes() == first


def test_it_is_made_anew_for_another_address(tmp_path: Path) -> None:
    first = shown(made(tmp_path)).serial_number
    second = made(tmp_path, bind_host="192.0.2.7")
    assert shown(second).serial_number != first
    assert "192.0.2.7" in names(second)


def test_it_is_made_anew_before_it_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maker, "VALID_DAYS", maker.RENEW_DAYS)
    short = shown(made(tmp_path)).serial_number
    monkeypatch.setattr(maker, "VALID_DAYS", maker.RENEW_DAYS + 1)
    good = shown(made(tmp_path)).serial_number
    assert good != short
    assert shown(made(tmp_path)).serial_number == good


@pytest.mark.parametrize("name", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_a_damaged_half_is_made_anew(tmp_path: Path, name: str, content: bytes | None) -> None:
    made(tmp_path)
    broken = tmp_path / "tls" / name
    if content is None:
        broken.unlink()
    else:
        broken.write_bytes(content)
    pair = made(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)


def test_a_key_of_another_certificate_is_noticed(tmp_path: Path) -> None:
    pair = made(tmp_path)
    pair.key.write_bytes(made(tmp_path / "other").key.read_bytes())
    with pytest.raises(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)
    pair = made(tmp_path)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(pair.certificate, pair.key)


def test_the_operators_own_is_used_as_it_is(tmp_path: Path) -> None:
    cert, key = write_certificate(tmp_path)
    before = cert.read_bytes()
    pair = made(tmp_path / "var", tls_cert=cert, tls_key=key)
    assert (pair.certificate, pair.key) == (cert, key)
    assert cert.read_bytes() == before
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("name", ["tls_cert", "tls_key"])
def test_half_of_a_pair_in_the_settings_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(PbxError, match="Set both SMS_VOIP_TLS_CERT and SMS_VOIP_TLS_KEY"):
        made(tmp_path, **{name: tmp_path / "there"})
