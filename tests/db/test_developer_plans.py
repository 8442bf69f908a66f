"""What the pages about messages, webhooks and requests ask reads off indexes."""

from db import deliveries, events, messages, request_log, sms_accounts
from tests.db.test_overview_plans import full
from tests.db.test_query_plans import Explaining, ExplainingReader, conn, scans

__all__ = ["conn"]


async def test_opt_outs_are_read_off_their_key(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    for sender in (None, "ACME"):
        await sms_accounts.opt_outs(reader, "acc_1", "test", sender, ("ACME", "+1"), 50)
    await sms_accounts.opt_outs_of(reader, "acc_1", "test", ["ACME", "+1"], "+15551239999")
    assert full(conn) == []
    ends = ("(sender,recipient)>(?,?))", "sender=? AND recipient>?)", "sender=? AND recipient=?)")
    assert [plan.endswith(end) for plan, end in zip(conn.plans, ends, strict=True)] == [True] * 3
    conn.plans.clear()
    await sms_accounts.opt_out_senders(reader, "acc_1", "test")
    assert [one for one in full(conn) if not one.startswith("SCAN step")] == []


async def test_events_are_found_by_what_they_are_about(conn: Explaining) -> None:
    await events.about(ExplainingReader(conn), "acc_1", "test", "msg_1", 100)
    assert scans(conn) == []
    of_events = [one for one in conn.plans if one.startswith("SEARCH event ")]
    assert [one for one in of_events if "subject=?" in one]
    assert not [one for one in of_events if "account_id=?" in one], "not along the whole account"


async def test_the_newest_of_an_endpoint_are_read_off_its_index(conn: Explaining) -> None:
    await deliveries.newest_of(ExplainingReader(conn), "whe_1", 25)
    assert full(conn) == []
    assert [one for one in conn.plans if "ix_delivery_endpoint (endpoint_id=?)" in one]


async def test_files_are_read_as_lists_are(conn: Explaining) -> None:
    reader = ExplainingReader(conn)
    async for _ in messages.pages(reader, "acc_1", "test", status="sent"):
        pass
    await request_log.page(reader, "acc_1", 50, "rql_1")
    assert [one for one in conn.plans if one.startswith("SCAN ")] == []
