"""No hot statement reads a whole table: SQLite is asked how it would run each of them."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from db import (
    accounts,
    call_log,
    call_queue,
    calls,
    deliveries,
    events,
    holds,
    idempotency,
    inbound,
    ledger,
    lists,
    message_queue,
    messages,
    notices,
    numbers,
    price_list,
    receipts,
    recordings,
    request_log,
    search,
    sms_accounts,
    sms_providers,
    sms_replies,
    sms_velocity,
    spending,
    statement,
    tariffs,
    webhook_endpoints,
)
from db.lists import Query
from db.searched import CALLS
from db.sqlite_conn import SqliteConn, dict_row
from tests.db.rows import START


class Explaining(SqliteConn):
    """Runs what it is given and keeps the plan of each statement."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        super().__init__(raw)
        self.plans: list[str] = []

    def _execute(self, sql: str, params: dict[str, Any]) -> sqlite3.Cursor:
        steps = super()._execute(f"EXPLAIN QUERY PLAN {sql}", dict(params)).fetchall()
        self.plans += [step["detail"] for step in steps]
        return super()._execute(sql, params)


class ExplainingReader:
    """The same for the deeds that only read."""

    dialect = "sqlite"

    def __init__(self, conn: Explaining) -> None:
        self._conn = conn

    async def one(self, sql: str, **params: Any) -> dict[str, Any] | None:
        return self._conn.one(sql, **params)

    async def all(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        return self._conn.all(sql, **params)


@pytest.fixture
def conn(migrated_sqlite: Path) -> Any:
    raw = sqlite3.connect(f"{migrated_sqlite.as_uri()}?mode=rw", uri=True, isolation_level=None)
    raw.row_factory = dict_row
    raw.execute("BEGIN")
    yield Explaining(raw)
    raw.close()


def scans(conn: Explaining) -> list[str]:
    """Steps that read a whole table; a CTE's or sub-select's own rows are no table."""
    tables = ("message", "call", "delivery", "event", "rate", "api_key", "account", "hold",
              "webhook_endpoint", "webhook_old_secret", "delivery_attempt", "account_notice",
              "message_part", "sms_receipt", "sms_inbound", "sms_inbound_part", "sms_velocity",
              "ledger_account", "posting", "cdr")  # fmt: skip
    full = [step for step in conn.plans if step.startswith("SCAN ")]
    return [step for step in full if step.split()[1] in tables and "USING" not in step]


HOT: list[Callable[[Explaining], object]] = [
    lambda conn: message_queue.claim(conn, "sandbox", "t", START, START, 50),
    lambda conn: message_queue.leases_run_out(conn, "sandbox", START),
    lambda conn: message_queue.past_validity(conn, START),
    lambda conn: message_queue.due_scheduled(conn, START, 50),
    lambda conn: sms_providers.is_disabled(conn, "smpp"),
    lambda conn: sms_providers.waiting_for(conn, "smpp", START, 50),
    lambda conn: sms_providers.routes_for(conn, "live", "acc", "ACME", ["1", "15"]),
    lambda conn: sms_accounts.opted_out(conn, "acc", "test", "+1", "+2"),
    lambda conn: sms_velocity.redact(conn, "message", "msg_1", 50, messages.ENDED_OR_SENT),
    lambda conn: sms_velocity.redact(conn, "sms_inbound", "msg_1", 50),
    lambda conn: events.empty(conn, "message_received", ["msg_1", "msg_2"], "text"),
    lambda conn: sms_velocity.forget(conn, START),
    lambda conn: sms_replies.body_for(conn, "acc_1", "+15550111222", "stop"),
    lambda conn: sms_replies.take_due(conn, 50),
    lambda conn: sms_replies.forget(conn, START),
    lambda conn: inbound.stale(conn, START, 50),
    lambda conn: call_queue.claim(conn, "pbx1", START, 50),
    call_queue.first_due,
    lambda conn: call_queue.open_calls(conn, "acc", "test", "key"),
    lambda conn: calls.by_channel(conn, "1.1"),
    lambda conn: call_queue.queued_before(conn, START),
    lambda conn: calls.on_node(conn, "pbx1"),
    lambda conn: calls.credit_due(conn, "pbx1", START, 50),
    lambda conn: deliveries.claim(conn, ["dlv_1", "dlv_2"], "t", START, START),
    lambda conn: deliveries.oldest_due(conn, START),
    lambda conn: deliveries.hold(conn, ["dlv_1"]),
    lambda conn: deliveries.release_held(conn, "whe_1", START, 50),
    lambda conn: deliveries.leased(conn, {"dlv_1": "t"}),
    lambda conn: deliveries.again(conn, ["dlv_1"], START),
    lambda conn: deliveries.of_events(conn, ["evt_1"], "whe_1"),
    lambda conn: events.after(conn, "acc", "test", "evt_1", "evt_2", ["wallet_low"], 50),
    lambda conn: events.sweep(conn, START, 50),
    lambda conn: webhook_endpoints.enabled(conn, "acc", "test"),
    lambda conn: webhook_endpoints.old_secrets(conn, ["acc", "whe_1"], START),
    lambda conn: webhook_endpoints.forget_secrets(conn, START),
    lambda conn: webhook_endpoints.forget_deleted(conn, START, 50),
    lambda conn: notices.forget(conn, START, 50),
    lambda conn: tariffs.price(conn, "acc", ["1", "15", "155"], START),
    lambda conn: receipts.settle_parts(conn, "sandbox", ["p"], "delivered", ""),
    lambda conn: receipts.early(conn, "sandbox", ["p"]),
    lambda conn: receipts.open_parts(conn, "sandbox"),
    lambda conn: receipts.named(conn, "sandbox", ["p"]),
    lambda conn: receipts.nameless_receipts(conn, "sandbox", "+1"),
    lambda conn: messages.unanswered(conn, "sandbox", "+1"),
    lambda conn: ledger.set_aside(conn, "pot", 1),
    lambda conn: holds.lengthen(conn, "ref", 1, START),
    lambda conn: holds.close(conn, "ref", 1, START),
    lambda conn: holds.mark_late(conn, "ref"),
    lambda conn: holds.due(conn, START, 100),
    lambda conn: ledger.refunded(conn, "txn"),
    lambda conn: spending.take_back(conn, "test", [("acc", "2026"), ("key", "2026")], 1),
    lambda conn: idempotency.sweep(conn, START),
]


@pytest.mark.parametrize("at", range(len(HOT)))
def test_hot_writes_use_an_index(conn: Explaining, at: int) -> None:
    HOT[at](conn)
    assert conn.plans
    assert scans(conn) == []
    assert [step for step in conn.plans if step.startswith(("SEARCH", "SCAN"))]


async def test_hot_reads_use_an_index(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    await accounts.key_by_hash(reader, "sha")
    await call_log.listing(reader, "acc", "test", limit=50)
    await call_log.listing(reader, "acc", "test", limit=50, cursor="call_x", search="155")
    await call_log.listing(reader, "acc", "test", limit=50, status="busy")
    for part in ("1", "4567", "01234567"):
        query = Query(CALLS, "acc", "test", {"search": part})
        await lists._in_blocks(reader, query, [{"no": 1}], "call_z", 1)
        await search.candidates(reader, CALLS, search.terms_for(part, "0000"), edge="z",
                                below="z", above="", limit=9)  # fmt: skip
    await call_log.newest(reader, "acc", "test", limit=50, cursor="call_x", search="155")
    await messages.find(reader, "acc", "test", "msg")
    await messages.history(reader, "msg")
    await messages.listing(reader, "acc", "test", limit=50, search="155")
    await messages.listing(reader, "acc", "test", limit=50)
    await inbound.listing(reader, "acc", "test", limit=50, cursor="msg_x")
    await calls.timeline(reader, "call")
    await calls.known(reader, ["call_1", "1.2"], START)
    await deliveries.due(reader, START, 9, after=(1, "dlv_1"))
    await deliveries.due(reader, START, 9, newest=True)
    await deliveries.log(reader, ["evt_1"], 3)
    for state in (None, "none", "delivered", "pending", "failed"):
        await events.page(
            reader, "acc", "test", limit=9, kind=None, state=state, since=None, until=START,
            cursor=None,
        )  # fmt: skip
    await events.read_after(reader, "acc", "test", "evt_1", 9)
    await accounts.key_works(reader, "key", START)
    await webhook_endpoints.of_account(reader, "acc", "test")
    await notices.unseen(reader, "acc", "test", 9)
    await ledger.balances(reader, "acc", "test")
    await price_list.stand(reader, None, START)
    await price_list.price(reader, None, ["1", "15", "155"], START)
    assert scans(conn) == []


async def test_a_queue_is_counted_off_an_index_of_what_waits(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    await message_queue.waiting(reader, 9)
    assert [step for step in conn.plans if "INDEX ix_message_queued" in step]
    await call_queue.waiting(reader, 9)
    assert [step for step in conn.plans if "INDEX ix_call_queued" in step]


async def test_a_request_is_found_with_what_it_made_by_indexes(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    row = {"account_id": "acc", "mode": "test", "request_id": "r", "at": START, "latency_us": 9}
    await request_log.find(reader, "r", "acc", 9)
    await request_log.page(reader, "acc", 9, "rql_x")
    await request_log.made(reader, row, 9)
    request_log.sweep(conn, START, 9)
    assert [step for step in conn.plans if step.startswith("SCAN")] == []
    assert [step for step in conn.plans if "id>? AND id<?" in step]


async def test_calls_in_progress_are_found_among_the_open_ones(conn: Explaining) -> None:
    """However long the log is."""
    await call_queue.in_progress(ExplainingReader(conn), "acc", "test", 50)
    assert [step for step in conn.plans if "INDEX ix_call_busy" in step], conn.plans


async def test_numbers_are_read_off_those_of_the_account(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    await numbers.page(reader, "acc", limit=50, after="+1", search="155")
    await numbers.find(reader, "acc", "+15550111222")
    numbers.change(conn, "+15550111222", strategy="all")
    assert not [step for step in conn.plans if step.startswith("SCAN")], conn.plans


async def test_the_call_log_is_read_in_its_order(conn: Explaining) -> None:
    """Newest first comes from the index, so a page costs its rows, not the whole history."""
    await call_log.listing(ExplainingReader(conn), "acc", "test", limit=50)
    assert not [step for step in conn.plans if "TEMP B-TREE" in step]


@pytest.mark.parametrize("part", ["155", "alice"])
async def test_what_the_call_log_passes_over_is_read_off_an_index(
    conn: Explaining, part: str
) -> None:
    """Only the rows of the page itself are looked up."""
    reader = ExplainingReader(conn)
    await call_log.listing(reader, "acc", "test", limit=50, search=part)
    await call_log.listing(reader, "acc", "test", limit=50, search=part, cursor="call_x")
    looked = [step for step in conn.plans if " call " in step]
    assert looked
    assert all("COVERING INDEX ix_call_ended" in step for step in looked if "id=?" not in step)


@pytest.mark.parametrize("kind", [None, "charge", "fund"])
async def test_a_page_of_the_statement_costs_its_rows(conn: Explaining, kind: str | None) -> None:
    """Each pot is read in the order of its index; only the two pages that come of it are sorted."""
    await statement.page(
        ExplainingReader(conn), "acc", "test", limit=50, kind=kind, since=START, until=START
    )
    index = "PRIMARY KEY" if kind == "fund" else "ix_posting_pot"
    assert len([step for step in conn.plans if "ledger_account_id=?" in step and index in step
                and "journal_id" in step.partition("=?")[2]]) >= 2  # fmt: skip
    assert len([step for step in conn.plans if "TEMP B-TREE" in step]) <= 2, conn.plans
    assert scans(conn) == []


@pytest.mark.parametrize("iso", [None, "DE"])
async def test_a_page_of_a_price_list_costs_its_rows(conn: Explaining, iso: str | None) -> None:
    stand = price_list.Stand("USD", "trv_1")
    await price_list.page(ExplainingReader(conn), stand, limit=50, iso=iso)
    index = "ix_rate_iso" if iso else "ix_rate_country"
    assert [step for step in conn.plans if index in step and "country" in step], conn.plans
    assert not [step for step in conn.plans if "TEMP B-TREE" in step], conn.plans


async def test_recordings_are_found_by_an_index(conn: Explaining) -> None:
    """Those that wait are read in their order, so that a batch costs its rows."""
    reader = ExplainingReader(conn)
    await recordings.over(reader, "pbx1", "rec_1", 50)
    assert not [step for step in conn.plans if "TEMP B-TREE" in step]
    await recordings.of_channels(reader, ["call_1", "1.2"])
    await recordings.due(reader, START, 50)
    await recordings.stored_of(reader, ["call_1"])
    await recordings.find(reader, "rec_1")
    await recordings.of_call(reader, "call_1")
    recordings.go(conn, "rec_1", recordings.RecordingStatus.stored)
    assert [step for step in conn.plans if step.startswith("SCAN")] == []


def test_calls_that_are_not_due_cost_nothing(conn: Explaining) -> None:
    """Every half second the due calls are read off the index, in its order."""
    calls.credit_due(conn, "pbx1", START, 50)
    (step,) = conn.plans
    assert step.startswith("SEARCH call USING INDEX ix_call_credit (node=? AND extend_at<?)")


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM message", "SELECT * FROM call WHERE caller_id = '1'"]
)
def test_a_scan_would_be_seen(conn: Explaining, sql: str) -> None:
    conn.all(sql)
    assert len(scans(conn)) == 1
