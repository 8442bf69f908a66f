"""What differs in the AstDB of a real Asterisk is repaired, whoever wrote there."""

import asyncio
import json
import threading

import pytest

from db import sip_nodes
from db.database import Database
from telephony.clock import now
from telephony.voice import sip_accounts
from telephony.voice.ami import AmiLink, DBDel, DBGetTree, DBPut
from telephony.voice.astdb import FAMILIES
from telephony.voice.drift import Drift
from telephony.voice.provisioning import Provisioner
from tests.factories import Customer
from tests.fixtures_pbx import Pbx
from tests.voice.provisioned import SECRET, add_phones, astdb, drain, repair, rotate, truth


async def test_drift_is_repaired_both_ways_and_counted(
    database: Database, provisioner: Provisioner, watch: Drift, provisioning: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await add_phones(database, who, ["lost", "bent", "well"], pbx.settings.realm)
    await drain(provisioner)
    await repair(watch, provisioner)
    before = watch.repaired
    for family in FAMILIES:
        await provisioning.action(DBDel(family, "lost"))
    await provisioning.action(
        DBPut("ps/endpoint", "bent", json.dumps({"context": "simulated-carrier"}))
    )
    await provisioning.action(DBPut("ps/auth", "mallory", json.dumps({"username": "mallory"})))
    await provisioning.action(DBPut("ps/aor", "malice", "this is not JSON"))
    await provisioning.action(DBPut("other/family", "kept", "not ours"))
    await watch.compare()
    assert await sip_nodes.nodes_applied(database, "lost") == (0, 1)
    await drain(provisioner)
    assert watch.repaired == before + 4
    assert await astdb(provisioning) == await truth(database, pbx)
    (other,) = await provisioning.action(DBGetTree("other/family"))
    assert other.fields["val"] == "not ours"
    for name in ("lost", "bent", "well"):
        assert await asyncio.to_thread(pbx.register, name, SECRET) == 200
    await repair(watch, provisioner)
    assert watch.repaired == before + 4


async def test_an_empty_astdb_is_filled(
    database: Database, provisioner: Provisioner, watch: Drift, provisioning: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await add_phones(database, who, ["filled"], pbx.settings.realm)
    await drain(provisioner)
    for family, key in await astdb(provisioning):
        await provisioning.action(DBDel(family, key))
    assert await astdb(provisioning) == {}
    await repair(watch, provisioner)
    assert await astdb(provisioning) == await truth(database, pbx)


async def test_an_account_from_before_the_node_is_told_to_it(
    database: Database, watch: Drift, provisioner: Provisioner, provisioning: AmiLink, pbx: Pbx,
    who: Customer,
) -> None:  # fmt: skip
    await watch.compare()
    before = watch.repaired
    await database.write(lambda conn: conn.run("DELETE FROM component"))
    await add_phones(database, who, ["early"], pbx.settings.realm)
    assert await sip_nodes.behind(database, pbx.settings.node, 9) == []
    await watch.step()
    assert await drain(provisioner) == 1
    assert watch.repaired == before
    assert await sip_nodes.nodes_applied(database, "early") == (1, 1)
    assert await asyncio.to_thread(pbx.register, "early", SECRET) == 200


async def test_what_a_killed_pbx_was_told_last_is_told_again_at_once(
    database: Database, watch: Drift, provisioner: Provisioner, provisioning: AmiLink, pbx: Pbx,
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
        await provisioning.action(DBDel("ps/auth", name))
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
    database: Database, provisioner: Provisioner, watch: Drift, provisioning: AmiLink, pbx: Pbx,
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
    assert await astdb(provisioning) == await truth(database, pbx)
    assert await asyncio.to_thread(pbx.register, "newer", SECRET) == 200
    assert await asyncio.to_thread(pbx.register, "older", "the second good secret") == 200
