"""kill -9 of the platform in mid-call, on PostgreSQL: nobody talks longer than was paid for, and
the next process goes on where the last one was."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from db.session import open_database
from tests.e2e.installation import environment
from tests.fixtures_pbx import Pbx
from tests.voice.credit import STEPS, Credit, on_pbx, price, talk

CLOSE_SECONDS = 1.0
SLICE_SECONDS = 5
RINGS_TWO_SECONDS = f"+{STEPS['1/1']['prefix']}5551234"
COMMAND = (sys.executable, "-m", "api.cli", "serve", "--no-api")


class Platform:
    """The workers as a process of their own, which may be killed."""

    def __init__(self, credit: Credit) -> None:
        self._environment = environment(credit.settings)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            COMMAND, env=self._environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait(10)
            self._process = None


@pytest.fixture
async def desk(pbx: Pbx, postgres_url: str) -> AsyncIterator[Credit]:
    database = await open_database(postgres_url)
    desk = on_pbx(pbx, database, SLICE_SECONDS)
    yield replace(desk, settings=desk.settings.model_copy(update={"database_url": postgres_url}))
    await database.close()


@pytest.fixture
def platform(desk: Credit) -> Iterator[Platform]:
    platform = Platform(desk)
    platform.start()
    yield platform
    platform.kill()


async def test_a_platform_that_stays_dead_and_one_that_comes_back(
    pbx: Pbx, desk: Credit, platform: Platform
) -> None:
    first, second = 2 * SLICE_SECONDS, 3 * SLICE_SECONDS + 1
    rich = await desk.customer(price("1/1", 3600))
    abandoned = (await desk.place(rich, "1/1")).call_id
    await desk.until(abandoned, status="answered", armed_seconds=first)
    platform.kill()
    cdr = await asyncio.to_thread(pbx.cdr, abandoned, first + 5)
    talked = float(cdr["end"]) - float(cdr["sv_answered"])
    assert abs(talked - first) < CLOSE_SECONDS, talked
    assert (await desk.call(abandoned))["status"] == "answered"
    assert (await desk.wallet(rich))[1] == price("1/1", first)

    platform.start()
    row = await desk.ended(abandoned, 15)
    assert (row["hangup_cause"], row["billsec"]) == ("platform_unavailable", first)
    assert await desk.wallet(rich) == (price("1/1", 3600) - price("1/1", first), 0)

    poor, unheard = [await desk.customer(price("1/1", second)) for _ in range(2)]
    resumed = (await desk.place(poor, "1/1")).call_id
    await desk.until(resumed, status="answered")
    await asyncio.sleep(0.8)
    answered_meanwhile = (await desk.place(unheard, RINGS_TWO_SECONDS)).call_id
    await desk.until(answered_meanwhile, status="ringing")
    await desk.until(resumed, armed_seconds=first)
    assert (await desk.call(answered_meanwhile))["status"] == "ringing"
    platform.kill()
    await asyncio.sleep(1.5)  # the second call is answered now, and nobody hears of it
    platform.start()
    for who, call_id in ((poor, resumed), (unheard, answered_meanwhile)):
        row = await desk.ended(call_id, 30)
        assert abs(talk(row) - second) < CLOSE_SECONDS, talk(row)
        assert (row["hangup_cause"], row["billsec"]) == ("funds_exhausted", second)
        assert await desk.wallet(who) == (price("1/1", second) - row["cost"], 0)
