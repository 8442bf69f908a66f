"""Messages from phones: joined, given to whoever owns the number, told once."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from db import accounts, inbound, sms_accounts, sms_replies
from db.connection import Conn, Row
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
REPLIES = "sms-replies"
"""Rings whoever answers keywords."""
SIMULATOR = "simulator"
"""The provider of what no phone sent."""


def receive(conn: Conn, batch: Sequence[Inbound], now: Instant) -> None:
    """Keep each message, or each part until the last one is there; a repeated one changes
    nothing."""
    for one in batch:
        conn.lock(f"sms-inbound:{one.provider}")
        if one.parts > 1:
            _part(conn, one, now)
        else:
            _whole(conn, one.provider, one.sender, one.recipient, [one.text], _fact(one), now)


def simulate(
    conn: Conn, account_id: str, sender: str, recipient: str, text: str,
    callback_url: str | None, now: Instant,
) -> Row:  # fmt: skip
    """Let a test account receive a message that no phone sent, whoever owns the recipient; its
    row."""
    one = Whole(account_id, "test", SIMULATOR, sender, recipient, [text], new_id("simulated"))
    row = _keep(conn, one, callback_url, now)
    assert row is not None
    return row


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


@dataclass(frozen=True)
class Whole:
    """A message with all its parts, and whose it is."""

    account_id: str
    mode: str
    provider: str
    sender: str
    recipient: str
    texts: list[str]
    fact: str


def _whole(
    conn: Conn, provider: str, sender: str, recipient: str, texts: list[str], fact: str,
    now: Instant,
) -> None:  # fmt: skip
    account_id, mode = inbound.owner(conn, recipient) or (accounts.PLATFORM, "live")
    _keep(conn, Whole(account_id, mode, provider, sender, recipient, texts, fact), None, now)


def _keep(conn: Conn, one: Whole, callback_url: str | None, now: Instant) -> Row | None:
    """The row of a message, obeyed and told; None for one that was kept before."""
    text = _mended("".join(one.texts))
    keyword = keyword_of(text)
    count = len(one.texts) if len(one.texts) > 1 else split(text).count
    row: Row = {
        "id": new_id("msg"), "account_id": one.account_id, "mode": one.mode,
        "provider": one.provider, "from_number": one.sender, "to_number": one.recipient,
        "body": text, "segments": count, "fact": one.fact, "keyword": keyword or "",
        "created_at": now,
    }  # fmt: skip
    if not inbound.add(conn, **row):
        return None
    if one.account_id != accounts.PLATFORM:
        _obey(conn, row, keyword)
        _tell(conn, row, callback_url)
    return row


def _tell(conn: Conn, row: Row, callback_url: str | None) -> None:
    emit(
        conn, account_id=row["account_id"], mode=row["mode"], kind="message_received",
        subject=row["id"], fact="received", callback_url=callback_url, now=row["created_at"],
        payload={
            "message_id": row["id"], "from": row["from_number"], "to": row["to_number"],
            "text": row["body"], "received_at": rfc3339(row["created_at"]),
            "segments": row["segments"],
        },
    )  # fmt: skip


def _obey(conn: Conn, row: Row, keyword: Keyword | None) -> None:
    account_id, ours, phone = row["account_id"], row["to_number"], row["from_number"]
    if keyword is Keyword.STOP:
        sms_accounts.opt_out(conn, account_id, row["mode"], ours, phone, keyword, row["created_at"])
    elif keyword is Keyword.START:
        sms_accounts.opt_in(conn, account_id, row["mode"], ours, phone)
    if keyword and (reply := sms_replies.body_for(conn, account_id, ours, keyword)):
        sms_replies.add_due(conn, row["id"], reply)
        conn.wake(REPLIES)


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
