"""SIP accounts at the door: secrets and caller ids that count once every PBX node has them."""

import asyncio
import time

import pytest

from api.v1 import applied
from api.v1.applied import APPLIED_SECONDS_MAX as REAL
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.sip_accounts import digests
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, add_phone, apply_everywhere, report_node
from tests.factories import Customer, customer

STRONG = "NewStrongPassword123"
AS_PROMISED = 2.0  # seconds, as the contract says


@pytest.fixture
async def who(database: Database, vault: Vault) -> Customer:
    owner = await customer(database)
    await add_phone(database, vault, owner)
    return owner


async def stored(database: Database, vault: Vault, username: str = "alice") -> str:
    sql = "SELECT digests_sealed FROM sip_account WHERE username = :name"
    row = await database.one(sql, name=username)
    assert row
    return vault.open(row["digests_sealed"])


async def test_a_given_secret_is_in_force_and_not_given_back(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    body = good(await api.using(who).post("/voip/password", {"sip_password": STRONG}), 202)
    assert "sip_password" not in body
    assert await stored(database, vault) == digests("alice", Settings().realm, STRONG)


async def test_a_generated_secret_is_given_once(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    door, seen = api.using(who), set()
    for body in ({}, {"sip_password": None}, {"sip_account": "alice"}):
        secret = good(await door.post("/voip/password", body), 202)["sip_password"]
        assert await stored(database, vault) == digests("alice", Settings().realm, secret)
        seen.add(secret)
    assert len(seen) == 3


@pytest.mark.parametrize("secret", ["twelve chars", "p" * 64 + "qrs" * 21 + "x", "All ~ kinds!"])
async def test_secrets_that_are_good(
    plain: Api, sqlite: Database, vault: Vault, secret: str
) -> None:
    owner = await customer(sqlite)
    await add_phone(sqlite, vault, owner)
    good(await plain.using(owner).post("/voip/password", {"sip_password": secret}), 202)


async def test_a_short_user_name_does_not_void_generated_secrets(
    plain: Api, sqlite: Database, vault: Vault
) -> None:
    """Two letters are in many a random secret."""
    owner = await customer(sqlite)
    await add_phone(sqlite, vault, owner, "ab")
    response = await plain.using(owner).post("/voip/password", {"sip_password": "abcdefgh-1234"})
    good(response, 202)
    response = await plain.using(owner).post("/voip/password", {"sip_password": "ab" * 10 + "cde"})
    problem(response, 400, "validation_error")


async def test_it_is_applied_once_every_node_has_it(
    api: Api, database: Database, who: Customer
) -> None:
    for node in ("pbx1", "pbx2"):
        await report_node(database, node)
    body = good(await api.using(who).post("/voip/password", {"sip_password": STRONG}), 202)
    assert (body["applied"], body["nodes"]) == (False, "0/2")
    await database.write(apply_everywhere, "pbx1")
    body = good(await api.using(who).post("/voip/caller-id", {"caller_id": NUMBER}), 202)
    assert (body["applied"], body["nodes"]) == (False, "0/2")  # a newer generation
    await database.write(apply_everywhere, "pbx2")
    body = good(await api.using(who).post("/voip/caller-id", {"caller_id": NUMBER}, "k"), 202)
    assert (body["applied"], body["nodes"]) == (False, "0/2")
    await database.write(apply_everywhere, "pbx1", "pbx2")
    again = good(await api.using(who).post("/voip/caller-id", {"caller_id": NUMBER}, "k"), 202)
    assert again == body  # what was answered; how it is now, the SIP account tells
    account = good(await api.using(who).get("/voip/accounts/alice"))
    assert (account["applied"], account["nodes"]) == (True, "2/2")


async def test_the_reply_waits_for_the_nodes_and_no_longer(
    api: Api, database: Database, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applied, "APPLIED_SECONDS_MAX", AS_PROMISED)
    assert REAL == AS_PROMISED
    await report_node(database)

    async def provision() -> None:
        while not await database.one("SELECT 1 FROM sip_account WHERE generation = 2"):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        await database.write(apply_everywhere, "pbx1")

    provisioning = asyncio.create_task(provision())
    before = time.monotonic()
    body = good(await api.using(who).post("/voip/password", {"sip_password": STRONG}))
    assert (body["applied"], body["nodes"]) == (True, "1/1")
    assert 0.1 <= time.monotonic() - before < 1.5
    await provisioning


async def test_another_phone_of_the_account_by_name_or_id(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    await add_phone(database, vault, who, "bob", "+15550111333")
    row = await database.one("SELECT id FROM sip_account WHERE username = 'bob'")
    assert row
    for name in ("bob", row["id"]):
        change = {"caller_id": "+15550111333", "sip_account": name}
        body = good(await api.using(who).post("/voip/caller-id", change), 202)
        assert (body["sip_account"], body["caller_id"]) == ("bob", "+15550111333")
    alice = await database.one("SELECT caller_id FROM sip_account WHERE username = 'alice'")
    assert alice == {"caller_id": NUMBER}
    for path, change in (
        ("/voip/password", {"sip_account": "carol"}),
        ("/voip/password", {"sip_account": ""}),
        ("/voip/topup", {"amount": 1, "sip_account": "carol"}),
    ):
        problem(await api.using(who).post(path, change), 404, "not_found")


async def test_an_account_without_a_phone(api: Api, database: Database) -> None:
    door = api.using(await customer(database, sip_funds="5"))
    problem(await door.post("/voip/password", {}), 404, "not_found")
    problem(await door.post("/voice/call", {"to": "+15551234567"}), 404, "not_found")
    good(await door.post("/voip/topup", {"amount": 1}))  # the wallet is the account's
