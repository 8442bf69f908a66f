"""SIP accounts, by members of their account; whoever sees a secret has confirmed lately."""

from dataclasses import dataclass
from typing import Any

from db import caller_ids
from db.connection import Conn, Row
from telephony import audit
from telephony.clock import Instant
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.modes import must_work
from telephony.users.sessions import Member
from telephony.voice import phone_link, sip_accounts
from telephony.voice.phone_link import Link


@dataclass(frozen=True)
class WithSecret:
    """A SIP account and its new secret, which is nowhere else."""

    row: Row
    secret: str


def create(
    conn: Conn, vault: Vault, settings: Settings, member: Member, mode: str, username: str,
    facts: dict[str, Any], now: Instant,
) -> WithSecret:  # fmt: skip
    """A SIP account of the member's account; without a username it gets one, without a caller id
    the number that was verified first. Raises what `sip_accounts.create` raises."""
    must_work(member, mode)
    member.must_be_confirmed(now)
    secret = sip_accounts.new_secret()
    shown = sip_accounts.may_show(conn, member.account_id, facts.get("caller_id", ""))
    first = caller_ids.first(conn, member.account_id) or ""
    sip_id = sip_accounts.create(
        conn, vault, settings.realm, account_id=member.account_id, secret=secret, dial_mode=mode,
        username=username or sip_accounts.new_username(), now=now,
        **{**facts, "caller_id": shown or first},
    )  # fmt: skip
    row = sip_accounts.pick(conn, member.account_id, sip_id)
    _record(conn, member, "sip_account.created", row, now, after={"mode": mode, **facts})
    return WithSecret(row, secret)


def new_secret(
    conn: Conn, vault: Vault, settings: Settings, member: Member, name: str, now: Instant
) -> WithSecret:
    """Another secret; the one before works no more. NotFoundError."""
    must_work(member, "test")
    member.must_be_confirmed(now)
    secret = sip_accounts.new_secret()
    row = sip_accounts.set_secret(
        conn, vault, settings.realm, member.account_id, name, secret, now
    )  # fmt: skip
    _record(conn, member, "sip_account.secret_changed", row, now)
    return WithSecret(row, secret)


def change(conn: Conn, member: Member, name: str, facts: dict[str, Any], now: Instant) -> Row:
    """Set columns; one that is suspended loses its calls. NotFoundError, and what
    `sip_accounts.change` raises."""
    must_work(member, "test")
    before = sip_accounts.pick(conn, member.account_id, name)
    news = {column: value for column, value in facts.items() if before[column] != value}
    if not news:
        return before
    row = sip_accounts.change(conn, member.account_id, name, news, now)
    old = {column: before[column] for column in news}
    _record(conn, member, "sip_account.changed", row, now, before=old, after=news)
    return row


def delete(conn: Conn, member: Member, name: str, now: Instant) -> None:
    """Take it away with its calls; NotFoundError."""
    must_work(member, "test")
    row = sip_accounts.delete(conn, member.account_id, name, now)
    _record(conn, member, "sip_account.deleted", row, now)


def sign_in_link(conn: Conn, member: Member, name: str, now: Instant) -> tuple[Row, Link]:
    """A link that sets a phone up and signs it in: as good as the secret while it lasts."""
    must_work(member, "test")
    member.must_be_confirmed(now)
    row = sip_accounts.pick(conn, member.account_id, name)
    _record(conn, member, "sip_account.link_made", row, now)
    return row, phone_link.new_link(row, True, now)


def _record(conn: Conn, member: Member, action: str, row: Row, now: Instant, **facts: Any) -> None:
    audit.record(conn, member.actor, action, row["username"], now,
                 account_id=member.account_id, **facts)  # fmt: skip
