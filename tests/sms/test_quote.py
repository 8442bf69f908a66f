"""What a text would need and cost is what it does need and cost once it is sent."""

from typing import Any

import pytest

from db import sms_accounts
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from telephony.sms import send as sms
from telephony.sms.drafts import Draft
from telephony.sms.quote import Quote, quote
from telephony.sms.send import Accepted
from tests.factories import Customer, customer

SETTINGS = Settings(smpp_host="127.0.0.1")
TO = "+15551239999"
TEXTS = (
    "Hello", "x" * 160, "x" * 161, "[" * 81, "Привет", "я" * 71, "😀" * 34 + "ж", "çığ" * 40,
    "“quoted”" + "x" * 80, "two\nlines",
)  # fmt: skip


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


async def quoted(database: Database, who: Customer, text: str, to: str = TO, **more: Any) -> Quote:
    """The quote of a message of the customer's mode."""
    asked = {"mode": who.mode, "sender": "", "now": now(), **more}
    return await database.write(
        quote, SETTINGS, account_id=who.account_id, to=to, text=text, **asked
    )


async def accepted(database: Database, who: Customer, text: str) -> Accepted:
    """The same message, sent."""

    def deed(conn: Conn) -> Accepted:
        return sms.send(
            conn, SETTINGS, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
            draft=Draft(TO, text), now=now(),
        )  # fmt: skip

    return await database.write(deed)


@pytest.mark.parametrize("smart", [False, True])
async def test_it_says_what_sending_does(database: Database, who: Customer, smart: bool) -> None:
    await database.write(
        lambda conn: sms_accounts.change(conn, who.account_id, smart_encoding=smart)
    )
    for text in TEXTS:
        told, done = await quoted(database, who, text), await accepted(database, who, text)
        assert (told.encoding, told.parts, told.cost, told.smart_encoded) == (
            done.encoding, done.segments, done.cost, done.smart_encoded,
        ), text  # fmt: skip
        assert 0 < told.used <= told.room


async def test_nothing_is_held_and_nothing_counts_against_limits(
    database: Database, who: Customer
) -> None:
    await database.write(lambda conn: sms_accounts.change(conn, who.account_id, per_minute=1))
    before = await database.all("SELECT * FROM ledger_account ORDER BY id")
    for _ in range(3):
        await quoted(database, who, "Hello")
    assert await database.all("SELECT * FROM ledger_account ORDER BY id") == before
    assert (await accepted(database, who, "Hello")).segments == 1


async def test_room_is_that_of_the_last_part(database: Database, who: Customer) -> None:
    for text, used, room in (
        ("", 0, 160), ("x" * 160, 160, 160), ("x" * 161, 8, 153), ("€" * 3, 6, 160),
        ("ж" * 70, 70, 70), ("ж" * 71, 4, 67),
    ):  # fmt: skip
        told = await quoted(database, who, text)
        assert (told.used, told.room) == (used, room), text[:3]
    assert told.parts_max == SETTINGS.sms_parts_max


async def test_a_number_that_is_not_known_yet_has_no_price(
    database: Database, who: Customer
) -> None:
    assert (await quoted(database, who, "Hello", "")).cost is None
    assert (await quoted(database, who, "Hello", "+999123456789")).cost is None
    assert (await quoted(database, who, "x" * 161, "+15551239999")).cost == 14_000
    assert (await quoted(database, who, "x" * 161, "+4915112345678")).cost == 12_000


async def test_a_language_counts_where_the_provider_carries_it(
    database: Database, who: Customer
) -> None:
    turkish = "x" * 100 + "ığş"
    assert (await quoted(database, who, turkish, mode="test")).encoding == "gsm7_tr"
    assert (await quoted(database, who, turkish, mode="live")).encoding == "ucs2"
    assert (await quoted(database, who, turkish, "")).encoding == "ucs2"
