"""Sender ids and opt-outs, by members of their account: those who may build."""

from db import sms_accounts
from db.connection import Conn
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.sms import senders
from telephony.users.problems import bad
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must

BY_HAND = "by hand"
"""What stands for the keyword of an opt-out that no message has asked for."""


def request(conn: Conn, member: Member, sender: str, now: Instant) -> None:
    """Ask for a sender id, also for one that was refused; ValidationFailedError."""
    must(member, Right.build)
    ask(conn, member.actor, member.account_id, sender, now)


def ask(conn: Conn, actor: Actor, account_id: str, sender: str, now: Instant) -> None:
    """The same in the name of an account."""
    try:
        senders.request(conn, account_id, sender, now)
    except ValueError as error:
        message = str(error)
        raise bad("sender", "invalid", f"{message[0].upper()}{message[1:]}.") from error
    audit.record(conn, actor, "sender.requested", sender, now, account_id=account_id)


def give_up(conn: Conn, member: Member, sender: str, now: Instant) -> None:
    """Messages may no longer show a sender id; NotFoundError."""
    must(member, Right.build)
    senders.give_up(conn, member.account_id, sender)
    _record(conn, member, "sender.given_up", sender, now)


def opt_out(
    conn: Conn, member: Member, mode: str, sender: str, recipient: str, now: Instant
) -> None:
    """Send a recipient nothing more from a sender; numbers are E.164."""
    must(member, Right.build)
    sms_accounts.opt_out(conn, member.account_id, mode, sender, recipient, BY_HAND, now)
    _record(conn, member, "recipient.opted_out", recipient, now, mode=mode, sender=sender)


def opt_in(
    conn: Conn, member: Member, mode: str, sender: str, recipient: str, now: Instant
) -> None:
    """Forget an opt-out, since the recipient has asked for messages again."""
    must(member, Right.build)
    sms_accounts.opt_in(conn, member.account_id, mode, sender, recipient)
    _record(conn, member, "recipient.opted_in", recipient, now, mode=mode, sender=sender)


def _record(
    conn: Conn, member: Member, action: str, subject: str, now: Instant, **after: str
) -> None:
    audit.record(conn, member.actor, action, subject, now, account_id=member.account_id,
                 after=after)  # fmt: skip
