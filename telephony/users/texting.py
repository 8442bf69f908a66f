"""What messages of an account show and answer by themselves: its default sender, how they are
encoded and limited, and its answers to keywords; set by its members, or by command."""

from db import inbound, sms_accounts, sms_replies
from db.connection import Conn
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.sms import replies, senders
from telephony.sms.keywords import Keyword
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must


def set_options(
    conn: Conn, actor: Actor, account_id: str, now: Instant, /, **given: str | bool | int | None
) -> None:
    """Set some of its columns: `default_sender`, `smart_encoding`, `per_minute`, `per_second`;
    what stays as it was is not written down. ValidationFailedError for a sender that it may not
    show."""
    row = sms_accounts.settings_of(conn, account_id) or {"default_sender": ""}
    after = {name: value for name, value in given.items() if row.get(name) != value}
    if not after:
        return
    sender = str(after.get("default_sender", ""))
    if sender and not senders.may_show(conn, account_id, sender):
        message = "Choose a verified number or an approved sender id of the account."
        raise bad("", "not_allowed", message)
    sms_accounts.change(conn, account_id, **after)
    audit.record(conn, actor, "messages.set", account_id, now, account_id=account_id,
                 before={name: row.get(name) for name in after}, after=after)  # fmt: skip


def set_reply(
    conn: Conn, actor: Actor, account_id: str, now: Instant, *, number: str, keyword: Keyword,
    text: str,
) -> None:  # fmt: skip
    """Answer a keyword that comes to a number ("": to any) with a text ("": none)."""
    rows = sms_replies.of_account(conn, account_id)
    known = {(row["number"], row["keyword"]): row["body"] for row in rows}
    before = known.get((number, keyword), "")
    if before == text:
        return
    try:
        replies.put(conn, account_id, number, keyword, text)
    except ValueError as error:
        message = str(error)
        raise bad("text", "invalid", f"{message[0].upper()}{message[1:]}.") from error
    audit.record(conn, actor, "messages.reply_set", f"{keyword} to {number or 'any number'}", now,
                 account_id=account_id, before={"text": before}, after={"text": text})  # fmt: skip


def must_own(conn: Conn, account_id: str, number: str) -> None:
    """ValidationFailedError for a number of another account, or of none; "" is any."""
    owner = inbound.owner(conn, number) if number else None
    if number and (owner is None or owner[0] != account_id):
        raise bad("owned_number", "unknown", "The account does not own this number.")


def choose_default(conn: Conn, member: Member, sender: str, now: Instant) -> None:
    """What a message shows that names no sender; "": what the platform chooses."""
    must(member, Right.build)
    set_options(conn, member.actor, member.account_id, now, default_sender=sender)


def choose_reply(
    conn: Conn, member: Member, number: str, keyword: Keyword, text: str, now: Instant
) -> None:
    """As `set_reply`, for a number of the account."""
    must(member, Right.build)
    must_own(conn, member.account_id, number)
    set_reply(conn, member.actor, member.account_id, now, number=number, keyword=keyword, text=text)
