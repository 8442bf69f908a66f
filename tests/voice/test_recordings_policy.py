"""Which calls are recorded: what the call asks for, else what its phone says, else its account."""

import asyncio
from typing import Any

import pytest
from typer.testing import CliRunner

from db import accounts, calls, sip
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from telephony.voice.authorize import decide
from telephony.voice.originate import originate
from tests.commands import cli
from tests.factories import Customer, customer
from tests.voice.calling import VAULT, add_phone, call, placed

INSIDE = "sip:alice"
OUTSIDE = "+15559876543"


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="50", country="US")
    await add_phone(database, owner, "alice", dial_mode="test")
    await add_phone(database, owner, "bob", "", dial_mode="test")
    return owner


def say(conn: Conn, who: Customer, account: str, phone: str) -> None:
    """Policies of the account and of its phone alice."""
    accounts.change(conn, who.account_id, record=account)
    row = sip.by_username(conn, "alice")
    assert row
    conn.run("UPDATE sip_account SET record = :record WHERE id = :id", record=phone, id=row["id"])


RULES: list[tuple[str | None, str, str, str, str]] = [
    # what the call asks, the phone's policy, the account's, to, what comes of it
    (None, "", "", OUTSIDE, ""),
    (None, "", "outbound", OUTSIDE, "stereo"),
    (None, "", "all", OUTSIDE, "stereo"),
    (None, "", "inbound", OUTSIDE, ""),
    (None, "outbound", "", OUTSIDE, "stereo"),
    (None, "inbound", "all", OUTSIDE, ""),
    (None, "all", "inbound", OUTSIDE, "stereo"),
    (None, "outbound", "", INSIDE, ""),
    (None, "all", "", INSIDE, "stereo"),
    ("mixed", "", "", OUTSIDE, "mixed"),
    ("mixed", "all", "all", OUTSIDE, "mixed"),
    ("stereo", "inbound", "", INSIDE, "stereo"),
    ("", "all", "all", OUTSIDE, ""),
]


async def test_calls_of_the_api(database: Database, who: Customer) -> None:
    found = []
    for asked, phone, account, to, _ in RULES:
        await database.write(say, who, account, phone)
        done = await placed(database, who, to, origin="alice", record=asked)
        row = await call(database, done.call_id)
        assert originate(row, VAULT).variables["SV_RECORD"] == row["record"] == done.record
        found.append(row["record"])
    assert found == [wanted for *_, wanted in RULES]


async def test_calls_that_a_phone_dials(database: Database, who: Customer) -> None:
    """A phone asks for nothing: its policy and its account's decide."""
    rules = [rule for rule in RULES if rule[0] is None]
    found = []
    for at, (_, phone, account, to, _) in enumerate(rules):
        await database.write(say, who, account, phone)
        verdict = await database.write(
            decide, Settings(), endpoint="alice", dialled=to.removeprefix("sip:"),
            uniqueid=f"pbx1-7.{at}",
        )  # fmt: skip
        row = await database.write(calls.by_channel, f"pbx1-7.{at}")
        assert row
        assert verdict.variables["SV_RECORD"] == row["record"]
        found.append(row["record"])
    assert found == [wanted for *_, wanted in rules]


async def test_an_operator_says_it_for_an_account(
    database: Database, database_url: str, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not given stays; `none` and 0 take back what was said."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)

    async def said(*options: str, status: int = 0) -> tuple[str, tuple[str, int | None]]:
        words = ["account", "recording", who.account_id, *options]
        done = await asyncio.to_thread(CliRunner().invoke, cli, words)
        assert done.exit_code == status, done.output
        row = await database.write(accounts.account, who.account_id)
        return " ".join(done.output.split()), (row["record"], row["recording_days"])

    told, state = await said("--record", "all", "--days", "90")
    assert (told, state) == ("Customer: records all; kept for 90 days.", ("all", 90))
    assert (await said("--record", "inbound"))[1] == ("inbound", 90)
    assert (await said("--days", "0"))[1] == ("inbound", None)
    told, state = await said("--record", "none")
    assert told.endswith("says so; kept for 30 days.")
    assert state == (await said())[1] == ("", None)
    for wrong in (("--record", "some"), ("--days", "-1"), ("--days", "9999")):
        assert (await said(*wrong, status=2))[1] == ("", None)


async def test_a_refused_call_is_not_recorded(database: Database) -> None:
    facts: dict[str, Any] = {"record": "all", "country": "US"}
    poor = await customer(database, **facts)
    await add_phone(database, poor, "carol", dial_mode="test")
    await database.write(decide, Settings(), endpoint="carol", dialled=OUTSIDE, uniqueid="pbx1-8.1")
    (row,) = await database.all("SELECT * FROM call WHERE created_at <= :now", now=now())
    assert (row["status"], row["record"]) == ("failed", "")
