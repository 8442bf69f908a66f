"""How often a key and an address may ask, and what each response tells of it."""

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.app import create_app
from db import accounts
from db.database import Database
from telephony.accounts import new_key
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL, Api, good, problem
from tests.factories import Customer, customer

SAMPLE = {"to": "+15551234567", "text": "Hi!"}
Door = Callable[..., Api]


@pytest.fixture
def door(sqlite: Database, vault: Vault) -> Door:
    """Makes clients of one application, each with an address of its own."""
    apps: dict[tuple[tuple[str, Any], ...], Any] = {}

    def client(who: Customer | str | None = None, peer: str = "192.0.2.1", **limits: Any) -> Api:
        chosen = {"requests_per_minute": 6, "public_requests_per_minute": 6,
                  "failed_auth_per_minute": 6} | limits  # fmt: skip
        named = tuple(chosen.items())
        if named not in apps:
            apps[named] = create_app(Settings(**chosen), sqlite, vault)
        transport = httpx.ASGITransport(apps[named], client=(peer, 40_000))
        return Api(httpx.AsyncClient(transport=transport, base_url=URL)).using(who)

    return client


def limits(response: httpx.Response) -> tuple[str, int, int, int]:
    """(policy, limit, remaining, reset), which both families of headers tell alike."""
    policy = re.fullmatch(r'"(\w+)";q=(\d+);w=(\d+)', response.headers["ratelimit-policy"])
    left = re.fullmatch(r'"(\w+)";r=(\d+);t=(\d+)', response.headers["ratelimit"])
    assert policy
    assert left
    assert policy[1] == left[1]
    older = [
        int(response.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
    ]
    assert older == [int(policy[2]), int(left[2]), int(left[3])]
    return policy[1], older[0], older[1], older[2]


async def test_every_response_tells_what_is_left(door: Door, sqlite: Database) -> None:
    mine = door(await customer(sqlite))
    answers = [
        await mine.post("/sms/send", SAMPLE),
        await mine.post("/sms/send", {"to": 1}),
        await mine.get("/sms/msg_0"),
        await mine.get("/voip/logs"),
        await mine.get("/ping"),
        await mine.post("/sms/send", SAMPLE),
    ]
    assert [one.status_code for one in answers] == [202, 400, 404, 200, 200, 202]
    assert [limits(one)[:3] for one in answers] == [
        (
            "key",
            6,
            left,
        )
        for left in range(5, -1, -1)
    ]
    assert 1 <= limits(answers[0])[3] <= 10
    assert 50 <= limits(answers[-1])[3] <= 60
    refused = await mine.post("/sms/send", SAMPLE)
    problem(refused, 429, "rate_limited")
    assert limits(refused)[:3] == ("key", 6, 0)
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert refused.headers["ratelimit-policy"] == '"key";q=6;w=60'
    assert len(await sqlite.all("SELECT id FROM message")) == 2


async def test_keys_do_not_count_for_each_other(door: Door, sqlite: Database) -> None:
    first, second = await customer(sqlite), await customer(sqlite, mode="live")
    for who in (first, second):
        for _ in range(6):
            good(await door(who).get("/ping"))
        problem(await door(who).get("/ping"), 429, "rate_limited")
        problem(await door(who, peer="192.0.2.99").get("/ping"), 429, "rate_limited")


async def test_a_key_with_limits_of_its_own(door: Door, sqlite: Database) -> None:
    quick, bursting = await customer(sqlite), await customer(sqlite)
    await sqlite.write(accounts.change_key, quick.key_id, requests_per_minute=600)
    await sqlite.write(accounts.change_key, bursting.key_id, requests_burst=20)
    first = await door(quick).get("/ping")
    assert first.headers["ratelimit-policy"] == '"key";q=600;w=60'
    many = [await door(bursting).get("/ping") for _ in range(21)]
    assert [one.status_code for one in many] == [200] * 20 + [429]
    assert many[0].headers["ratelimit-policy"] == '"key";q=20;w=200'
    assert 1 <= int(many[-1].headers["retry-after"]) <= 10


async def test_time_gives_back(
    door: Door, sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = await customer(sqlite)
    at = [1000.0]
    monkeypatch.setattr("throttled.utils.now_mono_f", lambda: at[0])
    for _ in range(6):
        good(await door(who).get("/ping"))
    refused = await door(who).get("/ping")
    assert refused.headers["retry-after"] == "10"
    at[0] += 10.1
    assert limits(await door(who).get("/ping"))[:3] == ("key", 6, 0)
    problem(await door(who).get("/ping"), 429, "rate_limited")
    at[0] += 60
    assert limits(await door(who).get("/ping"))[2] == 5


async def test_what_is_public_is_counted_by_address_and_endpoint(door: Door) -> None:
    for path in ("/ping", "/rates", "/openapi.json", "/nothing/here"):
        for _ in range(6):
            answer = await door().get(path)
            assert answer.status_code in (200, 404)
            assert limits(answer)[0] == "public"
        problem(await door().get(path), 429, "rate_limited")
        assert (await door(peer="192.0.2.2").get(path)).status_code in (200, 404)


async def test_a_key_is_not_counted_as_its_address(door: Door, sqlite: Database) -> None:
    who = await customer(sqlite)
    for _ in range(7):
        await door().get("/ping")
    good(await door(who).get("/ping"))


@pytest.mark.parametrize(
    ("peers", "one_client"),
    [
        (["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::1"], True),
        (["2001:db8:0:1::1", "2001:db8:0:2::1"], False),
        (["192.0.2.7", "::ffff:192.0.2.7"], True),
        (["192.0.2.7", "192.0.2.8"], False),
    ],
)
async def test_who_is_one_client(door: Door, peers: list[str], one_client: bool) -> None:
    for _ in range(6):
        await door(peer=peers[0]).get("/ping")
    for peer in peers[1:]:
        status = (await door(peer=peer).get("/ping")).status_code
        assert status == (429 if one_client else 200), peer


async def test_wrong_keys_are_counted_by_address(door: Door, sqlite: Database) -> None:
    who, fresh = await customer(sqlite), await customer(sqlite)
    good(await door(who).get("/voip/logs"))
    unknown = [new_key("test") for _ in range(6)]
    answers = [await door(key).get("/voip/logs") for key in ["x", *unknown[:5]]]
    assert [one.status_code for one in answers] == [401] * 6
    assert [limits(one)[:3] for one in answers] == [
        ("failures", 6, left) for left in range(5, -1, -1)
    ]
    for key in ("x", unknown[5], None):
        refused = await door(key).get("/voip/logs")
        problem(refused, 429, "rate_limited")
        assert "www-authenticate" not in refused.headers
    # Whoever has worked here lately goes on; a key not seen before waits, there and nowhere else.
    good(await door(who).get("/voip/logs"))
    problem(await door(fresh).get("/voip/logs"), 429, "rate_limited")
    good(await door(fresh, peer="192.0.2.2").get("/voip/logs"))


async def test_a_stolen_key_does_not_eat_its_owner_s_requests(door: Door, sqlite: Database) -> None:
    who = await customer(sqlite)
    await sqlite.write(accounts.change_key, who.key_id, cidrs="198.51.100.0/24")
    answers = [await door(who).get("/ping") for _ in range(8)]
    assert [one.status_code for one in answers] == [403] * 6 + [429] * 2
    mine = await door(who, peer="198.51.100.1").get("/ping")
    assert limits(mine)[:3] == ("key", 6, 5)
