"""What to type into a phone: addresses, user name, codecs and media protection of a SIP account,
and the same in the words of Linphone, Zoiper and baresip. The secret is in none of it."""

from dataclasses import dataclass

from db.connection import Row
from telephony.settings import Settings

ENCRYPTION = {"rtp": "none", "srtp": "sdes", "webrtc": "dtls-srtp"}
SECRET = "SECRET"
"""Stands where the phone's user puts the secret, which the platform does not know."""
REGISTER_SECONDS = 300
BARESIP_CODECS = {"ulaw": "PCMU", "alaw": "PCMA", "g722": "G722", "gsm": "GSM"}
BARESIP_MEDIA = {
    "none": "",
    "sdes": ";mediaenc=srtp-mand",
    "dtls-srtp": ";mediaenc=dtls_srtp",
}
LINPHONE_MEDIA = {"none": "none", "sdes": "srtp", "dtls-srtp": "dtls"}


@dataclass(frozen=True)
class PhoneSetup:
    """`ways` maps a transport to the address of the server, `transport` is the one to take."""

    username: str
    realm: str
    server: str
    ways: dict[str, str]
    transport: str
    codecs: list[str]
    media_encryption: str

    @property
    def identity(self) -> str:
        """The phone's own address of record."""
        return f"sip:{self.username}@{self.server}"


def phone_setup(row: Row, settings: Settings) -> PhoneSetup:
    """The setup of a SIP account."""
    host = settings.sip_host
    ways = {
        "udp": f"{host}:{settings.sip_port}",
        "tcp": f"{host}:{settings.sip_port}",
        "tls": f"{host}:{settings.sips_port}",
        "wss": f"wss://{host}:{settings.wss_port}/ws",
    }
    allowed = {name: ways[name] for name in row["transports"].split(",")}
    encryption = ENCRYPTION[row["media"]]
    return PhoneSetup(
        row["username"], settings.realm, host, allowed, _best(allowed, encryption, settings),
        row["codecs"].split(","), encryption,
    )  # fmt: skip


def _best(ways: dict[str, str], encryption: str, settings: Settings) -> str:
    """Keys of the media must not travel in the clear; else a phone that does not know our
    certificate gets in without TLS."""
    by_media = {"sdes": ("tls",), "dtls-srtp": ("wss", "tls")}
    known = ("tls",) if settings.tls_cert else ()
    order = (*by_media.get(encryption, known), "udp", "tcp", "tls", "wss")
    return next(name for name in order if name in ways)


def baresip(setup: PhoneSetup) -> dict[str, str]:
    """The line of baresip's file `accounts`, by transport; it knows no WebSocket."""
    codecs = ",".join(BARESIP_CODECS[codec] for codec in setup.codecs)
    return {
        transport: (
            f"<sip:{setup.username}@{address};transport={transport}>"
            f";auth_user={setup.username};auth_pass={SECRET};audio_codecs={codecs}"
            f";regint={REGISTER_SECONDS}{BARESIP_MEDIA[setup.media_encryption]}"
        )
        for transport, address in setup.ways.items()
        if transport != "wss"
    }


def linphone(setup: PhoneSetup) -> dict[str, str]:
    """The fields of Linphone's dialogue for a SIP account; none where only browsers may in."""
    transport = native(setup)
    if transport is None:
        return {}
    return {
        "username": setup.username,
        "password": SECRET,
        "domain": setup.server,
        "transport": transport.upper(),
        "proxy": proxy(setup, transport),
        "media_encryption": LINPHONE_MEDIA[setup.media_encryption],
    }


def zoiper(setup: PhoneSetup) -> dict[str, str]:
    """The fields of Zoiper's dialogue for a SIP account; none where only browsers may in."""
    transport = native(setup)
    if transport is None:
        return {}
    return {
        "username": setup.identity.removeprefix("sip:"),
        "password": SECRET,
        "hostname": setup.ways[transport],
        "authentication_username": setup.username,
        "transport": transport.upper(),
        "stun": "off",
    }


def native(setup: PhoneSetup) -> str | None:
    """The transport to take for a phone that is no browser, None where there is none."""
    order = (setup.transport, "tls", "udp", "tcp")
    return next((name for name in order if name in setup.ways and name != "wss"), None)


def proxy(setup: PhoneSetup, transport: str) -> str:
    """Server, port and transport as a SIP address."""
    return f"sip:{setup.ways[transport]};transport={transport}"
