"""Keywords are answered where an account wants that: once, paid for, and never in a circle."""

import asyncio
from typing import Any

import pytest
from cryptography.fernet import Fernet

from db import sms_replies
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import replies
from telephony.sms.carriers import Carriers
from telephony.sms.inbound import receive
from telephony.sms.keywords import Keyword
from telephony.sms.providers.base import Inbound
from telephony.sms.replies import QUIET_SECONDS, Replier, answer_due
from tests.factories import Customer, customer
from tests.sms.sending import LIVE, queue, wallet

PHONE, OURS, SHORT, THEIRS = "+15551230001", "+15550111222", "12345", "+15550333444"
HOUR = QUIET_SECONDS * SECOND
START = now()


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def who(database: Database) -> Customer:
    owner, other = await customer(database, mode="live"), await customer(database, mode="live")

    def own(conn: Conn) -> None:
        for number, account_id in ((OURS, owner), (SHORT, owner), (THEIRS, other)):
            conn.run(
                "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds,"
                " targets, forward_to, created_at) VALUES (:n, :a, 'live', 'all', 20, '', '', 1)",
                n=number, a=account_id.account_id,
            )  # fmt: skip

    await database.write(own)
    return owner


async def put(
    database: Database, who: Customer, keyword: Keyword, body: str, number: str = ""
) -> None:
    await database.write(replies.put, who.account_id, number, keyword, body)


async def hear(
    database: Database, text: str, sender: str = PHONE, to: str = OURS, at: Instant = START,
    settings: Settings = LIVE,
) -> int:  # fmt: skip
    """A phone writes, and what is due is answered; how many messages there were to look at."""
    await database.write(receive, [Inbound("smpp", sender, to, text)], at)
    return await database.write(answer_due, settings, at)


async def sent(database: Database) -> list[tuple[str, str, str]]:
    rows = await database.all("SELECT * FROM message ORDER BY id")
    return [(row["from_number"], row["to_number"], row["body"]) for row in rows]


async def test_nothing_is_answered_unless_told(database: Database, who: Customer) -> None:
    for word in ("STOP", "START", "HELP", "Hello"):
        assert await hear(database, word) == 0
    assert await sent(database) == []


async def test_an_answer_is_a_message_like_any_other(database: Database, who: Customer) -> None:
    """STOP is confirmed, and all the same the phone gets nothing else from then on."""
    await put(database, who, Keyword.STOP, "You get no more.")
    before, _ = await wallet(database, who)
    assert await hear(database, "Stop!") == 1
    assert await sent(database) == [(OURS, PHONE, "You get no more.")]
    (row,) = await database.all("SELECT * FROM message")
    assert (row["status"], row["mode"], row["provider"]) == ("queued", "live", "smpp")
    assert await wallet(database, who) == (before, row["cost"])
    with pytest.raises(Exception, match="answered STOP"):
        await queue(database, who, to=PHONE, sender=OURS)
    assert await database.write(answer_due, LIVE, START) == 0, "once"


async def test_each_keyword_and_number_has_its_own(database: Database, who: Customer) -> None:
    await put(database, who, Keyword.HELP, "Call us.")
    await put(database, who, Keyword.HELP, "Short help.", SHORT)
    await put(database, who, Keyword.START, "Welcome.")
    await put(database, who, Keyword.START, "", SHORT)
    for at, (word, to) in enumerate(
        (("HELP", OURS), ("hilfe", SHORT), ("start", OURS), ("START", SHORT), ("STOP", OURS))
    ):
        await hear(database, word, f"+1555123000{at}", to)
    assert [(sender, body) for sender, _, body in await sent(database)] == [
        (OURS, "Call us."), (SHORT, "Short help."), (OURS, "Welcome."),
    ]  # fmt: skip
    rows = await database.write(sms_replies.of_account, who.account_id)
    assert [(row["number"], row["keyword"]) for row in rows] == [
        ("", "help"), ("", "start"), (SHORT, "help"),
    ]  # fmt: skip


async def test_a_phone_is_answered_once_an_hour(database: Database, who: Customer) -> None:
    await put(database, who, Keyword.HELP, "Call us.")
    for at, count in ((0, 1), (1, 1), (HOUR - 1, 1), (HOUR, 2), (2 * HOUR - 1, 2), (2 * HOUR, 3)):
        await hear(database, "HELP", at=START + at)
        assert len(await sent(database)) == count, at
    await hear(database, "HELP", "+15551230002", at=START + HOUR)
    assert len(await sent(database)) == 4
    await database.write(answer_due, LIVE, START + 4 * HOUR)
    assert await database.all("SELECT * FROM sms_replied") == []


async def test_what_may_answer_itself_is_not_answered(database: Database, who: Customer) -> None:
    await put(database, who, Keyword.HELP, "Call us.")
    for sender in ("ACME", "54321", THEIRS, OURS):
        assert await hear(database, "HELP", sender) == 1
    assert await sent(database) == []


async def test_two_accounts_that_answer_each_other_come_to_rest(
    database: Database, who: Customer
) -> None:
    """Were a number of ours reached by way of a carrier, the answer is no keyword in turn."""
    for word in ("HELP", "help!", "  Info "):
        with pytest.raises(ValueError, match="keyword"):
            await put(database, who, Keyword.HELP, word)
    with pytest.raises(ValueError, match="459"):
        await put(database, who, Keyword.HELP, "x" * 460)
    await put(database, who, Keyword.HELP, "Call us.")
    await hear(database, "HELP")
    ((_, _, answer),) = await sent(database)
    assert await hear(database, answer, PHONE, at=START + 2 * HOUR) == 0


async def test_without_money_or_account_there_is_none(
    database: Database, who: Customer, caplog: pytest.LogCaptureFixture
) -> None:
    await put(database, who, Keyword.HELP, "Call us.")
    poor = await customer(database, mode="live", funds="0")
    await database.write(lambda conn: conn.run(
        "UPDATE owned_number SET account_id = :a WHERE number = :n",
        a=poor.account_id, n=SHORT,
    ))  # fmt: skip
    await put(database, poor, Keyword.HELP, "Call us.")
    assert await hear(database, "HELP", to=SHORT) == 1
    assert "insufficient_funds" in caplog.text
    await database.write(lambda conn: conn.run(
        "UPDATE account SET status = 'suspended' WHERE id = :a", a=who.account_id,
    ))  # fmt: skip
    assert await hear(database, "HELP") == 1
    assert await sent(database) == []
    assert await wallet(database, poor) == (0, 0)


async def test_a_repeated_keyword_is_due_once(database: Database, who: Customer) -> None:
    await put(database, who, Keyword.HELP, "Call us.")
    one: dict[str, Any] = {"provider": "smpp", "sender": PHONE, "recipient": OURS, "text": "HELP"}
    again = [Inbound(**one, provider_message_id="a") for _ in range(3)]
    await database.write(receive, again, START)
    assert await Replier(database, LIVE).step() == 1
    assert await Replier(database, LIVE).step() == 0
    assert len(await sent(database)) == 1


async def test_a_running_platform_answers(database: Database, vault: Vault) -> None:
    """In test mode, where the sandbox carries the answer."""
    owner = await customer(database)
    await put(database, owner, Keyword.HELP, "Call us.")
    await database.write(lambda conn: conn.run(
        "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
        " forward_to, created_at) VALUES (:n, :a, 'test', 'all', 20, '', '', 1)",
        n=OURS, a=owner.account_id,
    ))  # fmt: skip
    task = asyncio.create_task(Carriers(database, Settings(), vault).run())
    try:
        await database.write(receive, [Inbound("sandbox", PHONE, OURS, "HELP")], now())
        async with asyncio.timeout(30):
            while [row["status"] for row in await rows_of(database)] != ["delivered"]:
                await asyncio.sleep(0.05)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await sent(database) == [(OURS, PHONE, "Call us.")]


async def rows_of(database: Database) -> list[dict[str, Any]]:
    return await database.all("SELECT * FROM message ORDER BY id")
