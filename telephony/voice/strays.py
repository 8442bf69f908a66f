"""Call records that fit nowhere: of no call that the platform knows, or not readable."""

from db import cdrs
from db.connection import Conn
from telephony.clock import SECOND, Instant

FRESH_SECONDS = 3600


def look(conn: Conn, at: Instant) -> tuple[str, str]:
    """State and sentence for `/status`. What cannot be read may hide how a call ended; a record
    without a call is that of a phone which dialled while nobody could decide, and cost nothing."""
    since = at - FRESH_SECONDS * SECOND
    unreadable, stray = cdrs.buried_since(conn, since), cdrs.strays_since(conn, since)
    state = "degraded" if unreadable else "operational"
    return state, f"in the last hour {stray} matched no call, {unreadable} could not be read"
