"""Messages, by members of their account: those who may build."""

from db import idempotency
from db.connection import Conn
from telephony import audit
from telephony.clock import Instant
from telephony.settings import Settings
from telephony.sms import send as sms
from telephony.sms.drafts import Draft
from telephony.sms.send import Accepted
from telephony.users.modes import must_work
from telephony.users.sessions import Member

FORM = "dashboard/messages/send"


def send(
    conn: Conn, settings: Settings, member: Member, mode: str, draft: Draft, form: str, now: Instant
) -> Accepted | None:
    """Queue or schedule a message; None where this form was sent before, by a second click.
    Raises what the API would answer."""
    must_work(member, mode)
    scope = {"account_id": member.account_id, "mode": mode, "endpoint": FORM, "key": form}
    if not idempotency.once(conn, scope, now):
        return None
    accepted = sms.send(
        conn, settings, account_id=member.account_id, mode=mode, key_id="", draft=draft, now=now
    )
    audit.record(
        conn, member.actor, "message.sent", accepted.message_id, now,
        account_id=member.account_id,
        after={"mode": mode, "segments": accepted.segments, "cost_micros": accepted.cost},
    )  # fmt: skip
    return accepted


def cancel(conn: Conn, member: Member, mode: str, message_id: str, now: Instant) -> None:
    """End a message that nobody has begun to send; NotFoundError, MessageNotCancelableError."""
    must_work(member, mode)
    sms.cancel(conn, account_id=member.account_id, mode=mode, message_id=message_id, now=now)
    audit.record(conn, member.actor, "message.canceled", message_id, now,
                 account_id=member.account_id, after={"mode": mode})  # fmt: skip
