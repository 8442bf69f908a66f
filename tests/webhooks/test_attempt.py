"""What one POST makes of everything that the other side can do."""

import gzip
import ssl
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from telephony.clock import SECOND
from telephony.settings import Settings
from telephony.webhooks import attempt, egress
from telephony.webhooks.attempt import REPLY_BYTES_MAX, Attempt, plain, post, retry_after
from telephony.webhooks.egress import Egress
from tests.webhooks.sinks import Sink, raw_server

AT = 1_768_249_200 * SECOND
LOCAL = Egress(Settings(bind_host="127.0.0.1", webhook_allow_cidrs=[]))


@pytest.fixture
async def session(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[aiohttp.ClientSession]:
    """A client as the worker has it, but less patient."""
    monkeypatch.setattr(egress, "POST_SECONDS_MAX", 0.5)
    monkeypatch.setattr(attempt, "REPLY_SECONDS_MAX", 0.2)
    async with LOCAL.session() as opened:
        yield opened


async def tried(session: aiohttp.ClientSession, url: str) -> Attempt:
    return await post(session, url, {"X-Test": "1"}, b'{"a": 1}', AT)


async def test_a_reply_is_kept(session: aiohttp.ClientSession, sink: Sink) -> None:
    seen = await tried(session, f"{sink.url}/hook?x=1")
    assert (seen.at, seen.status_code, seen.reply, seen.error) == (AT, 200, "noted", "")
    assert 0 < seen.latency_us < 500_000
    assert sink.received[0].body == b'{"a": 1}'
    assert sink.received[0].headers["X-Test"] == "1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(
    session: aiohttp.ClientSession, sink: Sink, status: int
) -> None:
    async with raw_server() as elsewhere:
        sink.answers["/hook"] = status
        sink.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        seen = await tried(session, f"{sink.url}/hook")
        assert (seen.status_code, seen.error) == (status, "Redirects are not followed.")
        assert len(sink.received) == 1
        assert elsewhere.connections == 0


async def test_of_a_long_reply_only_the_beginning_is_kept(
    session: aiohttp.ClientSession, sink: Sink
) -> None:
    async def long() -> web.Response:
        return web.Response(text="a" * 3_000_000)

    sink.answers["/hook"] = long
    seen = await tried(session, f"{sink.url}/hook")
    assert (seen.status_code, seen.reply) == (200, "a" * REPLY_BYTES_MAX)


@pytest.mark.parametrize("head", [b"content-length: 99999999999\r\n", b"", b"x: y\r\n"])
async def test_an_endless_reply_is_cut_off(session: aiohttp.ClientSession, head: bytes) -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n", endless=b"b" * 65536) as server:
        start = time.monotonic()
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
        assert (seen.status_code, seen.reply) == (200, "b" * REPLY_BYTES_MAX)
        assert time.monotonic() - start < 0.4
        assert server.written < 50_000_000


async def test_a_body_that_drips_does_not_undo_the_status(session: aiohttp.ClientSession) -> None:
    answer = b"HTTP/1.1 202 Accepted\r\ncontent-length: 100\r\n\r\npart"
    async with raw_server(answer, hold=0.4) as server:
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
    assert (seen.status_code, seen.reply, seen.error) == (202, "part", "")


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_no_reply_in_time(session: aiohttp.ClientSession, start: bytes) -> None:
    async with raw_server(start, hold=0.7) as server:
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
    assert (seen.status_code, seen.error) == (None, "No reply within 10 seconds.")
    assert 450_000 < seen.latency_us < 700_000


@pytest.mark.parametrize("filler", [b"k" * 1000, b"x: y\r\n" * 1000])
async def test_headers_without_end(session: aiohttp.ClientSession, filler: bytes) -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\nx: ", endless=filler) as server:
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
    assert (seen.status_code, seen.error) == (None, "The reply is not HTTP.")
    assert seen.latency_us < 400_000


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nhalf: "])
async def test_a_connection_that_closes_without_a_reply(
    session: aiohttp.ClientSession, reply: bytes
) -> None:
    async with raw_server(reply) as server:
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
    assert (seen.status_code, seen.error) == (
        None, "The connection was closed before a reply came.",
    )  # fmt: skip


@pytest.mark.parametrize("reply", [
    b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/1.1 99999 Odd\r\n\r\n", b"\0" * 100 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
])  # fmt: skip
async def test_a_reply_that_is_not_http(session: aiohttp.ClientSession, reply: bytes) -> None:
    async with raw_server(reply) as server:
        seen = await tried(session, f"http://127.0.0.1:{server.port}/")
    assert (seen.status_code, seen.error) == (None, "The reply is not HTTP.")


async def test_a_refused_connection(session: aiohttp.ClientSession) -> None:
    async with raw_server() as server:
        port = server.port
    seen = await tried(session, f"http://127.0.0.1:{port}/?token=hidden")
    assert seen.status_code is None
    assert seen.error.startswith("No connection: ")
    assert "hidden" not in seen.error


async def test_a_refused_address(session: aiohttp.ClientSession) -> None:
    seen = await tried(session, "http://10.0.0.1/?token=hidden")
    assert seen.error == "Not sent: the host's address is private or reserved."


async def test_a_name_that_does_not_exist(session: aiohttp.ClientSession) -> None:
    seen = await tried(session, "https://nothing-here.invalid/")
    assert seen.error in ("The host name does not resolve.", "No reply within 10 seconds.")


async def test_tls_to_a_server_without(session: aiohttp.ClientSession, sink: Sink) -> None:
    seen = await tried(session, sink.url.replace("http:", "https:"))
    assert seen.error.startswith("The TLS handshake failed: ")
    assert sink.received == []


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    return context


async def test_a_certificate_that_nobody_vouches_for(
    session: aiohttp.ClientSession, self_signed: ssl.SSLContext
) -> None:
    sink = Sink()
    app = web.Application()
    app.router.add_post("/", sink.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=self_signed).start()
    seen = await tried(session, f"https://localhost:{runner.addresses[0][1]}/")
    await runner.cleanup()
    assert seen.error.startswith("The server's certificate is not valid: ")
    assert sink.received == []


async def test_a_compressed_reply_is_not_unpacked(
    session: aiohttp.ClientSession, sink: Sink
) -> None:
    async def bomb() -> web.Response:
        packed = gzip.compress(b"0" * 10_000_000)
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    sink.answers["/hook"] = bomb
    seen = await tried(session, f"{sink.url}/hook")
    assert sink.received[0].headers["Accept-Encoding"] == "identity"
    assert len(seen.reply) <= REPLY_BYTES_MAX
    assert "0000" not in seen.reply


async def test_a_url_that_the_client_cannot_take_is_told_not_raised(
    session: aiohttp.ClientSession,
) -> None:
    for url in ("https://" + "a" * 70 + ".example/", "http://", "gopher://127.0.0.1/"):
        seen = await tried(session, url)
        assert seen.status_code is None
        assert seen.error


def test_what_is_kept_can_be_stored_as_text() -> None:
    assert plain(b"a\0b\xff\xc3") == "a\ufffdb\ufffd\ufffd"
    assert plain("a\0b\ud800") == "a\ufffdb?"


@pytest.mark.parametrize(("value", "seconds"), [
    ("", 0), ("0", 0), ("120", 120), ("-5", 0), ("soon", 0), ("١٢", 0), ("1e9", 0), ("1.5", 0),
    ("9" * 400, 999_999_999_999), ("Mon, 12 Jan 2026 20:21:00 GMT", 60),
    ("Mon, 12 Jan 2026 20:21:00", 60), ("Mon, 12 Jan 2026 19:00:00 GMT", 0),
    ("Mon, 12 Jan 2026 20:21:00 +99999999", 0), ("Mon, 99 Foo 2026", 0),
])  # fmt: skip
def test_retry_after_in_seconds_and_as_a_date(value: str, seconds: float) -> None:
    assert retry_after(value, AT) == seconds


async def test_the_retry_after_of_a_reply_is_read(
    session: aiohttp.ClientSession, sink: Sink
) -> None:
    sink.answers["/hook"] = 503
    sink.headers = {"Retry-After": "17"}
    seen = await tried(session, f"{sink.url}/hook")
    assert (seen.status_code, seen.retry_after_seconds) == (503, 17)
