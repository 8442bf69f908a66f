"""Prices as a list in pages, with a tag to ask again by, and that of one number."""

import csv
import io
from typing import Any

import pytest

from db import tariffs
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from tests.api.client import Api, good, problem
from tests.factories import RATES, TARIFF, customer, rate, seed_platform


async def test_a_list_that_is_still_so_is_not_sent_again(api: Api, database: Database) -> None:
    await database.write(seed_platform)
    first = await api.get("/rates")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in first.headers["vary"]
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = await api.get("/rates", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for other in ('"x"', "", tag.replace('"', "")):
        assert (await api.get("/rates", headers={"If-None-Match": other})).status_code == 200


async def test_the_tag_changes_with_the_prices_and_only_then(api: Api, database: Database) -> None:
    who, other = await customer(database), await customer(database)

    async def tags() -> list[str]:
        found = [await api.using(one).get("/rates") for one in (None, who, other)]
        return [one.headers["etag"] for one in found]

    first = await tags()
    assert len(set(first)) == 3
    assert await tags() == first
    await database.write(tariffs.override, who.account_id, [rate("49", sms_per_segment=1)])
    second = await tags()
    assert [was == is_ for was, is_ in zip(first, second, strict=True)] == [True, False, True]
    await database.write(tariffs.override, who.account_id, [])
    assert (await tags())[1] not in (first[1], second[1])

    def new_version(conn: Conn) -> None:
        tariff = tariffs.tariff_named(conn, TARIFF)
        assert tariff
        version = tariffs.new_version(conn, tariff["id"], now() - 1, None, 1, now())
        tariffs.add_rates(conn, version, [rate("7")])

    await database.write(new_version)
    third = await tags()
    assert not set(third) & set(second)
    answer = await api.get("/rates", headers={"If-None-Match": second[0]})
    assert [row["prefix"] for row in good(answer)["data"]] == ["7"]


@pytest.mark.parametrize("own", [[], [rate("155"), rate("3", country="Country 15")]])
async def test_a_long_list_has_pages(
    api: Api, database: Database, own: list[dict[str, Any]]
) -> None:
    who = await customer(database)

    def deed(conn: Conn) -> None:
        many = [rate(str(prefix), country=f"Country {prefix // 10}") for prefix in range(150, 175)]
        tariffs.assign(conn, who.account_id, tariffs.add_tariff(conn, "long", "USD", many, now()))
        tariffs.override(conn, who.account_id, own)

    await database.write(deed)
    door = api.using(who)
    whole = good(await door.get("/rates"))
    assert whole["next_cursor"] is None
    order = [(row["country"], row["prefix"]) for row in whole["data"]]
    assert order == sorted(order)
    assert len(set(order)) == 25 + bool(own)
    seen: list[dict[str, Any]] = []
    page = good(await door.get("/rates", limit=4))
    while page["next_cursor"]:
        assert len(page["data"]) == 4
        seen += page["data"]
        page = good(await door.get("/rates", limit=4, cursor=page["next_cursor"]))
    assert seen + page["data"] == whole["data"]


async def test_one_country_and_csv(api: Api, database: Database) -> None:
    who = await customer(database)
    own = [rate("49", iso="DE", country="Germany"), rate("4930", iso="DE", country="Germany")]
    await database.write(tariffs.override, who.account_id, own)
    for code in ("DE", "de"):
        found = good(await api.using(who).get("/rates", country=code))["data"]
        assert [row["prefix"] for row in found] == ["49", "4930"]
    assert good(await api.using(who).get("/rates", country="FR"))["data"] == []
    response = await api.using(who).get("/rates", headers={"Accept": "text/csv"}, limit=1)
    rows = list(csv.DictReader(io.StringIO(response.text, newline="")))
    assert [row["prefix"] for row in rows] == ["1", "1555", "49", "4930"]
    assert rows[0]["sms"] == "0.006"


@pytest.mark.parametrize(
    "query",
    [
        {"cursor": "x"}, {"cursor": "bnVsbA=="}, {"cursor": "WyJcdTAwMDAiLCAiMSJd"},
        {"cursor": "WyJcdWQ4MDAiLCAiMSJd"}, {"cursor": "WzEsIDFd"}, {"cursor": "ä"},
        {"limit": "0"}, {"limit": "1001"}, {"country": "Germany"}, {"country": "DE\n"},
    ],
)  # fmt: skip
async def test_what_is_no_page_is_refused(api: Api, query: dict[str, Any]) -> None:
    body = problem(await api.get("/rates", **query), 400, "validation_error")
    assert body["errors"][0]["field"] == next(iter(query))


async def test_the_price_of_a_number(api: Api, database: Database) -> None:
    who = await customer(database)
    own = [rate("1555", sms_per_segment=9_000, voice_free_seconds=5)]
    await database.write(tariffs.override, who.account_id, own)
    public = good(await api.get("/rates/lookup", to="+1 (555) 123-4567"))
    assert public == {
        "to": "+15551234567", "prefix": "1555", "country": "Country 1555", "iso": "XX",
        "route": "direct", "currency": "USD", "sms_per_segment": 0.007,
        "voice_per_minute": 0.012, "voice_connect_fee": 0, "voice_initial_seconds": 60,
        "voice_increment_seconds": 60, "voice_free_seconds": 0, "own": False,
    }  # fmt: skip
    mine = good(await api.using(who).get("/rates/lookup", to="+15551234567"))
    assert (mine["sms_per_segment"], mine["voice_free_seconds"], mine["own"]) == (0.009, 5, True)
    other = good(await api.using(who).get("/rates/lookup", to="+4930123456"))
    assert (other["prefix"], other["voice_connect_fee"], other["own"]) == ("49", 0.005, False)


@pytest.mark.parametrize("to", ["+1555", "%2B1555", "1555", "%2B1-555"])
async def test_a_plus_sign_may_arrive_as_a_blank(api: Api, database: Database, to: str) -> None:
    await database.write(seed_platform)
    assert good(await api.send("GET", f"/rates/lookup?to={to}"))["prefix"] == "1555"


async def test_a_number_without_a_price_says_so(api: Api, database: Database) -> None:
    problem(await api.get("/rates/lookup", to="+15551234567"), 404, "not_found")
    who = await customer(database)
    for door in (api, api.using(who)):
        body = problem(await door.get("/rates/lookup", to="+999"), 404, "not_found")
        assert body["detail"] == "There is no price for +999: numbers there are not offered."
    for to in ("", "abc", "+", "1" * 16, "++1", "١٢٣"):
        body = problem(await api.get("/rates/lookup", to=to), 400, "validation_error")
        assert body["errors"][0]["field"] == "to"
    problem(await api.get("/rates/lookup"), 400, "validation_error")
    assert len(good(await api.get("/rates"))["data"]) == len(RATES)
