"""Webhook endpoints, their replaced secrets and their replays, as rows."""

from typing import Any

import pytest

from db import deliveries, notices, webhook_endpoints
from db.connection import Conn, Row
from db.database import Database
from tests.db.rows import START, add_event
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


def add(conn: Conn, /, who: Customer, **facts: Any) -> str:
    """An enabled endpoint that takes everything; its id."""
    row = webhook_endpoints.add(conn, **{
        "account_id": who.account_id, "mode": who.mode, "url": "https://example.com/", "events": "",
        "description": "", "enabled": True, "secret_sealed": "x", "created_at": START, **facts,
    })  # fmt: skip
    return str(row["id"])


async def row_of(database: Database, endpoint_id: str) -> Row:
    return (await database.write(webhook_endpoints.by_id, [endpoint_id]))[endpoint_id]


async def test_endpoints_are_those_of_one_account_and_mode(
    database: Database, someone: Customer
) -> None:
    other = await customer(database)
    mine = [await database.write(add, someone) for _ in range(2)]
    await database.write(lambda conn: add(conn, someone, mode="live"))
    await database.write(add, other)
    gone = await database.write(lambda conn: add(conn, someone, deleted_at=START))
    off = await database.write(lambda conn: add(conn, someone, enabled=False))
    place = (someone.account_id, someone.mode)
    listed = await webhook_endpoints.of_account(database, *place)
    assert [row["id"] for row in listed] == [*mine, off]
    assert await database.write(webhook_endpoints.count, *place) == 3
    taking = await database.write(webhook_endpoints.enabled, *place)
    assert {row["id"] for row in taking} == set(mine)
    assert await database.write(webhook_endpoints.find, *place, mine[0])
    for account_id, mode, name in (
        (other.account_id, "test", mine[0]), (someone.account_id, "live", mine[0]), (*place, gone),
    ):  # fmt: skip
        assert await database.write(webhook_endpoints.find, account_id, mode, name) is None
    assert set(await database.write(webhook_endpoints.by_id, [gone, off])) == {gone, off}


async def test_the_first_failure_since_a_success_is_kept(
    database: Database, someone: Customer
) -> None:
    one, other = [await database.write(add, someone) for _ in range(2)]
    for at in (5, 9):
        rows = await database.write(webhook_endpoints.failed, [one], START + at)
        assert [row["failing_since"] for row in rows] == [START + 5]
    assert (await row_of(database, other))["failing_since"] is None
    await database.write(webhook_endpoints.succeeded, [one, other])
    assert (await row_of(database, one))["failing_since"] is None
    (row,) = await database.write(webhook_endpoints.failed, [one], START + 12)
    assert row["failing_since"] == START + 12


async def test_an_endpoint_is_disabled_once_and_fails_no_more(
    database: Database, someone: Customer
) -> None:
    name = await database.write(add, someone)
    assert await database.write(webhook_endpoints.disable, name, "gone", START)
    assert not await database.write(webhook_endpoints.disable, name, "failing", START + 9)
    row = await row_of(database, name)
    assert (row["disabled_at"], row["disabled_because"]) == (START, "gone")
    assert await database.write(webhook_endpoints.failed, [name], START) == []
    deleted = await database.write(lambda conn: add(conn, someone, deleted_at=START))
    assert not await database.write(webhook_endpoints.disable, deleted, "gone", START)


async def test_replaced_secrets_sign_until_their_end_the_newest_first(
    database: Database, someone: Customer
) -> None:
    for at, secret in ((30, "c"), (10, "a"), (20, "b")):
        await database.write(webhook_endpoints.retire, "whe_1", secret, START + at, 9)
    await database.write(webhook_endpoints.retire, "whe_2", "z", START + 15, 9)

    async def signing(at: int) -> list[str]:
        rows = await database.write(webhook_endpoints.old_secrets, ["whe_1", "whe_3"], START + at)
        return [row["secret_sealed"] for row in rows]

    assert [await signing(at) for at in (0, 10, 29, 30)] == [["c", "b", "a"], ["c", "b"], ["c"], []]
    until = await webhook_endpoints.rotating(database, ["whe_1", "whe_2", "whe_3"], START)
    assert until == {"whe_1": START + 30, "whe_2": START + 15}
    assert await webhook_endpoints.rotating(database, ["whe_2"], START + 15) == {}
    await database.write(webhook_endpoints.forget_secrets, START + 20)
    rows = await database.all("SELECT secret_sealed FROM webhook_old_secret")
    assert rows == [{"secret_sealed": "c"}]


async def test_only_the_newest_replaced_secrets_are_kept(
    database: Database, someone: Customer
) -> None:
    await database.write(webhook_endpoints.retire, "whe_2", "of another", START, 2)
    for at in range(5):
        await database.write(webhook_endpoints.retire, "whe_1", f"{at}", START + at, 2)
    rows = await database.all(
        "SELECT secret_sealed FROM webhook_old_secret ORDER BY owner_id, expires_at"
    )
    assert [row["secret_sealed"] for row in rows] == ["3", "4", "of another"]


async def test_the_accounts_own_secret(database: Database, someone: Customer) -> None:
    other = await customer(database, webhook_secret_sealed="theirs")
    await database.write(webhook_endpoints.set_default_secret, someone.account_id, "mine")
    found = await database.write(
        webhook_endpoints.default_secrets, [someone.account_id, other.account_id, "acc_none"]
    )
    assert found == {someone.account_id: "mine", other.account_id: "theirs"}


async def test_replays_take_turns_and_end(database: Database, someone: Customer) -> None:
    one, other = [await database.write(add, someone) for _ in range(2)]
    assert not await webhook_endpoints.any_replay(database)
    ids = [await database.write(webhook_endpoints.add_replay, name, "failed", "evt_0", "evt_9")
           for name in (one, one, other)]  # fmt: skip
    assert await database.write(webhook_endpoints.replays, one) == 2
    order = []
    for turn in range(4):
        row = await database.write(webhook_endpoints.next_replay)
        assert row
        order.append((row["endpoint_id"], row["since_id"]))
        await database.write(webhook_endpoints.advance_replay, row["id"], f"evt_{turn + 1}")
    assert order == [(one, "evt_0"), (one, "evt_0"), (other, "evt_0"), (one, "evt_1")]
    rows = await database.all("SELECT id FROM webhook_replay")
    assert not {row["id"] for row in rows} & set(ids)
    for row in rows:
        await database.write(webhook_endpoints.end_replay, row["id"])
    assert await database.write(webhook_endpoints.next_replay) is None
    assert not await webhook_endpoints.any_replay(database)


async def test_the_log_of_deliveries_is_the_endpoints_own(
    database: Database, someone: Customer
) -> None:
    """What is given up for a deleted endpoint is out of the queue, what others wait for is not."""
    one, other = [await database.write(add, someone) for _ in range(2)]

    def deed(conn: Conn) -> list[str]:
        add_event(conn, someone, id="evt_1")
        deliveries.add(conn, "evt_1", someone.account_id, START, endpoints=[one, other])
        return [row["id"] for row in deliveries.of_events(conn, ["evt_1"], one)]

    (mine,) = await database.write(deed)
    await database.write(deliveries.give_up, [mine], START + 1)
    (left,) = await deliveries.due(database, START + 9, 9)
    assert left["lane"] == other
    rows = await database.all("SELECT endpoint_id, state FROM delivery ORDER BY endpoint_id")
    assert {row["endpoint_id"]: row["state"] for row in rows} == {one: "failed", other: "pending"}


async def test_notices_stay_until_they_are_seen(database: Database, someone: Customer) -> None:
    place = (someone.account_id, "test")
    for subject in ("whe_1", "whe_1", "whe_2"):
        await database.write(notices.add, *place, "webhook_disabled", subject, "It is off.", START)
    await database.write(
        notices.add, someone.account_id, "live", "webhook_disabled", "whe_1", "Live.", START
    )
    shown = await notices.unseen(database, *place, 9)
    assert [row["subject"] for row in shown] == ["whe_2", "whe_1", "whe_1"]
    assert len(await notices.unseen(database, *place, 2)) == 2
    await database.write(notices.seen, *place, "whe_1", START + 5)
    assert [row["subject"] for row in await notices.unseen(database, *place, 9)] == ["whe_2"]
    assert len(await notices.unseen(database, someone.account_id, "live", 9)) == 1
