"""What a call costs, and how long funds last."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.billing import rating
from telephony.billing.rating import Rate, affordable_seconds, billed_seconds, call_cost
from telephony.money import MICROS

STEPS = [(1, 1), (60, 60), (30, 6), (60, 1), (0, 1), (0, 60), (1, 60)]
DAY = 86_400


def voice(
    per_minute: int, fee: int = 0, initial: int = 60, increment: int = 60, gratis: int = 0
) -> Rate:
    return Rate("1", "USD", 6_000, per_minute, fee, initial, increment, gratis)


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
        (voice(12_000, 5_000, 60, 60, 10), 10, 0),  # within the free seconds: not even the fee
        (voice(12_000, 5_000, 60, 60, 10), 11, 17_000),
        (voice(12_000, 5_000, 60, 60, 10), 70, 17_000),
        (voice(12_000, 5_000, 60, 60, 10), 71, 29_000),
        (voice(12_000, 0, 0, 6, 10), 11, 1_200),
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
        (voice(12_000, 0, 60, 60, 10), 11_999, 10),
        (voice(12_000, 0, 60, 60, 10), 12_000, 70),
        (voice(12_000, 5_000, 30, 6, 10), 12_199, 40),
        (voice(12_000, 5_000, 30, 6, 10), 12_200, 46),
        (voice(12_000, 0, 60, 60, 2_000), 0, 1_000),
        (voice(0, 5_000, 60, 60, 10), 4_999, 10),
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
    st.integers(0, 120),
)
def test_a_grant_never_costs_more_than_the_funds_and_never_wastes_a_step(
    per_minute: int, fee: int, steps: tuple[int, int], funds: int, at_most: int, gratis: int
) -> None:
    rate = voice(per_minute, fee, *steps, gratis)
    seconds = affordable_seconds(rate, funds, at_most)
    assert 0 <= seconds <= at_most
    assert call_cost(rate, seconds) <= funds
    if seconds < at_most:
        assert call_cost(rate, seconds + 1) > funds


@given(
    st.integers(0, 200_000), st.integers(0, 20_000), st.sampled_from(STEPS),
    st.integers(0, 300_000), st.integers(0, 20),
)  # fmt: skip
def test_the_grant_is_the_very_longest_of_all_talk_times(
    per_minute: int, fee: int, steps: tuple[int, int], funds: int, gratis: int
) -> None:
    """Against every talk time up to ten minutes, one by one."""
    rate = voice(per_minute, fee, *steps, gratis)
    paid_for = [talk for talk in range(601) if call_cost(rate, talk) <= funds]
    assert affordable_seconds(rate, funds, 600) == paid_for[-1]
    assert paid_for == list(range(len(paid_for)))


@given(
    st.integers(0, 10 * MICROS), st.sampled_from(STEPS), st.integers(0, DAY), st.integers(0, 120)
)  # fmt: skip
def test_a_longer_call_never_costs_less(
    per_minute: int, steps: tuple[int, int], billsec: int, gratis: int
) -> None:
    rate = voice(per_minute, 100, *steps, gratis)
    assert call_cost(rate, billsec) <= call_cost(rate, billsec + 1)
    assert billed_seconds(rate, billsec) >= billsec - gratis
    assert call_cost(rate, billsec) <= call_cost(voice(per_minute, 100, *steps), billsec)


@given(st.integers(0, 10 * MICROS), st.sampled_from(STEPS), st.integers(1, DAY))
def test_rounding_costs_the_customer_less_than_a_millionth(
    per_minute: int, steps: tuple[int, int], billsec: int
) -> None:
    rate = voice(per_minute, 0, *steps)
    exact = Fraction(per_minute * billed_seconds(rate, billsec), 60)
    assert 0 <= call_cost(rate, billsec) - exact < 1


def test_a_rate_is_kept_as_it_was() -> None:
    rate = voice(12_000, 5_000, 30, 6)
    assert Rate.from_text(rate.to_text()) == rate
    full = replace(rate, voice_free_seconds=3, country="A", iso="AA", route="r", version_id="trv")
    assert Rate.from_text(full.to_text()) == full
    assert call_cost(rating.free("EUR"), 3_600) == 0
    assert affordable_seconds(rating.free("EUR"), 0, 7_200) == 7_200


def test_a_snapshot_of_another_release_is_read() -> None:
    old = {
        "prefix": "1",
        "currency": "USD",
        "sms_per_segment": 1,
        "voice_per_minute": 2,
        "voice_connect_fee": 3,
        "voice_initial_seconds": 4,
        "voice_increment_seconds": 5,
    }
    kept = Rate.from_text(json.dumps(old))
    assert kept == Rate("1", "USD", 1, 2, 3, 4, 5)
    assert kept.voice_free_seconds == 0
    assert Rate.from_text(json.dumps(old | {"of_a_later_release": 1})) == kept
