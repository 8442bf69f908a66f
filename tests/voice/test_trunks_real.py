"""Carriers on the real Asterisk: told without a restart, tried in turn, asked whether they live."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from db import components
from db import trunks as stored
from db.connection import Conn
from db.session import open_database
from telephony.clock import now
from telephony.voice import hangups, trunk_worker, trunks
from tests.factories import Customer
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.pbx.registrar import registrar
from tests.pbx.sip_client import SipClient
from tests.pbx.sipp import callers, invites, refusing
from tests.ports import free_port
from tests.voice.carriers import add_trunk, astdb, calling_in, sipp_carrier, told
from tests.voice.real_pbx import SECRET, Voice, working
from tests.voice.test_calls_trunk import phone


@pytest.fixture
async def who(voice: Voice, tmp_path: Path) -> AsyncIterator[Customer]:
    """A live customer with a phone that answers at once and stays until it is hung up."""
    owner = await voice.customer(mode="live", calls_per_second=50)
    async with phone(voice, voice.phones[0], tmp_path):
        yield owner


async def until(done: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(done):
            await asyncio.sleep(0.05)


async def test_the_next_carrier_is_tried_only_where_one_could_not_ask(
    voice: Voice, who: Customer, tmp_path: Path
) -> None:
    async with sipp_carrier(tmp_path) as one, sipp_carrier(tmp_path) as two:
        first = {"prefix": "1555987", "priority": 1, "strip": 1, "prepend": "00"}
        await add_trunk(voice.database, "one", voice.vault, port=one, **first,
                        caller_id_format="national")  # fmt: skip
        await add_trunk(voice.database, "two", voice.vault, port=two, prefix="1555987", priority=2,
                        caller_id_format="digits")  # fmt: skip
        await told(voice, "one", one)
        await told(voice, "two", two)
        ways = ("0486", "0603", "0404", "0503", "0500", "0408", "1234")
        calls = {way: await voice.place(who, f"+1555987{way}", time_limit_seconds=1)
                 for way in ways}  # fmt: skip
        rows = {way: await voice.ended(call_id, 30) for way, call_id in calls.items()}
        outcomes = {way: (row["status"], row["sip_code"], row["trunk"])
                    for way, row in rows.items()}  # fmt: skip
        assert outcomes == {
            "0486": ("busy", 486, "one"),
            "0603": (rows["0603"]["status"], 603, "one"),
            "0404": ("failed", 404, "one"),
            "0503": ("failed", 503, "default"),
            "0500": ("failed", 500, "default"),
            "0408": (rows["0408"]["status"], 408, "default"),
            "1234": ("completed", 200, "one"),
        }
        tried = invites(one, tmp_path)
        assert tried == {f"00555987{way}": 1 for way in ways}
        assert invites(two, tmp_path) == {f"1555987{way}": 1 for way in ("0503", "0500", "0408")}
        assert set(callers(one, tmp_path).values()) == {"5550111222"}
        assert set(callers(two, tmp_path).values()) == {"15550111222"}
    balance, held = await voice.wallet(who)
    assert (balance, held) == (5_000_000 - rows["1234"]["cost"], 0)


async def test_a_call_counts_where_it_is_tried(voice: Voice, who: Customer, tmp_path: Path) -> None:
    out_of_order = refusing("503 Service Unavailable")
    async with sipp_carrier(tmp_path, out_of_order) as one, sipp_carrier(tmp_path) as two:
        for priority, (name, port) in enumerate((("first", one), ("second", two))):
            await add_trunk(voice.database, name, voice.vault, port=port, prefix="1555986",
                            priority=priority, capacity=1)  # fmt: skip
            await told(voice, name, port)
        call_id = await voice.place(who, "+15559860180", ring_seconds=20)
        row = await voice.reached(call_id, "ringing")
        open_calls = [await voice.database.write(stored.calls_of, name)
                      for name in ("first", "second")]  # fmt: skip
        assert (row["trunk"], open_calls) == ("second", [0, 1])
        await voice.database.write(hang_up, call_id)
        row = await voice.ended(call_id)
    assert (row["status"], row["trunk"]) == ("canceled", "second")


async def test_a_carrier_that_is_away(voice: Voice, who: Customer) -> None:
    """It is given up after 8 s; once the probe has missed it, it comes last, and not never."""
    away = free_port()
    with registrar(away) as there:  # nobody there at first would be known before the call
        await add_trunk(voice.database, "away", voice.vault, port=away, prefix="1555987")
        await told(voice, "away", away)
        assert there.registered == {}
    call_id = await voice.place(who, "+15559871234", time_limit_seconds=1, ring_seconds=20)
    row = await voice.ended(call_id, 30)
    assert (row["status"], row["trunk"]) == ("completed", "default")
    await until_status(voice, "trunk:away", "outage")
    later = await voice.place(who, "+15559871234", time_limit_seconds=1)
    legs = (await voice.ended(later))["legs"]
    assert [leg.split(":")[1] for leg in legs.split("/")] == ["default", "away"]
    await voice.database.write(trunks.remove, "away")
    await until_status(voice, "trunk:away", None)
    await until(lambda: astdb(voice, "ps/endpoint", "away") == "")


async def until_status(voice: Voice, name: str, status: str | None) -> None:
    """Wait until a part of the platform is in that state; None: is no part."""
    async with asyncio.timeout(40):
        while True:
            rows = await components.every(voice.database)
            found = {row["name"]: row["status"] for row in rows}
            if found.get(name) == status:
                return
            await asyncio.sleep(0.1)


async def test_registration_at_a_carrier(voice: Voice) -> None:
    """With user name and secret, again with a new secret, and no longer once it is removed."""
    port = free_port()
    with registrar(port, acme="the first secret", acme2="another") as carrier:
        facts: dict[str, Any] = {"port": port, "registers": True}
        await add_trunk(voice.database, "reg", voice.vault, **facts, username="acme",
                        secret="the-wrong-one")  # fmt: skip
        await until(lambda: carrier.turned_away > 0)
        assert carrier.registered == {}
        await until_status(voice, "trunk:reg:registration", "degraded")
        await voice.database.write(trunks.remove, "reg")
        await add_trunk(voice.database, "reg", voice.vault, **facts, username="acme2",
                        secret="another")  # fmt: skip
        await until(lambda: "acme2" in carrier.registered)
        assert carrier.registered["acme2"].startswith("<sip:acme2@127.0.0.1:")
        assert "acme" not in carrier.registered
        await until_status(voice, "trunk:reg:registration", "operational")
        found = {row["name"]: row for row in await components.every(voice.database)}
        assert re.fullmatch(
            r"Registered, again in \d+ s", found["trunk:reg:registration"]["detail"]
        )
        assert found["trunk:reg"]["status"] == "operational"
        await voice.database.write(trunks.remove, "reg")
        await until(lambda: astdb(voice, "ps/registration", "reg") == "")
        await until_status(voice, "trunk:reg:registration", None)
    assert "another" not in str(await voice.database.all("SELECT * FROM trunk"))


async def test_a_removed_carrier_is_a_stranger_at_once(voice: Voice) -> None:
    port = free_port()
    await add_trunk(voice.database, "gone", voice.vault, port=port)
    await told(voice, "gone", port)
    with calling_in(voice, port) as caller:
        assert await asyncio.to_thread(caller.invite, "+15550100999") == 404
    await voice.database.write(trunks.remove, "gone")
    await until(lambda: astdb(voice, "ps/identify", "gone") == "")
    with calling_in(voice, port) as caller:
        assert await asyncio.to_thread(caller.invite, "+15550100999") == 401


async def test_what_somebody_wrote_into_astdb_is_repaired(voice: Voice) -> None:
    await add_trunk(voice.database, "kept", voice.vault, port=5999)
    await told(voice, "kept", 5999)
    with voice.pbx.ami("provisioning") as ami:
        ami.send("DBDel", Family="ps/endpoint", Key="_kept")
        ami.send("DBPut", Family="ps/identify", Key="_forged", Val='{"match":"10.0.0.1"}')
    await add_trunk(voice.database, "another", voice.vault)
    await until(lambda: "from-trunk" in astdb(voice, "ps/endpoint", "kept"))
    await until(lambda: astdb(voice, "ps/identify", "forged") == "")


async def test_every_line_of_the_only_carrier_is_taken(
    pbx: Pbx, sqlite_url: str, tmp_path: Path
) -> None:
    """A phone is told so, and the row says why; with the end of a call there is room again."""
    database = await open_database(sqlite_url)
    settings = pbx.settings.model_copy(update={"trunk_host": ""})
    async with working(pbx, database, settings) as voice, sipp_carrier(tmp_path) as port:
        who = await voice.customer(mode="live")
        await add_trunk(database, "full", voice.vault, port=port, capacity=1, prefix="")
        await told(voice, "full", port)
        first = await voice.place(who, "+15559871234", simulated=True)
        await voice.reached(first, "answered")
        with SipClient("127.0.0.1", settings.sip_port, voice.phones[0], SECRET) as client:
            assert await asyncio.to_thread(client.invite, "+15559871235") == 503
            await database.write(hang_up, first)
            await voice.ended(first)
            assert await asyncio.to_thread(client.invite, "+15559871236") == 200
            assert await asyncio.to_thread(client.bye) == 200
        rows = await database.all("SELECT * FROM call WHERE to_number = '+15559871235'")
        assert [(row["hangup_cause"], row["cost"]) for row in rows] == [("no_line_free", 0)]
    await database.close()


def hang_up(conn: Conn, call_id: str) -> None:
    row = conn.one("SELECT * FROM call WHERE id = :id", id=call_id)
    assert row
    hangups.ask(conn, [row], hangups.REQUESTED, now())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_look_at_asterisk_itself(pbx: Pbx, transport: str) -> None:
    """It answers OPTIONS of strangers, too: any answer shows that somebody is there."""
    found = await trunk_worker.look("x", "127.0.0.1", pbx.settings.sip_port, transport)
    assert found.up
    assert found.detail.startswith(("OPTIONS: 200 in", "OPTIONS: 401 in"))
    lost = await trunk_worker.look("x", "127.0.0.1", free_port(), transport)
    assert not lost.up
