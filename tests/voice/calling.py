"""What the tests of calls share: customers with phones, placed calls, a look at rows and money."""

import json
from typing import Any

from cryptography.fernet import Fernet

from db import audit, call_queue, caller_ids, calls, ledger
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import sip_accounts
from telephony.voice.place import Placed, Wish, place
from tests.factories import Customer

LIVE = Settings(trunk_host="127.0.0.1:5070")
VAULT = Vault(Fernet.generate_key().decode())
NUMBER = "+15550111222"
TO = "+15559876543"
CALLBACK = "https://example.com/calls"


async def add_phone(
    database: Database, who: Customer, username: str = "alice", number: str = NUMBER,
    dial_mode: str = "test",
) -> None:  # fmt: skip
    """A phone, and its number verified; an empty number leaves it without one."""

    def deed(conn: Conn) -> None:
        if number:
            caller_ids.verify(conn, who.account_id, number, "test", now())
        sip_accounts.create(
            conn, VAULT, LIVE.realm, account_id=who.account_id, username=username,
            secret="a good long secret", caller_id=number, dial_mode=dial_mode, now=now(),
        )  # fmt: skip

    await database.write(deed)


async def suspend_phone(database: Database, username: str) -> None:
    sql = "UPDATE sip_account SET status = 'suspended' WHERE username = :name"
    await database.write(lambda conn: conn.run(sql, name=username))


async def placed(
    database: Database, who: Customer, to: str = TO, settings: Settings = LIVE,
    at: Instant | None = None, **wish: Any,
) -> Placed:  # fmt: skip
    """Place a call of the API, now or as of `at`."""
    wanted = Wish(to=to, callback_url=CALLBACK, **wish)
    return await database.write(
        place, settings, account_id=who.account_id, mode=who.mode, key_id=who.key_id, wish=wanted,
        now=now() if at is None else at,
    )  # fmt: skip


async def dialing(database: Database, call_id: str, at: Instant, node: str = "pbx1") -> Row:
    """Claim a queued call as of `at`; its row."""

    def claim(conn: Conn) -> Row:
        conn.run("UPDATE call SET due_at = :at WHERE status = 'queued'", at=at)
        return {row["id"]: row for row in call_queue.claim(conn, node, at, 10)}[call_id]

    return await database.write(claim)


async def call(database: Database, call_id: str) -> dict[str, Any]:
    """The row of a call."""
    row = await database.one("SELECT * FROM call WHERE id = :id", id=call_id)
    assert row is not None
    return row


async def timeline(database: Database, call_id: str) -> list[str]:
    """The states of a call in order, without what the first leg did."""
    rows = await calls.timeline(database, call_id)
    return [row["status"] for row in rows if not row["detail"].startswith("first_leg")]


async def told(database: Database, call_id: str) -> list[dict[str, Any]]:
    """The events of a call in order, each with its `event` type; each goes out once."""
    rows = await database.all(
        "SELECT e.type, e.payload, COUNT(d.id) AS deliveries FROM event e"
        " LEFT JOIN delivery d ON d.event_id = e.id WHERE e.subject = :id"
        " GROUP BY e.id, e.type, e.payload ORDER BY e.id",
        id=call_id,
    )
    assert {row["deliveries"] for row in rows} <= {1}
    return [{"event": row["type"], **json.loads(row["payload"])} for row in rows]


async def sip_wallet(database: Database, who: Customer) -> tuple[int, int]:
    """(balance, held), with the books in order."""
    drift = await database.write(audit.drift)
    assert not any(drift.values()), drift
    found = await ledger.balances(database, who.account_id, who.mode)
    return found["sip"]["balance"], found["sip"]["held"]


def seconds(amount: float) -> Instant:
    return int(amount * SECOND)
