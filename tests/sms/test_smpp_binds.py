"""Several binds, binds of one direction, binds in TLS: with a third party's SMSC."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from telephony.sms.providers.smpp import SmppProvider
from tests.fixtures_smsc import Smsc
from tests.sms.support import Sink, bound, config, refused, submission, submitted, until

# ── several ───────────────────────────────────────────────────────────────────────────────────


async def test_each_bind_adds_its_window(smsc: Smsc) -> None:
    smsc.knobs(response_ms=300)
    sink = Sink()
    async with bound(smsc.port, sink, binds=3, window=5) as provider:
        await until(lambda: smsc.counts["binds"] == 3 and provider.figures()["binds"] == 3)
        submitting = asyncio.create_task(provider.submit([submission()] * 40))
        await until(lambda: smsc.counts["submits"] == 15)
        assert provider.figures()["window_in_use"] == 15
        assert provider.health().detail.endswith("window 15/15")
        ids = {submitted(outcome) for outcome in await submitting}
        await sink.wait_for(40)
    assert len(ids) == 40
    assert smsc.counts["unbinds"] == 3
    assert smsc.counts["bind_transceiver"] == 3


async def test_what_waits_goes_out_by_the_bind_that_is_left(smsc: Smsc) -> None:
    smsc.knobs(response_ms=200)
    changes = {"binds": 2, "window": 2, "reconnect_seconds_min": 5, "reconnect_seconds_max": 5}
    async with bound(smsc.port, Sink(), **changes) as provider:
        await until(lambda: provider.figures()["binds"] == 2)
        batch = [submission(str(n)) for n in range(12)]
        submitting = asyncio.create_task(provider.submit(batch))
        await until(lambda: smsc.counts["submits"] == 4)
        smsc.drop_one()
        outcomes = await submitting
        assert provider.health().up
        assert "1 of 2 binds" in provider.health().detail
    lost = [outcome for outcome in outcomes if not isinstance(outcome, tuple)]
    assert [refused(outcome).code for outcome in lost] == ["link_lost"] * 2
    texts = [pdu["text"] for pdu in smsc.submits]
    assert sorted(texts, key=int) == [str(n) for n in range(12)]  # each once


async def test_a_transmitter_sends_and_a_receiver_receives(smsc: Smsc) -> None:
    sink = Sink()
    async with bound(smsc.port, sink, bind="transmitter_receiver", binds=2) as provider:
        await until(lambda: provider.figures()["binds"] == 4)
        outcomes = await provider.submit([submission()] * 10)
        receipts = await sink.wait_for(10)
        assert provider.health().detail.endswith("/100")  # two windows, not four
    counts = smsc.counts
    assert (counts["bind_transmitter"], counts["bind_receiver"]) == (2, 2)
    assert "bind_transceiver" not in counts
    assert {one.provider_message_id for one in receipts} == set(map(submitted, outcomes))


async def test_without_its_transmitter_a_provider_is_down(smsc: Smsc) -> None:
    provider = SmppProvider(config(smsc.port, bind="transmitter_receiver", password="wrong"))
    await provider.start(Sink())
    try:
        await until(lambda: "bind_failed" in provider.health().detail)
        assert refused((await provider.submit([submission()]))[0]).code == "link_down"
    finally:
        await provider.stop()


# ── TLS ───────────────────────────────────────────────────────────────────────────────────────

Certificate = Callable[[str], tuple[str, Path]]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """Makes a private key (PEM) and the file of a certificate for a name that signs itself."""

    def make(host: str) -> tuple[str, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an SMSC")])
        at = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(at - timedelta(days=1))
            .not_valid_after(at + timedelta(days=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        file = tmp_path / f"{host}.pem"
        file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return secret.decode(), file

    return make


def listen(smsc: Smsc, key: str, file: Path) -> int:
    return smsc.listen_tls(key, file.read_text())


async def test_in_tls_by_the_name_that_the_options_say(
    smsc: Smsc, certificate: Certificate
) -> None:
    key, file = certificate("smsc.example")
    port, sink = listen(smsc, key, file), Sink()
    tls = {"server_name": "smsc.example", "ca_file": str(file)}
    async with bound(port, sink, tls=tls) as provider:
        outcomes = await provider.submit([submission()] * 50)
        receipts = await sink.wait_for(50)
    assert smsc.records["tls_names"] == ["smsc.example"]
    assert {one.provider_message_id for one in receipts} == set(map(submitted, outcomes))


@pytest.mark.parametrize(
    ("tls", "why"),
    [
        ({}, "certificate verify failed"),  # nobody that we trust signed it
        ({"ca_file": "own", "server_name": "other.example"}, "Hostname mismatch"),
        ({"ca_file": "own"}, "IP address mismatch"),  # the host, 127.0.0.1, is not in it
        ({"ca_file": "/nowhere.pem"}, "No such file"),
    ],
)
async def test_an_smsc_that_cannot_prove_its_name_gets_no_password(
    smsc: Smsc, certificate: Certificate, tls: dict[str, Any], why: str
) -> None:
    assert ip_address(smsc.host).is_loopback
    key, file = certificate("smsc.example")
    port = listen(smsc, key, file)
    options = {name: str(file) if value == "own" else value for name, value in tls.items()}
    provider = SmppProvider(config(port, tls=options))
    await provider.start(Sink())
    try:
        await until(lambda: why in provider.health().detail)
        assert not provider.health().up
    finally:
        await provider.stop()
    assert smsc.counts["binds"] == 0
