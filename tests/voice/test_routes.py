"""Which carriers are tried, in which order, and what each is asked for."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from db import components, numbers
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.errors import DestinationNotAllowedError, NoLineFreeError, ValidationFailedError
from telephony.settings import Settings
from telephony.voice import routes, trunks
from telephony.voice.routes import Way
from tests.factories import customer
from tests.voice.calling import LIVE, NUMBER, TO, add_phone, placed
from tests.voice.carriers import add_trunk

BARE = Settings()


async def way(database: Database, to: str = TO, settings: Settings = BARE) -> Way:
    return await database.write(routes.out, settings, "live", to, NUMBER)


async def tried(database: Database, to: str = TO, settings: Settings = BARE) -> list[str]:
    """The names of the trunks, in order."""
    legs = (await way(database, to, settings)).legs.split("/")
    return [leg.split(":")[1] for leg in legs]


async def test_the_longest_prefix_then_priority_then_the_default(database: Database) -> None:
    await add_trunk(database, "all", prefix="")
    await add_trunk(database, "us", prefix="1", priority=1)
    await add_trunk(database, "area", prefix="1555", priority=20)
    await add_trunk(database, "second", prefix="1555", priority=30)
    await add_trunk(database, "elsewhere", prefix="44")
    await add_trunk(database, "unrouted")
    assert await tried(database) == ["area", "second", "us", "all"]
    assert await tried(database, "+12125550100", LIVE) == ["us", "all", "default"]
    assert (await way(database)).trunk == "area"
    await database.write(trunks.unroute, prefix="", name="all")
    with pytest.raises(DestinationNotAllowedError):
        await way(database, "+33123456789")


async def test_equals_share_by_weight(database: Database) -> None:
    await add_trunk(database, "heavy", prefix="1", weight=4)
    await add_trunk(database, "light", prefix="1", weight=1)
    first = Counter([(await tried(database))[0] for _ in range(200)])
    assert 115 < first["heavy"] < 195  # 160 expected; beyond six standard deviations never
    assert first["light"] > 5


@pytest.mark.parametrize(
    ("style", "rule", "leg"),
    [
        ("e164", {}, f"trunk:car:{TO}:{NUMBER}"),
        ("digits", {}, "trunk:car:15559876543:15550111222"),
        ("national", {}, "trunk:car:15559876543:5550111222"),
        ("e164", {"strip": 1}, f"trunk:car:5559876543:{NUMBER}"),
        ("e164", {"prepend": "00"}, f"trunk:car:0015559876543:{NUMBER}"),
        ("digits", {"strip": 1, "prepend": "9"}, "trunk:car:95559876543:15550111222"),
        ("digits", {"strip": 0, "prepend": "+"}, "trunk:car:+15559876543:15550111222"),
    ],
)
async def test_numbers_as_the_carrier_wants_them(
    database: Database, style: str, rule: dict[str, Any], leg: str
) -> None:
    await add_trunk(database, "car", prefix="1", caller_id_format=style, **rule)
    assert (await way(database)).legs == leg


async def test_a_caller_from_abroad_is_not_shown_as_a_national_number(database: Database) -> None:
    await add_trunk(database, "car", prefix="", caller_id_format="national")
    found = await way(database, "+493012345678")
    assert found.legs == "trunk:car:493012345678:15550111222"


async def test_a_carrier_that_is_down_comes_last(database: Database) -> None:
    await add_trunk(database, "good", prefix="", priority=90)
    await add_trunk(database, "down", prefix="1555", priority=1)
    await database.write(components.report, "trunk:down", "trunk", "outage", "", now())
    assert await tried(database) == ["good", "down"]
    await database.write(components.report, "trunk:down", "trunk", "operational", "", now())
    assert await tried(database) == ["down", "good"]


async def test_at_most_four_are_tried_and_disabled_ones_never(database: Database) -> None:
    for number in range(6):
        await add_trunk(database, f"car{number}", prefix="", priority=number)
    sql = "UPDATE trunk SET status = 'disabled' WHERE name = 'car1'"
    await database.write(lambda conn: conn.run(sql))
    assert await tried(database) == ["car0", "car2", "car3", "car4"]


async def test_a_full_carrier_is_not_tried(database: Database) -> None:
    """Racing callers get exactly as many calls as there is room for."""
    who = await customer(database, sip_funds="50", mode="live", country="US")
    await add_phone(database, who)
    await add_trunk(database, "three", prefix="", capacity=3)
    tries = (placed(database, who, settings=BARE) for _ in range(8))
    results = await asyncio.gather(*tries, return_exceptions=True)
    full = [one for one in results if isinstance(one, NoLineFreeError)]
    assert (len(full), len(results)) == (5, 8)
    rows = await database.all("SELECT trunk, route FROM call")
    assert [(row["trunk"], row["route"]) for row in rows] == [("three", "trunk")] * 3
    assert (await placed(database, who, settings=LIVE)).legs == f"trunk:default:{TO}:{NUMBER}"


async def test_the_longest_rule_says_who_may_call_where(database: Database) -> None:
    who = await customer(database, sip_funds="5", country="US")
    await add_phone(database, who)

    def rules(conn: Conn) -> None:
        numbers.rule(conn, who.account_id, "1", False)
        numbers.rule(conn, who.account_id, "1555987", True)

    await database.write(rules)
    assert (await placed(database, who)).to == TO
    with pytest.raises(DestinationNotAllowedError):
        await placed(database, who, "+15551234567")
    await database.write(numbers.rule, who.account_id, "1", True)
    assert (await placed(database, who, "+15551234567")).to == "+15551234567"


@pytest.mark.parametrize(
    "facts",
    [
        {"name": "default"}, {"name": "_x"}, {"name": "a:b"}, {"name": "A"}, {"name": ""},
        {"host": "a b"}, {"host": "x;transport=tls"}, {"port": 0}, {"port": 70000},
        {"username": "me"}, {"secret": "x"}, {"registers": True}, {"codecs": ()},
        {"codecs": ("opus&",)}, {"cidrs": ("10.0.0.1/8",)}, {"cidrs": ("host",)}, {"capacity": 0},
        {"username": "a@b", "secret": "x"}, {"username": "a", "secret": "x\ny"},
    ],
)  # fmt: skip
async def test_a_carrier_that_would_not_work_is_refused(
    database: Database, facts: dict[str, Any]
) -> None:
    facts = {"name": "car", **facts}
    with pytest.raises(ValidationFailedError):
        await add_trunk(database, **facts)


async def test_names_of_carriers_are_unique(database: Database) -> None:
    await add_trunk(database, "car")
    with pytest.raises(ValidationFailedError):
        await add_trunk(database, "car")


@pytest.mark.parametrize(
    "rule",
    [{"prefix": "+1"}, {"prefix": "12", "strip": 3}, {"prepend": "#31"}, {"weight": 0},
     {"priority": -1}, {"strip": -1}],
)  # fmt: skip
async def test_a_route_that_makes_no_sense_is_refused(
    database: Database, rule: dict[str, Any]
) -> None:
    with pytest.raises(ValidationFailedError):
        await add_trunk(database, "car", **{"prefix": "1", **rule})
