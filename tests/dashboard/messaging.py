"""What tests of the pages about messages share: money, and messages that were sent."""

from typing import Any

from db import messages
from db.connection import Conn
from db.database import Database
from db.ids import new_id
from db.messages import MessageStatus
from telephony.billing import wallets
from telephony.clock import now
from telephony.money import MICROS
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.send import Accepted, send
from telephony.users.sessions import Member

TO = "+15551239999"


async def fund(database: Database, member: Member, mode: str = "test", amount: int = 10) -> None:
    """Put money into the wallet, in whole units of the currency."""

    def deed(conn: Conn) -> None:
        wallets.fund(conn, member.account_id, mode, amount * MICROS, reference=new_id("fund"),
                     actor="test", now=now())  # fmt: skip

    await database.write(deed)


async def sent(
    database: Database, member: Member, *, mode: str = "test", to: str = TO, text: str = "Hi!",
    **draft: Any,
) -> Accepted:  # fmt: skip
    """Queue a message as a program does."""

    def deed(conn: Conn) -> Accepted:
        return send(
            conn, Settings(smpp_host="127.0.0.1"), account_id=member.account_id, mode=mode,
            key_id="", draft=Draft(to=to, text=text, **draft), now=now(),
        )  # fmt: skip

    return await database.write(deed)


async def became(database: Database, message_id: str, *states: MessageStatus, **facts: Any) -> None:
    """Move a message through states."""

    def deed(conn: Conn) -> None:
        for state in states:
            assert messages.go(conn, message_id, state, now(), **facts)

    await database.write(deed)
