"""SIP accounts in the AstDB of a real Asterisk: equal to the database, whoever wrote there."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterable

import pytest

from db import components, sip
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.voice import sip_accounts
from telephony.voice.ami import AmiLink, DBDel, DBGetTree, DBPut
from telephony.voice.ami.listing import AstDbReader
from telephony.voice.astdb import FAMILIES, astdb_rows, wanted
from telephony.voice.drift import Drift
from telephony.voice.provisioning import Provisioner
from tests.factories import Customer, customer
from tests.fixtures_pbx import Pbx
from tests.voice.calling import NUMBER, VAULT, add_phone
from tests.voice.real_ami import user

SECRET = "the first good secret"
Rows = dict[tuple[str, str], str]


@pytest.fixture
async def link(pbx: Pbx) -> AsyncIterator[AmiLink]:
    async with user(pbx, "provisioning") as ready:
        await ready.wait_ready(10)
        yield ready


@pytest.fixture
async def provisioner(database: Database, link: AmiLink, pbx: Pbx) -> Provisioner:
    await database.write(components.introduce, pbx.settings.node, "pbx", now())
    return Provisioner(database, link, VAULT, pbx.settings)


@pytest.fixture
def watch(database: Database, link: AmiLink, pbx: Pbx, provisioner: Provisioner) -> Drift:
    settings = pbx.settings
    secret = pbx.secrets.ami_provisioning
    reader = AstDbReader(settings.ami_host, settings.ami_port, "provisioning", secret)
    return Drift(database, link, reader, provisioner, VAULT, settings)


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


async def add_phones(database: Database, who: Customer, names: Iterable[str], realm: str) -> None:
    def deed(conn: Conn) -> None:
        for name in names:
            sip_accounts.create(
                conn, VAULT, realm, account_id=who.account_id, username=name, secret=SECRET,
                caller_id=NUMBER, dial_mode="test", now=now(),
            )  # fmt: skip

    await database.write(deed)


async def rotate(database: Database, pbx: Pbx, who: Customer, name: str, secret: str) -> None:
    await database.write(sip_accounts.set_secret, VAULT, pbx.settings.realm, who.account_id,
                         name, secret, now())  # fmt: skip


async def astdb(link: AmiLink) -> Rows:
    found: Rows = {}
    for family in FAMILIES:
        for row in await link.action(DBGetTree(family)):
            found[family, row.fields["key"].removeprefix(f"/{family}/")] = row.fields["val"]
    return found


async def truth(database: Database, pbx: Pbx) -> Rows:
    return {
        (family, row["username"]): value
        for row in await sip.batch(database, pbx.settings.node, "", 1000)
        if wanted(row)
        for family, value in astdb_rows(row, VAULT, pbx.settings).items()
    }


async def drain(provisioner: Provisioner) -> int:
    """Steps until there is nothing to do; how many accounts they told of."""
    told = 0
    while count := await provisioner.step():
        told += count
    return told


async def repair(watch: Drift, provisioner: Provisioner) -> None:
    """Compare, and tell of whatever differs."""
    await watch.compare()
    await drain(provisioner)


async def test_two_hundred_accounts(
    database: Database, provisioner: Provisioner, watch: Drift, link: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await repair(watch, provisioner)
    await add_phones(database, who, [f"many-{at:03}" for at in range(200)], pbx.settings.realm)
    assert await drain(provisioner) == 200
    assert await astdb(link) == await truth(database, pbx)
    assert len(await astdb(link)) == 600
    for name in ("many-000", "many-199"):
        assert await asyncio.to_thread(pbx.register, name, SECRET) == 200
    assert await drain(provisioner) == 0


async def test_rotation_is_in_force_after_one_step(
    database: Database, provisioner: Provisioner, pbx: Pbx, who: Customer
) -> None:
    await add_phones(database, who, ["turning", "staying"], pbx.settings.realm)
    await drain(provisioner)
    assert await asyncio.to_thread(pbx.register, "turning", SECRET) == 200
    await rotate(database, pbx, who, "turning", "the second good secret")
    assert await sip.nodes_applied(database, "turning") == (0, 1)
    assert await provisioner.step() == 1
    assert await asyncio.to_thread(pbx.register, "turning", SECRET) == 401
    assert await asyncio.to_thread(pbx.register, "turning", "the second good secret") == 200
    assert await asyncio.to_thread(pbx.register, "staying", SECRET) == 200


async def test_drift_is_repaired_both_ways_and_counted(
    database: Database, provisioner: Provisioner, watch: Drift, link: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await add_phones(database, who, ["lost", "bent", "well"], pbx.settings.realm)
    await drain(provisioner)
    await repair(watch, provisioner)
    before = watch.repaired
    for family in FAMILIES:
        await link.action(DBDel(family, "lost"))
    await link.action(DBPut("ps/endpoint", "bent", json.dumps({"context": "simulated-carrier"})))
    await link.action(DBPut("ps/auth", "mallory", json.dumps({"username": "mallory"})))
    await link.action(DBPut("ps/aor", "malice", "this is not JSON"))
    await link.action(DBPut("other/family", "kept", "not ours"))
    await watch.compare()
    assert await sip.nodes_applied(database, "lost") == (0, 1)
    await drain(provisioner)
    assert watch.repaired == before + 4
    assert await astdb(link) == await truth(database, pbx)
    (other,) = await link.action(DBGetTree("other/family"))
    assert other.fields["val"] == "not ours"
    for name in ("lost", "bent", "well"):
        assert await asyncio.to_thread(pbx.register, name, SECRET) == 200
    await repair(watch, provisioner)
    assert watch.repaired == before + 4


async def test_an_empty_astdb_is_filled(
    database: Database, provisioner: Provisioner, watch: Drift, link: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await add_phones(database, who, ["filled"], pbx.settings.realm)
    await drain(provisioner)
    for family, key in await astdb(link):
        await link.action(DBDel(family, key))
    assert await astdb(link) == {}
    await repair(watch, provisioner)
    assert await astdb(link) == await truth(database, pbx)


async def test_an_account_from_before_the_node_is_told_to_it(
    database: Database, watch: Drift, provisioner: Provisioner, link: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await watch.compare()
    before = watch.repaired
    await database.write(lambda conn: conn.run("DELETE FROM component"))
    await add_phones(database, who, ["early"], pbx.settings.realm)
    assert await sip.behind(database, pbx.settings.node, 9) == []
    await watch.step()
    assert await drain(provisioner) == 1
    assert watch.repaired == before
    assert await sip.nodes_applied(database, "early") == (1, 1)
    assert await asyncio.to_thread(pbx.register, "early", SECRET) == 200


async def test_what_a_killed_pbx_was_told_last_is_told_again_at_once(
    database: Database, watch: Drift, provisioner: Provisioner, link: AmiLink, pbx: Pbx,
    who: Customer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Without waiting for the comparison, which takes long with very many accounts."""
    await add_phones(database, who, ["before", "lately"], pbx.settings.realm)
    await drain(provisioner)
    await database.write(
        lambda conn: conn.run("UPDATE sip_account_node SET applied_at = applied_at - 9000000")
    )
    await rotate(database, pbx, who, "lately", "the second good secret")
    await drain(provisioner)
    for name in ("before", "lately"):
        await link.action(DBDel("ps/auth", name))
    monkeypatch.setattr(watch, "compare", nothing)
    await watch.step()
    assert await drain(provisioner) == 1
    assert await asyncio.to_thread(pbx.register, "lately", "the second good secret") == 200
    assert await asyncio.to_thread(pbx.register, "before", SECRET) != 200


async def nothing() -> None:
    """Instead of a comparison."""


class Paused:
    """Stops a comparison after its look at AstDB."""

    def __init__(self, watch: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached = threading.Event()
        self.go_on = threading.Event()
        look = watch._found

        def slowly() -> dict[str, bytes]:
            found = look()
            self.reached.set()
            assert self.go_on.wait(10)
            return found

        monkeypatch.setattr(watch, "_found", slowly)


async def test_a_comparison_that_began_before_undoes_nothing_newer(
    database: Database, provisioner: Provisioner, watch: Drift, link: AmiLink, pbx: Pbx,
    who: Customer, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Accounts made, changed and deleted while everything is compared: none is a stranger, the
    old secret does not come back, and none of it counts as drift."""
    await add_phones(database, who, ["older", "leaving"], pbx.settings.realm)
    await drain(provisioner)
    await repair(watch, provisioner)
    before, paused = watch.repaired, Paused(watch, monkeypatch)
    comparing = asyncio.create_task(watch.compare())
    assert await asyncio.to_thread(paused.reached.wait, 10)
    await add_phones(database, who, ["newer"], pbx.settings.realm)
    await rotate(database, pbx, who, "older", "the second good secret")
    await database.write(sip_accounts.delete, who.account_id, "leaving", now())
    assert await drain(provisioner) == 3
    paused.go_on.set()
    await comparing
    assert await drain(provisioner) == 0
    assert watch.repaired == before
    assert await astdb(link) == await truth(database, pbx)
    assert await asyncio.to_thread(pbx.register, "newer", SECRET) == 200
    assert await asyncio.to_thread(pbx.register, "older", "the second good secret") == 200


async def test_one_that_cannot_be_told_does_not_hold_up_the_others(
    database: Database, provisioner: Provisioner, pbx: Pbx, who: Customer
) -> None:
    await add_phones(database, who, ["fits", "does-not"], pbx.settings.realm)
    sql = "UPDATE sip_account SET caller_id = :long WHERE username = 'does-not'"
    await database.write(lambda conn: conn.run(sql, long="9" * 1024))
    assert await drain(provisioner) == 1
    assert await asyncio.to_thread(pbx.register, "fits", SECRET) == 200
    assert await sip.nodes_applied(database, "does-not") == (0, 1)


async def test_every_node_is_told_and_counted_for_itself(
    database: Database, provisioner: Provisioner, link: AmiLink, pbx: Pbx, who: Customer
) -> None:
    other = Provisioner(database, link, VAULT, pbx.settings.model_copy(update={"node": "pbx2"}))
    for node in ("pbx1", "pbx2"):
        await database.write(components.report, node, "pbx", "operational", "", now())
    await add_phone(database, who, "twice")
    assert await sip.nodes_applied(database, "twice") == (0, 2)
    await drain(provisioner)
    assert await sip.nodes_applied(database, "twice") == (1, 2)
    await drain(other)
    assert await sip.nodes_applied(database, "twice") == (2, 2)
    await rotate(database, pbx, who, "twice", "the second good secret")
    assert await sip.nodes_applied(database, "twice") == (0, 2)
    await drain(other)
    assert await sip.nodes_applied(database, "twice") == (1, 2)
    rows = await database.all("SELECT node, generation FROM sip_account_node ORDER BY node")
    assert [(row["node"], row["generation"]) for row in rows] == [("pbx1", 1), ("pbx2", 2)]


async def test_a_link_that_is_down_tells_nobody(
    database: Database, pbx: Pbx, who: Customer
) -> None:
    down = Provisioner(database, user(pbx, "provisioning"), VAULT, pbx.settings)
    await add_phone(database, who, "waiting")
    assert await down.step() == 0
    assert await database.all("SELECT * FROM sip_account_node WHERE NOT behind") == []


async def test_no_secret_is_in_what_the_pbx_gets(
    database: Database, provisioner: Provisioner, link: AmiLink, pbx: Pbx, who: Customer
) -> None:
    await add_phones(database, who, ["sealed"], pbx.settings.realm)
    await drain(provisioner)
    values = [value for (_, key), value in (await astdb(link)).items() if key == "sealed"]
    assert len(values) == 3
    assert SECRET not in "".join(values)
    assert all(isinstance(one, str) for value in values for one in json.loads(value).values())
