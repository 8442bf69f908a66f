"""How fast the messages of an account go out: each gets its turn when it is queued, so that none
holds up what others send, nor a batch the single messages of its own account."""

from collections.abc import Sequence

from db import pace
from db.connection import Conn, Row
from telephony.clock import SECOND, Instant
from telephony.phone_numbers import prefixes
from telephony.settings import Settings


def take_turns(
    conn: Conn, settings: Settings, messages: Sequence[Row], per_second: int | None, at: Instant
) -> list[Instant]:
    """The same for messages of one account and lane, in their order."""
    if not messages:
        return []
    fastest = settings.sms_account_per_second if per_second is None else per_second
    if settings.sms_prefix_per_second or not fastest:
        return [take_turn(conn, settings, one, per_second, at) for one in messages]
    subject, mode, gap = _subject(messages[0]), messages[0]["mode"], SECOND // fastest
    first = pace.next_turn(conn, subject, mode, at, gap, len(messages))
    return [first + gap * place for place in range(len(messages))]


def take_turn(
    conn: Conn, settings: Settings, message: Row, per_second: int | None, at: Instant
) -> Instant:
    """When a message that is queued at an instant may go: after those of its account and lane,
    and after those of them to the same prefix. `per_second` is the account's own; 0: no limit."""
    subject, mode = _subject(message), message["mode"]
    fastest = settings.sms_account_per_second if per_second is None else per_second
    due = pace.next_turn(conn, subject, mode, at, SECOND // fastest) if fastest else at
    prefix = _paced_prefix(settings, message["to_number"])
    if prefix:
        gap = SECOND // settings.sms_prefix_per_second[prefix]
        due = pace.next_turn(conn, f"{subject}:{prefix}", mode, due, gap)
    return due


def _subject(message: Row) -> str:
    return f"sms:{message['account_id']}:{int(message['lane'])}"


def _paced_prefix(settings: Settings, to: str) -> str:
    """The longest one that has a pace; empty if none has."""
    paced = settings.sms_prefix_per_second
    if not paced:
        return ""
    return max((one for one in prefixes(to) if one in paced), key=len, default="")
