"""Webhook endpoints through the door: made, changed, rotated, tested, deleted."""

from typing import Any

import pytest

from db.database import Database
from telephony.billing import limits
from telephony.clock import now
from telephony.money import to_micros
from telephony.secrets import Vault
from telephony.webhooks import endpoints
from tests.api.client import Api, good, problem
from tests.factories import Customer, customer

URL = "https://hooks.example.com/sms"


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


@pytest.fixture
async def door(api: Api, who: Customer) -> Api:
    return api.using(who)


async def made(door: Api, **facts: Any) -> dict[str, Any]:
    return good(await door.post("/webhooks", {"url": URL, **facts}), 201)


async def test_a_secret_is_shown_once_and_sealed_at_rest(
    door: Api, database: Database, vault: Vault
) -> None:
    created = await made(door, events=["wallet_low", "wallet_low"], description="Ours")
    assert created["id"].startswith("whe_")
    assert created["secret"].startswith("whsec_")
    assert (created["events"], created["enabled"]) == (["wallet_low"], True)
    assert created["mode"] == "test"
    (row,) = await database.all("SELECT * FROM webhook_endpoint")
    assert created["secret"] not in str(row)
    assert vault.open(row["secret_sealed"]) == created["secret"]
    (listed,) = good(await door.get("/webhooks"))["data"]
    assert {name: listed[name] for name in listed if name in created} == {
        name: created[name] for name in listed if name in created
    }
    assert "secret" not in listed
    assert listed["description"] == "Ours"


async def test_the_same_idempotency_key_makes_one_endpoint(door: Api) -> None:
    one = await door.post("/webhooks", {"url": URL}, idempotency_key="k")
    two = await door.post("/webhooks", {"url": URL}, idempotency_key="k")
    assert one.json() == two.json()
    assert len(good(await door.get("/webhooks"))["data"]) == 1


@pytest.mark.parametrize(("body", "field"), [
    ({"url": "http://hooks.example.com/"}, None),
    ({"url": "https://10.0.0.1/"}, "url"),
    ({"url": "https://user@hooks.example.com/"}, "url"),
    ({"url": URL, "events": ["nothing"]}, "events.0"),
    ({"url": URL, "enabled": "yes"}, "enabled"),
    ({"url": URL, "description": "x" * 256}, "description"),
    ({"url": URL, "description": "\0"}, "description"),
    ({}, "url"),
])  # fmt: skip
async def test_what_cannot_be_an_endpoint_is_refused(
    door: Api, body: dict[str, Any], field: str | None
) -> None:
    if field is None:  # plain http is for developers' machines, as this platform's is
        assert (await door.post("/webhooks", body)).status_code == 201
        return
    told = problem(await door.post("/webhooks", body), 400, "validation_error")
    assert [error["field"] for error in told["errors"]] == [field]


async def test_what_is_not_given_stays(door: Api) -> None:
    created = await made(door, events=["wallet_low"], description="Ours")
    path = f"/webhooks/{created['id']}"
    changed = good(await door.send("PATCH", path, json={"enabled": False}))
    assert (changed["enabled"], changed["events"]) == (False, ["wallet_low"])
    assert changed["disabled_at"] is not None
    changed = good(await door.send("PATCH", path, json={"events": [], "url": URL + "/2"}))
    assert (changed["events"], changed["url"]) == ([], URL + "/2")
    assert not changed["enabled"]
    changed = good(await door.send("PATCH", path, json={"enabled": True}))
    assert (changed["enabled"], changed["disabled_at"]) == (True, None)
    problem(await door.send("PATCH", path, json={"url": "https://127.0.0.1.:x/"}), 400,
            "validation_error")  # fmt: skip
    problem(await door.send("PATCH", path, json={"secret": "mine"}), 400, "unknown_field")


async def test_a_deleted_one_is_gone(door: Api) -> None:
    created = await made(door)
    path = f"/webhooks/{created['id']}"
    assert good(await door.send("DELETE", path)) == {"id": created["id"], "deleted": True}
    problem(await door.send("DELETE", path), 404, "not_found")
    problem(await door.post(f"{path}/test"), 404, "not_found")
    assert good(await door.get("/webhooks"))["data"] == []


async def test_there_is_a_limit(door: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "ENDPOINTS_MAX", 2)
    created = [await made(door), await made(door)]
    told = problem(await door.post("/webhooks", {"url": URL}), 409, "endpoint_limit")
    assert told["limit"] == 2
    await door.send("DELETE", f"/webhooks/{created[0]['id']}")
    await made(door)


async def test_another_account_or_mode_sees_nothing(
    door: Api, api: Api, database: Database
) -> None:
    created = await made(door)
    sent = good(await door.post(f"/webhooks/{created['id']}/test"), 202)
    other = api.using(await customer(database, name="Other"))
    assert good(await other.get("/webhooks"))["data"] == []
    assert good(await other.get("/events"))["data"] == []
    for method, path in (
        ("PATCH", f"/webhooks/{created['id']}"), ("DELETE", f"/webhooks/{created['id']}"),
        ("POST", f"/webhooks/{created['id']}/rotate-secret"),
        ("POST", f"/webhooks/{created['id']}/test"),
        ("POST", f"/webhooks/{created['id']}/replay"),
        ("GET", f"/events/{sent['event_id']}"), ("POST", f"/events/{sent['event_id']}/replay"),
    ):  # fmt: skip
        problem(await other.send(method, path, json={}), 404, "not_found")


async def test_another_scope_is_not_enough(api: Api, database: Database) -> None:
    reader = api.using(await customer(database, scopes=("sms:read", "sms:send")))
    for method, path in (("GET", "/webhooks"), ("POST", "/webhooks"), ("GET", "/events")):
        problem(await reader.send(method, path), 403, "scope_missing")


async def test_both_secrets_count_for_a_day(door: Api, database: Database, vault: Vault) -> None:
    created = await made(door)
    rotated = good(await door.post(f"/webhooks/{created['id']}/rotate-secret"))
    assert rotated["secret"] != created["secret"]
    (listed,) = good(await door.get("/webhooks"))["data"]
    assert listed["secret_rotates_until"] == rotated["old_secret_until"]
    (old,) = await database.all("SELECT * FROM webhook_old_secret")
    assert vault.open(old["secret_sealed"]) == created["secret"]
    assert old["owner_id"] == created["id"]


async def test_the_default_secret_rotates_too(door: Api, who: Customer) -> None:
    first = good(await door.post("/webhooks/default/rotate-secret"))
    assert first["old_secret_until"] is None, "this customer had none"
    second = good(await door.post("/webhooks/default/rotate-secret"))
    assert second["secret"] != first["secret"]
    shown = good(await door.get("/webhooks"))["default_secret_rotates_until"]
    assert shown == second["old_secret_until"]


async def test_a_test_event_and_its_place_in_the_log(door: Api) -> None:
    created = await made(door, events=["wallet_low", "call_completed"])
    path = f"/webhooks/{created['id']}/test"
    sent = [good(await door.post(path, body), 202)["event_id"]
            for body in ({}, {"event": "delivery_report"})]  # fmt: skip
    first = good(await door.get(f"/events/{sent[0]}"))
    assert (first["type"], first["body"]["sample"]) == ("call_completed", True)
    assert first["body"]["id"] == sent[0]
    (delivery,) = first["deliveries"]
    assert (delivery["state"], delivery["attempts"]) == ("pending", [])
    assert (delivery["url"], delivery["endpoint_id"]) == (URL, created["id"])
    listed = good(await door.get("/events"))["data"]
    assert [one["id"] for one in listed] == sent[::-1]
    await door.send("PATCH", f"/webhooks/{created['id']}", json={"enabled": False})
    problem(await door.post(path), 409, "endpoint_disabled")
    problem(await door.post(f"/webhooks/{created['id']}/replay"), 409, "endpoint_disabled")
    problem(await door.post(f"/events/{sent[0]}/replay", {"endpoint_id": created["id"]}), 409,
            "endpoint_disabled")  # fmt: skip


async def test_what_the_platform_tells_reaches_endpoints(
    door: Api, database: Database, who: Customer
) -> None:
    """Events that no callback_url can be given for."""
    created = await made(door)
    sent = {"from": "+15550199999", "to": "+15550111222", "text": "Hi"}
    good(await door.post("/sms/inbound/simulate", sent), 202)
    await database.write(
        limits.set_threshold, who.account_id, "test", "wallet", to_micros("1000"), now()
    )
    listed = good(await door.get("/events"))["data"]
    assert {one["type"] for one in listed} == {"message_received", "wallet_low"}
    for one in listed:
        assert [to["endpoint_id"] for to in one["deliveries"]] == [created["id"]]
