"""What of signing in is over is forgotten, and documents that have served; what people did stays in
the audit log."""

from db import identity, mail, one_use_tokens, sessions, sign_in_failures, stored_files
from db.connection import Conn
from telephony import audit
from telephony.audit import Actor
from telephony.clock import SECOND, Instant

FAILURES_KEPT_SECONDS = 24 * 3600
MAILS_KEPT_SECONDS = 30 * 24 * 3600
DAY = 24 * 3600 * SECOND
CHECKS_MAX = 100
RETENTION = Actor("platform", "retention")
"""Who is written down where nobody acts."""


def sweep(conn: Conn, now: Instant) -> None:
    """Delete sessions and tokens that have run out, old failures and old mails."""
    sessions.sweep(conn, now)
    one_use_tokens.sweep(conn, now)
    sign_in_failures.sweep(conn, now - FAILURES_KEPT_SECONDS * SECOND)
    mail.sweep(conn, now - MAILS_KEPT_SECONDS * SECOND)


def sweep_documents(conn: Conn, days: int, now: Instant) -> int:
    """Delete the documents of identity checks that were decided more than so many days ago (0:
    never), some at a time, and write down which; of how many checks. What was told in the form and
    what was decided stay."""
    if not days:
        return 0
    due = identity.decided_before(conn, now - days * DAY, CHECKS_MAX)
    for row in due:
        count = stored_files.remove(conn, row["id"])
        identity.forget_documents(conn, row["id"], now)
        audit.record(conn, RETENTION, "identity.documents_deleted", row["id"], now,
                     account_id=row["account_id"], before={"documents": count})  # fmt: skip
    return len(due)
