"""Floods are refused with what they are floods of; texts do not outlive their days."""

from typing import Any

import pytest

from db import inbound, sms_accounts
from db.connection import Conn
from db.database import Database
from db.message_queue import Lane
from telephony.clock import SECOND, Instant, now
from telephony.errors import Problem, RateLimitedError
from telephony.settings import Settings
from telephony.sms.drafts import Draft
from telephony.sms.retention import Retention, redact_old
from telephony.sms.send import send, send_all
from tests.factories import Customer, customer
from tests.sms.sending import message

TO = "+15551239999"
START = 1_768_000_000 // 3600 * 3600 * SECOND
DAY = 86_400 * SECOND


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="10")


async def try_to(
    database: Database, who: Customer, settings: Settings, to: str = TO, at: Instant = START
) -> dict[str, Any] | None:
    """What the refusal says, None if there is none; `after` is when to come again, in seconds."""

    def deed(conn: Conn) -> None:
        send(conn, settings, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
             draft=Draft(to, "text"), now=at)  # fmt: skip

    try:
        await database.write(deed)
    except RateLimitedError as problem:
        return problem.extra | {"after": problem.retry_after_seconds}
    return None


async def test_a_recipient_is_not_flooded(database: Database, who: Customer) -> None:
    settings, other = Settings(sms_recipient_per_hour=2), await customer(database)
    for _ in range(2):
        assert await try_to(database, who, settings) is None
    found = await try_to(database, who, settings, at=START + 600 * SECOND)
    assert found == {"of": "recipient", "limit": 2, "after": 3000}
    assert await try_to(database, who, settings, to="+15551239998") is None
    assert await try_to(database, other, settings) is None
    assert await try_to(database, who, settings, at=START + 3600 * SECOND) is None


async def test_a_range_is_not_pumped(database: Database, who: Customer) -> None:
    settings = Settings(sms_range_per_hour=3)
    for last in (1, 2, 3):
        assert await try_to(database, who, settings, to=f"+1555123000{last}") is None
    found = await try_to(database, who, settings, to="+15551230004")
    assert found is not None
    assert (found["of"], found["limit"]) == ("range", 3)
    assert await try_to(database, who, settings, to="+15551240004") is None


async def test_an_account_has_its_own_limit(database: Database, who: Customer) -> None:
    settings, other = Settings(sms_account_per_minute=1), await customer(database)
    await database.write(lambda conn: sms_accounts.change(conn, who.account_id, per_minute=3))
    for _ in range(3):
        assert await try_to(database, who, settings) is None
    found = await try_to(database, who, settings)
    assert found == {"of": "account", "limit": 3, "after": 60}
    assert await try_to(database, other, settings) is None
    assert (await try_to(database, other, settings) or {})["limit"] == 1
    assert await try_to(database, who, settings, at=START + 60 * SECOND) is None


async def test_a_batch_stops_at_the_limit(database: Database, who: Customer) -> None:
    done = await database.write(
        lambda conn: send_all(
            conn,
            Settings(sms_recipient_per_hour=2),
            account_id=who.account_id,
            mode=who.mode,
            key_id=who.key_id,
            drafts=[Draft(TO, str(at)) for at in range(4)],
            lane=Lane.bulk,
            now=START,
        )
    )
    codes = [one.code if isinstance(one, Problem) else None for one in done]
    assert codes == [None, None, "rate_limited", "rate_limited"]


async def test_counts_are_forgotten(database: Database, who: Customer) -> None:
    await try_to(database, who, Settings(sms_recipient_per_hour=2))
    await database.write(redact_old, 0, START + 3600 * SECOND)
    assert len(await database.all("SELECT * FROM sms_velocity")) == 1
    await database.write(redact_old, 0, START + 3 * 3600 * SECOND)
    assert await database.all("SELECT * FROM sms_velocity") == []


async def test_texts_go_after_their_days(database: Database, who: Customer) -> None:
    await try_to(database, who, Settings(), at=now())
    await try_to(database, who, Settings(), at=now())
    sent, waiting = [row["id"] for row in await database.all("SELECT id FROM message ORDER BY id")]
    await database.write(
        lambda conn: conn.run("UPDATE message SET status = 'delivered' WHERE id = :id", id=sent)
    )
    await database.write(
        lambda conn: inbound.add(
            conn,
            id="msg_0",
            account_id=who.account_id,
            mode="test",
            provider="x",
            from_number=TO,
            to_number=TO,
            body="in",
            segments=1,
            keyword="",
            fact="f",
            created_at=1,
        )
    )
    later = now() + 7 * DAY
    assert await database.write(redact_old, 0, later) == 0
    assert await database.write(redact_old, 8, later) == 1, "the inbound one is old"
    assert await database.write(redact_old, 6, later) == 1
    assert await database.write(redact_old, 6, later) == 0
    assert (await message(database, sent))["body"] == ""
    assert (await message(database, waiting))["body"] == "text"
    assert await Retention(database, Settings(sms_body_days=1)).step() == 0
