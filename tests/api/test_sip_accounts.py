"""SIP accounts at the door: created, listed, read, changed, deleted; nobody else's."""

from typing import Any

import pytest

from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import sip_accounts
from telephony.voice.sip_accounts import digests
from tests.api.client import Api, good, problem
from tests.api.world import NUMBER, add_phone, apply_everywhere, report_node
from tests.factories import Customer, customer

STRONG = "NewStrongPassword123"
OPTIONS = {
    "label": "Front desk",
    "short_number": "201",
    "codecs": ["g722", "alaw"],
    "transports": ["tls"],
    "media": "srtp",
    "max_contacts": 2,
    "nat": False,
    "cidrs": ["192.0.2.0/24", "2001:db8::/32"],
    "record": "inbound",
}


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, country="US")


async def create(door: Api, **body: Any) -> dict[str, Any]:
    """A SIP account that no node has applied yet."""
    return good(await door.post("/voip/accounts", body), 202)


async def secret_of(database: Database, vault: Vault, username: str) -> str:
    sql = "SELECT digests_sealed FROM sip_account WHERE username = :name"
    row = await database.one(sql, name=username)
    assert row
    return vault.open(row["digests_sealed"])


async def test_one_made_of_nothing_can_be_used_at_once(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    body = await create(api.using(who))
    name, secret = body["username"], body["sip_password"]
    assert await secret_of(database, vault, name) == digests(name, Settings().realm, secret)
    assert (body["server"], body["realm"]) == ("127.0.0.1:5060", "sms-voip")
    assert [way["transport"] for way in body["ways"]] == ["udp", "tcp", "tls", "wss"]
    assert (body["mode"], body["status"], body["registered"]) == ("test", "active", False)
    again = good(await api.using(who).get(f"/voip/accounts/{body['id']}"))
    assert "sip_password" not in again
    assert await create(api.using(who)) != body


async def test_every_option_is_kept_and_changed(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    await add_phone(database, vault, who)
    door = api.using(who)
    made = await create(door, username="desk", sip_password=STRONG, caller_id=NUMBER, **OPTIONS)
    assert "sip_password" not in made
    assert made | OPTIONS | {"username": "desk", "caller_id": NUMBER} == made
    assert good(await door.get("/voip/accounts/desk"))["id"] == made["id"]
    change = {"label": "", "short_number": None, "codecs": ["gsm", "gsm"], "cidrs": [],
              "media": "webrtc", "record": "", "nat": True}  # fmt: skip
    changed = good(await door.send("PATCH", f"/voip/accounts/{made['id']}", json=change), 202)
    expected = {**OPTIONS, **change, "codecs": ["gsm"], "max_contacts": 2}
    assert changed | expected == changed
    assert good(await door.send("PATCH", "/voip/accounts/desk", json={}), 202) == changed


async def test_the_first_verified_number_is_shown(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    assert (await create(api.using(who)))["caller_id"] == ""
    await add_phone(database, vault, who)
    assert (await create(api.using(who)))["caller_id"] == NUMBER
    for method, path in (("POST", "/voip/accounts"), ("PATCH", "/voip/accounts/alice")):
        body = {"caller_id": "+15550111999"}
        response = await api.using(who).send(method, path, json=body)
        problem(response, 403, "caller_id_not_allowed")


async def test_a_phone_may_show_no_number(
    api: Api, database: Database, vault: Vault, who: Customer
) -> None:
    await add_phone(database, vault, who)
    door, none = api.using(who), {"caller_id": ""}
    assert (await create(door, username="desk", **none))["caller_id"] == ""
    changed = good(await door.send("PATCH", "/voip/accounts/alice", json=none), 202)
    assert changed["caller_id"] == ""
    back = {"caller_id": NUMBER}
    assert good(await door.send("PATCH", "/voip/accounts/desk", json=back), 202) == (
        good(await door.get("/voip/accounts/desk")) | {"caller_id": NUMBER}
    )


async def test_it_is_done_once_every_node_has_it(
    api: Api, database: Database, who: Customer
) -> None:
    for node in ("pbx1", "pbx2"):
        await report_node(database, node)
    door = api.using(who)
    assert (await create(door, username="desk"))["nodes"] == "0/2"
    await database.write(apply_everywhere, "pbx1")
    read = good(await door.get("/voip/accounts/desk"))
    assert (read["applied"], read["nodes"]) == (False, "1/2")
    await database.write(apply_everywhere, "pbx2")
    (listed,) = good(await door.get("/voip/accounts"))["data"]
    assert (listed["applied"], listed["nodes"]) == (True, "2/2")
    assert good(await door.send("PATCH", "/voip/accounts/desk", json={"nat": False}), 202)
    await database.write(apply_everywhere, "pbx1", "pbx2")
    assert good(await door.get("/voip/accounts/desk"))["applied"]


async def test_deleted_is_forgotten_everywhere_and_then_free(
    api: Api, database: Database, who: Customer
) -> None:
    await report_node(database)
    door = api.using(who)
    await create(door, username="desk", short_number="201")
    body = good(await door.send("DELETE", "/voip/accounts/desk"), 202)
    assert (body["deleted"], body["applied"], body["nodes"]) == (True, False, "0/1")
    problem(await door.get("/voip/accounts/desk"), 404, "not_found")
    problem(await door.send("DELETE", "/voip/accounts/desk"), 404, "not_found")
    problem(await door.post("/voip/password", {"sip_account": "desk"}), 404, "not_found")
    assert good(await door.get("/voip/accounts"))["total"] == 0
    taken = await door.post("/voip/accounts", {"username": "desk"})
    problem(taken, 409, "sip_account_exists")
    await database.write(apply_everywhere, "pbx1")
    assert (await create(door, username="desk", short_number="201"))["id"] != body["id"]


async def test_without_a_node_nobody_has_to_forget(api: Api, who: Customer) -> None:
    door = api.using(who)
    await create(door, username="desk")
    assert good(await door.send("DELETE", "/voip/accounts/desk"))["applied"]
    await create(door, username="desk")


async def test_pages_and_search(api: Api, who: Customer) -> None:
    door = api.using(who)
    for at in range(5):
        await create(door, username=f"desk-{at}", label=f"Room {at}", short_number=f"20{at}")
    first = good(await door.get("/voip/accounts", limit=2))
    assert [row["username"] for row in first["data"]] == ["desk-4", "desk-3"]
    assert (first["total"], first["limit"], first["offset"]) == (5, 2, 0)
    after = good(await door.get("/voip/accounts", limit=2, cursor=first["next_cursor"]))
    beside = good(await door.get("/voip/accounts", limit=2, offset=2))
    assert after["data"] == beside["data"]
    assert [row["username"] for row in after["data"]] == ["desk-2", "desk-1"]
    assert good(await door.get("/voip/accounts", offset=4))["next_cursor"] is None
    for part, names in (("ROOM 3", ["desk-3"]), ("204", ["desk-4"]), ("k-0", ["desk-0"]),
                        ("%", []), ("room", [f"desk-{at}" for at in (4, 3, 2, 1, 0)])):  # fmt: skip
        found = good(await door.get("/voip/accounts", search=part))
        assert [row["username"] for row in found["data"]] == names
        assert found["total"] == len(names)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"username": "A"}, "username"),
    ({"username": "trunk"}, "username"),
    ({"username": ""}, "username"),
    ({"sip_password": "short"}, "sip_password"),
    ({"sip_password": ""}, "sip_password"),
    ({"short_number": "1"}, "short_number"),
    ({"short_number": "1234567"}, "short_number"),
    ({"short_number": "0201"}, "short_number"),
    ({"short_number": "112"}, "short_number"),
    ({"short_number": "911"}, "short_number"),
    ({"short_number": "+1555"}, "short_number"),
    ({"codecs": []}, "codecs"),
    ({"codecs": ["opus"]}, "codecs.0"),
    ({"transports": ["sctp"]}, "transports.0"),
    ({"media": "zrtp"}, "media"),
    ({"max_contacts": 0}, "max_contacts"),
    ({"max_contacts": 11}, "max_contacts"),
    ({"max_contacts": True}, "max_contacts"),
    ({"nat": "yes"}, "nat"),
    ({"cidrs": ["nonsense"]}, "cidrs"),
    ({"cidrs": ["10.0.0.0/33"]}, "cidrs"),
    ({"cidrs": [f"10.{at}.0.0/16" for at in range(9)]}, "cidrs"),
    ({"cidrs": ["192.0.2.0/24"] * 9}, "cidrs"),
    ({"cidrs": ["10.0.0.0/8,0.0.0.0/0"]}, "cidrs"),
    ({"record": "some"}, "record"),
    ({"status": "deleted"}, "status"),
    ({"label": "x" * 65}, "label"),
    ({"caller_id": "nobody"}, "caller_id"),
    ({"caller_id": None}, "caller_id"),
]


async def test_what_cannot_be_is_named(plain: Api, sqlite: Database) -> None:
    who = await customer(sqlite, country="GB")
    door = plain.using(who)
    await create(door, username="desk")
    for body, field in BAD:
        answer = problem(await door.post("/voip/accounts", body), 400, "validation_error")
        assert [error["field"] for error in answer["errors"]] == [field], body
        if field not in ("username", "sip_password"):
            refused = await door.send("PATCH", "/voip/accounts/desk", json=body)
            problem(refused, 400, "validation_error")
    problem(await door.send("PATCH", "/voip/accounts/desk", json={"username": "other"}),
            400, "unknown_field")  # fmt: skip
    assert good(await door.get("/voip/accounts"))["total"] == 1


async def test_names_are_unique_and_short_numbers_within_an_account(
    api: Api, database: Database, who: Customer
) -> None:
    other = await customer(database)
    await create(api.using(who), username="desk", short_number="201")
    for body in ({"username": "desk"}, {"short_number": "201"}):
        problem(await api.using(who).post("/voip/accounts", body), 409, "sip_account_exists")
    answer = await api.using(other).post("/voip/accounts", {"username": "desk"})
    problem(answer, 409, "sip_account_exists")
    await create(api.using(other), username="desk-2", short_number="201")
    await create(api.using(who), username="room", short_number="202")
    change = await api.using(who).send("PATCH", "/voip/accounts/room", json={"short_number": "201"})
    problem(change, 409, "sip_account_exists")
    same = await api.using(who).send("PATCH", "/voip/accounts/room", json={"short_number": "202"})
    good(same, 202)


async def test_nobody_sees_or_touches_anothers(api: Api, database: Database, who: Customer) -> None:
    mine = await create(api.using(who), username="desk")
    stranger = api.using(await customer(database))
    for name in ("desk", mine["id"]):
        problem(await stranger.get(f"/voip/accounts/{name}"), 404, "not_found")
        for method in ("PATCH", "DELETE"):
            json = {"nat": False} if method == "PATCH" else None
            answer = await stranger.send(method, f"/voip/accounts/{name}", json=json)
            problem(answer, 404, "not_found")
    assert good(await stranger.get("/voip/accounts"))["data"] == []
    assert good(await api.using(who).get("/voip/accounts/desk"))["nat"]


async def test_a_key_that_reads_changes_nothing(api: Api, database: Database) -> None:
    owner = await customer(database, scopes=("voip:manage",))
    reader = await customer(database, scopes=("voip:read",))
    await create(api.using(owner), username="desk")
    problem(await api.using(owner).get("/voip/accounts"), 403, "scope_missing")
    good(await api.using(reader).get("/voip/accounts"))
    problem(await api.using(reader).post("/voip/accounts", {}), 403, "scope_missing")
    for method, json in (("PATCH", {"nat": True}), ("DELETE", None)):
        answer = await api.using(reader).send(method, "/voip/accounts/desk", json=json)
        problem(answer, 403, "scope_missing")


async def test_a_customer_has_so_many_and_no_more(
    api: Api, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sip_accounts, "ACCOUNTS_MAX", 2)
    door = api.using(who)
    await create(door, username="desk-1")
    await create(door, username="desk-2")
    answer = problem(await door.post("/voip/accounts", {}), 400, "validation_error")
    assert answer["errors"][0]["code"] == "too_many"
    good(await door.send("DELETE", "/voip/accounts/desk-1"))
    await create(door)


async def test_a_repeated_request_makes_one_account(api: Api, who: Customer) -> None:
    door = api.using(who)
    first = good(await door.post("/voip/accounts", {}, "once"), 202)
    again = await door.post("/voip/accounts", {}, "once")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert good(again, 202) == first
    assert good(await door.get("/voip/accounts"))["total"] == 1
