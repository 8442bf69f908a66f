"""Messages from phones: joined, given to whoever owns the number, told once."""

import hashlib
from collections.abc import Sequence

from db import accounts, inbound, sms_accounts
from db.connection import Conn
from db.ids import new_id
from db.inbound import Key
from telephony.clock import SECOND, Instant, rfc3339
from telephony.sms.keywords import Keyword, keyword_of
from telephony.sms.providers.base import Inbound
from telephony.sms.segments import split
from telephony.webhooks.events import emit

PARTS_WAIT_SECONDS = 24 * 3600
STALE_MAX = 100
MISSING = "[…]"
"""Stands for a part that never came."""


def receive(conn: Conn, batch: Sequence[Inbound], now: Instant) -> None:
    """Keep each message, or each part until the last one is there; a repeated one changes
    nothing."""
    for one in batch:
        conn.lock(f"sms-inbound:{one.provider}")
        if one.parts > 1:
            _part(conn, one, now)
        else:
            _whole(conn, one.provider, one.sender, one.recipient, [one.text], _fact(one), now)


def _part(conn: Conn, one: Inbound, now: Instant) -> None:
    key: Key = {
        "provider": one.provider, "sender": one.sender, "recipient": one.recipient,
        "reference": one.reference, "parts": one.parts,
    }  # fmt: skip
    there = {row["part"]: row for row in inbound.parts(conn, key)}
    same = there.get(one.part)
    if same and same["text"] == one.text:
        return
    if same:  # the phone counts its references around
        inbound.drop_parts(conn, key)
        there = {}
    inbound.add_part(conn, key, one.part, one.text, now)
    if len(there) + 1 == one.parts:
        _join(conn, key, now)
        inbound.finish_parts(conn, key)


def join_stale(conn: Conn, now: Instant) -> None:
    """Tell of messages whose missing parts are waited for no longer, and forget old parts."""
    for key in inbound.stale(conn, now - PARTS_WAIT_SECONDS * SECOND, STALE_MAX):
        if not all(row["done"] for row in inbound.parts(conn, key)):
            _join(conn, key, now)
        inbound.drop_parts(conn, key)


def _join(conn: Conn, key: Key, now: Instant) -> None:
    there = {row["part"]: row["text"] for row in inbound.parts(conn, key)}
    texts = [there.get(part, MISSING) for part in range(1, key["parts"] + 1)]
    _whole(conn, key["provider"], key["sender"], key["recipient"], texts, new_id("parts"), now)


def _whole(
    conn: Conn, provider: str, sender: str, recipient: str, texts: list[str], fact: str,
    now: Instant,
) -> None:  # fmt: skip
    text = _mended("".join(texts))
    account_id, mode = inbound.owner(conn, recipient) or (accounts.PLATFORM, "live")
    keyword = keyword_of(text)
    message_id = new_id("msg")
    count = len(texts) if len(texts) > 1 else split(text).count
    new = inbound.add(
        conn, id=message_id, account_id=account_id, mode=mode, provider=provider,
        from_number=sender, to_number=recipient, body=text, segments=count, fact=fact,
        keyword=keyword or "", created_at=now,
    )  # fmt: skip
    if not new or account_id == accounts.PLATFORM:
        return
    _obey(conn, account_id, mode, recipient, sender, keyword, now)
    emit(
        conn, account_id=account_id, mode=mode, kind="message_received", subject=message_id,
        fact="received", callback_url=None, now=now,
        payload={
            "message_id": message_id, "from": sender, "to": recipient, "text": text,
            "received_at": rfc3339(now), "segments": count,
        },
    )  # fmt: skip


def _obey(
    conn: Conn, account_id: str, mode: str, ours: str, phone: str, keyword: Keyword | None,
    now: Instant,
) -> None:  # fmt: skip
    if keyword is Keyword.STOP:
        sms_accounts.opt_out(conn, account_id, mode, ours, phone, keyword, now)
    elif keyword is Keyword.START:
        sms_accounts.opt_in(conn, account_id, mode, ours, phone)


def _mended(text: str) -> str:
    """Halves of surrogate pairs that met are one character again; what no database takes as text
    is left out."""
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return paired.replace("\0", "")


def _fact(one: Inbound) -> str:
    """What a message and its repetition have in common, as far as the provider tells."""
    if one.provider_message_id:
        return f"{one.provider}:{one.provider_message_id}"
    if one.at is None:
        return new_id("single")
    parts = (one.provider, one.sender, one.recipient, str(one.at), one.text)
    described = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(described, digest_size=16).hexdigest()
