"""What administrators set of a customer's messages: the default sender, answers to keywords."""

from db.connection import Conn
from telephony.admin.accounts import customer
from telephony.audit import Actor
from telephony.clock import Instant
from telephony.sms.keywords import Keyword
from telephony.users import texting


def set_default(conn: Conn, actor: Actor, now: Instant, account_id: str, sender: str) -> None:
    """What a message shows that names no sender; "": what the platform chooses."""
    customer(conn, account_id)
    texting.set_options(conn, actor, account_id, now, default_sender=sender)


def set_reply(
    conn: Conn, actor: Actor, now: Instant, account_id: str, number: str, keyword: Keyword,
    text: str,
) -> None:  # fmt: skip
    """Answer a keyword that comes to a number of the account ("": to any); "" for no answer."""
    customer(conn, account_id)
    texting.must_own(conn, account_id, number)
    texting.set_reply(conn, actor, account_id, now, number=number, keyword=keyword, text=text)
