"""What anybody may ask: prices, and how the platform is."""

import re
from collections import Counter

import phonenumbers
import pytest

from db import accounts, components, tariffs
from db.connection import Conn
from db.database import Database
from telephony import seed
from telephony.clock import SECOND, now
from telephony.status import STALE_SECONDS
from tests.api.client import Api, good, problem
from tests.factories import RATES, customer, rate, seed_platform


async def test_the_public_price_list_has_every_calling_code(api: Api, database: Database) -> None:
    await database.write(seed.seed_platform, now())
    rows = good(await api.get("/rates"))["data"]
    prefixes = Counter(row["prefix"] for row in rows)
    assert set(prefixes.values()) == {1}
    codes = {str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE}
    assert codes <= set(prefixes)
    assert [row["country"] for row in rows] == sorted(
        (row["country"] for row in rows), key=lambda name: name.encode()
    )
    for row in rows:
        assert row["sms"] > 0 < row["voice"]
        assert row["currency"] == "USD"
        assert re.fullmatch("[A-Z]{2}|001", row["iso"])  # 001: the world, such as satellites
        assert row["country"]
        assert row["route"]


async def test_a_key_shows_the_account_s_own_prices(api: Api, database: Database) -> None:
    who = await customer(database)

    def deed(conn: Conn) -> None:
        own = tariffs.add_tariff(conn, "own", "EUR", [rate("49", sms_per_segment=1)], now())
        tariffs.assign(conn, who.account_id, own)
        conn.run("UPDATE account SET currency = 'EUR' WHERE id = :id", id=who.account_id)

    await database.write(deed)
    (mine,) = good(await api.using(who).get("/rates"))["data"]
    assert (mine["prefix"], mine["sms"], mine["currency"]) == ("49", 0.000001, "EUR")
    assert len(good(await api.get("/rates"))["data"]) == len(RATES)
    problem(await api.using("sk_test_x").get("/rates"), 401, "invalid_api_key")


async def test_no_price_list_is_an_empty_one(api: Api, database: Database) -> None:
    assert good(await api.get("/rates"))["data"] == []
    await database.write(seed_platform)
    who = await customer(database, tariff_id=None)
    assert good(await api.using(who).get("/rates"))["data"] == []
    response = await api.using(who).post("/sms/send", {"to": "+15551234567", "text": "a"})
    problem(response, 403, "destination_not_allowed")


@pytest.mark.parametrize(
    ("parts", "overall"),
    [
        ([], "outage"),
        ([("pbx1", "pbx", "operational", 0)], "operational"),
        ([("pbx1", "pbx", "operational", STALE_SECONDS - 3)], "operational"),
        ([("pbx1", "pbx", "operational", STALE_SECONDS + 3)], "outage"),
        ([("pbx1", "pbx", "operational", 0), ("webhooks", "webhooks", "degraded", 0)], "degraded"),
        ([("pbx1", "pbx", "outage", 0), ("webhooks", "webhooks", "degraded", 0)], "outage"),
        ([("smpp", "sms", "operational", 99)], "degraded"),
        ([("pbx1", "pbx", "operational", 0), ("trunk:a", "trunk", "outage", 0)], "degraded"),
        ([("a", "sms", "operational", 0), ("b", "sms", "operational", 0)], "operational"),
    ],
)
async def test_the_platform_is_as_well_as_its_own_worst_part(
    plain: Api, sqlite: Database, parts: list[tuple[str, str, str, int]], overall: str
) -> None:
    def deed(conn: Conn) -> None:
        for name, kind, status, age in parts:
            remote = kind in ("sms", "trunk")
            at = now() - age * SECOND
            components.report(conn, name, kind, status, "as told", at, remote)

    await sqlite.write(deed)
    body = good(await plain.get("/status"))
    assert body["status"] == overall
    assert body["notice"] is None
    assert len(body["components"]) == len(parts)
    for (name, _, status, age), shown in zip(
        sorted(parts, key=lambda part: part[1:2] + part[:1]), body["components"], strict=True
    ):
        stale = age > STALE_SECONDS
        assert shown["name"].endswith(name)
        assert shown["status"] == ("outage" if stale else status)
        assert shown["detail"] == (f"not checked for {age} s" if stale else "as told")


async def test_status_and_rates_work_for_who_has_no_right_to_anything(
    api: Api, database: Database
) -> None:
    door = api.using(await customer(database, scopes=()))
    for path in ("/ping", "/status", "/rates"):
        good(await door.get(path))


async def test_ping_names_account_and_mode(api: Api, database: Database) -> None:
    for mode in ("test", "live"):
        who = await customer(database, mode=mode, name=f"Zoë {mode}")
        body = good(await api.using(who).get("/ping"))
        assert (body["account"], body["mode"]) == (f"Zoë {mode}", mode)


async def test_the_platform_s_own_account_has_no_key(api: Api, database: Database) -> None:
    await database.write(seed_platform)
    rows = await database.all("SELECT 1 FROM api_key WHERE account_id = :id", id=accounts.PLATFORM)
    assert rows == []
