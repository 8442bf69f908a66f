"""The rate of one provider: by a clock that the test turns, and as an SMSC says."""

import asyncio
import time

import pytest

from telephony.sms.providers import smpp_outbox
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_throttle import RATE_MIN, Throttle
from tests.fixtures_smsc import Smsc
from tests.sms.hostile import Peer, hostile, idle
from tests.sms.support import Sink, bound, config, refused, submission, submitted, until


def taken(throttle: Throttle, start: float, seconds: float, step: float = 0.01) -> int:
    """How many go in that time if all go that may."""
    total = 0
    for tick in range(int(seconds / step)):
        now = start + tick * step
        count = throttle.allowance(now)
        if count is None:
            count = 10  # 1,000 a second
        throttle.took(count, now)
        total += count
    return total


@pytest.mark.parametrize("rate", [1, 7, 100, 2500])
def test_a_limit_is_kept(rate: int) -> None:
    total = taken(Throttle(rate, 0), 0, 10)
    assert 9 * rate <= total <= 10 * rate + max(1, rate * 0.1)


def test_without_a_limit_all_may_go() -> None:
    assert Throttle(None, 0).allowance(5) is None


def test_an_idle_time_saves_no_more_than_a_burst() -> None:
    throttle = Throttle(100, 0)
    assert throttle.allowance(1_000) == 10


def test_throttling_halves_what_was_sent_and_time_gives_it_back() -> None:
    throttle = Throttle(None, 0)
    taken(throttle, 0, 3)
    throttle.throttled(3)
    assert 450 <= throttle.rate <= 550
    assert 400 <= taken(throttle, 3, 1) <= 560
    after = taken(throttle, 4, 5) / 5
    assert 550 <= after <= 850
    taken(throttle, 9, 120)
    assert throttle.allowance(130) is None  # ten times as fast and no complaint: no limit


def test_the_answers_of_one_round_are_one_sign() -> None:
    throttle = Throttle(None, 0)
    taken(throttle, 0, 3)
    for number in range(50):
        throttle.throttled(3 + number / 1000)
    assert throttle.rate >= 450
    throttle.throttled(4.1)
    assert throttle.rate < 450


def test_a_rate_never_falls_to_nothing_and_never_exceeds_its_ceiling() -> None:
    throttle = Throttle(50, 0)
    for second in range(100):
        throttle.throttled(second)
    assert throttle.rate == RATE_MIN
    taken(throttle, 101, 3_000, 0.5)
    assert throttle.rate == 50


async def test_a_provider_keeps_its_rate(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink(), messages_per_second=50) as provider:
        start = time.monotonic()
        outcomes = await provider.submit([submission()] * 60)
        elapsed = time.monotonic() - start
    assert len({submitted(outcome) for outcome in outcomes}) == 60
    assert elapsed > 0.9  # 54 of them had to wait


async def test_throttled_ones_come_back_at_once_and_the_rest_goes_slower(smsc: Smsc) -> None:
    smsc.knobs(throttle=5)
    async with bound(smsc.port, Sink()) as provider:
        outcomes = await provider.submit([submission(str(n)) for n in range(20)])
        assert provider.figures()["rejected.smsc_throttled"] == 5
        assert "messages_per_second_max" in provider.figures()
    assert [refused(outcome).throttled for outcome in outcomes[:5]] == [True] * 5
    assert all(submitted(outcome) for outcome in outcomes[5:])


async def test_one_that_is_throttled_leaves_another_alone(smsc: Smsc) -> None:
    async def slow_down(peer: Peer) -> None:
        await peer.accept_bind()
        while True:
            pdu = await peer.expect(4)
            peer.send(0x80000004, pdu.sequence, status=0x58)

    async with (
        hostile(slow_down) as strict,
        bound(strict.port, Sink()) as throttled,
        bound(smsc.port, Sink()) as free,
    ):
        slow = asyncio.create_task(throttled.submit([submission()] * 200))
        start = time.monotonic()
        assert all(map(submitted, await free.submit([submission()] * 200)))
        assert time.monotonic() - start < 3
        assert free.figures().get("messages_per_second_max") is None
        slow.cancel()


# ── room ──────────────────────────────────────────────────────────────────────────────────────


async def test_there_is_no_room_before_there_is_a_bind(smsc: Smsc) -> None:
    provider = SmppProvider(config(smsc.port, window=10))
    asked = asyncio.create_task(provider.room())
    await asyncio.sleep(0.15)
    assert not asked.done()
    await provider.start(Sink())
    assert await asked == 20  # the window, and as much at hand
    await provider.stop()


async def test_room_is_what_window_and_rate_leave() -> None:
    async with hostile(idle) as deaf, bound(deaf.port, Sink(), window=10) as provider:
        submitting = asyncio.create_task(provider.submit([submission()] * 17))
        await asyncio.sleep(0.02)
        assert await provider.room() == 3
        submitting.cancel()
    async with (
        hostile(idle) as deaf,
        bound(deaf.port, Sink(), window=500, messages_per_second=40) as provider,
    ):
        assert 1 <= await provider.room() <= 14


async def test_what_waits_too_long_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smpp_outbox, "WAIT_SECONDS_MAX", 0.1)
    changes = {"window": 1, "response_seconds": 0.4, "enquire_link_seconds": 0.4}
    async with hostile(idle) as deaf, bound(deaf.port, Sink(), **changes) as provider:
        first, *rest = await provider.submit([submission()] * 5)
    assert refused(first).code == "response_timeout"
    busy = [refused(outcome) for outcome in rest]
    assert {(error.code, error.retryable) for error in busy} == {("provider_busy", True)}


async def test_what_a_cancelled_caller_left_waiting_is_never_sent(smsc: Smsc) -> None:
    smsc.knobs(response_ms=100)
    async with bound(smsc.port, Sink(), window=1) as provider:
        gone = asyncio.create_task(provider.submit([submission("1"), submission("gone")]))
        await until(lambda: smsc.counts["submits"] == 1)
        gone.cancel()
        submitted((await provider.submit([submission("kept")]))[0])
    assert [pdu["text"] for pdu in smsc.submits] == ["1", "kept"]
