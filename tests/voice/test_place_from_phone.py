"""Calls that a phone dials: decided before the dialplan dials, refused with a cause and a row."""

import asyncio
from typing import Any

import pytest

from db import numbers
from db.database import Database
from telephony.settings import Settings
from telephony.voice.authorize import Authorizer, decide
from telephony.voice.fastagi import AgiRequest, AgiVerdict
from tests.factories import Customer, customer
from tests.voice.calling import (
    LIVE,
    NUMBER,
    TO,
    add_phone,
    call,
    sip_wallet,
    suspend_phone,
    timeline,
    told,
)
from tests.voice.carriers import add_trunk

UNIQUEID = "1768176000.17"
FUNDS = 5_000_000


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5", country="US")
    await add_phone(database, owner)
    await add_phone(database, owner, "bob", "+15550111333")
    return owner


async def dial(
    database: Database, dialled: str, endpoint: str = "alice", uniqueid: str = UNIQUEID,
    settings: Settings = LIVE,
) -> AgiVerdict:  # fmt: skip
    return await database.write(
        decide, settings, endpoint=endpoint, dialled=dialled, uniqueid=uniqueid
    )


async def the_call(database: Database) -> dict[str, Any]:
    (row,) = await database.all("SELECT * FROM call")
    return row


@pytest.mark.parametrize(
    "dialled", [TO, "0015559876543", "15559876543", "5559876543", "555-987-6543"]
)
async def test_a_number_as_people_dial_it(database: Database, who: Customer, dialled: str) -> None:
    verdict = await dial(database, dialled)
    assert verdict.granted
    assert verdict.variables == {
        "SV_LEGS": "simulated:15559876543", "SV_TO": TO, "SV_CALLER_ID": NUMBER, "SV_SECONDS": "60",
        "SV_RING_SECONDS": "30", "SV_RECORD": "",
    }  # fmt: skip
    row = await the_call(database)
    wanted: dict[str, Any] = {
        "channel_id": UNIQUEID, "status": "dialing", "direction": "outbound", "mode": "test",
        "to_number": TO, "from_number": "alice", "caller_id": NUMBER, "sip_account": "alice",
        "node": "pbx1", "key_id": None, "max_seconds": 14_400, "granted_seconds": 60,
        "first_leg": "",
    }  # fmt: skip
    assert row | wanted == row
    assert row["started_at"] == row["created_at"] == row["last_seen_at"]
    assert await sip_wallet(database, who) == (FUNDS, 12_000)


@pytest.mark.parametrize("dialled", ["bob", "sip-is-not-needed"])
async def test_a_phone_of_the_account(database: Database, who: Customer, dialled: str) -> None:
    await add_phone(database, who, "sip-is-not-needed", "")
    verdict = await dial(database, dialled)
    assert verdict.granted
    assert (verdict.variables["SV_LEGS"], verdict.variables["SV_TO"]) == (
        f"phones:{dialled}",
        dialled,
    )
    assert verdict.variables["SV_CALLER_ID"] == "alice"  # inside, a name says more
    assert (await the_call(database))["direction"] == "internal"
    assert await sip_wallet(database, who) == (FUNDS, 0)


async def test_the_phone_s_mode_decides_wallet_and_route(database: Database) -> None:
    live = await customer(database, sip_funds="5", mode="live", country="US")
    await add_phone(database, live, dial_mode="live")
    verdict = await dial(database, TO)
    assert verdict.variables["SV_LEGS"] == f"trunk:default:{TO}:{NUMBER}"
    assert (await the_call(database))["mode"] == "live"
    assert await sip_wallet(database, live) == (FUNDS, 12_000)


@pytest.mark.parametrize(
    ("dialled", "cause", "q850"),
    [
        ("+33123456789", "destination_not_allowed", "3"),
        ("nobody", "validation_error", "28"),
        ("12", "validation_error", "28"),
        ("mallory", "validation_error", "28"),
        ("carol", "not_found", "1"),
    ],
)
async def test_a_refusal_is_logged_with_its_cause(
    database: Database, who: Customer, dialled: str, cause: str, q850: str
) -> None:
    other = await customer(database, name="Other")
    await add_phone(database, other, "mallory", "+15550111444")
    await add_phone(database, who, "carol", "")
    await suspend_phone(database, "carol")
    verdict = await dial(database, dialled)
    assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": q850})
    row = await the_call(database)
    assert (row["status"], row["hangup_cause"], row["sip_account"]) == ("failed", cause, "alice")
    assert (row["cost"], row["max_seconds"], row["granted_seconds"], row["billsec"]) == (0, 0, 0, 0)
    assert row["ended_at"] >= row["started_at"]
    assert await timeline(database, row["id"]) == ["dialing", "failed"]
    assert await told(database, row["id"]) == []
    assert await sip_wallet(database, who) == (FUNDS, 0)


async def test_no_money_no_call(database: Database) -> None:
    poor = await customer(database, funds="9", sip_funds="0.011999", country="US")
    await add_phone(database, poor)
    verdict = await dial(database, TO)
    assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": "21"})
    row = await the_call(database)
    assert (row["status"], row["hangup_cause"], row["to_number"]) == (
        "failed", "insufficient_funds", TO,
    )  # fmt: skip
    assert await sip_wallet(database, poor) == (11_999, 0)


async def test_a_suspended_account_calls_nobody(database: Database) -> None:
    for status, dialled in (("suspended", TO), ("suspended", "bob")):
        who = await customer(database, sip_funds="5", status=status)
        await add_phone(database, who, f"phone-{dialled[-2:]}", "")
        verdict = await dial(database, dialled, f"phone-{dialled[-2:]}", f"1.{dialled[-2:]}")
        assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": "21"})
    rows = await database.all("SELECT hangup_cause FROM call")
    assert [row["hangup_cause"] for row in rows] == ["account_suspended"] * 2


@pytest.mark.parametrize("endpoint", ["stranger", "", "ALICE", "bob"])
async def test_a_phone_that_is_none_of_ours_leaves_no_row(
    database: Database, who: Customer, endpoint: str
) -> None:
    await suspend_phone(database, "bob")
    verdict = await dial(database, TO, endpoint)
    assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": "21"})
    assert await database.all("SELECT 1 FROM call") == []


async def test_another_s_user_name_shadows_no_number(database: Database, who: Customer) -> None:
    """Mallory calls a phone `5559876543`; whoever dials that number must reach the number."""
    mallory = await customer(database, name="Mallory")
    await add_phone(database, mallory, "5559876543", "")
    verdict = await dial(database, "5559876543")
    assert verdict.granted
    assert verdict.variables["SV_TO"] == TO


async def test_live_calls_need_a_trunk(database: Database) -> None:
    live = await customer(database, sip_funds="5", mode="live", country="US")
    await add_phone(database, live, dial_mode="live")
    verdict = await dial(database, TO, settings=Settings())
    assert verdict.variables == {"SV_CAUSE": "3"}


async def test_calls_at_once_share_the_money(database: Database) -> None:
    who = await customer(database, sip_funds="0.036", country="US")
    await add_phone(database, who)
    verdicts = await asyncio.gather(*(dial(database, TO, uniqueid=f"1.{n}") for n in range(8)))
    granted = [one for one in verdicts if one.granted]
    assert [one.variables["SV_SECONDS"] for one in granted] == ["60"] * 3
    assert len(await database.all("SELECT 1 FROM call")) == 8
    assert await sip_wallet(database, who) == (36_000, 36_000)


async def test_the_handler_takes_what_the_dialplan_sends(database: Database, who: Customer) -> None:
    request = AgiRequest({
        "agi_network_script": "authorize", "agi_uniqueid": UNIQUEID, "agi_arg_1": UNIQUEID,
        "agi_arg_2": "alice", "agi_arg_3": TO,
    })  # fmt: skip
    verdict = await Authorizer(database, LIVE)(request)
    assert verdict.granted
    row = await the_call(database)
    assert (await call(database, row["id"]))["channel_id"] == UNIQUEID


async def test_short_numbers_and_names(database: Database, who: Customer) -> None:
    """A short number of one's own is nearer than a number of the world; another's is unknown."""
    sql = "UPDATE sip_account SET short_number = '5559876543' WHERE username = 'bob'"
    await database.write(lambda conn: conn.run(sql))
    verdict = await dial(database, "5559876543")
    assert (verdict.variables["SV_LEGS"], verdict.variables["SV_TO"]) == ("phones:bob", "bob")
    row = await the_call(database)
    assert (row["direction"], row["to_number"], row["max_seconds"]) == ("internal", "bob", 14_400)
    other = await customer(database, sip_funds="5", country="US", name="Other")
    await add_phone(database, other, "zoe", "+15550111555")
    verdict = await dial(database, "5559876543", "zoe", "1.2")
    assert verdict.variables["SV_LEGS"] == "simulated:15559876543"


async def test_a_blocked_prefix_and_a_full_carrier(database: Database) -> None:
    live = await customer(database, sip_funds="5", mode="live", country="US")
    await add_phone(database, live, dial_mode="live")
    await add_trunk(database, "one", prefix="", capacity=1)
    await database.write(numbers.rule, live.account_id, "1666", False)
    bare = Settings()
    assert (await dial(database, "+16665550100", settings=bare)).variables == {"SV_CAUSE": "3"}
    assert (await dial(database, TO, uniqueid="1.1", settings=bare)).granted
    full = await dial(database, TO, uniqueid="1.2", settings=bare)
    assert full.variables == {"SV_CAUSE": "34"}


@pytest.mark.parametrize("question", ["", "other", "forward"])
async def test_a_question_that_makes_no_sense(
    database: Database, who: Customer, question: str
) -> None:
    """`forward` for a call that nobody knows is one, too."""
    request = AgiRequest({"agi_network_script": question, "agi_uniqueid": UNIQUEID})
    verdict = await Authorizer(database, LIVE)(request)
    assert (verdict.granted, verdict.variables) == (False, {"SV_CAUSE": "21"})
