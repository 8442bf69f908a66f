"""The price of a number: the longest prefix counts, an own rate of the same length first."""

import pytest

from db import tariffs
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer, rate

LIST = ("1", "1555", "155501", "49", "4930")
OWN = ("155", "155501", "4930123")


@pytest.fixture
async def who(database: Database) -> Customer:
    """A price list of 0.001 a segment, own rates of 0.002."""
    made = await customer(database)

    def deed(conn: Conn) -> None:
        listed = [rate(prefix, sms_per_segment=1_000) for prefix in LIST]
        own = [rate(prefix, sms_per_segment=2_000) for prefix in OWN]
        tariff_id = tariffs.add_tariff(conn, "prefixes", "USD", listed, now())
        tariffs.assign(conn, made.account_id, tariff_id)
        tariffs.override(conn, made.account_id, own)

    await database.write(deed)
    return made


@pytest.mark.parametrize(
    ("to", "prefix", "own"),
    [
        ("+12125550100", "1", False), ("+15412345678", "1", False), ("+15591234567", "155", True),
        ("+15551234567", "1555", False), ("+15550123456", "155501", True), ("+1555", "1555", False),
        ("+155", "155", True), ("+49", "49", False), ("+4930", "4930", False),
        ("+49301239999", "4930123", True), ("+49301299999", "4930", False),
    ],
)  # fmt: skip
async def test_the_longest_prefix_counts(
    api: Api, who: Customer, to: str, prefix: str, own: bool
) -> None:
    found = good(await api.using(who).get("/rates/lookup", to=to))
    assert (found["to"], found["prefix"], found["own"]) == (to, prefix, own)
    assert found["sms_per_segment"] == (0.002 if own else 0.001)


async def test_a_message_costs_what_was_shown(api: Api, who: Customer) -> None:
    door = api.using(who)
    for to in ("+12125550100", "+15591234567", "+15551234567", "+15550123456"):
        shown = good(await door.get("/rates/lookup", to=to))["sms_per_segment"]
        for text, segments in (("Hi!", 1), ("x" * 161, 2)):
            sent = good(await door.post("/sms/send", {"to": to, "text": text}), 202)
            assert sent["cost"] == pytest.approx(shown * segments)
    problem(await door.get("/rates/lookup", to="+33123456789"), 404, "not_found")


async def test_the_list_shows_each_prefix_once(api: Api, who: Customer) -> None:
    rows = good(await api.using(who).get("/rates"))["data"]
    assert sorted(row["prefix"] for row in rows) == sorted({*LIST, *OWN})
    assert {row["prefix"] for row in rows if row["sms"] == 0.002} == set(OWN)
