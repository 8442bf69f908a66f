"""Phones register and call over every transport, and a browser's offer gets a browser's answer."""

import re
from collections.abc import Callable

import pytest

from tests.fixtures_pbx import Pbx
from tests.pbx.agi_server import agi_server, granting
from tests.pbx.sip_client import SDP, SipClient
from tests.pbx.sip_wires import StreamWire, TlsWire, UdpWire, WebSocketWire, Wire

HOST = "127.0.0.1"
SECRET = "over every transport"
FINGERPRINT = ":".join(["AB"] * 32)
CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
# What a browser offers, as far as it decides how the media is protected.
BROWSER = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
    "a=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
    "a=candidate:1 1 UDP 2130706431 127.0.0.1 20996 typ host\r\n"
    f"a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\na=rtcp-mux\r\na=sendrecv\r\n"
    "a=rtpmap:0 PCMU/8000\r\n"
)
# `webrtc=yes` would say the same and more: it also takes what is offered in the clear.
FOR_BROWSERS = {
    "media_encryption": "dtls", "dtls_auto_generate_cert": "yes", "dtls_setup": "actpass",
    "dtls_verify": "fingerprint", "use_avpf": "yes", "ice_support": "yes", "rtcp_mux": "yes",
}  # fmt: skip

WIRES: dict[str, Callable[[Pbx], Wire]] = {
    "udp": lambda pbx: UdpWire(HOST, pbx.settings.sip_port),
    "tcp": lambda pbx: StreamWire(HOST, pbx.settings.sip_port),
    "tls": lambda pbx: TlsWire(HOST, pbx.settings.sips_port, pbx.settings.self_signed_cert),
    "wss": lambda pbx: WebSocketWire(HOST, pbx.settings.wss_port, pbx.settings.self_signed_cert),
}


def phone(pbx: Pbx, name: str, transport: str) -> SipClient:
    return pbx.phone(name, SECRET, wire=WIRES[transport](pbx))


@pytest.mark.parametrize("transport", WIRES)
def test_a_phone_registers_and_calls(pbx: Pbx, transport: str) -> None:
    name = f"wire-{transport}"
    pbx.provision(name, SECRET)
    with agi_server(pbx.settings.agi_port, granting()), phone(pbx, name, transport) as here:
        assert here.register() == 200
        assert here.invite("+15550000001") == 200
        assert "m=audio" in here.answer
        assert here.bye() == 200
        assert here.register(expires=0) == 200


@pytest.mark.parametrize("transport", WIRES)
def test_a_wrong_secret_is_refused_on_every_transport(pbx: Pbx, transport: str) -> None:
    pbx.provision("wire-wrong", "quite another one")
    with phone(pbx, "wire-wrong", transport) as here:
        assert here.register() == 401


def test_a_web_socket_must_speak_sip(pbx: Pbx) -> None:
    with phone(pbx, "nobody", "wss") as here:
        assert isinstance(here.wire, WebSocketWire)
        assert "Sec-WebSocket-Protocol: sip" in here.wire.greeting


def test_media_over_tls_is_encrypted_where_the_account_says_so(pbx: Pbx) -> None:
    pbx.provision("wire-srtp", SECRET, media_encryption="sdes")
    with agi_server(pbx.settings.agi_port, granting()), phone(pbx, "wire-srtp", "tls") as here:
        assert here.invite("+15550000001", SDP) == 488
        assert here.invite("+15550000001", SDP.replace("RTP/AVP", "RTP/SAVP") + CRYPTO) == 200
        assert re.search(r"m=audio \d+ RTP/SAVP 0", here.answer)
        assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in here.answer
        assert here.bye() == 200


def test_a_browser_is_answered_with_fingerprint_and_candidates(pbx: Pbx) -> None:
    """DTLS-SRTP as far as signalling goes: the media itself needs a browser."""
    pbx.provision("wire-browser", SECRET, **FOR_BROWSERS)
    with agi_server(pbx.settings.agi_port, granting()), phone(pbx, "wire-browser", "wss") as here:
        assert here.register() == 200
        assert here.invite("+15550000001", SDP) == 488
        assert here.invite("+15550000001", BROWSER) == 200
        answer = here.answer
        assert re.search(r"m=audio \d+ UDP/TLS/RTP/SAVPF 0", answer)
        assert re.search(r"a=fingerprint:SHA-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}", answer)
        assert re.search(r"a=candidate:\S+ 1 UDP \d+ [0-9.]+ \d+ typ host", answer)
        assert {"a=setup:active", "a=rtcp-mux"} <= set(answer.splitlines())
        assert re.search(r"a=ice-ufrag:\S+", answer)
        assert here.bye() == 200
