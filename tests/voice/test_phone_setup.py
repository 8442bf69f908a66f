"""What a phone's user has to type in, for each kind of account and in each phone's own words."""

from pathlib import Path
from typing import Any

import pytest

from telephony.settings import Settings
from telephony.voice.phone_setup import (
    SECRET,
    PhoneSetup,
    baresip,
    linphone,
    native,
    phone_setup,
    proxy,
    zoiper,
)

ROW = {
    "username": "alice", "transports": "udp,tcp,tls,wss", "codecs": "ulaw,alaw", "media": "rtp",
}  # fmt: skip
OWN = {"tls_cert": Path("/c.pem"), "tls_key": Path("/k.pem")}


def made(settings: dict[str, Any] | None = None, **row: str) -> PhoneSetup:
    return phone_setup(ROW | row, Settings(**(settings or {})))


def test_every_way_has_its_port() -> None:
    setup = made(
        {"sip_port": 1, "sips_port": 2, "wss_port": 3, "public_url": "https://sip.example"}
    )
    assert setup.ways == {
        "udp": "sip.example:1", "tcp": "sip.example:1", "tls": "sip.example:2",
        "wss": "wss://sip.example:3/ws",
    }  # fmt: skip
    assert setup.identity == "sip:alice@sip.example"


def test_an_address_of_ipv6_is_bracketed() -> None:
    assert made({"bind_host": "::1"}).ways["udp"] == "[::1]:5060"
    assert made({"public_url": "http://[2001:db8::1]:80"}).ways["tls"] == "[2001:db8::1]:5061"


@pytest.mark.parametrize(
    ("settings", "row", "best"),
    [
        ({}, {}, "udp"),
        (OWN, {}, "tls"),
        (OWN, {"transports": "tcp"}, "tcp"),
        ({}, {"transports": "tls,wss"}, "tls"),
        ({}, {"media": "srtp"}, "tls"),
        ({}, {"media": "srtp", "transports": "udp"}, "udp"),
        ({}, {"media": "webrtc"}, "wss"),
        ({}, {"media": "webrtc", "transports": "udp,tls"}, "tls"),
    ],
)
def test_the_way_to_take(settings: dict[str, Any], row: dict[str, str], best: str) -> None:
    assert made(settings, **row).transport == best


def test_lines_of_baresip() -> None:
    lines = baresip(made(codecs="g722,gsm,alaw"))
    assert set(lines) == {"udp", "tcp", "tls"}
    assert lines["tls"] == (
        "<sip:alice@127.0.0.1:5061;transport=tls>;auth_user=alice;auth_pass=SECRET"
        ";audio_codecs=G722,GSM,PCMA;regint=300"
    )
    assert baresip(made(media="srtp"))["tls"].endswith(";mediaenc=srtp-mand")
    assert baresip(made(media="webrtc"))["tls"].endswith(";mediaenc=dtls_srtp")


def test_fields_of_linphone() -> None:
    assert linphone(made(media="srtp")) == {
        "username": "alice", "password": SECRET, "domain": "127.0.0.1", "transport": "TLS",
        "proxy": "sip:127.0.0.1:5061;transport=tls", "media_encryption": "srtp",
    }  # fmt: skip


def test_fields_of_zoiper() -> None:
    assert zoiper(made()) == {
        "username": "alice@127.0.0.1", "password": SECRET, "hostname": "127.0.0.1:5060",
        "authentication_username": "alice", "transport": "UDP", "stun": "off",
    }  # fmt: skip


def test_a_phone_that_is_no_browser_takes_another_way_than_wss() -> None:
    browser = made(media="webrtc")
    assert (browser.transport, native(browser)) == ("wss", "tls")
    assert proxy(browser, "tls") == "sip:127.0.0.1:5061;transport=tls"
    assert native(made(media="webrtc", transports="wss,udp")) == "udp"


def test_an_account_for_browsers_alone_has_no_fields_for_other_phones() -> None:
    only = made(transports="wss")
    assert (native(only), baresip(only), linphone(only), zoiper(only)) == (None, {}, {}, {})
