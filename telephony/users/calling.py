"""Calls that members place and end by hand."""

from db import calls, idempotency
from db.connection import Conn, Row
from telephony import audit
from telephony.clock import Instant
from telephony.errors import NotFoundError
from telephony.settings import Settings
from telephony.users.modes import MODES, must_work
from telephony.users.roles import Right
from telephony.users.sessions import Member
from telephony.users.team import must
from telephony.voice import hangups
from telephony.voice.place import Placed, Wish, place

FORM = "dashboard/calls/new"


def call(
    conn: Conn, settings: Settings, member: Member, mode: str, wish: Wish, form: str, now: Instant
) -> Placed | None:
    """Queue a call; None where this form was sent before, by a second click. Raises what `place`
    raises."""
    must_work(member, mode)
    scope = {"account_id": member.account_id, "mode": mode, "endpoint": FORM, "key": form}
    if not idempotency.once(conn, scope, now):
        return None
    placed = place(
        conn, settings, account_id=member.account_id, mode=mode, key_id=None, wish=wish, now=now
    )
    audit.record(
        conn, member.actor, "call.placed", placed.call_id, now, account_id=member.account_id,
        after={"mode": mode, "from": placed.origin, "to": placed.to},
    )  # fmt: skip
    return placed


def hang_up(conn: Conn, member: Member, call_id: str, now: Instant) -> Row:
    """End a call of the account, of either mode, also where it is suspended. NotFoundError,
    CallAlreadyEndedError."""
    must(member, Right.build)
    modes = (mode for mode in MODES if calls.locked_of(conn, member.account_id, mode, call_id))
    mode = next(modes, None)
    if mode is None:
        raise NotFoundError("There is no such call.")
    row = hangups.hang_up(conn, member.account_id, mode, call_id, now)
    audit.record(
        conn, member.actor, "call.hung_up", call_id, now, account_id=member.account_id
    )  # fmt: skip
    return row
