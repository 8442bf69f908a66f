"""Sender ids: asked for, decided, and where a name may be shown."""

import pytest

from db import caller_ids, sms_accounts
from db.connection import Conn
from db.database import Database
from db.sms_accounts import SenderStatus
from telephony.clock import now
from telephony.errors import SenderIdNotAllowedError
from telephony.settings import Settings
from telephony.sms import senders
from tests.factories import Customer, customer

SETTINGS = Settings(sms_sender="PLATFORM")
US, GERMAN = "+15551234567", "+4915112345678"
NUMBER, OWNED = "+15550111222", "+15550222333"


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, mode="live")


async def pick(
    database: Database, who: Customer, asked: str = "", to: str = GERMAN, default: str = ""
) -> str:
    def deed(conn: Conn) -> str:
        shown = senders.senders_for(conn, SETTINGS, who.account_id, who.mode, default)
        assert shown(asked, to) == shown(asked, to)
        return shown(asked, to)

    return await database.write(deed)


async def refusal(database: Database, who: Customer, asked: str, to: str = GERMAN) -> str:
    with pytest.raises(SenderIdNotAllowedError) as caught:
        await pick(database, who, asked, to)
    return caught.value.detail


async def approve(database: Database, who: Customer, sender: str) -> None:
    def deed(conn: Conn) -> None:
        senders.request(conn, who.account_id, sender, now())
        assert sms_accounts.decide_sender(
            conn, who.account_id, sender, SenderStatus.approved, "", now()
        )

    await database.write(deed)


async def test_what_is_shown_by_default(database: Database, who: Customer) -> None:
    assert await pick(database, who) == "PLATFORM"
    await database.write(caller_ids.verify, who.account_id, NUMBER, "test", now())
    assert await pick(database, who) == NUMBER
    await approve(database, who, "ACME")
    assert await pick(database, who, default="ACME") == "ACME"
    assert await pick(database, who, NUMBER, default="ACME") == NUMBER


async def test_a_name_goes_from_requested_to_approved(database: Database, who: Customer) -> None:
    other = await customer(database, mode="live")
    assert "neither" in await refusal(database, who, "ACME")
    await database.write(senders.request, who.account_id, "ACME", now())
    assert "not approved yet" in await refusal(database, who, "ACME")
    await database.write(
        sms_accounts.decide_sender, who.account_id, "ACME", SenderStatus.refused, "no", now()
    )
    assert "was refused" in await refusal(database, who, "ACME")
    await approve(database, who, "ACME")
    assert await pick(database, who, "ACME") == "ACME"
    await database.write(senders.request, who.account_id, "ACME", now())
    assert await pick(database, who, "ACME") == "ACME", "asking again takes nothing away"
    assert "neither" in await refusal(database, other, "ACME")
    rows = await database.write(sms_accounts.senders, who.account_id)
    assert [(row["sender"], row["status"]) for row in rows] == [("ACME", "approved")]


async def test_names_are_not_shown_everywhere(database: Database, who: Customer) -> None:
    await approve(database, who, "ACME")
    await approve(database, who, "12345")
    assert "show no names" in await refusal(database, who, "ACME", US)
    assert await pick(database, who, "12345", US) == "12345"


async def test_an_owned_number_may_be_shown(database: Database, who: Customer) -> None:
    other = await customer(database, mode="live")

    def own(conn: Conn) -> None:
        conn.run(
            "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
            " forward_to, created_at) VALUES (:n, :a, 'live', 'all', 20, '', '', 1)",
            n=OWNED, a=who.account_id,
        )  # fmt: skip

    await database.write(own)
    assert await pick(database, who, OWNED) == OWNED
    assert "neither" in await refusal(database, other, OWNED)


@pytest.mark.parametrize(
    "sender", ["", "AB", "A" * 12, "12", "123456789", "ACMÉ", "A\nB", "🎉🎉🎉"]
)
async def test_what_no_network_takes(database: Database, who: Customer, sender: str) -> None:
    with pytest.raises(ValueError, match="3 to 11"):
        await database.write(senders.request, who.account_id, sender, now())
