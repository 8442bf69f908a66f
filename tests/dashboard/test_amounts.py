"""Amounts that people type: exact, or refused with a sentence at their field."""

import pytest

from api.dashboard.amounts import CAP_MAX, amount_of, cap_of
from telephony.errors import ValidationFailedError


@pytest.mark.parametrize(
    ("typed", "micros"),
    [
        ("25.50", 25_500_000),
        (" 1 ", 1_000_000),
        ("0.000001", 1),
        ("-0.5", -500_000),
        ("−0.5", -500_000),
        ("1e2", 100_000_000),
        ("0", 0),
        ("1000000000", 10**15),
    ],
)
def test_amounts_are_exact(typed: str, micros: int) -> None:
    assert amount_of(typed) == micros


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "free",
        "1,5",
        "1 000",
        "$5",
        "0.0000001",
        "NaN",
        "inf",
        "-inf",
        "1e30",
        "1e999999999",
        "1000000001",
        "--1",
    ],
)
def test_what_is_no_amount_is_told_at_its_field(typed: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        amount_of(typed, "price")
    (error,) = caught.value.extra["errors"]
    assert (error["field"], error["code"]) == ("price", "invalid")
    assert "25.50" in error["message"]


def test_a_cap_may_be_left_out() -> None:
    assert cap_of("", "cap") is None
    assert cap_of("  ", "cap") is None
    assert cap_of("0", "cap") == 0
    assert cap_of(str(CAP_MAX // 10**6), "cap") == CAP_MAX


@pytest.mark.parametrize("typed", ["-0.000001", "much", "1e20"])
def test_a_cap_is_never_below_zero_or_beyond_what_can_be_stored(typed: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        cap_of(typed, "cap")
    assert caught.value.extra["errors"][0]["field"] == "cap"
