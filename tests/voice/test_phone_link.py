"""The link that sets a phone up: who made it, for how long it is good, what it gives away."""

from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from cryptography.fernet import Fernet

from telephony.clock import SECOND
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import phone_link
from telephony.voice.phone_link import (
    NAMESPACE,
    PLAIN_SECONDS,
    SIGNED_IN_SECONDS,
    configuration,
    is_good,
    new_link,
    parse,
    qr_svg,
    url,
)
from telephony.voice.sip_accounts import digests

VAULT = Vault(Fernet.generate_key().decode())
NOW = 1_800_000_000 * SECOND + 123
SETTINGS = Settings(public_url="https://sip.example/")
SECRET = "the phone's own secret"
ROW: dict[str, Any] = {
    "id": "sip_01", "username": "alice", "transports": "udp,tcp,tls,wss", "codecs": "ulaw",
    "media": "rtp", "generation": 3,
    "digests_sealed": VAULT.seal(digests("alice", SETTINGS.realm, SECRET)),
}  # fmt: skip
BOTH = pytest.mark.parametrize("signs_in", [True, False])


def token(signs_in: bool = True, **row: Any) -> str:
    return new_link(ROW, signs_in, NOW).token(VAULT, ROW | row)


def good(text: str, at: int = NOW, vault: Vault = VAULT, **row: Any) -> bool:
    link = parse(text)
    return link is not None and is_good(text, link, vault, ROW | row, at)


@BOTH
def test_it_is_good_until_it_runs_out(signs_in: bool) -> None:
    seconds = SIGNED_IN_SECONDS if signs_in else PLAIN_SECONDS
    assert parse(token(signs_in)) == new_link(ROW, signs_in, NOW)
    assert good(token(signs_in))
    assert good(token(signs_in), NOW + (seconds - 1) * SECOND)
    assert not good(token(signs_in), NOW + seconds * SECOND)


def test_a_change_of_the_account_ends_it() -> None:
    assert not good(token(), generation=4)


def test_another_installation_cannot_make_one() -> None:
    assert not good(token(), vault=Vault(Fernet.generate_key().decode()))


def test_nothing_in_it_can_be_changed() -> None:
    sip_id, expires, kind, mark = token(signs_in=False).split(".")
    for forged in (
        f"{sip_id}.{int(expires) + 1}.{kind}.{mark}", f"{sip_id}.{expires}.s.{mark}",
        f"sip_02.{expires}.{kind}.{mark}", f"{sip_id}.{expires}.{kind}.", f"{sip_id}.{expires}.p",
        f"{sip_id}.0{expires}.{kind}.{mark}", f"{sip_id}.{expires}.{kind}.{mark}.x",
        f"{sip_id}.{expires}.x.{mark}", f"{sip_id}.{expires}.{kind}.{mark[:-1]}é",
    ):  # fmt: skip
        assert not good(forged), forged


@pytest.mark.parametrize("text", ["", ".", "...", "a.b.c.d", "a.-1.s.d", "a.१२.s.d", "a" * 9999])
def test_what_is_no_token(text: str) -> None:
    assert not good(text)


def entries(content: bytes) -> dict[str, dict[str, str]]:
    """As Linphone reads it: section → key → value."""
    root = ElementTree.fromstring(content)
    assert root.tag == f"{{{NAMESPACE}}}config"
    return {
        section.attrib["name"]: {entry.attrib["name"]: entry.text or "" for entry in section}
        for section in root
    }


def configured(signs_in: bool, settings: Settings = SETTINGS, **row: Any) -> dict[str, Any]:
    link = new_link(ROW, signs_in, NOW)
    return entries(configuration(ROW | row, link, VAULT, settings))


def test_the_configuration_holds_the_digest_only_if_it_signs_in() -> None:
    md5 = digests("alice", SETTINGS.realm, SECRET).split(",")[0].removeprefix("MD5:")
    assert configured(True)["auth_info_0"] == {
        "username": "alice", "ha1": md5, "realm": SETTINGS.realm, "domain": "sip.example",
        "algorithm": "MD5",
    }  # fmt: skip
    assert "auth_info_0" not in configured(False)
    plain = configuration(ROW, new_link(ROW, False, NOW), VAULT, SETTINGS).decode()
    assert md5 not in plain
    assert SECRET not in plain


def test_the_digest_is_of_the_algorithm_that_phones_are_challenged_with() -> None:
    both = Settings(public_url="https://sip.example", sip_digests="SHA-256,MD5")
    found = configured(True, both)["auth_info_0"]
    assert (found["algorithm"], len(found["ha1"])) == ("SHA-256", 64)


def test_the_account_and_its_media() -> None:
    plain = configured(False)
    assert plain["proxy_0"]["reg_proxy"] == "<sip:sip.example:5060;transport=udp>"
    assert plain["proxy_0"]["reg_identity"] == "sip:alice@sip.example"
    assert (plain["sip"]["media_encryption"], plain["net"]["stun_server"]) == ("none", "")
    assert plain["sip"]["media_encryption_mandatory"] == "0"
    coded = configured(False, media="srtp")
    assert coded["proxy_0"]["reg_proxy"] == "<sip:sip.example:5061;transport=tls>"
    assert coded["sip"]["media_encryption"] == "srtp"
    assert coded["sip"]["media_encryption_mandatory"] == "1"


def test_an_account_for_browsers_alone_has_no_server_for_linphone() -> None:
    assert set(configured(True, transports="wss")) == {"sip", "net", "auth_info_0"}


def test_a_qr_code_is_of_the_whole_url() -> None:
    text = url(SETTINGS, token())
    assert text == f"https://sip.example{phone_link.PATH}/{token()}"
    svg = qr_svg(text)
    assert svg.startswith("<svg ")
    modules = segno.make(text, error="m").symbol_size(scale=phone_link.MODULE_PIXELS)
    assert f'width="{modules[0]}" height="{modules[1]}"' in svg
    assert qr_svg(f"{text}x") != svg
