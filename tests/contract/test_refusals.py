"""Every endpoint refuses every wrong key, everybody else's things and every wrong field, as the
table of errors says."""

import re
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from api.app import ENDPOINTS, create_app
from api.endpoint import PUBLIC, Endpoint
from api.v1 import applied, event_stream
from db import accounts
from db.connection import Conn
from db.database import Database
from telephony.accounts import SCOPES
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL, Api
from tests.api.world import client_of
from tests.contract.things import Things, things
from tests.factories import Customer, add_customer, customer

KEYED = [one for one in ENDPOINTS if one.scope is not PUBLIC]
NAMING = [one for one in KEYED if "{" in one.path]
TAKING = [one for one in KEYED if one.takes is not None and one.method != "GET"]
NO_VALUE: dict[str, object] = {"wrong": {"type": []}}
"""An object in an object: what no field of the API takes."""

Asked = dict[str, tuple[int, str]]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applied, "APPLIED_SECONDS_MAX", 0.02)
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", 0.05)


@pytest.fixture
def vault() -> Vault:
    return Vault(Fernet.generate_key().decode())


@pytest.fixture
async def api(sqlite: Database, vault: Vault) -> Any:
    settings = Settings(
        smpp_host="127.0.0.1", trunk_host="127.0.0.1:5070", public_url=URL,
    )  # fmt: skip
    async with client_of(create_app(settings, sqlite, vault)) as client:
        yield Api(client)


@pytest.fixture
async def owned(api: Api, sqlite: Database, vault: Vault) -> Things:
    return await things(api, sqlite, vault)


def name(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "") if response.content else ""


async def ask(api: Api, owned: Things, endpoint: Endpoint, **request: Any) -> httpx.Response:
    if endpoint.method != "GET":
        request.setdefault("json", {})
    return await api.send(endpoint.method, owned.path(endpoint), **request)


async def all_of(api: Api, owned: Things, endpoints: list[Endpoint]) -> Asked:
    return {name(one): code(await ask(api, owned, one)) for one in endpoints}


async def key_with(database: Database, **facts: Any) -> Customer:
    """A key whose columns are changed as told."""
    who = await customer(database)
    await database.write(accounts.change_key, who.key_id, **facts)
    return who


async def test_a_revoked_key_opens_nothing(api: Api, sqlite: Database, owned: Things) -> None:
    who = await key_with(sqlite, revoked_at=now())
    answers = await all_of(api.using(who), owned, list(ENDPOINTS))
    assert set(answers.values()) == {(401, "revoked_api_key")}, answers


async def test_an_expired_key_opens_nothing(api: Api, sqlite: Database, owned: Things) -> None:
    who = await key_with(sqlite, expires_at=now() - SECOND)
    answers = await all_of(api.using(who), owned, list(ENDPOINTS))
    assert set(answers.values()) == {(401, "expired_api_key")}, answers


async def test_a_suspended_account_may_do_nothing(
    api: Api, sqlite: Database, owned: Things
) -> None:
    who = await customer(sqlite)
    await sqlite.write(accounts.change, who.account_id, status="suspended")
    answers = await all_of(api.using(who), owned, list(ENDPOINTS))
    assert set(answers.values()) == {(403, "account_suspended")}, answers


async def test_a_live_key_waits_for_the_identity_check(
    api: Api, sqlite: Database, owned: Things
) -> None:
    def unknown(conn: Conn) -> Customer:
        return add_customer(
            conn, funds=0, sip_funds=0, mode="live", scopes=(), kyc_approved_at=None, name="new"
        )

    answers = await all_of(api.using(await sqlite.write(unknown)), owned, list(ENDPOINTS))
    assert set(answers.values()) == {(403, "kyc_required")}, answers


async def test_the_owner_finds_what_others_are_asked_for(api: Api, owned: Things) -> None:
    """Otherwise the next two tests would find nothing wherever they looked."""
    for endpoint in NAMING:
        if endpoint.method == "GET":
            response = await ask(api.using(owned.owner), owned, endpoint)
            found = response.status_code == 200 or "recording" in endpoint.path
            assert found, (name(endpoint), response.text)


async def test_nobody_reaches_another_accounts_things(
    api: Api, sqlite: Database, owned: Things
) -> None:
    answers = await all_of(api.using(await customer(sqlite)), owned, NAMING)
    wrong = {one: answer for one, answer in answers.items() if answer != (404, "not_found")}
    assert wrong.keys() <= NEEDS_MORE, wrong
    untouched = await all_of(api.using(owned.owner), owned, [
        one for one in NAMING if one.method == "GET" and "recording" not in one.path
    ])  # fmt: skip
    assert {status for status, _ in untouched.values()} == {200}, untouched


NEEDS_MORE = {"POST /voip/caller-ids/{number}/verify", "PATCH /webhooks/{id}"}
"""Bodies without their fields are refused before anybody looks for the thing."""


async def test_the_other_mode_is_another_world(api: Api, sqlite: Database, owned: Things) -> None:
    """A live key of the same account does not find what was made with its test key."""

    def live_key(conn: Conn) -> Customer:
        return add_customer(conn, funds=0, sip_funds=0, mode="live", scopes=SCOPES, name="x")

    twin = await sqlite.write(live_key)
    await sqlite.write(_give, twin.key_id, owned.owner.account_id)
    by_mode = [one for one in NAMING if re.match(r"/(sms/\{m|voice|webhooks|events)", one.path)]
    answers = await all_of(api.using(twin), owned, by_mode)
    wrong = {one: answer for one, answer in answers.items() if answer != (404, "not_found")}
    assert wrong.keys() <= NEEDS_MORE, wrong


def _give(conn: Conn, key_id: str, account_id: str) -> None:
    accounts.change_key(conn, key_id, account_id=account_id)


@pytest.mark.parametrize("endpoint", TAKING, ids=name)
async def test_a_field_of_a_wrong_type_is_named(
    api: Api, owned: Things, endpoint: Endpoint
) -> None:
    assert endpoint.takes is not None
    door = api.using(owned.owner)
    for field, facts in endpoint.takes.model_fields.items():
        shown = facts.alias or field
        response = await ask(door, owned, endpoint, json={shown: NO_VALUE})
        assert code(response) == (400, "validation_error"), (shown, response.text)
        named = [error["field"].split(".")[0] for error in response.json()["errors"]]
        assert shown in named, (shown, response.text)
