"""Who may come in: every way that a key can be wrong, and what stays hidden from a good one."""

import asyncio
from collections.abc import Callable

import pytest

from api.app import create_app
from api.auth import KNOWN_SECONDS
from db import accounts, caller_ids
from db.connection import Conn
from db.database import Database
from telephony.accounts import BASE62, add_key, new_key
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import Api, good, problem
from tests.api.world import Counting, add_phone, client_of
from tests.factories import Customer, customer

SAMPLE = {"to": "+15551234567", "text": "Hi!"}


def damaged(key: str) -> list[str]:
    """The key with each of its last characters changed, cut, lengthened, in another mode."""
    other = key.replace("sk_test_", "sk_live_")
    changed = [
        key[:at] + BASE62[(BASE62.index(key[at]) + 1) % 62] + key[at + 1 :]
        for at in range(len("sk_test_"), len(key))
    ]
    return [*changed, other, key[:-1], key + "0", key.upper(), key.replace("_", "-"), f"{key}\xe9"]


async def test_a_bad_checksum_never_reaches_the_database(
    database: Database, settings: Settings, vault: Vault
) -> None:
    counting = Counting(database)
    good_key = (await customer(database)).key
    async with client_of(create_app(settings, counting, vault)) as client:
        for key in ["", "sk_test_", "x" * 5000, *damaged(good_key)]:
            authorization = f"Bearer {key}".encode("latin-1")
            response = await Api(client).send(
                "POST", "/sms/send", json=SAMPLE, headers={"Authorization": authorization}
            )
            problem(response, 401, "invalid_api_key")
            assert response.headers["www-authenticate"] == "Bearer"
        assert counting.calls == 0
        good(await Api(client, good_key).post("/sms/send", SAMPLE), 202)
        assert counting.calls == 3  # the key, the note of its use, the deed
        good(await Api(client, good_key).post("/sms/send", SAMPLE), 202)
        assert counting.calls == 4  # the key is known, and its use was noted


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "missing_api_key"),
        ("Basic dXNlcjpwYXNz", "invalid_api_key"),
        ("Bearer", "invalid_api_key"),
        ("bearer  ", "invalid_api_key"),
        ("Token {key}", "invalid_api_key"),
        ("{key}", "invalid_api_key"),
    ],
)
async def test_another_kind_of_authorization(
    plain: Api, sqlite: Database, authorization: str, code: str
) -> None:
    headers = {"Authorization": authorization.format(key=(await customer(sqlite)).key)}
    problem(await plain.get("/voip/logs", headers=headers), 401, code)


async def test_the_scheme_is_matched_without_case(plain: Api, sqlite: Database) -> None:
    key = (await customer(sqlite)).key
    for scheme in ("Bearer", "bearer", "BEARER"):
        good(await plain.get("/voip/logs", headers={"Authorization": f"{scheme} {key}"}))


def set_key(column: str, value: int) -> Callable[[Conn, Customer], None]:
    def deed(conn: Conn, who: Customer) -> None:
        accounts.change_key(conn, who.key_id, **{column: value})

    return deed


def set_account(column: str, value: str | None) -> Callable[[Conn, Customer], None]:
    def deed(conn: Conn, who: Customer) -> None:
        accounts.change(conn, who.account_id, **{column: value})

    return deed


@pytest.mark.parametrize(
    ("mode", "spoil", "status", "code"),
    [
        ("test", set_key("revoked_at", now()), 401, "revoked_api_key"),
        ("test", set_key("expires_at", now() - SECOND), 401, "expired_api_key"),
        ("test", set_account("status", "suspended"), 403, "account_suspended"),
        ("live", set_account("status", "suspended"), 403, "account_suspended"),
        ("live", set_account("kyc_approved_at", None), 403, "kyc_required"),
    ],
)
async def test_a_key_stops_working_at_once(
    api: Api, database: Database, mode: str, spoil: Callable[[Conn, Customer], None],
    status: int, code: str,
) -> None:  # fmt: skip
    who = await customer(database, mode=mode)
    door = api.using(who)
    good(await door.post("/sms/send", SAMPLE), 202)
    await database.write(spoil, who)
    await refused_within_a_second(door, status)
    problem(await door.post("/sms/send", SAMPLE), status, code)
    problem(await door.get("/ping"), status, code)


async def refused_within_a_second(door: Api, status: int) -> None:
    async with asyncio.timeout(KNOWN_SECONDS):
        while (await door.get("/ping")).status_code != status:
            await asyncio.sleep(0.01)


async def test_a_test_key_needs_no_kyc_and_a_later_expiry_is_no_expiry(
    api: Api, database: Database
) -> None:
    who = await customer(database, kyc_approved_at=None)
    await database.write(set_key("expires_at", now() + 60 * SECOND), who)
    good(await api.using(who).post("/sms/send", SAMPLE), 202)


async def test_ids_of_others_and_of_the_other_mode_do_not_exist(
    api: Api, database: Database, vault: Vault
) -> None:
    mine = await customer(database, sip_funds="10")
    await add_phone(database, vault, mine)
    message = good(await api.using(mine).post("/sms/send", SAMPLE), 202)["message_id"]
    call = good(await api.using(mine).post("/voice/call", {"to": "+15551234567"}), 202)["call_id"]
    live = new_key("live")
    await database.write(add_key, mine.account_id, live, "live", now())
    for path in (f"/sms/{message}", f"/voice/calls/{call}"):
        good(await api.using(mine).get(path))
        for other in (await customer(database), live):
            problem(await api.using(other).get(path), 404, "not_found")
    logs = good(await api.using(live).get("/voip/logs"))
    assert logs["total"] == 0


async def test_another_account_s_phone_does_not_exist(
    api: Api, database: Database, vault: Vault
) -> None:
    mine, other = await customer(database), await customer(database)
    await add_phone(database, vault, mine, "alice")
    await add_phone(database, vault, other, "mallory", "+15550111333")
    phone = await database.one("SELECT * FROM sip_account WHERE username = 'alice'")
    assert phone
    for name in ("alice", phone["id"]):
        for path, body in (
            ("/voip/password", {"sip_password": "NewStrongPassword123", "sip_account": name}),
            ("/voip/caller-id", {"caller_id": "+15550111333", "sip_account": name}),
            ("/voip/topup", {"amount": 1, "sip_account": name}),
        ):
            problem(await api.using(other).post(path, body), 404, "not_found")
    assert phone == await database.one("SELECT * FROM sip_account WHERE username = 'alice'")


async def test_a_caller_id_of_another_account_is_not_allowed(
    api: Api, database: Database, vault: Vault
) -> None:
    mine, other = await customer(database, sip_funds="9"), await customer(database)
    await add_phone(database, vault, mine, "alice")
    await add_phone(database, vault, other, "mallory", "+15550111333")
    unverified = "+15550111444"
    await database.write(lambda conn: conn.run(
        "INSERT INTO caller_id (account_id, number, verified_by) VALUES (:id, :number, '')",
        id=mine.account_id, number=unverified,
    ))  # fmt: skip
    door = api.using(mine)
    for number in ("+15550111333", unverified):
        call = {"to": "+15551234567", "caller_id": number}
        problem(await door.post("/voice/call", call), 403, "caller_id_not_allowed")
        response = await door.post("/voip/caller-id", {"caller_id": number})
        problem(response, 403, "caller_id_not_allowed")
        response = await door.post("/sms/send", {**SAMPLE, "from": number})
        problem(response, 403, "sender_id_not_allowed")
    assert not await database.write(caller_ids.may_show, mine.account_id, unverified)


async def test_the_use_of_a_key_is_noted_once_a_minute(api: Api, database: Database) -> None:
    who = await customer(database)

    async def last_used_at() -> int | None:
        row = await database.one("SELECT last_used_at FROM api_key WHERE id = :id", id=who.key_id)
        assert row
        used: int | None = row["last_used_at"]
        return used

    assert await last_used_at() is None
    before = now()
    good(await api.using(who).get("/ping"))
    first = await last_used_at()
    assert first is not None
    assert before <= first <= now()
    good(await api.using(who).get("/voip/logs"))
    assert await last_used_at() == first
    longer_ago = first - 61 * SECOND
    await database.write(set_key("last_used_at", longer_ago), who)
    async with asyncio.timeout(KNOWN_SECONDS + 0.5):
        while (again := await last_used_at()) == longer_ago:
            good(await api.using(who).get("/ping"))
    assert again is not None
    assert again > first
