"""`sms-voip account …` and `sms-voip key …` beside a running platform."""

import asyncio
import re
from collections.abc import Awaitable, Callable

import httpx
import pytest
from typer.testing import CliRunner

from api.app import create_app
from api.auth import KNOWN_SECONDS
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.accounts import KEYS_MAX, OVERLAP_SECONDS, create_key, revoke_key
from telephony.clock import SECOND, now
from telephony.errors import ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import client_of
from tests.commands import cli
from tests.factories import ACTOR, customer

Run = Callable[..., Awaitable[str]]


@pytest.fixture
def run(database_url: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in a thread; what it printed, spaces folded."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))

    def command(words: tuple[str, ...], status: int) -> str:
        result = CliRunner().invoke(cli, list(words))
        assert result.exit_code == status, (result.output, result.exception)
        return re.sub(r"\s+", " ", result.output)

    return lambda *words, status=0: asyncio.to_thread(command, words, status)


def printed_key(said: str) -> tuple[str, str]:
    """(key, its id)"""
    found = re.search(r"(sk_(?:live|test)_\w{38}) .*Its id is (key_\w+)", said)
    assert found, said
    return found[1], found[2]


async def refused(door: Api, status: int) -> httpx.Response:
    """The answer once the key is refused, which must be within a second."""
    async with asyncio.timeout(KNOWN_SECONDS + 0.5):  # the rest is for a busy machine
        while (answer := await door.get("/voip/logs")).status_code != status:
            await asyncio.sleep(0.02)
    return answer


async def test_a_new_customer_from_the_first_key_to_the_last(
    database: Database, api: Api, run: Run
) -> None:
    await customer(database)  # brings the price list
    account_id = (await run("account", "create", "Acme", "--country", "de")).strip()
    made = await run("key", "create", "Acme", "--name", "shop", "--scope", "voip:read")
    key, key_id = printed_key(made)
    door = api.using(key)
    good(await door.get("/voip/logs"))
    assert good(await door.get("/ping"))["account"] == "Acme"
    problem(await door.post("/sms/send", {"to": "+15550001111", "text": "a"}), 403, "scope_missing")
    listed = await run("key", "list", account_id)
    assert key_id in listed
    assert f"sk_test_…{key[-4:]}" in listed
    assert key not in listed

    live, live_id = printed_key(
        await run("key", "create", "Acme", "--name", "live", "--mode", "live")
    )
    problem(await api.using(live).get("/ping"), 403, "kyc_required")
    assert await run("account", "approve", "Acme") == "Acme is approved. "
    good(await until_good(api.using(live)))
    assert account_id in await run("account", "list")

    assert "is revoked" in await run("key", "revoke", key_id)
    problem(await refused(door, 401), 401, "revoked_api_key")
    await run("key", "revoke", key_id)  # again changes nothing
    log = await database.all("SELECT actor, action, subject FROM audit_log ORDER BY seq")
    assert [(row["action"], row["subject"]) for row in log] == [
        ("account.opened", account_id), ("key.created", key_id), ("key.created", live_id),
        ("account.approved", account_id), ("key.revoked", key_id),
    ]  # fmt: skip
    assert all(row["actor"].startswith("cli:") for row in log)
    assert live_id in await run("key", "list", "Acme")


async def until_good(door: Api) -> httpx.Response:
    async with asyncio.timeout(KNOWN_SECONDS + 0.5):
        while not (answer := await door.get("/ping")).is_success:
            await asyncio.sleep(0.02)
    return answer


async def test_a_key_is_replaced_while_it_works(database: Database, api: Api, run: Run) -> None:
    who = await customer(database, scopes=("voip:read",))
    await run(
        "key", "limits", who.key_id, "--per-minute", "600", "--burst", "50", "--day", "2",
        "--calls-max", "3", "--cidr", "127.0.0.0/8", "--cidr", "2001:db8::1/32",
    )  # fmt: skip
    before = now()
    said = await run("key", "rotate", who.key_id)
    key, key_id = printed_key(said)
    assert "The old key works until" in said
    rows = {row["id"]: row for row in await database.all("SELECT * FROM api_key")}
    old, new = rows[who.key_id], rows[key_id]
    same = ("account_id", "mode", "name", "scopes", "cidrs", "requests_per_minute",
            "requests_burst", "spend_day_max", "calls_max", "calls_per_second")  # fmt: skip
    assert [new[column] for column in same] == [old[column] for column in same]
    assert (new["cidrs"], new["requests_burst"]) == ("127.0.0.0/8,2001:db8::/32", 50)
    assert (new["replaces"], new["expires_at"], old["revoked_at"]) == (who.key_id, None, None)
    assert before <= old["expires_at"] - OVERLAP_SECONDS * SECOND <= now()
    for door in (api.using(who), api.using(key)):
        good(await door.get("/voip/logs"))
    # A second replacement never gives the first one's predecessor more time.
    await run("key", "rotate", who.key_id, "--overlap-hours", "700")
    after = await database.one("SELECT expires_at FROM api_key WHERE id = :id", id=who.key_id)
    assert after == {"expires_at": old["expires_at"]}
    await run("key", "rotate", who.key_id, "--overlap-hours", "0")
    problem(await refused(api.using(who), 401), 401, "expired_api_key")
    good(await api.using(key).get("/voip/logs"))
    assert "works no more" in await run("key", "rotate", who.key_id, status=1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("create", "Acme", "--name", "x", "--scope", "sms:everything"), "the scopes sms:send"),
        (("create", "Acme", "--name", "x", "--cidr", "10.0.0.0/33"), "192.0.2.0/24"),
        (("create", "Acme", "--name", ""), "1 to 64 characters"),
        (("create", "Acme", "--name", "x", "--expires", "2020-01-01"), "expired already"),
        (("create", "Nobody", "--name", "x"), "0 accounts"),
        (("revoke", "key_x"), "no key key_x"),
        (("rotate", "key_x"), "no key key_x"),
        (("limits", "key_x", "--day", "1"), "no key key_x"),
        (("limits", "{key}", "--cidr", "nonsense"), "192.0.2.0/24"),
        (("rotate", "{key}", "--overlap-hours", "721"), "at most 30 days"),
    ],
)
async def test_refusals_say_what_to_do(
    sqlite: Database, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...],
    said: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", sqlite_url)
    who = await customer(sqlite, name="Acme")
    spelled = [word.format(key=who.key_id) for word in words]
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["key", *spelled])
    assert result.exit_code == 1, result.output
    assert said in re.sub(r"\s+", " ", result.output)


async def test_an_account_has_a_bounded_number_of_keys(sqlite: Database) -> None:
    who = await customer(sqlite)

    def add(conn: Conn) -> None:
        create_key(conn, who.account_id, "test", name="n", actor=ACTOR, now=now())

    for _ in range(KEYS_MAX - 1):
        await sqlite.write(add)
    with pytest.raises(ValidationFailedError, match="at most 100 keys"):
        await sqlite.write(add)


async def test_two_processes_hear_of_a_change_within_a_second(
    postgres_url: str, vault: Vault
) -> None:
    """Each has connections and a memory of its own; only the database is between them."""
    first, second = await open_database(postgres_url), await open_database(postgres_url)
    who = await customer(first)
    apps = [create_app(Settings(), db, vault) for db in (first, second)]
    async with client_of(apps[0]) as one, client_of(apps[1]) as other:
        doors = [Api(one, who.key), Api(other, who.key)]
        for door in doors:
            good(await door.get("/voip/logs"))
        await second.write(revoke_key, who.key_id, actor=ACTOR, now=now())
        await asyncio.sleep(KNOWN_SECONDS)
        for door in doors:
            problem(await door.get("/voip/logs"), 401, "revoked_api_key")
    await first.close()
    await second.close()


async def test_a_lost_wake_up_costs_a_second_at_most(database: Database, api: Api) -> None:
    who = await customer(database)
    door = api.using(who)
    good(await door.get("/voip/logs"))
    sql = "UPDATE api_key SET revoked_at = 1 WHERE id = :id"
    await database.write(lambda conn: conn.run(sql, id=who.key_id))
    await asyncio.sleep(KNOWN_SECONDS)
    problem(await door.get("/voip/logs"), 401, "revoked_api_key")
