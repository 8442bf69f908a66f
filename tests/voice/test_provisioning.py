"""SIP accounts in the AstDB of a real Asterisk: equal to the database, whoever wrote there."""

import asyncio
import json

from db import components, sip_nodes
from db.database import Database
from telephony.clock import now
from telephony.voice.ami import AmiLink
from telephony.voice.drift import Drift
from telephony.voice.provisioning import Provisioner
from tests.factories import Customer
from tests.fixtures_pbx import Pbx
from tests.voice.calling import VAULT, add_phone
from tests.voice.provisioned import SECRET, add_phones, astdb, drain, ignore, repair, rotate, truth
from tests.voice.real_ami import user


async def test_two_hundred_accounts(
    database: Database, provisioner: Provisioner, watch: Drift, provisioning: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await repair(watch, provisioner)
    await add_phones(database, who, [f"many-{at:03}" for at in range(200)], pbx.settings.realm)
    assert await drain(provisioner) == 200
    assert await astdb(provisioning) == await truth(database, pbx)
    assert len(await astdb(provisioning)) == 600
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
    assert await sip_nodes.nodes_applied(database, "turning") == (0, 1)
    assert await provisioner.step() == 1
    assert await asyncio.to_thread(pbx.register, "turning", SECRET) == 401
    assert await asyncio.to_thread(pbx.register, "turning", "the second good secret") == 200
    assert await asyncio.to_thread(pbx.register, "staying", SECRET) == 200


async def test_one_that_cannot_be_told_does_not_hold_up_the_others(
    database: Database, provisioner: Provisioner, pbx: Pbx, who: Customer
) -> None:
    await add_phones(database, who, ["fits", "does-not"], pbx.settings.realm)
    sql = "UPDATE sip_account SET caller_id = :long WHERE username = 'does-not'"
    await database.write(lambda conn: conn.run(sql, long="9" * 1024))
    assert await drain(provisioner) == 1
    assert await asyncio.to_thread(pbx.register, "fits", SECRET) == 200
    assert await sip_nodes.nodes_applied(database, "does-not") == (0, 1)


async def test_every_node_is_told_and_counted_for_itself(
    database: Database, provisioner: Provisioner, provisioning: AmiLink, pbx: Pbx, who: Customer
) -> None:
    settings = pbx.settings.model_copy(update={"node": "pbx2"})
    other = Provisioner(database, provisioning, VAULT, settings, ignore)
    for node in ("pbx1", "pbx2"):
        await database.write(components.report, node, "pbx", "operational", "", now())
    await add_phone(database, who, "twice")
    assert await sip_nodes.nodes_applied(database, "twice") == (0, 2)
    await drain(provisioner)
    assert await sip_nodes.nodes_applied(database, "twice") == (1, 2)
    await drain(other)
    assert await sip_nodes.nodes_applied(database, "twice") == (2, 2)
    await rotate(database, pbx, who, "twice", "the second good secret")
    assert await sip_nodes.nodes_applied(database, "twice") == (0, 2)
    await drain(other)
    assert await sip_nodes.nodes_applied(database, "twice") == (1, 2)
    rows = await database.all("SELECT node, generation FROM sip_account_node ORDER BY node")
    assert [(row["node"], row["generation"]) for row in rows] == [("pbx1", 1), ("pbx2", 2)]


async def test_a_link_that_is_down_tells_nobody(
    database: Database, pbx: Pbx, who: Customer
) -> None:
    down = Provisioner(database, user(pbx, "provisioning"), VAULT, pbx.settings, ignore)
    await add_phone(database, who, "waiting")
    assert await down.step() == 0
    assert await database.all("SELECT * FROM sip_account_node WHERE NOT behind") == []


async def test_no_secret_is_in_what_the_pbx_gets(
    database: Database, provisioner: Provisioner, provisioning: AmiLink, pbx: Pbx, who: Customer
) -> None:
    await add_phones(database, who, ["sealed"], pbx.settings.realm)
    await drain(provisioner)
    values = [value for (_, key), value in (await astdb(provisioning)).items() if key == "sealed"]
    assert len(values) == 3
    assert SECRET not in "".join(values)
    assert all(isinstance(one, str) for value in values for one in json.loads(value).values())
