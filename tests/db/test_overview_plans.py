"""What the overview asks reads off indexes, and the worker behind it reads its next rows alone."""

from db import accounts, deliveries, first_steps, spending, traffic
from db.traffic import SOURCES
from tests.db.rows import START
from tests.db.test_query_plans import Explaining, ExplainingReader, conn

__all__ = ["conn"]


def full(conn: Explaining) -> list[str]:
    """Steps that read a whole table, or sort what they found."""
    bad = ("SCAN ", "USE TEMP B-TREE FOR ORDER BY")
    sources = ("SCAN few", "SCAN lines")
    return [one for one in conn.plans if one.startswith(bad) and not one.startswith(sources)]


async def test_the_overview_reads_off_indexes(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    await traffic.days(reader, "acc_1", "live", START)
    await spending.spent(reader, "live", [("acc_1", "2026-01-01"), ("acc_1", "2026-01")])
    await deliveries.count_failed(reader, "acc_1", START, 100)
    await first_steps.taken(reader, "acc_1")
    for step in first_steps.STEPS:
        if step != "webhook":
            await first_steps.is_taken(reader, "acc_1", step)
    assert full(conn) == []
    assert [one for one in conn.plans if "ix_delivery_unwell" in one]


async def test_keys_that_end_are_found_among_those_of_the_account(conn: Explaining) -> None:
    await accounts.keys_ending(ExplainingReader(conn), "acc_1", START, START)
    assert "ix_api_key_account" in conn.plans[0]


async def test_counting_reads_the_next_rows_alone(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    for source in SOURCES:
        conn.plans.clear()
        await traffic.frontier(reader, source)
        await traffic.next_id(reader, source, "a", "b", 10)
        await traffic.counted(reader, source, "a", "b")
        assert full(conn) == [], source.kind
        ranges = [one for one in conn.plans if "(id>? AND id<?)" in one]
        assert len(ranges) == 2, conn.plans
