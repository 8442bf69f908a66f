"""What administrators do to the network: a deed of its parts, and the entry in the audit log."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from db.connection import Conn
from telephony import audit
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.users.problems import bad

T = TypeVar("T")
Facts = Mapping[str, object]


def noted(
    conn: Conn, actor: Actor, now: Instant, action: str, subject: str, deed: Callable[[Conn], T],
    *, before: Facts | None = None, after: Facts | None = None, account_id: str | None = None,
    field: str = "",
) -> T:  # fmt: skip
    """What the deed returns. Where it raises a ValueError, whose text is a sentence, that is the
    error of a field of the form, or of the form as a whole."""
    try:
        done = deed(conn)
    except ValueError as error:
        raise bad(field, "invalid", str(error)) from error
    audit.record(conn, actor, action, subject, now, account_id=account_id, before=before,
                 after=after)  # fmt: skip
    return done
