"""Workers wait for rows: woken by a signal, else by the poll, and no failure stops them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from types import SimpleNamespace
from typing import Any

import pytest

from db.database import Database
from db.wakeups import Wakeups
from telephony import queue
from telephony.queue import Kick, drain, jittered, repeat
from tests.patience import PATIENCE_SECONDS


class Work:
    """Rows to work on, and every step that was taken."""

    def __init__(self, rows: int = 0) -> None:
        self.rows = rows
        self.steps: list[int] = []
        self.failures: list[Exception] = []
        self.stepped = asyncio.Event()

    async def step(self) -> int:
        self.stepped.set()
        if self.failures:
            raise self.failures.pop()
        done = min(self.rows, 10)
        self.rows -= done
        self.steps.append(done)
        return done

    async def until(self, steps: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.steps) < steps:
                await asyncio.sleep(0.001)


@contextmanager
def draining(step: Callable[[], Awaitable[int]], poll: float) -> Iterator[Wakeups]:
    wakeups = Wakeups()
    database: Any = SimpleNamespace(wakeups=wakeups)
    worker = asyncio.create_task(drain(database, "rows", step, poll))
    yield wakeups
    worker.cancel()


async def test_it_goes_on_at_once_while_there_are_rows() -> None:
    work = Work(rows=25)
    with draining(work.step, poll=60):
        await work.until(4)
        await asyncio.sleep(0.02)
    assert work.steps == [10, 10, 5, 0]


async def test_a_signal_wakes_it() -> None:
    work = Work()
    with draining(work.step, poll=60) as wakeups:
        await work.until(1)
        await asyncio.sleep(0.01)
        work.rows = 3
        wakeups.signal("other")
        await asyncio.sleep(0.02)
        assert work.steps == [0]
        wakeups.signal("rows")
        await work.until(3)
    assert work.steps == [0, 3, 0]


async def test_a_signal_while_it_works_is_not_lost() -> None:
    """The row is added after the step has looked, and before the worker sleeps."""
    steps: list[str] = []

    async def step() -> int:
        steps.append("looked")
        if len(steps) == 1:
            wakeups.signal("rows")
        return 0

    with draining(step, poll=60) as wakeups:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(steps) < 2:
                await asyncio.sleep(0.001)


async def test_the_poll_finds_rows_of_which_no_signal_told() -> None:
    work = Work()
    with draining(work.step, poll=0.01):
        await work.until(1)
        work.rows = 3
        await work.until(5)
    assert 3 in work.steps


async def test_a_failing_step_is_logged_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(queue, "FAILURE_PAUSE_SECONDS", 0.01)
    work = Work(rows=4)
    work.failures = [ValueError("one"), KeyError("two")]
    with caplog.at_level(logging.ERROR), draining(work.step, poll=0.01):
        await work.until(2)
    assert work.steps[:2] == [4, 0]
    assert [record.exc_info and record.exc_info[0] for record in caplog.records] == [
        KeyError, ValueError,
    ]  # fmt: skip
    assert "rows worker failed" in caplog.text


async def test_a_canceled_worker_leaves_no_ear() -> None:
    wakeups = Wakeups()
    work = Work()
    database: Any = SimpleNamespace(wakeups=wakeups)
    worker = asyncio.create_task(drain(database, "rows", work.step, 60))
    await work.until(1)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    assert "rows" not in wakeups._ears


async def test_every_ear_of_a_channel_hears() -> None:
    wakeups = Wakeups()
    one, two, other = (wakeups.subscribe(name) for name in ("a", "a", "b"))
    wakeups.signal("a")
    wakeups.signal("a")
    assert await one.wait(0.01)
    assert await two.wait(1)
    assert not await one.wait(0.01)  # two rings while it was awake are one
    assert not await other.wait(0.01)
    wakeups.unsubscribe("a", one)
    wakeups.signal("a")
    assert not await one.wait(0.01)


def test_a_ring_that_nobody_hears_leaves_nothing() -> None:
    wakeups = Wakeups()
    wakeups.signal("a")
    assert not wakeups._ears


async def test_a_committed_row_wakes_a_worker(database: Database) -> None:
    work = Work()
    worker = asyncio.create_task(drain(database, "rows", work.step, 60))
    await work.until(1)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(work.steps) < 2:  # PostgreSQL's listener may not be there yet
            await database.write(lambda conn: conn.wake("rows"))
            await asyncio.sleep(0.01)
    worker.cancel()


def test_jitter_spreads_by_a_fifth() -> None:
    found = [jittered(10) for _ in range(1_000)]
    assert min(found) >= 8
    assert max(found) <= 12
    assert max(found) - min(found) > 3


async def test_a_cancellation_that_a_step_lost_ends_it() -> None:
    """As the libraries lose one that wait by `asyncio.wait_for` on Python 3.11."""
    begun = asyncio.Event()

    async def step() -> int:
        begun.set()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(PATIENCE_SECONDS)
        return 0

    worker = asyncio.create_task(repeat("rows", Kick(), step, PATIENCE_SECONDS))
    await begun.wait()
    worker.cancel()
    await asyncio.wait([worker], timeout=PATIENCE_SECONDS / 2)
    assert worker.cancelled()
