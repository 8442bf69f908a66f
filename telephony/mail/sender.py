"""The worker that hands mails to an SMTP server."""

import logging
import secrets
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

import aiosmtplib
from cryptography.fernet import InvalidToken

from db import mail
from db.connection import Row
from db.database import Database
from telephony import clock
from telephony.clock import SECOND
from telephony.mail.outbox import CHANNEL
from telephony.queue import drain, jittered
from telephony.secrets import Vault
from telephony.settings import Settings

LEASE_SECONDS = 120
CLAIMED_MAX = 20
SMTP_SECONDS_MAX = 20.0
RETRY_SECONDS = (10, 60, 300, 1800, 2 * 3600, 6 * 3600, 12 * 3600)
ERROR_LENGTH_MAX = 300
REFUSED_FROM = 500
"""SMTP status codes from here on say that trying again is of no use."""

log = logging.getLogger(__name__)


class MailWorker:
    """Sends what is due; any number may run on one database. Without an SMTP server mails wait,
    or are printed to the log where the settings say so."""

    def __init__(self, db: Database, vault: Vault, settings: Settings) -> None:
        self._db = db
        self._vault = vault
        self._settings = settings

    async def run(self) -> None:
        """Until cancelled."""
        if self._settings.smtp_host or self._settings.mail_to_log:
            await drain(self._db, CHANNEL, self.step)

    async def step(self) -> int:
        """Send what is due, each mail once or until it is given up; how many were due."""
        token, now = secrets.token_hex(8), clock.now()
        if not await mail.is_due(self._db, now):
            return 0
        until = now + LEASE_SECONDS * SECOND
        claimed = await self._db.write(mail.claim, token, now, until, CLAIMED_MAX)
        for row in claimed:
            await self._send(row, token)
        return len(claimed)

    async def _send(self, row: Row, token: str) -> None:
        try:
            message = self._message(row, self._vault.open(row["body_sealed"]))
            await self._hand_over(message)
        except InvalidToken:
            await self._db.write(mail.ended, row["id"], token, "failed", "the master key changed")
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            await self._failed(row, token, error)
        else:
            await self._db.write(mail.ended, row["id"], token, "sent")

    async def _failed(self, row: Row, token: str, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"[:ERROR_LENGTH_MAX]
        log.warning("mail %s was not sent at try %d: %s", row["id"], row["attempts"], said)
        if _permanent(error) or row["attempts"] > len(RETRY_SECONDS):
            await self._db.write(mail.ended, row["id"], token, "failed", said)
            return
        pause = jittered(RETRY_SECONDS[row["attempts"] - 1])
        at = clock.now() + int(pause * SECOND)
        await self._db.write(mail.again, row["id"], token, at, said)

    def _message(self, row: Row, body: str) -> EmailMessage:
        message = EmailMessage()
        message["From"] = self._settings.mail_from
        message["To"] = _address(row["recipient"])
        message["Subject"] = row["subject"]
        message["Date"] = format_datetime(datetime.fromtimestamp(row["created_at"] // SECOND, UTC))
        message["Message-ID"] = make_msgid(row["id"], self._settings.mail_from.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        return message

    async def _hand_over(self, message: EmailMessage) -> None:
        settings = self._settings
        if not settings.smtp_host:
            log.info("mail to %s: %s\n%s", message["To"], message["Subject"],
                     message.get_content())  # fmt: skip
            return
        await aiosmtplib.send(
            message, hostname=settings.smtp_host, port=settings.smtp_port,
            username=settings.smtp_username or None,
            password=settings.smtp_password.get_secret_value() or None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls", timeout=SMTP_SECONDS_MAX,
        )  # fmt: skip


def _address(recipient: str) -> Address:
    """The recipient alone; ValueError. The library raises an IndexError for no text at all."""
    if not recipient:
        raise ValueError("a mail without recipient")
    return Address(addr_spec=recipient)


def _permanent(error: Exception) -> bool:
    """True where the server said that it will never take this mail, or nothing can be made of
    the address. A wrong password is for the operator to mend."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code >= REFUSED_FROM for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        wrong_password = isinstance(error, aiosmtplib.SMTPAuthenticationError)
        return error.code >= REFUSED_FROM and not wrong_password
    return isinstance(error, ValueError)
