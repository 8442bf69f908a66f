"""Numbers that an account may show: proved by a code, by an admin, or by owning them."""

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest

from db import caller_ids
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.voice.caller_ids import NUMBERS_MAX, SENDS_MAX, TRIES_MAX, VALID_SECONDS, code_of
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, add_phone, assert_books_balance, pots
from tests.factories import Customer, customer

MINE, PATH = "+15550700001", "/voip/caller-ids"
WRONG = {"code": "000000"}


async def owner(database: Database, vault: Vault, mode: str = "test") -> Customer:
    who = await customer(database, sip_funds="50", mode=mode, calls_per_second=1000)
    await add_phone(database, vault, who, f"phone-{mode}", dial_mode=mode)
    return who


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    return await owner(database, vault)


async def begun(door: Api, number: str = MINE) -> dict[str, Any]:
    return good(await door.post(PATH, {"number": number}), 202)


async def older(database: Database, seconds: int) -> None:
    """Let time pass for every code."""
    await database.write(lambda conn: conn.run(
        "UPDATE caller_id_check SET created_at = created_at - :t, expires_at = expires_at - :t,"
        " since = since - :t", t=seconds * SECOND,
    ))  # fmt: skip


async def listed(door: Api) -> list[tuple[str, str]]:
    return [(one["number"], one["status"]) for one in good(await door.get(PATH))["data"]]


async def numbers(door: Api) -> dict[str, str]:
    return dict(await listed(door))


def own(conn: Conn, who: Customer) -> None:
    conn.run(
        "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
        " forward_to, created_at) VALUES (:number, :id, 'test', 'all', 20, '', '', 1)",
        number=MINE, id=who.account_id,
    )  # fmt: skip


async def test_a_test_key_is_shown_the_code_and_it_counts(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    started = await begun(door)
    assert (started["status"], len(started["code"])) == ("pending", 6)
    assert await numbers(door) == {NUMBER: "verified", MINE: "pending"}
    call = good(await door.get(f"/voice/calls/{started['call_id']}"))
    assert (call["to"], call["status"], call["record"]) == (MINE, "queued", "")
    assert (await pots(database, who))["sip"] == (50_000_000, 12_000)
    told = good(await door.post(f"{PATH}/{MINE}/verify", {"code": started["code"]}))
    assert told == {"number": MINE, "verified": True}
    assert await numbers(door) == {NUMBER: "verified", MINE: "verified"}
    assert (await begun(door))["status"] == "verified"
    again = await door.post(f"{PATH}/{MINE}/verify", {"code": started["code"]})
    assert problem(again, 400, "validation_error")["errors"][0]["code"] == "expired"
    stored = await database.all("SELECT * FROM caller_id_check")
    assert stored == []
    await assert_books_balance(database)


async def test_a_live_key_is_not_shown_the_code(api: Api, database: Database, vault: Vault) -> None:
    who = await owner(database, vault, "live")
    door = api.using(who)
    started = await begun(door)
    assert started["code"] is None
    code = code_of(vault, started["call_id"])
    (kept,) = await database.all("SELECT code_hmac FROM caller_id_check")
    assert code not in kept["code_hmac"]
    good(await door.post(f"{PATH}/{MINE}/verify", {"code": code}))
    body = {"to": "+15559876543", "caller_id": MINE}
    assert good(await door.post("/voice/call", body), 202)["caller_id"] == MINE
    applied = await door.post("/voip/caller-id", {"caller_id": MINE})
    assert (applied.status_code, applied.json()["caller_id"]) == (202, MINE)


async def test_wrong_codes_count_and_are_few(api: Api, who: Customer) -> None:
    door = api.using(who)
    code = (await begun(door))["code"]
    path = f"{PATH}/{MINE}/verify"
    tried = await asyncio.gather(*(door.post(path, WRONG) for _ in range(3 * TRIES_MAX)))
    codes = [problem(one, 400, "validation_error")["errors"][0]["code"] for one in tried]
    assert sorted(codes) == ["expired"] * 2 * TRIES_MAX + ["wrong"] * TRIES_MAX
    problem(await door.post(path, {"code": code}), 400, "validation_error")
    assert await numbers(door) == {NUMBER: "verified", MINE: "pending"}
    for bad in ("12345", "1234567", "abcdef", 123456, None):
        problem(await door.post(path, {"code": bad}), 400, "validation_error")


async def test_a_code_is_good_for_ten_minutes(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    code = (await begun(door))["code"]
    await older(database, VALID_SECONDS + 1)
    problem(await door.post(f"{PATH}/{MINE}/verify", {"code": code}), 400, "validation_error")


async def test_a_number_is_not_called_again_and_again(
    api: Api, database: Database, who: Customer
) -> None:
    door = api.using(who)
    codes = [(await begun(door))["code"]]
    refused = await door.post(PATH, {"number": MINE})
    problem(refused, 429, "rate_limited")
    assert refused.headers["retry-after"] == "60"
    for _ in range(SENDS_MAX - 1):
        await older(database, 61)
        codes.append((await begun(door))["code"])
    await older(database, 61)
    problem(await door.post(PATH, {"number": MINE}), 429, "rate_limited")
    problem(await door.post(f"{PATH}/{MINE}/verify", {"code": codes[0]}), 400, "validation_error")
    good(await door.post(f"{PATH}/{MINE}/verify", {"code": codes[-1]}))


async def test_few_numbers_are_called_an_hour(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    for at in range(NUMBERS_MAX):
        await begun(door, f"+155507001{at:02}")
    problem(await door.post(PATH, {"number": MINE}), 429, "rate_limited")
    assert (await pots(database, who))["sip"] == (50_000_000, NUMBERS_MAX * 12_000)


async def test_without_funds_nobody_is_called(api: Api, database: Database, vault: Vault) -> None:
    poor = api.using(await customer(database))
    problem(await poor.post(PATH, {"number": MINE}), 402, "insufficient_funds")
    problem(await poor.post(PATH, {"number": "+819012345678"}), 403, "destination_not_allowed")
    assert await numbers(poor) == {}


async def test_what_counts_in_test_mode_alone(api: Api, database: Database, vault: Vault) -> None:
    tester = await owner(database, vault)
    door = api.using(tester)
    code = (await begun(door))["code"]
    good(await door.post(f"{PATH}/{MINE}/verify", {"code": code}))
    may = {mode: await database.write(caller_ids.may_show, tester.account_id, MINE, mode)
           for mode in ("live", "test")}  # fmt: skip
    assert may == {"live": False, "test": True}


async def test_numbers_go(api: Api, database: Database, who: Customer) -> None:
    door = api.using(who)
    code = (await begun(door))["code"]
    good(await door.send("DELETE", f"{PATH}/{MINE}"))
    problem(await door.post(f"{PATH}/{MINE}/verify", {"code": code}), 400, "validation_error")
    problem(await door.send("DELETE", f"{PATH}/{MINE}"), 404, "not_found")
    problem(await door.send("DELETE", f"{PATH}/nonsense"), 404, "not_found")
    problem(await door.send("DELETE", f"{PATH}/{NUMBER}"), 409, "caller_id_in_use")
    await database.write(caller_ids.claim, who.account_id, MINE, now())
    assert (await numbers(door))[MINE] == "verified"
    good(await door.send("DELETE", f"{PATH}/{MINE}"))
    assert MINE not in await numbers(door)


async def test_others_numbers_are_theirs(api: Api, database: Database, who: Customer) -> None:
    code = (await begun(api.using(who)))["code"]
    stranger = api.using(await customer(database, sip_funds="5"))
    told = await stranger.post(f"{PATH}/{MINE}/verify", {"code": code})
    problem(told, 400, "validation_error")
    assert await numbers(stranger) == {}


async def test_owned_numbers_are_listed(api: Api, database: Database, who: Customer) -> None:
    await database.write(own, who)
    assert (await numbers(api.using(who)))[MINE] == "owned"
    assert (await begun(api.using(who)))["status"] == "verified"


async def test_the_list_has_pages_and_a_search(api: Api, database: Database, who: Customer) -> None:
    many = [f"+1555070010{at}" for at in range(5)]

    def fill(conn: Conn) -> None:
        for number in many:
            caller_ids.claim(conn, who.account_id, number, now())

    await database.write(fill)
    door = api.using(who)
    seen: list[str] = []
    cursor = ""
    while len(seen) < 10:
        given = {"limit": 2, "search": "+1 (555) 07"} | ({"cursor": cursor} if cursor else {})
        told = good(await door.get(f"{PATH}?{urlencode(given)}"))
        seen += [one["number"] for one in told["data"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert seen == many
    assert good(await door.get(f"{PATH}?search=nobody"))["data"] == []
    problem(await door.get(f"{PATH}?limit=1001"), 400, "validation_error")


async def test_a_number_is_listed_once(api: Api, database: Database, who: Customer) -> None:
    """Also one that is owned and was verified before, or verified by an admin in the midst."""
    door = api.using(who)
    await begun(door)
    await database.write(caller_ids.verify, who.account_id, MINE, "admin", now())
    assert await listed(door) == [(NUMBER, "verified"), (MINE, "verified")]
    await database.write(own, who)
    assert await listed(door) == [(NUMBER, "verified"), (MINE, "owned")]
