"""API keys through the pages: shown once, working at the API, out of reach for others."""

import asyncio
import csv
import io
import re
from html import unescape

import httpx
import pytest

from db.database import Database
from telephony.accounts import SCOPES
from tests.dashboard.visitor import Visitor
from tests.users.world import PASSWORD, People

ADA, BOB = "ada@example.com", "bob@example.com"
HERE = "/dashboard/keys"
KEY = re.compile(r"sk_(?:test|live)_\w{38}")


async def make(visitor: Visitor, fields: dict[str, str] | None = None, status: int = 200) -> str:
    await visitor.open(HERE)
    given = {"name": "Shop", "mode": "test", "sms:send": "on"} | (fields or {})
    return await visitor.form(HERE, given, status)


async def ping(client: httpx.AsyncClient, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    return (await client.get("/api/v1/ping", headers=headers)).status_code


async def test_a_key_is_shown_once_and_works(
    sqlite: Database, people: People, ada: Visitor
) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    assert "There is no key yet" in await ada.open(HERE)
    said = await make(ada, {
        "cidrs": "127.0.0.0/8, 10.0.0.0/8", "spend_day_max": "2.50", "expires_at": "2099-01-31",
        "sms:read": "on",
    })  # fmt: skip
    (key,) = set(KEY.findall(said))
    assert ada.page.headers["cache-control"] == "no-store"
    assert await ping(ada.client, key) == 200
    (row,) = await sqlite.all("SELECT * FROM api_key")
    assert (row["name"], row["mode"], row["scopes"], row["spend_day_max"]) == (
        "Shop", "test", "sms:send sms:read", 2_500_000,
    )  # fmt: skip
    said = await ada.open(HERE)
    assert key not in said
    assert f"…{key[-4:]}" in said
    assert "127.0.0.0/8" in said
    assert ">sms:send sms:read</span>" in said
    await make(ada, dict.fromkeys(SCOPES, "on"))
    assert "All scopes" in await ada.open(HERE)
    assert "key.created" in await ada.open("/dashboard/audit")
    assert key not in ada.page.text


async def test_a_long_list_has_pages_a_search_and_a_file(
    people: People, ada: Visitor, bob: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    for name in ("Shop", "=Till", "Shop 2"):
        await make(ada, {"name": name, "spend_day_max": "2.50"})
    monkeypatch.setattr("api.dashboard.keys.ROWS", 1)
    monkeypatch.setattr("api.dashboard.keys.CSV_ROWS", 2)
    said = await ada.open(f"{HERE}?search=SHOP")
    assert "Shop 2</a>" in said
    assert ">Shop</a>" not in said
    following = re.search(r'rel="next" href="([^"]+)"', ada.page.text)
    assert following
    said = await ada.open(f"{HERE}{unescape(following[1])}")
    assert ">Shop</a>" in said
    assert "Shop 2</a>" not in said
    assert "Nothing is found" in await ada.open(f"{HERE}?search=%25")
    await ada.open(f"{HERE}.csv")
    rows = list(csv.DictReader(io.StringIO(ada.page.text)))
    assert [row["name"] for row in rows] == ["Shop 2", "'=Till", "Shop"]
    assert {(row["spend_day_max"], row["currency"]) for row in rows} == {("2.5", "USD")}
    assert "sha256" not in rows[0]
    assert len((await ada.open(f"{HERE}.csv?search=till")).splitlines()) == 2
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB)
    assert len((await bob.open(f"{HERE}.csv")).splitlines()) == 1


async def test_a_key_is_rotated_and_revoked(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    (old,) = set(KEY.findall(await make(ada)))
    await ada.open(HERE)
    said = await ada.send(f"{HERE}/rotate")
    (new,) = set(KEY.findall(said))
    assert "The key before it works until" in said
    assert (await ping(ada.client, old), await ping(ada.client, new)) == (200, 200)
    await ada.open(HERE)
    await ada.send(f"{HERE}/revoke")
    assert ada.at == HERE
    assert "Revoked" in ada.page.text
    async with asyncio.timeout(30):
        while await ping(ada.client, new) != 401:
            await asyncio.sleep(0.05)
    assert await ping(ada.client, old) == 200


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"name": ""}, "A key has a name"),
        ({"mode": "staging"}, "test mode or for live mode"),
        ({"cidrs": "300.1.1.1/8"}, "Write a network such as"),
        ({"expires_at": "soon"}, "Write a date such as"),
        ({"expires_at": "2001-01-01"}, "expired already"),
        ({"spend_day_max": "much"}, "Write an amount"),
        ({"spend_day_max": "-1"}, "Write an amount"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_made(
    sqlite: Database, people: People, ada: Visitor, fields: dict[str, str], told: str
) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    await make(ada, fields, 400)
    assert await sqlite.all("SELECT * FROM api_key") == []
    assert told in ada.page.text


async def test_a_key_without_scopes_is_refused(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    await ada.open(HERE)
    said = await ada.form(HERE, {"name": "Idle", "mode": "test"}, 400)
    assert "A key has some of the scopes" in said
    assert all(scope in said for scope in SCOPES)


async def test_who_may_not_build_sees_keys_and_makes_none(people: People, bob: Visitor) -> None:
    owner = await people.owner(ADA)
    await people.colleague(owner, "billing", BOB)
    await bob.sign_in(BOB)
    said = await bob.open(HERE)
    assert "Make a key" not in said
    assert HERE not in bob.actions()


async def test_another_accounts_keys_are_out_of_reach(
    sqlite: Database, people: People, ada: Visitor, bob: Visitor
) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    (key,) = set(KEY.findall(await make(ada)))
    (row,) = await sqlite.all("SELECT id FROM api_key")
    await people.owner(BOB, "Bob's")
    await bob.sign_in(BOB, PASSWORD)
    assert key[-4:] not in await bob.open(HERE)
    for action in ("rotate", "revoke"):
        await bob.open(HERE)
        await bob.form(f"{HERE}/{action}", {"id": row["id"]}, 404)
    assert await ping(ada.client, key) == 200
