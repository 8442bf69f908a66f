"""The setup sheet of a SIP account, and the link by which a phone sets itself up."""

import asyncio
from html import escape
from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from api.endpoint import PUBLIC, Context, Endpoints
from api.fields import Answer, Nothing, Time
from db import sip
from db.connection import Row
from telephony.errors import LinkExpiredError, NotFoundError
from telephony.settings import Settings
from telephony.voice import phone_link, phone_setup, sip_accounts

endpoint = Endpoints()

HTML, SVG, XML = "text/html", "image/svg+xml", "application/xml"
NO_STORE = {"Cache-Control": "no-store"}
# No script, no other site: the page shows text that customers chose.
SHUT = NO_STORE | {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
}

Transport = Literal["udp", "tcp", "tls", "wss"]


class SetupWay(Answer):
    """An address of the server; of `wss` it is a URL."""

    transport: Transport
    address: Annotated[str, Field(examples=["sip.example.com:5060"])]


class SetupLink(Answer):
    """`qr_svg` holds the URL; Linphone fetches its configuration from there."""

    provisioning_url: str
    expires_at: Time
    qr_svg: str = ""


class Setup(SetupLink):
    """What to enter in a phone. `SECRET` stands where the secret goes, which is not known here.
    Zoiper reads QR codes of its own service only."""

    sip_account: str
    username: str
    realm: str
    server: str
    transport: Annotated[Transport, Field(description="The one to take")]
    transports: list[SetupWay]
    codecs: list[str]
    media_encryption: Literal["none", "sdes", "dtls-srtp"]
    stun: Literal["none"] = "none"
    certificate: Annotated[
        str | None, Field(description="PEM of a self-signed one, for phones to trust")
    ] = None
    baresip: Annotated[dict[str, str], Field(description="Line of its file `accounts`")]
    linphone: dict[str, str]
    zoiper: dict[str, str]


@endpoint(
    "GET", "/voip/accounts/{id}/setup", scope="voip:read", returns=Setup, besides=(HTML, SVG),
    errors=(NotFoundError,),
)  # fmt: skip
async def phone_setup_sheet(context: Context, _: None) -> Setup | Response:
    """Read how to set a phone up: settings, and a QR code; as JSON, HTML or SVG."""
    row = await sip.find(context.db, context.me.account_id, context.path["id"])
    if row is None:
        raise NotFoundError
    sheet = _sheet(row, context)
    sheet.qr_svg = await _qr_svg(sheet.provisioning_url)
    wanted = context.headers.get("accept", "")
    if SVG in wanted and HTML not in wanted:
        return Response(sheet.qr_svg, media_type=SVG, headers=SHUT)
    sheet.certificate = await asyncio.to_thread(_certificate, context.settings)
    if HTML in wanted:
        return Response(_page(sheet), media_type=HTML, headers=SHUT)
    return sheet


async def _qr_svg(url: str) -> str:
    """In a thread: it takes 10 ms or more."""
    return await asyncio.to_thread(phone_link.qr_svg, url)


async def _with_qr_code(context: Context, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    return 200, body | {"qr_svg": await _qr_svg(body["provisioning_url"])}


@endpoint(
    "POST", "/voip/accounts/{id}/setup", scope="voip:manage", takes=Nothing, returns=SetupLink,
    errors=(NotFoundError,), then=_with_qr_code,
)  # fmt: skip
def phone_sign_in_link(context: Context, _: Nothing) -> SetupLink:
    """Make a link that sets Linphone up and signs it in; good for ten minutes, the secret stays."""
    row = sip_accounts.pick(context.conn, context.me.account_id, context.path["id"])
    return SetupLink(**_link(row, True, context))


@endpoint(
    "GET", "/voip/setup/{token}", scope=PUBLIC, returns=None, besides=(XML,),
    errors=(LinkExpiredError, NotFoundError),
)  # fmt: skip
async def phone_configuration(context: Context, _: None) -> Response:
    """Get the configuration of a phone by the link of its QR code, as Linphone reads it."""
    token, vault = context.path["token"], context.vault
    link = phone_link.parse(token)
    row = await sip.by_id(context.db, link.sip_id) if link else None
    if not (link and row and phone_link.is_good(token, link, vault, row, context.now)):
        raise LinkExpiredError("This link has run out, or the account has changed. Make a new one.")
    content = phone_link.configuration(row, link, vault, context.settings)
    return Response(content, media_type=XML, headers=NO_STORE)


def _sheet(row: Row, context: Context) -> Setup:
    setup = phone_setup.phone_setup(row, context.settings)
    ways = [SetupWay(transport=name, address=at) for name, at in setup.ways.items()]
    return Setup(
        sip_account=row["id"], username=setup.username, realm=setup.realm, server=setup.server,
        transport=setup.transport, transports=ways, codecs=setup.codecs,
        media_encryption=setup.media_encryption, baresip=phone_setup.baresip(setup),
        linphone=phone_setup.linphone(setup), zoiper=phone_setup.zoiper(setup),
        **_link(row, False, context),
    )  # fmt: skip


def _link(row: Row, signs_in: bool, context: Context) -> dict[str, Any]:
    link = phone_link.new_link(row, signs_in, context.now)
    url = phone_link.url(context.settings, link.token(context.vault, row))
    return {"provisioning_url": url, "expires_at": link.expires_at}


def _certificate(settings: Settings) -> str | None:
    """The PBX may run on another machine; then it is there, not here."""
    kept = settings.self_signed_cert
    return kept.read_text() if not settings.tls_cert and kept.exists() else None


PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Set up {username}</title>
<style>body{{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto;padding:0 1em}}
th{{text-align:left;padding-right:2em;vertical-align:top}}code{{overflow-wrap:anywhere}}</style>
<h1>Set up {username}</h1>
<p>Put the account's secret where this page says SECRET; nobody but you has it.</p>
<table>{rows}</table>
<h2>Linphone</h2>
<p>Scan this with Linphone (“Fetch remote configuration”), then enter the secret.</p>
{qr}
<table>{linphone}</table>
<h2>Zoiper</h2><table>{zoiper}</table>
<h2>baresip</h2><table>{baresip}</table>
</html>
"""


def _page(sheet: Setup) -> str:
    facts = {
        "user name": sheet.username, "realm": sheet.realm, "server": sheet.server,
        **{way.transport.upper(): way.address for way in sheet.transports},
        "take": sheet.transport.upper(), "codecs": ", ".join(sheet.codecs),
        "media encryption": sheet.media_encryption, "STUN": sheet.stun,
    }  # fmt: skip
    return PAGE.format(
        username=escape(sheet.username), rows=_rows(facts), qr=sheet.qr_svg,
        linphone=_rows(sheet.linphone), zoiper=_rows(sheet.zoiper), baresip=_rows(sheet.baresip),
    )  # fmt: skip


def _rows(facts: dict[str, str]) -> str:
    return "".join(
        f"<tr><th>{escape(name.replace('_', ' '))}<td><code>{escape(value)}</code></tr>"
        for name, value in facts.items()
    )
