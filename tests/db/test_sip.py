"""SIP accounts and what each PBX node was told of them."""

import pytest

from db import components, sip, sip_nodes
from db.database import Database
from tests.db.rows import START
from tests.factories import Customer, customer


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


async def phone(database: Database, who: Customer, name: str, at: int = START) -> str | None:
    """A SIP account without anything special; None where the name is taken."""
    facts = {"digests_sealed": "x", "caller_id": "+1555", "dial_mode": "test", "created_at": at}
    return await database.write(sip.add, account_id=who.account_id, username=name, **facts)


async def behind(database: Database, node: str, limit: int = 9) -> list[str]:
    return [row["username"] for row in await sip_nodes.behind(database, node, limit)]


async def two_nodes(database: Database) -> None:
    for node in ("pbx1", "pbx2"):
        await database.write(components.report, node, "pbx", "ok", "", START)
    await database.write(components.report, "smpp", "sms", "ok", "", START)


async def test_nodes_are_told_each_generation(database: Database, someone: Customer) -> None:
    await two_nodes(database)
    ids = [str(await phone(database, someone, name)) for name in ("alice", "bob")]
    assert sorted(await behind(database, "pbx1")) == ["alice", "bob"]
    assert len(await behind(database, "pbx1", 1)) == 1
    await database.write(sip_nodes.applied, "pbx1", {ids[0]: 1, ids[1]: 1}, START)
    assert await behind(database, "pbx1") == []
    assert sorted(await behind(database, "pbx2")) == ["alice", "bob"]
    assert await sip_nodes.nodes_applied(database, "alice") == (1, 2)
    row = await database.write(sip.change, ids[0], START + 1, digests_sealed="y")
    assert (row["generation"], row["digests_sealed"]) == (2, "y")
    assert await behind(database, "pbx1") == ["alice"]
    assert await sip_nodes.nodes_applied(database, "alice") == (0, 2)
    await database.write(sip_nodes.applied, "pbx1", {ids[0]: 2}, START)
    await database.write(sip_nodes.applied, "pbx2", {ids[0]: 2, ids[1]: 1}, START)
    assert await sip_nodes.nodes_applied(database, "alice") == (2, 2)
    assert await sip_nodes.nodes_applied(database, "nobody") == (0, 0)


async def test_whoever_changes_while_a_node_is_told_stays_behind(
    database: Database, someone: Customer
) -> None:
    await two_nodes(database)
    sip_id = str(await phone(database, someone, "alice"))
    await database.write(sip.change, sip_id, START + 1, digests_sealed="y")
    await database.write(sip_nodes.applied, "pbx1", {sip_id: 1}, START)
    assert await behind(database, "pbx1") == ["alice"]


async def test_the_newest_change_comes_first(database: Database, someone: Customer) -> None:
    await two_nodes(database)
    ids = [str(await phone(database, someone, f"p-{at}", START + at)) for at in range(4)]
    assert await behind(database, "pbx1") == ["p-3", "p-2", "p-1", "p-0"]
    await database.write(sip.change, ids[1], START + 9, digests_sealed="y")
    assert await behind(database, "pbx1", 1) == ["p-1"]
    await database.write(sip.renew, someone.account_id, START + 10)
    assert [row["generation"] for row in await sip_nodes.behind(database, "pbx1", 9)] != [
        1,
        1,
        1,
        1,
    ]


async def test_a_name_is_free_again_once_every_node_has_forgotten(
    database: Database, someone: Customer
) -> None:
    await two_nodes(database)
    sip_id = str(await phone(database, someone, "alice"))
    assert await phone(database, someone, "alice") is None
    await database.write(sip.change, sip_id, START, deleted_at=START)
    assert await database.write(sip.by_username, "alice") is None
    assert await database.write(sip.of_account, someone.account_id) == []
    assert await behind(database, "pbx1") == ["alice"]
    await database.write(sip_nodes.applied, "pbx1", {sip_id: 2}, START)
    assert await phone(database, someone, "alice") is None
    assert await sip_nodes.nodes_applied(database, "alice") == (1, 2)
    await database.write(sip_nodes.applied, "pbx2", {sip_id: 2}, START)
    assert await sip_nodes.nodes_applied(database, "alice") == (0, 0)
    assert await phone(database, someone, "alice") is not None
    assert await database.all("SELECT 1 FROM sip_account_node WHERE NOT behind") == []


async def test_sip_accounts_by_name(database: Database, someone: Customer) -> None:
    ids = [str(await phone(database, someone, name)) for name in ("alice", "bob")]
    found = await database.write(sip.by_username, "alice")
    assert found is not None
    assert found["id"] == ids[0]
    of_account = await database.write(sip.of_account, someone.account_id)
    assert [row["username"] for row in of_account] == ["alice", "bob"]
    for name, sip_id in ((None, ids[0]), ("bob", ids[1]), (ids[1], ids[1]), ("carol", None)):
        row = await database.write(sip.named, someone.account_id, name)
        assert (row["id"] if row else None) == sip_id
    rows = await sip_nodes.batch(database, "pbx1", "", 9)
    assert [(row["username"], row["behind"]) for row in rows] == [("alice", None), ("bob", None)]
    assert [row["username"] for row in await sip_nodes.batch(database, "pbx1", ids[0], 9)] == [
        "bob"
    ]
    assert await sip.known(database, ["alice", "carol"]) == {"alice"}
