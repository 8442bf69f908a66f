"""`sms-voip status …` beside a running platform: notices, words on incidents, what is no more."""

import asyncio
import re
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from db import components, sip_nodes
from db.connection import Conn
from db.database import Database
from telephony import status
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.status import STALE_SECONDS
from telephony.voice import sip_accounts
from tests.api.client import Api, good
from tests.api.test_status import BEGAN, MINUTE, PATIENCE, lately, told
from tests.api.world import add_phone, apply_everywhere, count
from tests.commands import cli
from tests.factories import customer
from tests.patience import PATIENCE_SECONDS

Run = Callable[..., str]


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command beside the platform; what it printed."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)

    def command(*words: str, code: int = 0) -> str:
        result = CliRunner().invoke(cli, ["status", *words])
        assert result.exit_code == code, (result.output, result.exception)
        return re.sub(r"\s+", " ", result.output)

    return command


async def test_a_notice_is_set_replaced_and_taken_away(
    api: Api, database: Database, run: Run
) -> None:
    async def shown() -> str | None:
        notice: str | None = good(await api.get("/status"))["notice"]
        return notice

    await told(database, now(), pbx1="operational")
    await asyncio.to_thread(run, "notice", "We move house on Sunday.")
    assert await shown() == "We move house on Sunday."
    await asyncio.to_thread(run, "notice", "On Monday.", "--until", "2120-01-01")
    assert await shown() == "On Monday."
    said = await asyncio.to_thread(run, "show")
    assert "pbx1 │ operational" in said
    assert "notice: On Monday." in said
    assert await asyncio.to_thread(run, "clear") == "The notice is gone. "
    assert await asyncio.to_thread(run, "clear") == "There was no notice. "
    assert await shown() is None
    for words in (("notice", " "), ("notice", "x", "--until", "2020-01-01")):
        assert "Refused" in await asyncio.to_thread(run, *words, code=1)

    def ending(conn: Conn) -> None:
        status.set_notice(conn, "over soon", now() + SECOND // 10, "test", now())

    await database.write(ending)
    assert await shown() == "over soon"
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await shown():
            await asyncio.sleep(0.02)


async def test_an_operator_says_something_of_an_incident(
    api: Api, database: Database, run: Run
) -> None:
    await told(database, BEGAN, pbx1="outage")
    await told(database, BEGAN + PATIENCE, pbx1="outage")
    (one,) = await lately(api)
    await asyncio.to_thread(run, "note", one["id"], "A cable was cut.")
    assert (await lately(api))[0]["note"] == "A cable was cut."
    said = await asyncio.to_thread(run, "incidents")
    assert "A cable was cut." in said
    assert "lasts" in said
    assert "Refused" in await asyncio.to_thread(run, "note", "inc_x", "y", code=1)


async def test_a_node_that_is_no_more_is_forgotten(
    api: Api, database: Database, vault: Vault, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is well again, and deleted SIP accounts no longer wait for it."""
    monkeypatch.setattr(status, "FORGOTTEN_MAX", 2)
    who = await customer(database)
    gone_since = now() - 2 * STALE_SECONDS * SECOND

    def nodes(conn: Conn) -> None:
        components.report(conn, "pbx1", "pbx", "operational", "", now())
        components.report(conn, "call:pbx2", "call", "operational", "", gone_since)
        components.report(conn, "pbx2", "pbx", "operational", "", gone_since)

    await database.write(nodes)
    names = [f"phone-{number}" for number in range(5)]
    for name in names:
        await add_phone(database, vault, who, name)
    await database.write(apply_everywhere, "pbx1")

    def delete(conn: Conn) -> None:
        for name in names[:2]:
            sip_accounts.delete(conn, who.account_id, name, now())

    await database.write(delete)
    await database.write(apply_everywhere, "pbx1")
    assert await count(database, "sip_account") == 5
    assert good(await api.get("/status"))["status"] == "outage"
    for name, why in (("pbx1", "in service"), ("pbx3", "no component")):
        assert why in await asyncio.to_thread(run, "forget", name, code=1)
    assert "pbx2 is forgotten." in await asyncio.to_thread(run, "forget", "pbx2")
    assert [row["name"] for row in good(await api.get("/status"))["components"]] == ["pbx1"]
    assert good(await api.get("/status"))["status"] == "operational"
    left = await database.all("SELECT username FROM sip_account ORDER BY username")
    assert [row["username"] for row in left] == names[2:]
    assert await count(database, "sip_account_node") == 3
    assert await database.write(sip_nodes.forget, "pbx2", 9) == 0


async def test_forgetting_ends_the_incident(api: Api, database: Database, run: Run) -> None:
    old = now() - 10 * MINUTE
    await told(database, old, pbx1="outage")
    await told(database, old + PATIENCE, pbx1="outage")
    await asyncio.to_thread(run, "forget", "pbx1")
    (one,) = await lately(api)
    assert one["closed_at"] is not None
    assert good(await api.get("/status/history"))["components"] == []
