"""What is asked of SIP accounts all the time costs its rows, however many accounts there are."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from db import calls, sip, sip_contacts, sip_nodes
from db.sqlite_conn import dict_row
from tests.db.rows import START
from tests.db.test_query_plans import Explaining, ExplainingReader

TABLES = ("sip_account", "sip_account_node", "sip_contact", "s", "n", "c", "call")


@pytest.fixture
def conn(migrated_sqlite: Path) -> Any:
    raw = sqlite3.connect(f"{migrated_sqlite.as_uri()}?mode=rw", uri=True, isolation_level=None)
    raw.row_factory = dict_row
    raw.execute("BEGIN")
    yield Explaining(raw)
    raw.close()


def scans(conn: Explaining) -> list[str]:
    """Steps that read a whole table; component `c` has a row for each part of the platform."""
    full = [step for step in conn.plans if step.startswith("SCAN ")]
    return [step for step in full if step.split()[1] in TABLES and step != "SCAN c"]


async def test_reads(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    await sip_nodes.behind(reader, "pbx1", 50)
    assert any("ix_sip_account_behind" in step for step in conn.plans)
    assert not [step for step in conn.plans if "TEMP B-TREE" in step]
    await sip_nodes.batch(reader, "pbx1", "sip_1", 500)
    await sip_nodes.nodes_applied(reader, "alice")
    await sip_contacts.expired(reader, "pbx1", START, 50)
    assert any("ix_sip_contact_expiry" in step for step in conn.plans)
    await sip_contacts.batch(reader, "pbx1", "sip_1", 50)
    await sip.known(reader, ["alice", "bob"])
    await sip.find(reader, "acc_1", "alice")
    await sip.page(reader, "acc_1", limit=25, offset=0, cursor=None, search="a")
    await sip.with_state(reader, [{"id": "sip_1"}])
    assert scans(conn) == []


def test_writes(conn: Explaining) -> None:
    sip.by_username(conn, "alice")
    sip.by_short_number(conn, "acc_1", "201")
    sip.named(conn, "acc_1", "alice")
    sip.count(conn, "acc_1")
    sip.renew(conn, "acc_1", START)
    sip_nodes.told_last(conn, "pbx1", START)
    assert any("ix_sip_account_applied" in step for step in conn.plans)
    sip_nodes.purge(conn, ["sip_1"])
    sip_contacts.accounts(conn, ["alice"])
    sip_contacts.of_accounts(conn, ["sip_1"])
    calls.open_of(conn, "acc_1", "alice")
    calls.open_of(conn, "acc_1")
    calls.open_to(conn, "acc_1", "alice")
    assert scans(conn) == []
