"""What administrators look at is read in the order of an index: a page costs its rows, however many
checks, files and sender ids there are."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from db import accounts, caller_ids, cdrs, identity, sms_accounts, stored_files, users
from db.sqlite_conn import dict_row
from tests.db.rows import START
from tests.db.test_query_plans import Explaining, ExplainingReader


@pytest.fixture
def conn(migrated_sqlite: Path) -> Iterator[Explaining]:
    raw = sqlite3.connect(f"{migrated_sqlite.as_uri()}?mode=ro", uri=True)
    raw.row_factory = dict_row
    yield Explaining(raw)
    raw.close()


Read = Callable[[ExplainingReader], Awaitable[object]]
READS: dict[str, Read] = {
    "checks that wait": lambda reader: identity.page(reader, "submitted", 50, "kyc_1"),
    "checks that are decided": lambda reader: identity.page(reader, "approved", 50),
    "checks of an account": lambda reader: identity.last_of(reader, "acc_1", 5),
    "a check": lambda reader: identity.one(reader, "kyc_1"),
    "files": lambda reader: stored_files.of(reader, "kyc_1"),
    "a file": lambda reader: stored_files.content(reader, "kyc_1", "fil_1"),
    "senders that wait": lambda reader: sms_accounts.sender_queue(reader, "requested", 50),
    "more of them": lambda reader: sms_accounts.sender_queue(
        reader, "approved", 50, (START, "acc_1", "ACME")
    ),
    "records without a call": lambda reader: cdrs.strays(reader, 50),
    "more of these": lambda reader: cdrs.strays(
        reader, 50, {"read_at": START, "node": "pbx1", "uniqueid": "1.1", "sequence": 1}
    ),
    "numbers to show": lambda reader: caller_ids.page(reader, "acc_1", "live", limit=50),
    "others to show": lambda reader: caller_ids.page(
        reader, "acc_1", "test", limit=50, after="+15550111222", search="1555"
    ),
    "keys": lambda reader: accounts.key_page(reader, "acc_1", limit=50),
}

SORTED = ("files", "numbers to show", "others to show")
"""A check has two files; of numbers no more are sorted than three pages."""


@pytest.mark.parametrize("name", READS)
async def test_a_page_costs_its_rows(conn: Explaining, name: str) -> None:
    await READS[name](ExplainingReader(conn))
    assert conn.plans
    whole = [step for step in conn.plans if step.startswith("SCAN")]
    few = ("SCAN part_", "SCAN found")  # of each kind one page
    assert [
        step
        for step in whole
        if not step.startswith(few) and "USING INDEX ix_cdr_stray" not in step
    ] == []  # has them only
    sorted_by = [step for step in conn.plans if "TEMP B-TREE" in step]
    assert not sorted_by or name in SORTED


def test_what_deeds_look_for_is_found_by_an_index(conn: Explaining) -> None:
    identity.open_of(conn, "acc_1")
    identity.by_id(conn, "kyc_1")
    users.owners_mails(conn, "acc_1")
    cdrs.strays_since(conn, START)
    assert len(conn.plans) >= 4
    assert [step for step in conn.plans if step.startswith("SCAN")] == []
    for index in ("ix_identity_check_open", "ix_cdr_stray"):
        assert [step for step in conn.plans if index in step]
