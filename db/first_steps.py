"""The first things that an account did, so that its checklist need not look for them again."""

from sqlmodel import Field

from db import events
from db.base import Table
from db.columns import MODES, instant
from db.connection import Conn, Reader, insert_new

EVENTS_LOOKED_AT = 50
_ASKED = {
    "key": "SELECT 1 AS yes FROM api_key WHERE account_id = :account_id AND revoked_at IS NULL",
    "message": "SELECT 1 AS yes FROM message WHERE account_id = :account_id AND mode IN :modes",
    "phone": "SELECT 1 AS yes FROM event WHERE account_id = :account_id AND mode IN :modes"
             " AND type = 'sip_registration'",
    "call": "SELECT 1 AS yes FROM call WHERE account_id = :account_id AND mode IN :modes",
    "webhook": "SELECT 1 AS yes FROM delivery WHERE state = 'delivered' AND event_id IN :events",
}  # fmt: skip
STEPS = tuple(_ASKED)


class FirstStep(Table, table=True):
    """A step of the checklist that was taken; it stays so."""

    __tablename__ = "first_step"

    account_id: str = Field(primary_key=True, foreign_key="account.id")
    step: str = Field(primary_key=True)
    at: int = instant()


async def taken(reader: Reader, account_id: str) -> set[str]:
    """The steps that are known to be taken."""
    rows = await reader.all(
        "SELECT step FROM first_step WHERE account_id = :account_id", account_id=account_id
    )
    return {row["step"] for row in rows}


async def is_taken(reader: Reader, account_id: str, step: str) -> bool:
    """Whether there is now what the step leads to; of webhooks the newest are looked at."""
    asked: dict[str, object] = {"account_id": account_id}
    if step == "webhook":
        asked = {"events": await _newest(reader, account_id)}
    elif step != "key":
        asked["modes"] = MODES
    return await reader.one(f"{_ASKED[step]} LIMIT 1", **asked) is not None


async def _newest(reader: Reader, account_id: str) -> list[str]:
    pages = [await events.page(reader, account_id, mode, limit=EVENTS_LOOKED_AT) for mode in MODES]
    return [row["id"] for page in pages for row in page.rows]


def tick(conn: Conn, account_id: str, steps: list[str], now: int) -> None:
    """Remember that steps were taken."""
    for step in steps:
        insert_new(conn, "first_step", account_id=account_id, step=step, at=now)
