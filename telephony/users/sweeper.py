"""What of signing in is over is forgotten; what people did stays in the audit log."""

from db import mail, one_use_tokens, sessions, sign_in_failures
from db.connection import Conn
from telephony.clock import SECOND, Instant

FAILURES_KEPT_SECONDS = 24 * 3600
MAILS_KEPT_SECONDS = 30 * 24 * 3600


def sweep(conn: Conn, now: Instant) -> None:
    """Delete sessions and tokens that have run out, old failures and old mails."""
    sessions.sweep(conn, now)
    one_use_tokens.sweep(conn, now)
    sign_in_failures.sweep(conn, now - FAILURES_KEPT_SECONDS * SECOND)
    mail.sweep(conn, now - MAILS_KEPT_SECONDS * SECOND)
