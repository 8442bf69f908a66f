"""SIP accounts in the AstDB of a PBX node: what it must hold, and how it gets there."""

import asyncio
import hashlib
import json
import logging
from contextlib import suppress
from ipaddress import ip_address

from db.connection import Row
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.ami import (
    AmiLink,
    AmiRefused,
    AmiValueError,
    CoreShowChannels,
    DBDel,
    DBPut,
    DialContacts,
    Hangup,
)

FAMILIES = ("ps/endpoint", "ps/auth", "ps/aor")
"""In the order of deletion: what phones use first goes first."""
CONTACTS = "registrar/contact"
MEDIA: dict[str, dict[str, str]] = {
    "rtp": {},
    "srtp": {"media_encryption": "sdes"},
    # `webrtc=yes` would say the same, and take what is offered in the clear, too.
    "webrtc": {
        "media_encryption": "dtls", "dtls_auto_generate_cert": "yes", "dtls_setup": "actpass",
        "dtls_verify": "fingerprint", "use_avpf": "yes", "ice_support": "yes", "rtcp_mux": "yes",
    },
}  # fmt: skip

log = logging.getLogger(__name__)


def wanted(row: Row) -> bool:
    """Whether the PBX is to know the SIP account; `row` has the `account_status` beside it."""
    return (
        row["deleted_at"] is None and row["status"] == "active"
        and row["account_status"] == "active"
    )  # fmt: skip


def astdb_rows(row: Row, vault: Vault, settings: Settings) -> dict[str, str]:
    """What AstDB holds of an account, by family: flat JSON of strings, in the order to write.
    A bad value would make the object vanish, and one bad row hides all of its kind, so this is
    the only place that writes them."""
    username = row["username"]
    aor = {
        "max_contacts": str(row["max_contacts"]), "remove_existing": "yes",
        "qualify_frequency": "0",
    }  # fmt: skip
    auth = {
        "auth_type": "digest", "username": username, "realm": settings.realm,
        "password_digest": vault.open(row["digests_sealed"]),
        "supported_algorithms_uas": settings.sip_digests,
    }  # fmt: skip
    rows = {"ps/aor": aor, "ps/auth": auth, "ps/endpoint": _endpoint(row, settings)}
    return {family: _json(values) for family, values in rows.items()}


def _json(values: dict[str, str]) -> str:
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def _endpoint(row: Row, settings: Settings) -> dict[str, str]:
    nat = "yes" if row["nat"] else "no"
    endpoint = {
        "aors": row["username"], "auth": row["username"], "context": "from-phone",
        "disallow": "all", "allow": row["codecs"], "direct_media": "no", "rtp_symmetric": nat,
        "force_rport": nat, "rewrite_contact": nat, "allow_transfer": "no",
        "trust_id_inbound": "no", "accountcode": row["account_id"],
        "callerid": row["caller_id"], "rtp_timeout": "120", **MEDIA[row["media"]],
    }  # fmt: skip
    if row["cidrs"]:
        # The last rule that fits counts, and options are read in the order of their names.
        endpoint |= {"deny": "0.0.0.0/0,::/0", "permit": row["cidrs"]}
    if not ip_address(settings.bind_host).is_unspecified:
        # Else audio binds to every address, and every call looks up this host's name.
        endpoint |= {"media_address": settings.bind_host, "bind_rtp_to_media_address": "yes"}
    return endpoint


def fold(digest: bytes, family: str, value: str) -> bytes:
    """The digest of what came before and of one more row."""
    return hashlib.blake2b(digest + f"{family}\0{value}".encode(), digest_size=16).digest()


async def put(link: AmiLink, username: str, rows: dict[str, str]) -> None:
    """Write an account, without waiting for one answer before the next row: a link keeps the
    order of what it is given."""
    await asyncio.gather(
        *(link.action(DBPut(family, username, value)) for family, value in rows.items())
    )


async def contact_keys(link: AmiLink, username: str) -> list[str]:
    """The keys in family `CONTACTS` of the phones that are registered as an account."""
    try:
        found = (await link.action(DialContacts(username))).get("value", "")
    except (AmiRefused, AmiValueError):
        return []
    uris = [each.split("/", 2)[-1] for each in found.split("&") if each]
    return [f"{username};@{hashlib.md5(uri.encode()).hexdigest()}" for uri in uris]


async def remove(link: AmiLink, username: str) -> bool:
    """Forget an account and the phones that are registered as it, whose channels live on; False
    if nothing was known of it."""
    keys = await contact_keys(link, username)
    known = [await _delete(link, family, username) for family in FAMILIES]
    for key in keys:
        await _delete(link, CONTACTS, key)
    return any(known)


async def _delete(link: AmiLink, family: str, key: str) -> bool:
    try:
        await link.action(DBDel(family, key))
    except AmiRefused:
        return False
    return True


async def hang_up(link: AmiLink, usernames: set[str]) -> None:
    """End every channel of these phones, whoever called whom."""
    for channel in await link.action(CoreShowChannels()):
        name = channel.fields.get("channel", "")
        if name.startswith("PJSIP/") and name[6:].rpartition("-")[0] in usernames:
            with suppress(AmiRefused):  # it ended by itself
                await link.action(Hangup(name))
                log.info("hung up %s, whose SIP account is no more", name)
