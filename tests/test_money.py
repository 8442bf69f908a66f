"""Amounts go in and out of millionths without losing one."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.money import AMOUNT_MAX, MICROS, share, shown, to_json, to_micros

AMOUNTS = st.integers(-AMOUNT_MAX * MICROS, AMOUNT_MAX * MICROS)


@pytest.mark.parametrize(
    ("amount", "micros"),
    [
        ("0.006", 6_000), ("25", 25 * MICROS), (25, 25 * MICROS), (Decimal("0.000001"), 1),
        ("1.50", 1_500_000), ("1.000000000", MICROS), ("1e-6", 1), ("1E3", 1_000 * MICROS),
        ("0", 0), ("-0", 0), ("-0.5", -500_000), ("1000000000", 10**15),
    ],
)  # fmt: skip
def test_an_amount_becomes_millionths(amount: Decimal | int | str, micros: int) -> None:
    assert to_micros(amount) == micros


@pytest.mark.parametrize(
    "amount",
    [
        "0.0000001", "1.0000009999999", "1e-7", "1." + "0" * 40 + "1",
        "", "ten", "1,5", "0x10", "NaN", "sNaN", "Infinity", "-Infinity",
        "1000000000.000001", "-1000000001", "1e30", "1e999999", "1e99999999999999999999",
    ],
)  # fmt: skip
def test_what_is_no_exact_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        to_micros(amount)


@pytest.mark.parametrize(
    ("micros", "number"),
    [(6_000, 0.006), (25 * MICROS, 25), (1, 0.000001), (0, 0), (-500_000, -0.5), (-MICROS, -1)],
)
def test_json_shows_a_number(micros: int, number: float) -> None:
    assert to_json(micros) == number
    assert type(to_json(micros)) is type(number)


@given(AMOUNTS)
def test_json_and_back_is_the_same(micros: int) -> None:
    assert to_micros(Decimal(repr(to_json(micros)))) == micros


@pytest.mark.parametrize(
    ("price", "part", "whole", "expected"),
    [
        (10_000, 1, 60, 167), (10_000, 60, 60, 10_000), (10_000, 0, 60, 0), (0, 5, 60, 0),
        (1, 1, 60, 1), (60, 1, 60, 1), (61, 1, 60, 2),
        (10**40 + 1, 1, 10, 10**39 + 1),  # more digits than Decimal keeps
    ],
)  # fmt: skip
def test_a_share_is_rounded_up_once(price: int, part: int, whole: int, expected: int) -> None:
    assert share(price, part, whole) == expected


@given(st.integers(0, 10**15), st.integers(0, 10**6), st.integers(1, 3_600))
def test_a_share_is_the_least_that_covers_it(price: int, part: int, whole: int) -> None:
    found = share(price, part, whole)
    assert found * whole >= price * part > (found - 1) * whole


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (25 * MICROS, "25.00 USD"), (6_000, "0.006 USD"), (0, "0.00 USD"), (1, "0.000001 USD"),
        (1_500_000, "1.50 USD"), (100 * MICROS, "100.00 USD"), (-500_000, "-0.50 USD"),
    ],
)  # fmt: skip
def test_people_see_at_least_two_decimals(micros: int, text: str) -> None:
    assert shown(micros, "USD") == text
