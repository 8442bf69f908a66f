"""Why something is done is told in one line; a change of prices in words."""

import pytest

from telephony.admin.rights import REASON_LENGTH_MAX, reason_of
from telephony.billing.decks.changes import Change
from telephony.billing.decks.shown import told
from telephony.errors import ValidationFailedError
from tests.factories import rate


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("bank 17", "bank 17"),
        (" a \n b\t c ", "a b c"),
        ("x" * REASON_LENGTH_MAX, "x" * REASON_LENGTH_MAX),
    ],
)
def test_a_reason_is_one_line(typed: str, reason: str) -> None:
    assert reason_of(typed) == reason


@pytest.mark.parametrize("typed", ["", " \n ", "x" * (REASON_LENGTH_MAX + 1)])
def test_no_reason_is_told_at_its_field(typed: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        reason_of(typed)
    assert caught.value.extra["errors"][0]["field"] == "reason"


def test_a_change_tells_what_moves() -> None:
    old, new = rate("49"), rate("49", sms_per_segment=7_000, voice_initial_seconds=30)
    assert told(Change("49", old, new)) == (
        "49 Country 49: sms_per_segment 0.006000 → 0.007000, voice_initial_seconds 60 → 30"
    )
    assert told(Change("49", None, new)) == told(Change("49", old, None)) == "49 Country 49"
