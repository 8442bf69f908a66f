"""Mails are queued in the transaction of what they tell, as sealed text."""

from db import mail
from db.connection import Conn
from telephony.clock import Instant
from telephony.secrets import Vault

CHANNEL = "mail"


def queue(conn: Conn, vault: Vault, recipient: str, subject: str, body: str, now: Instant) -> None:
    """Send a plain text to an address, soon and at least once."""
    mail.add(conn, now, recipient=recipient, subject=subject, body_sealed=vault.seal(body))
    conn.wake(CHANNEL)
