"""Messages from phones: joined across restarts, kept once, obeyed."""

import json
import random
from typing import Any

import pytest

from db import sms_accounts
from db.accounts import PLATFORM
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.sms.inbound import PARTS_WAIT_SECONDS, join_stale, receive
from telephony.sms.keywords import BY_LANGUAGE, Keyword, keyword_of
from telephony.sms.providers.base import Inbound
from tests.factories import Customer, customer

PHONE, OURS, SHORT = "+15551230001", "+15550111222", "12345"
DAY = PARTS_WAIT_SECONDS * SECOND


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, mode="live")

    def own(conn: Conn) -> None:
        for number in (OURS, SHORT):
            conn.run(
                "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds,"
                " targets, forward_to, created_at) VALUES (:n, :a, 'live', 'all', 20, '', '', 1)",
                n=number, a=owner.account_id,
            )  # fmt: skip

    await database.write(own)
    return owner


def said(text: str, **facts: Any) -> Inbound:
    return Inbound(**{"provider": "smpp", "sender": PHONE, "recipient": OURS, "text": text} | facts)


def parts(*texts: str, reference: int = 7, **facts: Any) -> list[Inbound]:
    return [
        said(text, reference=reference, part=at, parts=len(texts), **facts)
        for at, text in enumerate(texts, 1)
    ]


async def take(database: Database, *batch: Inbound, at: int | None = None) -> None:
    await database.write(receive, batch, at or now())


async def kept(database: Database) -> list[dict[str, Any]]:
    return await database.all("SELECT * FROM sms_inbound ORDER BY id")


async def told(database: Database) -> list[dict[str, Any]]:
    rows = await database.all("SELECT payload FROM event WHERE type = 'message_received'")
    return [json.loads(row["payload"]) for row in rows]


async def test_a_message_is_kept_and_told(database: Database, who: Customer) -> None:
    await take(database, said("Hi!"), said("code", recipient=SHORT, sender="ACME"))
    first, second = await kept(database)
    assert (first["account_id"], first["mode"]) == (who.account_id, "live")
    assert (first["from_number"], first["to_number"], first["body"]) == (PHONE, OURS, "Hi!")
    assert (second["from_number"], second["to_number"]) == ("ACME", SHORT)
    events = {event["message_id"]: event for event in await told(database)}
    event = events[first["id"]]
    assert event.pop("received_at").endswith("Z")
    assert event == {
        "message_id": first["id"], "from": PHONE, "to": OURS, "text": "Hi!", "segments": 1,
    }  # fmt: skip


async def test_a_message_to_nobodys_number_is_kept_for_the_operator(
    database: Database, who: Customer
) -> None:
    await take(database, said("STOP", recipient="+15550999999"))
    (row,) = await kept(database)
    assert row["account_id"] == PLATFORM
    assert await told(database) == []


async def test_a_repeated_message_is_kept_once(database: Database, who: Customer) -> None:
    for _ in range(2):
        await take(database, said("one", provider_message_id="a"), said("two", at=5))
    await take(database, said("one", provider_message_id="b"), said("two", at=6))
    assert [row["body"] for row in await kept(database)] == ["one", "two", "one", "two"]
    await take(database, said("yes"), said("yes"))  # nothing tells whether it is one or two
    assert len(await kept(database)) == 6


@pytest.mark.parametrize("order", range(4))
async def test_parts_are_joined_in_any_order(database: Database, who: Customer, order: int) -> None:
    """Each comes in a transaction of its own, so that what was there outlives a process."""
    batch = parts("one ", "two ", "three") + parts("other ", "message", reference=8)
    batch += parts("from elsewhere ", "!", sender="+15551230002")
    draw = random.Random(order)
    draw.shuffle(batch)
    for one in batch:
        await take(database, one)
    assert {row["body"]: row["segments"] for row in await kept(database)} == {
        "one two three": 3, "other message": 2, "from elsewhere !": 2,
    }  # fmt: skip
    for one in batch:  # the far side lost our answers
        await take(database, one)
    assert len(await kept(database)) == len(await told(database)) == 3


async def test_a_reference_that_comes_around_is_another_message(
    database: Database, who: Customer
) -> None:
    await take(database, *parts("first ", "message"))
    await take(database, *parts("second ", "one"))
    assert [row["body"] for row in await kept(database)] == ["first message", "second one"]


async def test_half_a_pair_is_mended(database: Database, who: Customer) -> None:
    await take(database, *parts("x\ud83d", "\ude00y"))
    await take(database, said("lone \ud83d and \0 nul"))
    assert [row["body"] for row in await kept(database)] == ["x😀y", "lone � and  nul"]


async def test_what_never_comes_is_not_waited_for(database: Database, who: Customer) -> None:
    begin = now()
    await take(database, parts("one ", "two ", "three")[0], at=begin)
    await take(database, *parts("done ", "!", reference=9), at=begin)
    await database.write(join_stale, begin + DAY)
    assert len(await kept(database)) == 1
    for _ in range(2):
        await database.write(join_stale, begin + DAY + 1)
    assert [row["body"] for row in await kept(database)] == ["done !", "one […][…]"]
    assert await database.all("SELECT * FROM sms_inbound_part") == []


@pytest.mark.parametrize(
    ("text", "keyword"),
    [
        ("STOP", Keyword.STOP),
        (" stop. ", Keyword.STOP),
        ("“Stop!”", Keyword.STOP),
        ("stop all", Keyword.STOP),
        ("Arrêt", Keyword.STOP),
        ("arret", Keyword.STOP),
        ("iptal", Keyword.STOP),
        ("İPTAL", Keyword.STOP),
        ("start", Keyword.START),
        ("hilfe", Keyword.HELP),
        ("please stop calling me", None),
        ("stopwatch", None),
        ("", None),
        ("🛑", None),
    ],
)
def test_keywords(text: str, keyword: Keyword | None) -> None:
    assert keyword_of(text) is keyword


def test_no_word_has_two_meanings() -> None:
    words = [
        (word, keyword)
        for language in BY_LANGUAGE.values()
        for keyword, listed in language.items()
        for word in listed
    ]
    assert all(keyword_of(word.lower()) is keyword for word, keyword in words)


async def test_stop_and_start_are_obeyed(database: Database, who: Customer) -> None:
    async def out(sender: str = OURS, phone: str = PHONE) -> bool:
        return await database.write(sms_accounts.opted_out, who.account_id, "live", sender, phone)

    assert not await out()
    await take(database, said("Stop"))
    assert await out()
    assert not await out(sender=SHORT), "only from the number that it was said to"
    assert not await out(phone="+15551230002")
    await take(database, said("HELP"), said("no, do not start again"))
    assert await out()
    await take(database, said("START"))
    assert not await out()
    assert [row["keyword"] for row in await kept(database)] == ["stop", "help", "", "start"]
