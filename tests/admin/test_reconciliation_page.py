"""What does not fit together is shown with enough to follow it, and hostile lines as text."""

import csv
import io

import pytest

from db import cdrs, components, deliveries
from db.connection import Conn
from db.database import Database
from db.ids import first_id
from telephony.clock import SECOND, now
from tests.dashboard.visitor import Visitor
from tests.db.rows import add_call, add_cdr, add_event
from tests.factories import customer
from tests.users.world import People

HERE = "/admin/reconciliation"
DAY = 86_400 * SECOND


async def test_a_platform_in_order_says_so(helper: Visitor) -> None:
    said = await helper.open(HERE)
    for told in ("Nothing is open", "No worker has verified it yet", "There are none"):
        assert told in said
    for wrong in ("days=0", "days=32", "days=x", "weeks=1"):
        await helper.open(f"{HERE}?{wrong}", 400)


async def test_what_is_open_is_shown(sqlite: Database, people: People, root: Visitor) -> None:
    who = await customer(sqlite, name="Acme <b>")
    at = now()

    def fill(conn: Conn) -> list[str]:
        lost = add_call(conn, who, status="completed", ended_at=at - SECOND, billsec=61,
                        cost=1_250_000)  # fmt: skip
        kept = add_call(conn, who, status="completed", ended_at=at - SECOND)
        old = add_call(conn, who, status="completed", ended_at=at - 3 * DAY)
        add_cdr(conn, call_id=kept, uniqueid="9.1", ended_at=at - SECOND)
        add_cdr(conn, uniqueid="7.7", ended_at=at - SECOND, read_at=at, raw='{"src": "<script>"}')
        cdrs.bury(conn, "cdr:pbx1", "<u>{", "no JSON", at)
        components.report(conn, "ledger", "ledger", "degraded", "held differs: 1", at)
        return [lost, kept, old]

    lost, kept, old = await sqlite.write(fill)
    said = await root.open(HERE)
    for told in (lost, "7.7", "no JSON", "held differs: 1", "Completed call without a record",
                 "Record of no call"):  # fmt: skip
        assert told in said, told
    for told in (f'href="/admin/calls/{lost}"', ">1:01<", ">1.25 USD<"):
        assert told in said, told
    assert kept not in said
    assert "<u>" not in root.page.text
    assert "&lt;script&gt;" in root.page.text
    assert old not in said
    assert lost in await root.open(f"{HERE}?days=7")


async def test_records_without_a_call_are_a_file(
    sqlite: Database, root: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them, also where many were read at once."""
    who, at = await customer(sqlite), now()

    def fill(conn: Conn) -> None:
        kept = add_call(conn, who, status="completed", ended_at=at)
        add_cdr(conn, call_id=kept, uniqueid="9.1", ended_at=at)
        for number in range(5):
            add_cdr(conn, uniqueid=f"7.{number}", ended_at=at, read_at=at - number // 3,
                    raw="=1+1")  # fmt: skip

    await sqlite.write(fill)
    monkeypatch.setattr("db.cdrs.STRAYS_PER_READ", 2)
    said = await root.open(f"{HERE}/records.csv")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert [row["uniqueid"] for row in rows] == ["7.2", "7.1", "7.0", "7.4", "7.3"]
    assert {row["raw"] for row in rows} == {"'=1+1"}


async def test_webhooks_that_were_given_up_are_counted_by_account(
    sqlite: Database, root: Visitor
) -> None:
    owners = [await customer(sqlite, name=name) for name in ("Acme", "Umbrella <b>")]

    def fill(conn: Conn) -> None:
        for owner, count in zip(owners, (1, 3), strict=True):
            for number in range(count):
                add_event(conn, owner, fact=f"fact {number}", subject=owner.account_id)
        for row in conn.all("SELECT id, account_id FROM event"):
            deliveries.add(conn, row["id"], row["account_id"], now(), url="https://example.com/")
        conn.run("UPDATE delivery SET state = 'failed'")
        add_event(conn, owners[0], fact="waits", subject="x")

    await sqlite.write(fill)
    assert [(row["account_id"], row["n"]) for row in await deliveries.failed(sqlite, 99)] == [
        (owners[1].account_id, 3), (owners[0].account_id, 1),
    ]  # fmt: skip
    assert sum(row["n"] for row in await deliveries.failed(sqlite, 2)) == 2
    said = await root.open(HERE)
    assert "Umbrella <b>" in said
    assert "Umbrella <b>" not in root.page.text
    assert f"/admin/accounts/{owners[1].account_id}" in said


async def test_what_was_late_or_borne_by_the_platform_is_asked_about(
    sqlite: Database, root: Visitor
) -> None:
    """The bounds by id, which keep the page quick, leave nothing out that lies in its time."""
    who = await customer(sqlite, name="Acme")
    at = now()

    def fill(conn: Conn) -> list[str]:
        return [
            add_call(conn, who, status="completed", created_at=at - back - 4 * 3600 * SECOND,
                     id=first_id("call", (at - back) // 1000 - 4 * 3600 * 1000) + tail,
                     ended_at=at - back)
            for back, tail in ((SECOND, "a"), (DAY - 60 * SECOND, "b"), (DAY + SECOND, "c"))
        ]  # fmt: skip

    recent, edge, older = await sqlite.write(fill)
    said = await root.open(HERE)
    assert recent in said
    assert edge in said
    assert older not in said
    said = await root.open(f"{HERE}?days=2")
    assert older in said


async def test_every_record_without_a_call_is_read_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(conn: Conn) -> None:
        for number in range(5):
            add_cdr(conn, uniqueid="7.7", sequence=number, read_at=number // 3)

    await database.write(fill)
    monkeypatch.setattr("db.cdrs.STRAYS_PER_READ", 2)
    found = [row["sequence"] async for rows in cdrs.pages_of_strays(database) for row in rows]
    assert found == [4, 3, 2, 1, 0]
