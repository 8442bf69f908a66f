"""On the real PBX: money ends a call at its second, and calls of one account share it exactly.
All scenarios run at the same time; each test looks at what came of one."""

import asyncio
import shutil
import time
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from db.session import open_database
from telephony.billing.rating import affordable_seconds, billed_seconds
from tests.factories import Customer
from tests.fixtures_pbx import LoopThread, Pbx
from tests.voice.credit import (
    SECRET,
    SLICE_SECONDS,
    Credit,
    number,
    on_pbx,
    price,
    rate_of,
    talk,
    total,
    working,
)

CLOSE_SECONDS = 1.0
ALONE = {"1/1": 11, "6/6": 12, "3/1": 9, "30/6": 36, "60/60": 60}
"""Seconds of talk that the only call of an account has money for."""
TOGETHER = {"1/1": 100, "6/6": 96, "3/1": 100, "30/6": 96, "60/60": 60}
"""Seconds of talk, of 100 that ten calls of one account have money for, that whole billing steps
can use, if as few calls share them as there are first steps in them."""
TEN = 10


@dataclass
class Outcome:
    """What came of a scenario: its calls, and the wallet at the start and at the end."""

    funds: int
    balance: int
    held: int
    calls: list[dict[str, Any]]
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def call(self) -> dict[str, Any]:
        (only,) = self.calls
        return only


@dataclass
class Scenarios:
    """Each is a method that makes a customer, lets it call, and waits for the end."""

    pbx: Pbx
    credit: Credit

    async def outcome(
        self, who: Customer, funds: int, ids: list[str], **measured: float
    ) -> Outcome:
        calls = [await self.credit.ended(one) for one in ids]
        balance, held = await self.credit.wallet(who)
        return Outcome(funds, balance, held, calls, measured)

    async def alone(self, steps: str) -> Outcome:
        """One call of the API, with a millionth less than the next step would cost."""
        step = rate_of(steps).voice_increment_seconds
        funds = price(steps, ALONE[steps] + step) - 1
        who = await self.credit.customer(funds)
        return await self.outcome(who, funds, [(await self.credit.place(who, steps)).call_id])

    async def dialled(self, steps: str, mode: str = "test") -> Outcome:
        """A phone dials; the times are the phone's own."""
        funds = price(steps, ALONE[steps])
        who = await self.credit.customer(funds, mode)
        username = await self.credit.phone_of(who)
        began, over = await asyncio.to_thread(self._dial, username, number(steps))
        (row,) = await self.credit.calls_of(who)
        return await self.outcome(who, funds, [row["id"]], talk=over - began)

    def _dial(self, username: str, to: str) -> tuple[float, float]:
        with self.pbx.phone(username, SECRET) as phone:
            assert phone.invite(to) == 200
            began = time.time()
            return began, phone.serve("BYE", 90)

    async def together(self, steps: str) -> Outcome:
        """Ten calls at once on funds for 100 seconds, and one connect fee for each that starts."""
        starting = 100 // max(10, rate_of(steps).voice_initial_seconds)
        per_second = rate_of(steps).voice_per_minute * 100 // 60
        funds = per_second + starting * rate_of(steps).voice_connect_fee
        who = await self.credit.customer(funds)
        return await self.outcome(who, funds, await self.credit.place_many(who, steps, TEN))

    async def limited(self) -> Outcome:
        """A time limit that comes before the end of the money."""
        who = await self.credit.customer(1_000_000)
        placed = await self.credit.place(who, "1/1", limit=9)
        return await self.outcome(who, 1_000_000, [placed.call_id])

    async def topped_up(self) -> Outcome:
        """Money for 6 seconds, and 5 more when 4.5 have been talked."""
        first, more = price("1/1", 6), price("1/1", 5)
        who = await self.credit.customer(first)
        call_id = (await self.credit.place(who, "1/1")).call_id
        await self.credit.until(call_id, status="answered")
        await asyncio.sleep(4.5)
        await self.credit.top_up(who, more)
        return await self.outcome(who, first + more, [call_id])

    async def hung_up(self) -> Outcome:
        """The other side hangs up after 3 seconds, long before the end of the money."""
        who = await self.credit.customer(1_000_000)
        call_id = (await self.credit.place(who, "1/1")).call_id
        row = await self.credit.until(call_id, status="answered")
        await asyncio.sleep(6)
        await asyncio.to_thread(self._hang_up, row["channel_id"])
        return await self.outcome(who, 1_000_000, [call_id])

    def _hang_up(self, channel: str) -> None:
        with self.pbx.ami() as ami:
            assert ami.send("Hangup", Channel=channel)["Response"] == "Success"

    async def all(self) -> dict[str, Outcome]:
        work: dict[str, Coroutine[Any, Any, Outcome]] = {
            **{f"alone {steps}": self.alone(steps) for steps in ALONE if steps != "60/60"},
            "dialled 60/60": self.dialled("60/60"),
            "dialled 1/1": self.dialled("1/1"),
            "dialled trunk 3/1": self.dialled("3/1", "live"),
            **{f"together {steps}": self.together(steps) for steps in TOGETHER},
            "limited": self.limited(),
            "topped up": self.topped_up(),
            "hung up": self.hung_up(),
        }
        return dict(zip(work, await asyncio.gather(*work.values()), strict=True))


@pytest.fixture(scope="module")
def outcomes(pbx: Pbx, migrated_sqlite: Path) -> Iterator[dict[str, Outcome]]:
    thread = LoopThread()
    path = Path(shutil.copy(migrated_sqlite, migrated_sqlite.with_name("credit.db")))
    yield thread.run(_outcomes(pbx, path), 150)
    thread.close()


async def _outcomes(pbx: Pbx, path: Path) -> dict[str, Outcome]:
    database = await open_database(f"sqlite:///{path}")
    try:
        what = on_pbx(pbx, database)
        async with working(pbx, what):
            return await Scenarios(pbx, what).all()
    finally:
        await database.close()


def test_every_cut_is_close(
    outcomes: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    """How far from its paid second each call that was cut ended, in milliseconds."""
    late = {
        name: [1000 * (talk(row) - row["granted_seconds"]) for row in one.calls
               if row["hangup_cause"] in ("funds_exhausted", "time_limit")]
        for name, one in outcomes.items()
    }  # fmt: skip
    with capsys.disabled():
        for name, cuts in late.items():
            paid = sum(row["billsec"] for row in outcomes[name].calls)
            shown = ", ".join(f"{cut:+.0f}" for cut in sorted(cuts))
            print(f"\n  {name}: {paid} s paid, cut at {shown or '-'} ms", end="")
    assert all(abs(cut) < 1000 * CLOSE_SECONDS for cuts in late.values() for cut in cuts)


def assert_paid(one: Outcome) -> None:
    """Nothing is held any more, and what was captured is what is gone, never above the funds."""
    assert one.held == 0
    assert one.funds - one.balance == total(one.calls, "cost") <= one.funds


def assert_cut(one: Outcome, seconds: int, cause: str, steps: str) -> None:
    row = one.call
    assert abs(talk(row) - seconds) < CLOSE_SECONDS, talk(row)
    assert (row["status"], row["hangup_cause"], row["billsec"]) == ("completed", cause, seconds)
    assert row["cost"] == price(steps, seconds)
    assert row["granted_seconds"] == row["armed_seconds"] == seconds
    assert_paid(one)


@pytest.mark.parametrize("steps", [steps for steps in ALONE if steps != "60/60"])
def test_a_call_is_cut_at_the_end_of_its_money(outcomes: dict[str, Outcome], steps: str) -> None:
    assert_cut(outcomes[f"alone {steps}"], ALONE[steps], "funds_exhausted", steps)


@pytest.mark.parametrize("what", ["60/60", "1/1", "trunk 3/1"])
def test_a_call_that_a_phone_dials_is_cut_the_same(outcomes: dict[str, Outcome], what: str) -> None:
    one, steps = outcomes[f"dialled {what}"], what.split()[-1]
    assert_cut(one, ALONE[steps], "funds_exhausted", steps)
    assert abs(one.measured["talk"] - ALONE[steps]) < CLOSE_SECONDS, one.measured


@pytest.mark.parametrize("steps", TOGETHER)
def test_ten_calls_share_one_balance(outcomes: dict[str, Outcome], steps: str) -> None:
    one = outcomes[f"together {steps}"]
    assert_paid(one)
    rate = rate_of(steps)
    billed = sum(billed_seconds(rate, row["billsec"]) for row in one.calls)
    assert TOGETHER[steps] - TEN <= billed <= 100
    assert {row["status"] for row in one.calls} == {"completed"}
    for row in one.calls:
        assert talk(row) < row["granted_seconds"] + CLOSE_SECONDS, row
        assert row["hangup_cause"] in ("funds_exhausted", "normal_clearing")
    # What is left would not lengthen any call by a step.
    assert one.balance < price(steps, rate.voice_initial_seconds + 1)


def test_the_time_limit_ends_a_call_that_has_money_left(outcomes: dict[str, Outcome]) -> None:
    assert_cut(outcomes["limited"], 9, "time_limit", "1/1")
    assert outcomes["limited"].call["max_seconds"] == 9


def test_a_top_up_lengthens_a_call(outcomes: dict[str, Outcome]) -> None:
    one = outcomes["topped up"]
    assert one.call["max_seconds"] == 6
    bought = affordable_seconds(rate_of("1/1"), one.funds, 60)
    assert_cut(one, bought, "funds_exhausted", "1/1")
    assert bought > 6 + SLICE_SECONDS


def test_what_is_paid_for_and_not_talked_comes_back(outcomes: dict[str, Outcome]) -> None:
    one = outcomes["hung up"]
    row = one.call
    assert (row["hangup_cause"], row["billsec"]) == ("normal_clearing", round(talk(row)))
    assert row["granted_seconds"] > row["billsec"] >= 6
    assert row["cost"] == price("1/1", row["billsec"])
    assert_paid(one)
