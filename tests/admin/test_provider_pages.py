"""SMS providers, their routes, and numbers of accounts, through the pages of administrators: a form
is made of what a kind declares, and secrets are never shown again."""

import json
import re

import pytest

from api.admin.provider_options import given_options, options_of
from db import numbers, sms_providers
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.sms.providers import configured
from telephony.sms.providers.masks import MASK
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import add_phone, owner_of
from tests.factories import customer
from tests.users.world import People

HERE = "/admin/network"
ONE = f"{HERE}/providers/north"
ROUTES, NUMBERS = f"{HERE}/sms-routes", f"{HERE}/numbers"
DID = "+15550888001"
SMPP = {"name": "north", "kind": "smpp", "options.host": "smsc.example.net",
        "options.port": "2776", "options.system_id": "us", "options.password": "hush-one",
        "options.bind": "", "options.tls": '{"server_name": "smsc"}'}  # fmt: skip
CHANGES = {name: text for name, text in SMPP.items() if name not in ("name", "kind")}
NUMBER = {"number": DID, "mode": "live", "targets": "alice", "strategy": "all",
          "ring_seconds": "25", "forward_to": ""}  # fmt: skip
Options = dict[str, object]


async def options(database: Database, vault: Vault, name: str = "north") -> Options:
    row = await sms_providers.find(database, name)
    assert row is not None
    return configured.opened(row, vault)


@pytest.fixture
async def north(root: Visitor) -> Visitor:
    """The administrator, on the page of a provider that has just been added."""
    await root.open(f"{HERE}/new-provider")
    await root.form(f"{HERE}/providers", SMPP)
    return root


@pytest.fixture
async def acme(people: People) -> Member:
    """A customer with a phone."""
    member = await owner_of(people, company="Acme <b>")
    await add_phone(people, member, "alice")
    return member


async def test_a_provider_is_added_changed_and_removed(
    sqlite: Database, people: People, vault: Vault, north: Visitor
) -> None:
    assert north.at == ONE
    told: Options = {"host": "smsc.example.net", "port": 2776, "system_id": "us",
                     "password": "hush-one", "tls": {"server_name": "smsc"}}  # fmt: skip
    assert await options(sqlite, vault) == told
    assert "hush-one" not in north.page.text
    assert 'value="smsc.example.net"' in north.page.text
    await north.form(ONE, CHANGES | {"options.password": "", "options.window": "20",
                                     "options.user_message_reference": "true"})  # fmt: skip
    assert await options(sqlite, vault) == told | {"window": 20, "user_message_reference": True}
    await north.form(ONE, CHANGES | {"options.password": "hush-two"})
    assert await options(sqlite, vault) == told | {"password": "hush-two"}
    await north.send(f"{ONE}/remove")
    assert north.at == HERE
    await north.open(ONE, 404)
    assert (await people.acts())[-4:] == [
        "sms_provider.added", "sms_provider.changed", "sms_provider.changed",
        "sms_provider.removed",
    ]  # fmt: skip
    log = await north.open("/admin/audit?subject=north")
    assert "smsc.example.net" in log
    assert "hush" not in log


async def test_a_provider_is_taken_out_of_service_and_back(
    sqlite: Database, people: People, north: Visitor
) -> None:
    assert "Take into service" not in north.page.text
    said = await north.send(f"{ONE}/status")
    assert "Disabled" in said
    assert "Take into service" in said
    assert "Disabled" in await north.open(HERE)
    await north.form(ONE, CHANGES | {"options.password": ""})
    assert "Disabled" in north.page.text, "other options do not enable it"
    await north.form(f"{ONE}/status", {"status": "gone"}, 400)
    await north.open(ONE)
    assert "Disabled" not in await north.send(f"{ONE}/status")
    assert "Disabled" not in await north.open(HERE)
    acts = await people.acts()
    assert acts.count("sms_provider.disabled") == acts.count("sms_provider.enabled") == 1
    await north.form(f"{HERE}/providers/gone/status", {"status": "active"}, 404)


async def test_every_installed_kind_has_a_form(
    sqlite: Database, vault: Vault, root: Visitor
) -> None:
    for kind in ("http", "sandbox", "smpp"):
        assert f"kind={kind}" in await root.open(f"{HERE}/new-provider?kind={kind}")
    assert "no kind of SMS provider" in await root.open(f"{HERE}/new-provider?kind=pigeon-post")
    await root.form(f"{HERE}/providers", {"name": "play", "kind": "sandbox"})
    assert await options(sqlite, vault, "play") == {}
    headers = {"Authorization": "Bearer hush-three"}
    web = {"name": "web", "kind": "http", "options.url": "https://example.com/send",
           "options.headers": json.dumps(headers)}  # fmt: skip
    await root.form(f"{HERE}/providers", web)
    said = await root.open(f"{HERE}/providers/web")
    assert "hush-three" not in said
    shown = re.search(r'name="options.headers"[^>]*>([^<]*)<', said)
    assert shown
    assert MASK in shown[1]
    del web["name"], web["kind"]
    await root.form(f"{HERE}/providers/web", web | {"options.headers": shown[1],
                                                    "options.window": "7"})  # fmt: skip
    assert await options(sqlite, vault, "web") == {
        "url": "https://example.com/send", "headers": headers, "window": 7,
    }  # fmt: skip
    body = '{"apiKey": "hush-four", "to": "{to}"}'
    await root.form(f"{HERE}/providers/web", web | {
        "options.headers": shown[1], "options.body": body})  # fmt: skip
    said = await root.open(f"{HERE}/providers/web")
    assert "hush" not in said
    masked = body.replace("hush-four", MASK)
    assert masked in said
    again = {"options.headers": shown[1], "options.body": masked}
    await root.form(f"{HERE}/providers/web", web | again)
    assert (await options(sqlite, vault, "web"))["body"] == json.loads(body)
    said = await root.form(f"{HERE}/providers/web", web | {
        "options.headers": shown[1], "options.url": "https://evil.example.com/"}, 400)  # fmt: skip
    assert "Write the secret again" in said


async def test_what_is_wrong_is_said_at_its_field(sqlite: Database, root: Visitor) -> None:
    for fields, told in (
        ({"name": "a b"}, "cannot be its name"), ({"name": "sandbox"}, "cannot be its name"),
        ({"kind": "pigeon-post"}, "no kind of SMS provider"),
        ({"options.host": ""}, "host: Field required"),
        ({"options.port": "x"}, "This is no number"), ({"options.port": "99999"}, "port: Input"),
        ({"options.tls": "{"}, "This is no JSON"), ({"options.bind": "any"}, "bind: Input"),
        ({"options.colour": "red"}, "colour"),
    ):  # fmt: skip
        await root.open(f"{HERE}/new-provider")
        said = await root.form(f"{HERE}/providers", SMPP | fields, 400)
        assert told in said or fields == {"options.colour": "red"}, fields
        assert "hush-one" not in said
    assert await sqlite.write(sms_providers.active) == []
    await root.open(f"{HERE}/new-provider")
    await root.form(f"{HERE}/providers", SMPP)
    await root.open(f"{HERE}/new-provider")
    assert "provider north already" in await root.form(f"{HERE}/providers", SMPP, 400)


def test_inputs_follow_what_a_kind_declares() -> None:
    found = {one.name: one for one in options_of("smpp", {"port": 2776, "password": "x"})}
    assert list(found)[:2] == ["host", "system_id"]
    assert {name: found[name].look for name in ("host", "port", "password", "bind", "tls")} == {
        "host": "text", "port": "number", "password": "secret", "bind": "choice", "tls": "json",
    }  # fmt: skip
    assert found["bind"].choices == ("transceiver", "transmitter_receiver")
    assert (found["port"].value, found["port"].usual) == ("2776", "2775")
    assert found["messages_per_second"].look == "number"
    assert (found["tls"].label, found["system_id"].label) == ("TLS", "System ID")
    assert found["user_message_reference"].choices == ("true", "false")
    assert given_options("smpp", {"system_id": "true", "user_message_reference": "false"}, {}) == {
        "system_id": "true", "user_message_reference": False,
    }  # fmt: skip
    given = {"port": "1", "password": "", "tls": "{}", "window": " "}
    assert given_options("smpp", given, {"password": "x"}) == {
        "port": 1, "password": MASK, "tls": {},
    }  # fmt: skip
    assert given_options("smpp", given, {}) == {"port": 1, "tls": {}}


async def test_a_provider_whose_kind_is_gone_is_removed(
    sqlite: Database, vault: Vault, root: Visitor
) -> None:
    sealed = vault.seal('{"token": "hush"}')
    await sqlite.write(sms_providers.put, "north", "gone-kind", sealed, "gsm7", now())
    assert "taken no more" in await root.open(ONE)
    await root.form(ONE, CHANGES, 400)
    await root.open(ONE)
    await root.send(f"{ONE}/remove")
    assert await sqlite.write(sms_providers.active) == []


async def test_numbers_are_assigned_ruled_and_taken_away(
    sqlite: Database, people: People, acme: Member, root: Visitor
) -> None:
    assert "No account owns a number" in await root.open(NUMBERS)
    await root.form(NUMBERS, NUMBER | {"account": "Acme <b>"})
    assert "Acme <b>" in await root.open(NUMBERS)
    assert "<b>" not in root.page.text
    one = re.search(rf'href="({NUMBERS}/[^"]+)"', root.page.text)
    assert one
    assert "alice" in await root.open(one[1])
    rule = {name: NUMBER[name] for name in ("targets", "strategy", "forward_to")}
    await root.form(one[1], rule | {"targets": "", "ring_seconds": "40"})
    (row,) = await sqlite.write(numbers.every)
    assert (row["number"], row["account_id"], row["targets"], row["ring_seconds"]) == (
        DID, acme.account_id, "", 40,
    )  # fmt: skip
    await root.form(one[1], rule | {"targets": "mallory", "ring_seconds": "40"}, 404)
    await root.form(one[1], rule | {"ring_seconds": "1"}, 400)
    await root.open(one[1])
    await root.send(f"{one[1]}/remove")
    assert await sqlite.write(numbers.every) == []
    assert (await people.acts())[-3:] == [
        "number.assigned", "number.rule_changed", "number.removed",
    ]  # fmt: skip
    await root.form(f"{one[1]}/remove", {}, 404)


async def test_what_is_wrong_with_a_number_is_said(
    sqlite: Database, people: People, acme: Member, root: Visitor
) -> None:
    await owner_of(people, "twin@example.com", "Acme <b>")
    for fields, status, told in (
        ({"account": "Nobody"}, 400, "There is no such account"),
        ({"account": "Acme <b>"}, 400, "or more than one"), ({"account": "platform"}, 404, ""),
        ({"number": "12"}, 400, 'id="e-number"'), ({"ring_seconds": "1"}, 400, "e-ring_seconds"),
        ({"targets": "mallory"}, 404, "no SIP account mallory"),
        ({"forward_to": "home"}, 400, 'id="e-forward_to"'),
    ):  # fmt: skip
        await root.open(NUMBERS)
        said = await root.form(NUMBERS, NUMBER | {"account": acme.account_id} | fields, status)
        assert told in said, fields
    assert await sqlite.write(numbers.every) == []


async def test_numbers_of_all_accounts_are_found(database: Database) -> None:
    members = [await customer(database, name=name) for name in ("Alpha", "Engines")]
    owned = ["+15550888001", "+15550888002", "+4930123456", "+999999999999999"]

    def own(conn: Conn) -> None:
        for at, number in enumerate(owned):
            numbers.own(conn, number=number, account_id=members[at % 2].account_id, mode="live",
                        strategy="all", ring_seconds=25, targets="", forward_to="",
                        created_at=now())  # fmt: skip

    await database.write(own)

    async def found(limit: int = 9, **facts: str) -> list[str]:
        return [row["number"] for row in await numbers.page_of_all(database, limit=limit, **facts)]

    assert await found() == owned
    assert await found(limit=2) == owned[:2]
    assert await found(after=owned[1]) == owned[2:]
    assert await found(begins="+1555") == owned[:2]
    assert await found(begins="+1555", account_id=members[1].account_id) == owned[1:2]
    assert await found(begins="+49301234567") == []
    assert (await numbers.find_any(database, owned[1]) or {})["name"] == "Engines"
    assert await numbers.find_any(database, "+49") is None


async def test_the_list_of_numbers_has_filters_and_pages(
    sqlite: Database, acme: Member, root: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def own(conn: Conn) -> None:
        for at in range(3):
            numbers.own(conn, number=f"+1555088800{at}", account_id=acme.account_id, mode="live",
                        strategy="all", ring_seconds=25, targets="", forward_to="",
                        created_at=now())  # fmt: skip

    await sqlite.write(own)
    monkeypatch.setattr("api.admin.numbers.LINES", 2)
    said = await root.open(f"{NUMBERS}?account={acme.account_id}&search=1555")
    assert said.count("+1 555-088-800") == 2
    following = re.search(r'rel="next" href="([^"]+)"', said)
    assert following
    assert "+1 555-088-8002" in await root.open(f"{NUMBERS}{following[1]}")
    monkeypatch.setattr("api.admin.numbers.CSV_ROWS", 2)
    rows = (await root.open(f"{NUMBERS}.csv?account={acme.account_id}&search=1555")).splitlines()
    assert [row.partition(",")[0] for row in rows[1:]] == [f"+1555088800{at}" for at in range(3)]
    assert len((await root.open(f"{NUMBERS}.csv?search=%2B49")).splitlines()) == 1
    assert "Nothing is found" in await root.open(f"{NUMBERS}?search=%2B49")
    assert "Nothing is found" in await root.open(f"{NUMBERS}?account=nobody")
    await root.open(f"{NUMBERS}?search=x", 400)


async def test_support_looks_only(acme: Member, north: Visitor, helper: Visitor) -> None:
    await north.open(NUMBERS)
    await north.form(NUMBERS, NUMBER | {"account": acme.account_id})
    for page in (ROUTES, NUMBERS, f"{NUMBERS}/{DID}"):
        await helper.open(page)
        assert [one for one in helper.actions() if one.endswith(("/remove", "/numbers"))] == []
    for page in (ONE, f"{HERE}/new-provider"):
        await helper.open(page, 403)
    for action, fields in ((f"{HERE}/providers", SMPP), (ONE, CHANGES), (f"{ONE}/remove", {}),
                           (ROUTES, {"provider": "north"}), (NUMBERS, NUMBER),
                           (f"{NUMBERS}/{DID}/remove", {})):  # fmt: skip
        await helper.open(HERE)
        await helper.form(action, fields, 403)
