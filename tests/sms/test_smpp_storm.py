"""Messages through a third party's SMSC in a storm: links that break, throttling, receipts that
come before their answers. Each ends once, is taken at most once and paid for if it was taken.

SMS_VOIP_STORM_MESSAGES sets how many; the promise is for 100,000 with a break at every 500th.
"""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from db.database import Database
from telephony.billing import verify
from telephony.clock import now
from telephony.sms.dispatch import Dispatcher
from telephony.sms.outcomes import sweep
from telephony.sms.providers.smpp import SmppProvider
from tests.factories import Customer, customer
from tests.fixtures_smsc import Smsc
from tests.sms.sending import queue_all, wallet
from tests.sms.support import config

MESSAGES = int(os.environ.get("SMS_VOIP_STORM_MESSAGES", "300"))
DROP_SHARE = 1 / min(500, MESSAGES / 12)
PER_SECOND = max(100, MESSAGES // 200)  # more are throttled, and so are the first of all
THROTTLED_FIRST = 20
SECONDS_MAX = 60 + MESSAGES / 50
FUNDS, PRICE = 1_000_000_000, 7_000
LONG_EVERY = 20
QUEUED_AT_ONCE = 200
CALM_SECONDS = 2.0
YEARS = 10**15  # later than any validity

OPEN = "status IN ('queued', 'sending', 'sent')"


def text_of(number: int) -> str:
    """Each part of each message has a text of its own."""
    repeated = 40 if number % LONG_EVERY == 0 else 1
    return f"{number:06d}" * repeated


def parts_of(number: int) -> list[str]:
    text = text_of(number)
    return [text] if len(text) <= 160 else [text[:153], text[153:]]


@asynccontextmanager
async def dispatching(database: Database, provider: SmppProvider) -> AsyncIterator[None]:
    task = asyncio.create_task(Dispatcher(database, provider).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def accept(database: Database, who: Customer) -> dict[str, int]:
    """Queue all; their numbers by their ids."""
    ids: dict[str, int] = {}
    for first in range(0, MESSAGES, QUEUED_AT_ONCE):
        numbers = range(first, min(first + QUEUED_AT_ONCE, MESSAGES))
        wishes = [(f"+1555{number:07d}", text_of(number)) for number in numbers]
        found = await queue_all(database, who, wishes)
        ids |= dict(zip(found, numbers, strict=True))
    return ids


async def count(database: Database, table: str, where: str) -> int:
    row = await database.one(f"SELECT COUNT(*) AS n FROM {table} WHERE {where}")
    assert row is not None
    return int(row["n"])


async def settled(database: Database, smsc: Smsc) -> None:
    """Nothing is open, and nothing more comes."""
    before = -1
    async with asyncio.timeout(SECONDS_MAX):
        while await count(database, "message", OPEN) or before != (
            before := await count(database, "message", "status = 'unknown'")
        ):
            await asyncio.sleep(CALM_SECONDS)


async def test_a_storm(database: Database, smsc: Smsc) -> None:
    who = await customer(database, funds=str(FUNDS // 1_000_000), mode="live")
    ids = await accept(database, who)
    smsc.knobs(
        record="brief", drop_share=DROP_SHARE, throttle=THROTTLED_FIRST, per_second=PER_SECOND,
        first_share=0.3, receipt_ms=5,
    )  # fmt: skip
    provider = SmppProvider(config(smsc.port, binds=2, user_message_reference=True))
    async with dispatching(database, provider):
        await settled(database, smsc)
    while await count(database, "message", "status = 'unknown'"):
        await database.write(sweep, "smpp", False, now() + YEARS)
    records = smsc.records
    taken = set(records["taken"])
    assert records["counts"]["drops"] >= 2
    assert any(throttled for _, throttled in records["submits"])
    assert len(taken) == len(records["taken"]), "taken twice"
    submitted = Counter(text for text, throttled in records["submits"] if not throttled)
    assert set(submitted.values()) == {1}, "submitted twice"
    rows = await database.all("SELECT id, status, cost FROM message")
    assert len(rows) == MESSAGES
    for row in rows:
        check(row, parts_of(ids[row["id"]]), taken)
    assert sum(row["cost"] for row in rows) == PRICE * len(taken)
    assert await wallet(database, who) == (FUNDS - PRICE * len(taken), 0)
    assert await count(database, "sms_receipt", "matched_at IS NULL AND state <> 'enroute'") == 0
    assert await verify.verify(database) == {}
    print(Counter(row["status"] for row in rows), records["counts"], dict(provider.figures()))


def check(row: dict[str, Any], parts: list[str], taken: set[str]) -> None:
    """One message against what the SMSC knows of its parts."""
    own = taken.intersection(parts)
    assert row["cost"] == PRICE * len(own), row
    if len(own) == len(parts):
        assert row["status"] == "delivered", row
    else:
        assert row["status"] in ("expired", "undelivered"), row
