"""The platform's own call to its simulated carrier, on a real Asterisk: a proof that calls work,
which is nobody's call."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from db import components
from db.connection import Row
from db.database import Database
from db.session import open_database
from telephony import status
from telephony.clock import now
from telephony.voice import probe_calls
from telephony.voice.ami import AmiLink, CoreShowChannels
from telephony.voice.cdr_replay import replay
from telephony.voice.cdrs import CdrTail, Outcome
from telephony.voice.probe_calls import ProbeCalls
from tests.api.world import count
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.fake_ami import FakeAmi
from tests.voice.real_ami import user
from tests.voice.real_pbx import BOTH, Voice, working
from tests.voice.test_cdrs import NODE, append, line

TABLES = ("call", "dead_letter", "hold", "journal", "event")


@pytest.fixture(params=BOTH)
async def probing(pbx: Pbx, request: pytest.FixtureRequest) -> AsyncIterator[Voice]:
    """A worker that places such a call every second."""
    database = await open_database(request.getfixturevalue(f"{request.param}_url"))
    settings = pbx.settings.model_copy(update={"probe_call_seconds": 1})
    async with working(pbx, database, settings) as running:
        yield running
    await database.close()


async def component(database: Database, name: str, seconds: float = PATIENCE_SECONDS) -> Row:
    """A part of the platform, as soon as it was reported."""
    async with asyncio.timeout(seconds):
        while True:
            for row in await components.every(database):
                if row["name"] == name:
                    return row
            await asyncio.sleep(0.05)


def placed(pbx: Pbx) -> int:
    """How many of these calls have their record in the file by now."""
    return pbx.settings.cdr_file.read_text().count('"uniqueid":"probe_')


async def test_it_proves_that_calls_work_and_leaves_nothing_behind(
    pbx: Pbx, probing: Voice
) -> None:
    node = probing.settings.node
    row = await component(probing.database, f"call:{node}")
    assert row["status"] == "operational", row
    assert row["detail"].startswith("the last call was answered, hung up and recorded in ")
    before = placed(pbx)
    async with asyncio.timeout(30):
        while placed(pbx) < before + 4:  # two of each
            await asyncio.sleep(0.1)
    await asyncio.sleep(2)  # the next report
    row = await component(probing.database, f"call:{node}")
    assert row["status"] == "operational", row
    assert [await count(probing.database, table) for table in TABLES] == [0] * len(TABLES)
    # The PBX of all tests may have records of others' calls.
    assert not await probing.database.all("SELECT 1 FROM cdr WHERE uniqueid LIKE 'probe_%'")
    records = (await component(probing.database, "records"))["detail"]
    assert records.endswith(", 0 could not be read")
    snapshot = await status.look(probing.database, now())
    ours = {one.name: one.status for one in snapshot.components if not one.remote}
    assert ours["database"] == "operational"
    assert ours[f"cdr:{node}"] == "operational"


async def test_its_channels_are_gone_when_it_is_over(pbx: Pbx, tmp_path: Path) -> None:
    async with user(pbx, "calls") as link:
        await link.wait_ready(10)
        probe = ProbeCalls(link, 1)
        assert not probe.known
        task = asyncio.create_task(probe.step())
        channel = ""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (channel and await left_of(link, channel)):
                await asyncio.sleep(0.02)
                channel = probe._channel
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await left_of(link, channel):
                await asyncio.sleep(0.05)
        probe.heard("probe_other", "ANSWERED")
        probe.heard(channel, "NO ANSWER")
        assert not task.done()
        probe.heard(channel, "ANSWERED")
        await task
        assert (probe.known, probe.look()[0]) == (True, True)


async def left_of(link: AmiLink, channel: str) -> list[Any]:
    every = await link.action(CoreShowChannels())
    return [one for one in every if one.fields["linkedid"] == channel]


async def test_calls_that_fail_are_told_and_forgiven(
    ami: FakeAmi, link: AmiLink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asterisk takes the order, and no record ever comes."""
    monkeypatch.setattr(probe_calls, "SECONDS_MAX", 0.05)
    probe = ProbeCalls(link, 1)
    for failures, unwell in ((1, "degraded"), (2, "outage"), (3, "outage")):
        await probe.step()
        assert probe.look()[0] is False
        assert probe.look()[1].startswith(f"{failures} calls in a row failed: ")
        assert probe.unwell == unwell
    monkeypatch.setattr(probe_calls, "SECONDS_MAX", 10.0)
    task = asyncio.create_task(probe.step())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not task.done():
            probe.heard(probe._channel, "ANSWERED")
            await asyncio.sleep(0.01)
    assert (probe.look()[0], probe.unwell) == (True, "degraded")


async def test_without_a_link_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_calls, "LINK_SECONDS_MAX", 0.05)
    probe = ProbeCalls(AmiLink("127.0.0.1", 1, "calls", "x"), 1)
    await probe.step()
    assert probe.look() == (
        False, "1 calls in a row failed: AMI user calls: not ready in 0.05 s",
    )  # fmt: skip


async def test_switched_off_it_calls_nobody() -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        await ProbeCalls(AmiLink("127.0.0.1", 1, "calls", "x"), 0).run()


async def test_its_records_are_heard_and_not_kept(database: Database, tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []
    path = tmp_path / "cdr.jsonl"
    tail = CdrTail(database, path, NODE, lambda *told: heard.append(told))
    append(path, line("probe_1"), line("probe_1;2", linkedid="probe_1"), line("stray"))
    await tail.catch_up()
    assert heard == [("probe_1", "ANSWERED"), ("probe_1;2", "ANSWERED")]
    rows = await database.all("SELECT uniqueid FROM cdr")
    assert [row["uniqueid"] for row in rows] == ["stray"]
    again = await replay(database, path, NODE, lambda _: None)
    assert again == {Outcome.known: 3}
    append(path, b'{"probe_": torn\n', json.dumps({"linkedid": "probe_2"}).encode() + b"\n")
    await tail.catch_up()
    assert await count(database, "dead_letter") == 2


async def test_a_file_that_is_read_too_slowly_shows(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cdr.jsonl"
    tail = CdrTail(database, path, NODE)
    assert tail.lag() == (True, "the call records are read to their end")
    monkeypatch.setattr("telephony.voice.cdrs.LATE_SECONDS", 0)
    append(path, line("a"))
    await tail.step()
    await asyncio.sleep(0.01)
    well, sentence = tail.lag()
    assert not well
    assert sentence.startswith("the end of the call records was last reached ")
    monkeypatch.undo()
    await tail.step()
    assert tail.lag()[0]
