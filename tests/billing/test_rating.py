"""What a call costs, and how long funds last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.database import Database
from telephony.billing import rating
from telephony.billing.rating import Rate, affordable_seconds, billed_seconds, call_cost
from telephony.errors import DestinationNotAllowedError
from telephony.money import MICROS
from tests.factories import customer

STEPS = [(1, 1), (60, 60), (30, 6), (60, 1), (0, 1), (0, 60), (1, 60)]
DAY = 86_400


def voice(per_minute: int, fee: int = 0, initial: int = 60, increment: int = 60) -> Rate:
    return Rate("1", "USD", 6_000, per_minute, fee, initial, increment)


@pytest.mark.parametrize(
    ("steps", "billsec", "billed"),
    [
        ((60, 60), 0, 0), ((60, 60), 1, 60), ((60, 60), 60, 60), ((60, 60), 61, 120),
        ((30, 6), 1, 30), ((30, 6), 30, 30), ((30, 6), 31, 36), ((30, 6), 36, 36),
        ((30, 6), 37, 42), ((1, 1), 1, 1), ((1, 1), 61, 61), ((0, 60), 1, 60), ((60, 60), -5, 0),
    ],
)  # fmt: skip
def test_talk_time_is_rounded_up_to_the_steps(
    steps: tuple[int, int], billsec: int, billed: int
) -> None:
    assert billed_seconds(voice(1, 0, *steps), billsec) == billed


@pytest.mark.parametrize(
    ("rate", "billsec", "cost"),
    [
        (voice(12_000), 61, 24_000),
        (voice(12_000, 5_000), 1, 17_000),
        (voice(12_000, 5_000), 0, 0),
        (voice(10_000, 0, 1, 1), 1, 167),  # 166.67 millionths: up, once
        (voice(10_000, 0, 1, 1), 59, 9_834),
        (voice(10_000, 0, 1, 1), 60, 10_000),
        (voice(0, 5_000), 1, 5_000),
        (voice(0), 3_600, 0),
    ],
)
def test_a_call_costs_its_fee_and_its_time(rate: Rate, billsec: int, cost: int) -> None:
    assert call_cost(rate, billsec) == cost


@pytest.mark.parametrize(
    ("rate", "funds", "seconds"),
    [
        (voice(12_000), 11_999, 0),
        (voice(12_000), 12_000, 60),
        (voice(12_000), 35_999, 120),
        (voice(12_000, 5_000), 16_999, 0),
        (voice(12_000, 5_000), 17_000, 60),
        (voice(12_000, 5_000), 4_000, 0),
        (voice(12_000, 0, 30, 6), 6_000, 30),
        (voice(12_000, 0, 30, 6), 7_199, 30),
        (voice(12_000, 0, 30, 6), 7_200, 36),
        (voice(10_000, 0, 1, 1), 166, 0),
        (voice(10_000, 0, 1, 1), 167, 1),
        (voice(12_000), 10**12, 1_000),
        (voice(0), 0, 1_000),
        (voice(0, 5_000), 4_999, 0),
        (voice(0, 5_000), 5_000, 1_000),
        (voice(12_000), 0, 0),
    ],
)
def test_funds_last_so_long(rate: Rate, funds: int, seconds: int) -> None:
    assert affordable_seconds(rate, funds, 1_000) == seconds


@given(
    st.integers(0, 10 * MICROS),
    st.integers(0, MICROS),
    st.sampled_from(STEPS),
    st.integers(0, 1_000 * MICROS),
    st.integers(1, DAY),
)
def test_a_grant_never_costs_more_than_the_funds_and_never_wastes_a_step(
    per_minute: int, fee: int, steps: tuple[int, int], funds: int, at_most: int
) -> None:
    rate = voice(per_minute, fee, *steps)
    seconds = affordable_seconds(rate, funds, at_most)
    assert 0 <= seconds <= at_most
    assert call_cost(rate, seconds) <= funds
    if seconds < at_most:
        assert call_cost(rate, seconds + 1) > funds


@given(st.integers(0, 10 * MICROS), st.sampled_from(STEPS), st.integers(0, DAY))
def test_a_longer_call_never_costs_less(
    per_minute: int, steps: tuple[int, int], billsec: int
) -> None:
    rate = voice(per_minute, 100, *steps)
    assert call_cost(rate, billsec) <= call_cost(rate, billsec + 1)
    assert billed_seconds(rate, billsec) >= billsec


def test_a_rate_is_kept_as_it_was() -> None:
    rate = voice(12_000, 5_000, 30, 6)
    assert Rate.from_text(rate.to_text()) == rate
    assert call_cost(rating.free("EUR"), 3_600) == 0
    assert affordable_seconds(rating.free("EUR"), 0, 7_200) == 7_200


async def test_a_number_has_the_rate_of_its_longest_prefix(database: Database) -> None:
    who = await customer(database)

    async def prefix(number: str) -> str:
        rate = await database.write(rating.rate_for, who.account_id, number)
        assert rate.currency == "USD"
        return rate.prefix

    assert await prefix("+15550111222") == "1555"
    assert await prefix("+12125550123") == "1"
    assert await prefix("+491701234567") == "49"
    with pytest.raises(DestinationNotAllowedError, match=r"\+33612345678"):
        await prefix("+33612345678")


async def test_an_account_without_a_tariff_reaches_nobody(database: Database) -> None:
    await customer(database)
    with pytest.raises(DestinationNotAllowedError):
        await database.write(rating.rate_for, "acc_platform", "+15550111222")
