"""Which provider carries what, where a message goes that one does not take, whose turn it is."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from db import message_queue, sms_providers
from db.connection import Conn
from db.database import Database
from db.message_queue import Lane
from telephony.clock import SECOND, now
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.breaker import FAILURES_MAX, REST_SECONDS_MAX, REST_SECONDS_MIN, Breaker
from telephony.sms.dispatch import Dispatcher
from telephony.sms.drafts import Draft
from telephony.sms.providers.base import Health, ProviderError, Submitted
from telephony.sms.send import send_all
from tests.factories import Customer, customer
from tests.patience import PATIENCE_SECONDS
from tests.sms.sending import LIVE, Told, by_part, hasten, history, message, queue, wallet

TO = "+15551239999"
DOWN = ProviderError("link_down", retryable=True)
REFUSED = ProviderError("invalid_recipient")
UNKNOWN = ProviderError("link_lost", outcome_unknown=True)


async def provide(database: Database, *names: str, encodings: str = "gsm7,ucs2") -> None:
    def deed(conn: Conn) -> None:
        for name in names:
            sms_providers.put(conn, name, "pigeon", "sealed", encodings, now())

    await database.write(deed)


async def route(database: Database, provider: str, **facts: Any) -> None:
    plain: dict[str, Any] = {
        "mode": "live", "prefix": "", "account_id": "", "sender": "", "priority": 0, "weight": 1,
    }  # fmt: skip
    await database.write(lambda conn: routes.add(conn, provider=provider, **(plain | facts)))


async def order(
    database: Database, to: str = TO, account: str = "acc_x", sender: str = "+1",
    mode: str = "live", settings: Settings = LIVE,
) -> list[str]:  # fmt: skip
    found = await database.write(
        lambda conn: routes.ways(
            conn, settings, mode=mode, account_id=account, messages=[(sender, to)]
        )(sender, to)
    )
    return [way.provider for way in found]


async def test_the_most_specific_routes_count(database: Database) -> None:
    await provide(database, "a", "b", "c", "d", "e", "f")
    assert await order(database) == ["smpp"], "without a route, that of the settings"
    everything = ["a", "b", "c", "d", "e", "f"]
    assert await order(database, settings=Settings()) == everything
    await route(database, "a")
    await route(database, "b", prefix="1")
    await route(database, "c", prefix="1555", priority=2)
    await route(database, "d", prefix="1555", priority=1)
    await route(database, "e", sender="ACME")
    await route(database, "f", account_id="acc_y", prefix="44")
    assert await order(database, "+4915112345678") == ["a"]
    assert await order(database, "+12125550000") == ["b"]
    assert await order(database) == ["d", "c"]
    assert await order(database, sender="ACME") == ["e"]
    assert await order(database, account="acc_y") == ["d", "c"]
    assert await order(database, "+447700900000", account="acc_y", sender="ACME") == ["f"]
    assert await order(database, mode="test") == ["sandbox"]
    await database.write(sms_providers.remove, "d", now())
    assert await order(database) == ["c"]


async def test_equal_priorities_share_by_weight(database: Database) -> None:
    await provide(database, "heavy", "light")
    await route(database, "heavy", weight=9)
    await route(database, "light", weight=1)
    first = Counter([(await order(database))[0] for _ in range(300)])
    assert 220 < first["heavy"] < 299
    assert first["light"] > 0


class Ill(Told):
    """Down, as far as it knows."""

    def health(self) -> Health:
        return Health(False, "no bind")


async def follow(database: Database, who: Customer, error: ProviderError) -> tuple[str, list[str]]:
    """A message that `first` answers with an error and `second` would take."""
    message_id = await queue(database, who)
    first, second = Told(lambda _: error, "first"), Told(by_part, "second")
    assert await Dispatcher(database, first).step() == 1
    await Dispatcher(database, second).step()
    return message_id, await history(database, message_id)


@pytest.mark.parametrize("error", [DOWN, REFUSED, ProviderError("slow", throttled=True)])
async def test_what_one_does_not_take_goes_to_the_next(
    database: Database, error: ProviderError
) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", "second")
    await route(database, "first")
    await route(database, "second", priority=1)
    message_id, states = await follow(database, who, error)
    assert states == ["queued", "sending", "queued", "sending", "sent"]
    row = await message(database, message_id)
    assert (row["provider"], row["tried"]) == ("second", "first")
    assert await wallet(database, who) == (1_000_000 - 7_000, 0)


async def test_what_may_have_been_taken_goes_nowhere_else(database: Database) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", "second")
    await route(database, "first")
    await route(database, "second", priority=1)
    assert (await follow(database, who, UNKNOWN))[1] == ["queued", "sending", "unknown"]


async def test_after_all_have_failed_it_waits_and_begins_anew(database: Database) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", "second")
    await route(database, "first")
    await route(database, "second", priority=1)
    message_id = await queue(database, who)
    for name in ("first", "second"):
        assert await Dispatcher(database, Told(lambda _: DOWN, name)).step() == 1
    row = await message(database, message_id)
    assert (row["status"], row["provider"], row["tried"]) == ("queued", "first", "")
    assert row["next_attempt_at"] > now()
    await hasten(database, next_attempt_at=now())
    for name in ("first", "second"):
        assert await Dispatcher(database, Told(lambda _: REFUSED, name)).step() == 1
    row = await message(database, message_id)
    assert (row["status"], row["error_code"]) == ("failed", "invalid_recipient")
    assert await wallet(database, who) == (1_000_000, 0)


async def test_a_language_goes_only_where_it_is_known(database: Database) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "first", encodings="gsm7,gsm7_tr,ucs2")
    await provide(database, "second")
    await route(database, "first")
    await route(database, "second", priority=1)
    message_id = await queue(database, who, text="ğ" * 77)
    assert (await message(database, message_id))["encoding"] == "gsm7_tr"
    await Dispatcher(database, Told(lambda _: DOWN, "first")).step()
    assert (await message(database, message_id))["provider"] == "first"


async def test_one_that_is_down_hands_its_queue_over(database: Database) -> None:
    who = await customer(database, funds="1", mode="live")
    await provide(database, "ill", "second", "alone")
    await route(database, "ill")
    await route(database, "second", priority=1)
    await route(database, "alone", prefix="1555123", sender="SMSVOIP")
    ids = [await queue(database, who, to=to) for to in ("+12125550000", TO)]
    await database.write(lambda conn: conn.run("UPDATE message SET provider = 'ill'"))
    ill = Ill(by_part, "ill")
    task = asyncio.create_task(Dispatcher(database, ill).run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await message(database, ids[0]))["provider"] != "second":
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert ill.submitted == []
    assert {await _state(database, one) for one in ids} == {"queued"}


async def _state(database: Database, message_id: str) -> str:
    return str((await message(database, message_id))["status"])


async def test_a_breaker_rests_longer_and_longer() -> None:
    breaker, at = Breaker(), 0
    for _ in range(FAILURES_MAX - 1):
        breaker.note([DOWN, UNKNOWN], at)
    breaker.note([DOWN, Submitted("1")], at)
    for outcomes in ([REFUSED], [ProviderError("slow", throttled=True)]):
        breaker.note(outcomes, at)
    assert not breaker.resting(at)
    rests = []
    for _ in range(FAILURES_MAX + 6):
        breaker.note([DOWN], at)
        if breaker.resting(at):
            seconds = next(s for s in range(1000) if not breaker.resting(at + s * SECOND))
            rests.append(seconds)
            at += seconds * SECOND
    assert rests[:3] == [REST_SECONDS_MIN, 2 * REST_SECONDS_MIN, 4 * REST_SECONDS_MIN]
    assert rests[-1] == REST_SECONDS_MAX
    breaker.note([Submitted("1")], at)
    breaker.note([DOWN], at)
    assert not breaker.resting(at)


async def bulk(database: Database, who: Customer, count: int) -> None:
    drafts = [Draft(f"+1555123{at:04}", "bulk") for at in range(count)]
    await database.write(
        lambda conn: send_all(
            conn,
            LIVE,
            account_id=who.account_id,
            mode="live",
            key_id=who.key_id,
            drafts=drafts,
            lane=Lane.bulk,
            now=now(),
        )
    )


async def test_a_bulk_sender_delays_nobody(database: Database) -> None:
    """All single messages are among the first claims, whoever sent how many before."""
    senders = [await customer(database, funds="100", mode="live") for _ in range(4)]
    await bulk(database, senders[0], 400)
    singles = [await queue(database, senders[at % 3 + 1]) for at in range(12)]
    for _ in range(300):
        await queue(database, senders[0])
    claimed = []
    for _ in range(4):
        rows = await database.write(message_queue.claim, "smpp", "t", now(), now() + SECOND, 10)
        assert len(rows) == 10
        claimed += rows
        assert any(row["lane"] == Lane.bulk for row in rows), "the bulk lane never stands still"
    assert set(singles) <= {row["id"] for row in claimed}
    ids = [row["id"] for row in claimed if row["account_id"] == senders[1].account_id]
    assert ids == sorted(ids), "each account's own order is kept"


async def test_more_accounts_than_room_all_get_their_turn(database: Database) -> None:
    senders = [await customer(database, funds="1", mode="live") for _ in range(7)]
    for who in senders:
        for _ in range(3):
            await queue(database, who)
    provider = Told(by_part)
    dispatcher = Dispatcher(database, provider)
    turns = []
    for _ in range(7):
        rows = await dispatcher._claim(3)
        turns.append({row["account_id"] for row in rows})
    assert [len(turn) for turn in turns] == [3] * 7
    assert set.union(*turns[:3]) == {who.account_id for who in senders}
    assert await dispatcher._claim(3) == []
