"""Numbers by members of their account: what rings when one is called, and which may be shown."""

from db.connection import Conn
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.modes import must_work
from telephony.users.sessions import Member
from telephony.voice import caller_ids, numbers
from telephony.voice.caller_ids import Started
from telephony.voice.numbers import Rule
from telephony.voice.place import Asker


def set_rule(conn: Conn, member: Member, number: str, rule: Rule, now: Instant) -> None:
    """What rings when the number is called; NotFoundError, ValidationFailedError."""
    must_work(member, "test")
    note_rule(conn, member.actor, member.account_id, number, rule, now)


def note_rule(
    conn: Conn, actor: Actor, account_id: str, number: str, rule: Rule, now: Instant
) -> None:  # fmt: skip
    """The same by whoever may; what changes nothing is not written down."""
    before = numbers.change(conn, account_id, number, rule)
    changed = {name: value for name, value in rule.columns.items() if before[name] != value}
    if changed:
        audit.record(
            conn, actor, "number.rule_changed", number, now, after=changed,
            account_id=account_id, before={name: before[name] for name in changed},
        )  # fmt: skip


def verify(
    conn: Conn, settings: Settings, vault: Vault, member: Member, mode: str, number: str,
    now: Instant,
) -> Started:  # fmt: skip
    """Call the number and speak a code to it; raises what `caller_ids.start` raises."""
    must_work(member, mode)
    by = Asker(member.account_id, mode, None)
    started = caller_ids.start(conn, settings, vault, by, number, now)
    if started.call_id:
        _record(conn, member, "caller_id.called", mode, number, now)
    return started


def tell_code(
    conn: Conn, vault: Vault, member: Member, mode: str, number: str, code: str, now: Instant
) -> int | None:
    """Tell the code that was spoken: None if it is right, else how many tries are left, which
    count only once this commits. ValidationFailedError where none counts."""
    must_work(member, mode)
    left = caller_ids.tell(conn, vault, member.account_id, mode, number, code, now)
    if left is None:
        _record(conn, member, "caller_id.verified", mode, number, now)
    return left


def give_up(conn: Conn, member: Member, mode: str, number: str, now: Instant) -> None:
    """The number may no longer be shown; NotFoundError, CallerIdInUseError."""
    must_work(member, mode)
    caller_ids.remove(conn, member.account_id, mode, number)
    _record(conn, member, "caller_id.removed", mode, number, now)


def _record(conn: Conn, member: Member, action: str, mode: str, number: str, now: Instant) -> None:
    audit.record(conn, member.actor, action, number, now, account_id=member.account_id,
                 after={"mode": mode})  # fmt: skip
