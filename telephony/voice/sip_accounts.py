"""SIP accounts: the phone's user name, the digests of its secret, the caller id it shows."""

import hashlib
import secrets
from typing import Any

from db import accounts, caller_ids, calls, sip, sip_nodes
from db.connection import Conn, Row
from telephony.clock import Instant
from telephony.errors import CallerIdNotAllowedError, NotFoundError, SipAccountExistsError
from telephony.secrets import Vault
from telephony.voice import hangups
from telephony.voice.sip_rules import bad, check_secret, check_short_number, check_username

CHANNEL = "provisioning"
APPLIED = "applied"
ACCOUNTS_MAX = 1_000
"""SIP accounts of one customer."""
GENERATED_BYTES = 18
GENERATED_NAME_CHARS = 8
LEGIBLE = "abcdefghjkmnpqrstuvwxyz23456789"


def new_secret() -> str:
    """A secret for a phone: 24 characters that can be typed."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def new_username() -> str:
    """A user name that nobody has: 40 random bits, in letters that are not mistaken."""
    return "sip-" + "".join(secrets.choice(LEGIBLE) for _ in range(GENERATED_NAME_CHARS))


def digests(username: str, realm: str, secret: str) -> str:
    """`MD5:<hex>,SHA-256:<hex>` of user:realm:secret. As good as the secret for that realm, so
    it is sealed wherever it is kept, and never logged."""
    text = f"{username}:{realm}:{secret}".encode()
    return f"MD5:{hashlib.md5(text).hexdigest()},SHA-256:{hashlib.sha256(text).hexdigest()}"


def create(
    conn: Conn, vault: Vault, realm: str, /, *, account_id: str, username: str, secret: str,
    caller_id: str, dial_mode: str, now: Instant, **facts: Any,
) -> str:  # fmt: skip
    """Add a phone's account; its id. `facts` are further columns."""
    check_username(username)
    check_secret(secret, username)
    _check_free(conn, account_id, None, facts.get("short_number"))
    if sip.taken(conn, username):
        raise SipAccountExistsError(f"The user name {username} is taken. Choose another one.")
    if sip.count(conn, account_id) >= ACCOUNTS_MAX:
        raise bad("username", "too_many", f"An account has at most {ACCOUNTS_MAX} SIP accounts.")
    conn.wake(CHANNEL)
    sip_id = sip.add(
        conn, account_id=account_id, username=username, caller_id=caller_id, dial_mode=dial_mode,
        digests_sealed=vault.seal(digests(username, realm, secret)), created_at=now, **facts,
    )  # fmt: skip
    if sip_id is None:  # somebody was faster
        raise SipAccountExistsError
    return sip_id


def pick(conn: Conn, account_id: str, name: str | None) -> Row:
    """The account's SIP account of that username or id, or its only or first one;
    NotFoundError."""
    row = sip.named(conn, account_id, name)
    if row is None:
        raise NotFoundError("The account has no such SIP account.")
    return row


def set_secret(
    conn: Conn, vault: Vault, realm: str, account_id: str, name: str | None, secret: str,
    now: Instant,
) -> Row:  # fmt: skip
    """Replace the secret on every PBX node as soon as this commits; the account's new row."""
    row = pick(conn, account_id, name)
    check_secret(secret, row["username"])
    sealed = vault.seal(digests(row["username"], realm, secret))
    conn.wake(CHANNEL)
    return sip.change(conn, row["id"], now, digests_sealed=sealed)


def set_caller_id(
    conn: Conn, account_id: str, name: str | None, number: str, now: Instant
) -> Row:  # fmt: skip
    """Show another number from now on; it must be a verified one of the account."""
    return change(conn, account_id, name, {"caller_id": number}, now)


def may_show(conn: Conn, account_id: str, number: str) -> str:
    """The number, if the account may show it, or none, which is empty; CallerIdNotAllowedError."""
    if number and not caller_ids.may_show(conn, account_id, number):
        raise CallerIdNotAllowedError(f"{number} is not a verified number of this account.")
    return number


def change(
    conn: Conn, account_id: str, name: str | None, facts: dict[str, Any], now: Instant
) -> Row:
    """Set columns, in force on every PBX node as soon as this commits; the account's new row.
    One that is suspended loses its calls, too."""
    if "caller_id" in facts:
        may_show(conn, account_id, facts["caller_id"])
    row = pick(conn, account_id, name)
    _check_free(conn, account_id, row["id"], facts.get("short_number"))
    if facts.get("status") == "suspended":
        _hang_up(conn, row, "sip_account_suspended", now)
    conn.wake(CHANNEL)
    return sip.change(conn, row["id"], now, **facts)


def delete(conn: Conn, account_id: str, name: str, now: Instant) -> Row:
    """Take a SIP account away, with its calls. Its row goes once every PBX node has forgotten
    it, and with the row its name is free again."""
    row = pick(conn, account_id, name)
    _hang_up(conn, row, "sip_account_deleted", now)
    conn.wake(CHANNEL)
    sip.change(conn, row["id"], now, deleted_at=now, short_number=None)
    sip_nodes.purge(conn, [row["id"]])
    return row


def set_account_status(conn: Conn, account_id: str, status: str, now: Instant) -> None:
    """Suspend a customer, whose phones and calls end at once, or let it work again."""
    accounts.change(conn, account_id, status=status)
    if status == "suspended":
        hangups.ask(conn, calls.open_of(conn, account_id), "account_suspended", now)
    sip.renew(conn, account_id, now)
    conn.wake(CHANNEL)


def _hang_up(conn: Conn, row: Row, reason: str, now: Instant) -> None:
    """Calls of the phone, and those that it was called by."""
    account_id, username = row["account_id"], row["username"]
    mine = calls.open_of(conn, account_id, username)
    hangups.ask(conn, mine + calls.open_to(conn, account_id, username), reason, now)


def _check_free(conn: Conn, account_id: str, sip_id: str | None, number: str | None) -> None:
    if number is None:
        return
    check_short_number(number, accounts.account(conn, account_id)["country"])
    other = sip.by_short_number(conn, account_id, number)
    if other and other["id"] != sip_id:
        raise SipAccountExistsError(f"{number} is the short number of {other['username']}.")
