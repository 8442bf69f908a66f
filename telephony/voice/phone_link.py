"""A link that sets a phone up: Linphone fetches its configuration from there, mostly by a QR code.
With the digest in it the phone signs in by itself; the secret is never needed."""

import hmac
import io
from dataclasses import dataclass
from xml.etree import ElementTree

import segno

from db.connection import Row
from telephony.clock import SECOND, Instant
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.phone_setup import (
    LINPHONE_MEDIA,
    REGISTER_SECONDS,
    PhoneSetup,
    native,
    phone_setup,
    proxy,
)

PATH = "/api/v1/voip/setup"
PLAIN_SECONDS = 7 * 86_400
"""A link that only fills in what is printed on the sheet anyway."""
SIGNED_IN_SECONDS = 600
"""A link that gives the phone's digest to whoever has it."""
NAMESPACE = "http://www.linphone.org/xsds/lpconfig.xsd"
MODULE_PIXELS = 4


@dataclass(frozen=True)
class Link:
    """`signs_in`: the configuration holds the digest, which is as good as the secret."""

    sip_id: str
    expires_at: Instant
    signs_in: bool

    def token(self, vault: Vault, row: Row) -> str:
        """Goes out of use with the account's next change, a new secret for example."""
        kind = "s" if self.signs_in else "p"
        facts = f"{self.sip_id}.{self.expires_at // SECOND}.{kind}"
        mark = vault.fingerprint(f"phone:{facts}:{row['generation']}".encode())
        return f"{facts}.{mark}"


def new_link(row: Row, signs_in: bool, now: Instant) -> Link:
    """A link of a SIP account that is good from now on."""
    seconds = SIGNED_IN_SECONDS if signs_in else PLAIN_SECONDS
    return Link(row["id"], now // SECOND * SECOND + seconds * SECOND, signs_in)


def parse(token: str) -> Link | None:
    """What the token claims, unproven; None if it is none."""
    sip_id, expires, kind, *rest = (*token.split("."), "", "", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12 and rest):
        return None
    return Link(sip_id, int(expires) * SECOND, kind == "s")


def is_good(token: str, link: Link, vault: Vault, row: Row, now: Instant) -> bool:
    """True for a token of ours that has not run out and whose account has not changed since."""
    made = link.token(vault, row)
    return hmac.compare_digest(made.encode(), token.encode()) and now < link.expires_at


def url(settings: Settings, token: str) -> str:
    """Where the phone fetches its configuration."""
    return f"{settings.api_url}{PATH}/{token}"


def qr_svg(text: str) -> str:
    """A QR code as an inline SVG element."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", scale=MODULE_PIXELS, xmldecl=False, light="#fff"
    )
    return out.getvalue().decode().strip()


def configuration(row: Row, link: Link, vault: Vault, settings: Settings) -> bytes:
    """Linphone's remote provisioning: sections and entries of its own configuration, as XML."""
    setup = phone_setup(row, settings)
    sections = {
        "sip": {
            "default_proxy": "0",
            "media_encryption": LINPHONE_MEDIA[setup.media_encryption],
            "media_encryption_mandatory": str(int(setup.media_encryption != "none")),
        },
        "net": {"stun_server": ""},
    }
    if transport := native(setup):
        sections["proxy_0"] = _account(setup, proxy(setup, transport))
    if link.signs_in:
        sections["auth_info_0"] = _credentials(row, setup, vault, settings)
    return _xml(sections)


def _account(setup: PhoneSetup, server: str) -> dict[str, str]:
    return {
        "reg_identity": setup.identity,
        "reg_proxy": f"<{server}>",
        "reg_route": f"<{server}>",
        "reg_expires": str(REGISTER_SECONDS),
        "reg_sendregister": "1",
        "realm": setup.realm,
    }


def _credentials(row: Row, setup: PhoneSetup, vault: Vault, settings: Settings) -> dict[str, str]:
    """HA1 in the first of the algorithms that phones are challenged with."""
    algorithm = settings.sip_digests.partition(",")[0]
    digests = dict(one.split(":", 1) for one in vault.open(row["digests_sealed"]).split(","))
    return {
        "username": setup.username,
        "ha1": digests[algorithm],
        "realm": setup.realm,
        "domain": setup.server,
        "algorithm": algorithm,
    }


def _xml(sections: dict[str, dict[str, str]]) -> bytes:
    root = ElementTree.Element("config", xmlns=NAMESPACE)
    for name, entries in sections.items():
        section = ElementTree.SubElement(root, "section", name=name)
        for key, value in entries.items():
            entry = ElementTree.SubElement(section, "entry", name=key, overwrite="true")
            entry.text = value
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content
