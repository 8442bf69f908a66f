"""The audit log of the platform: what anybody did, found by account and subject; a change of what
is written is found, wherever in the log it was made."""

import csv
import io
import json
from urllib.parse import urlencode

import pytest

from api.admin import audit as pages
from db import audit_log
from db.connection import Conn
from db.database import Database
from telephony import audit
from telephony.audit import Actor
from telephony.clock import SECOND, now, rfc3339
from tests.dashboard.visitor import Visitor
from tests.users.world import People

HERE = "/admin/audit"
ACTOR = Actor("usr_1", "eve@example.com", "198.51.100.9")


async def write(database: Database, count: int, **facts: object) -> None:
    """So many entries about `thing_0`, `thing_1` and so on."""

    def deed(conn: Conn) -> None:
        for number in range(count):
            audit.record(conn, ACTOR, "thing.<b>done</b>", f"thing_{number}", now(), **facts)  # type: ignore[arg-type]

    await database.write(deed)


async def tamper(database: Database, seq: int) -> None:
    """Change an entry, as somebody would who has the database's file."""

    def deed(conn: Conn) -> None:
        for row in conn.all("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            conn.run(f'DROP TRIGGER "{row["name"]}"')
        conn.run("UPDATE audit_log SET actor_name = 'nobody' WHERE seq = :seq", seq=seq)

    await database.write(deed)


async def test_entries_are_listed_and_found(
    sqlite: Database, people: People, root: Visitor
) -> None:
    ada = await people.owner()
    await write(sqlite, 60)
    await write(sqlite, 1, account_id=ada.account_id, after={"secret_free": "<i>yes</i>"})
    said = await root.open(HERE)
    assert said.count("eve@example.com") == 50
    assert "<b>done" not in root.page.text
    assert "<i>yes" not in root.page.text
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await root.open(HERE + older)
    assert said.count("eve@example.com") == 11
    assert "First page" in said
    said = await root.open(f"{HERE}?account={ada.account_id}&subject=thing_0")
    assert said.count("eve@example.com") == 1
    assert "<i>yes</i>" in said
    assert (await root.open(f"{HERE}?subject=thing_59")).count("eve@example.com") == 1
    assert "Nothing was found" in await root.open(f"{HERE}?subject=thing_x")
    long = "x" * 321
    for wrong in ("cursor=0", "cursor=x", "from=x", f"who={long}", "colour=red", f"subject={long}"):
        await root.open(f"{HERE}?{wrong}", 400)


async def test_filters_and_file(sqlite: Database, people: People, root: Visitor) -> None:
    ada = await people.owner()
    await write(sqlite, 3, account_id=ada.account_id, after={"amount_micros": 5_000_000})
    await write(sqlite, 2)
    said = await root.open(f"{HERE}?who=eve%40example.com&action=thing.%3Cb%3Edone%3C%2Fb%3E")
    assert said.count("<tr><td") == 5
    assert said.count('<span class="quiet">Amount:</span> 5.00 USD') == 3
    assert "key.created" in said, "an example of what is done"
    (row,) = await sqlite.all("SELECT name FROM account WHERE id = :id", id=ada.account_id)
    query = {"who": "eve@example.com", "account": row["name"]}
    said = await root.open(f"{HERE}?{urlencode(query)}")
    assert said.count("<tr><td") == 3
    for nothing in ("who=nobody", "action=key.made", "account=acc_none", "to=2020-01-01",
                    "from=2099-01-01"):  # fmt: skip
        assert "Nothing was found" in await root.open(f"{HERE}?{nothing}")
    today = rfc3339(now())[:10]
    said = await root.open(f"{HERE}?from={today}&to={today}&subject=thing_1")
    assert said.count("<tr><td") == 2
    file = await root.client.get(f"{HERE}.csv?who=eve%40example.com")
    first, *lines = csv.DictReader(io.StringIO(file.text))
    assert (len(lines), first["subject"], first["address"]) == (4, "thing_1", "198.51.100.9")
    assert json.loads(lines[-1]["after"]) == {"amount_micros": 5_000_000}
    assert lines[-1]["account_id"] == ada.account_id


@pytest.mark.parametrize("rows", [1, 4])
async def test_a_file_is_read_piece_by_piece(
    database: Database, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    await write(database, 9)
    monkeypatch.setattr(audit_log, "PAGE", rows)
    found = [row["seq"] async for page in audit_log.pages(database) for row in page]
    assert found == list(range(9, 0, -1))


async def test_days_bound_what_is_read(database: Database) -> None:
    """An entry is found by when it was done, and searched for by when it was written."""
    await write(database, 5)
    at, day = now(), 86_400 * SECOND
    for since, until, count in (
        (at - day, at + day, 5), (at + day, None, 0), (None, at - day, 0), (at - day, None, 5),
        (None, at + day, 5), (0, 1, 0),
    ):  # fmt: skip
        found = await audit_log.newest(database, 9, since=since, until=until)
        assert len(found) == count, (since, until)


async def test_the_chain_is_verified_and_a_change_found(
    sqlite: Database, root: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await write(sqlite, 20)
    count, _ = await audit_log.head(sqlite)
    await root.open(HERE)
    said = await root.send(f"{HERE}/verify")
    assert f"newest {count} of {count} entries" in said
    await tamper(sqlite, count - 15)
    assert f"breaks at entry {count - 15}" in await root.send(f"{HERE}/verify")
    monkeypatch.setattr(pages, "VERIFIED_MAX", 10)
    said = await root.send(f"{HERE}/verify")  # the change is older than what is looked at
    assert f"newest 10 of {count} entries" in said
    assert "sms-voip audit verify" in said
    await tamper(sqlite, count - 3)
    assert f"breaks at entry {count - 3}" in await root.send(f"{HERE}/verify")


async def test_links_are_proved_from_any_entry_on(database: Database) -> None:
    await write(database, 7)
    for newest in (None, 1, 6, 7, 8, 100):
        assert await audit.verify(database, newest) == (7, None)
    rows = await audit_log.newest(database, 9, before=5)
    assert [row["seq"] for row in rows] == [4, 3, 2, 1]
    (row,) = await audit_log.newest(database, 9, subject="thing_2")
    assert row == {**(await audit_log.entry(database, 3) or {}), "currency": None}
    assert await audit_log.entry(database, 8) is None


async def test_support_reads_and_does_not_verify(sqlite: Database, helper: Visitor) -> None:
    assert "user.signed_in" in await helper.open(HERE)
    assert f"{HERE}/verify" not in helper.actions()
    await helper.form(f"{HERE}/verify", {}, 403)
