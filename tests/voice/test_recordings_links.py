"""Signed links: good for one recording of one installation, for a while."""

from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.fernet import Fernet

from telephony.clock import SECOND, now
from telephony.errors import LinkExpiredError, LinkForgedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.recordings.deeds import DAY
from telephony.voice.recordings.links import Link, Links
from tests.voice.calling import VAULT

SETTINGS = Settings(public_url="https://voice.example.com/", recording_url_seconds=60)


def parts(link: Link) -> tuple[int, str]:
    """`expires` and `signature` of a link."""
    values = parse_qs(urlsplit(link.url).query)
    return int(values["expires"][0]), values["signature"][0]


def test_a_link_is_good_until_its_second() -> None:
    links, at = Links(SETTINGS, VAULT), now()
    link = links.make("rec_1", at, at + DAY)
    assert link.url.startswith("https://voice.example.com/api/v1/voice/recordings/rec_1?expires=")
    assert at + 59 * SECOND < link.expires_at <= at + 60 * SECOND
    expires, signature = parts(link)
    assert expires * SECOND == link.expires_at
    links.check("rec_1", expires, signature, link.expires_at - 1)
    with pytest.raises(LinkExpiredError):
        links.check("rec_1", expires, signature, link.expires_at)
    with pytest.raises(LinkForgedError):
        links.check("rec_2", expires, signature, at)
    with pytest.raises(LinkForgedError):
        links.check("rec_1", expires + 1, signature, at)


def test_another_installation_s_links_are_forged() -> None:
    other = Vault(Fernet.generate_key().decode())
    assert other.subkey("a") != other.subkey("b") != VAULT.subkey("b")
    at = now()
    expires, signature = parts(Links(SETTINGS, other).make("rec_1", at, at + DAY))
    Links(SETTINGS, other).check("rec_1", expires, signature, at)
    with pytest.raises(LinkForgedError):
        Links(SETTINGS, VAULT).check("rec_1", expires, signature, at)
