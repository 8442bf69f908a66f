"""Answers keywords with what the account has set: an ordinary message, paid like any other.

Nothing answers an answer: only a keyword is answered, never a name, a short code or a number of
this platform, and one phone at most once an hour.
"""

import logging

from db import accounts, inbound, sms_replies
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.errors import Problem
from telephony.queue import drain
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.inbound import REPLIES
from telephony.sms.keywords import Keyword, keyword_of
from telephony.sms.send import send

POLL_SECONDS = 5.0
QUIET_SECONDS = 3600
ANSWERED_MAX = 100
TEXT_CHARACTERS_MAX = 459
"""Three parts in GSM-7."""

log = logging.getLogger(__name__)


class Replier:
    """One for all providers; several do no harm."""

    def __init__(self, db: Database, settings: Settings) -> None:
        self._db = db
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        await drain(self._db, REPLIES, self.step, POLL_SECONDS)

    async def step(self) -> int:
        """Answer what is due; how many messages that were."""
        return await self._db.write(answer_due, self._settings, now())


def put(conn: Conn, account_id: str, number: str, keyword: Keyword, body: str) -> None:
    """Set the text that answers a keyword to a number ("": to any of the account); "" for none.
    ValueError for one that is too long, or would ask for an answer itself."""
    if len(body) > TEXT_CHARACTERS_MAX:
        raise ValueError(f"a reply has at most {TEXT_CHARACTERS_MAX} characters")
    if keyword_of(body):
        raise ValueError("a reply that is a keyword itself could be answered in turn")
    sms_replies.put(conn, account_id, number, keyword, body)


def answer_due(conn: Conn, settings: Settings, at: Instant) -> int:
    """Send the answers that are due; one that cannot be sent is not tried again."""
    quiet_since = at - QUIET_SECONDS * SECOND
    sms_replies.forget(conn, quiet_since)
    due = sms_replies.take_due(conn, ANSWERED_MAX)
    for message in due:
        if _may(conn, message, at, quiet_since):
            _answer(conn, settings, message, at)
    return len(due)


def _may(conn: Conn, message: Row, at: Instant, quiet_since: Instant) -> bool:
    account_id, phone = message["account_id"], message["from_number"]
    if not phone.startswith("+") or inbound.owner(conn, phone):
        return False
    if accounts.account(conn, account_id)["status"] != "active":
        return False
    return sms_replies.claim(conn, account_id, message["mode"], phone, at, quiet_since)


def _answer(conn: Conn, settings: Settings, message: Row, at: Instant) -> None:
    """Also to who has just opted out: that it was heard is what the answer says."""
    draft = Draft(to=message["from_number"], text=message["reply"], sender=message["to_number"],
                  despite_opt_out=True)  # fmt: skip
    try:
        send(conn, settings, account_id=message["account_id"], mode=message["mode"], key_id="",
             draft=draft, now=at)  # fmt: skip
    except Problem as problem:
        log.warning("no automatic reply to %s: %s", message["id"], problem.code)
