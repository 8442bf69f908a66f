"""How much is taken for a receiver: more while it is quick, little once it is slow."""

import pytest

from telephony.webhooks.attempt import Attempt
from telephony.webhooks.lanes import (
    QUICK_US,
    ROOM_MAX,
    ROOM_MIN,
    ROOM_START,
    SENDERS_MAX,
    SLOW_US,
    Lane,
)

QUICK = Attempt(0, QUICK_US, 200)
SLOW = Attempt(0, SLOW_US, 200)
LOST = Attempt(0, SLOW_US * 5, error="No reply within 10 seconds.")


def test_a_quick_receiver_earns_room_up_to_a_limit() -> None:
    lane = Lane()
    assert not lane.quick
    for _ in range(ROOM_MAX):
        lane.learn(QUICK)
    assert lane.room == ROOM_MAX
    assert lane.quick


@pytest.mark.parametrize("attempt", [SLOW, LOST])
def test_a_slow_one_soon_holds_few_places(attempt: Attempt) -> None:
    lane = Lane()
    for _ in range(5):
        lane.learn(attempt)
    assert lane.room == ROOM_MIN < ROOM_START


@pytest.mark.parametrize(
    "attempt", [Attempt(0, QUICK_US, 500), Attempt(0, QUICK_US + 1, 200), Attempt(0, 1, error="x")]
)
def test_what_is_neither_says_nothing(attempt: Attempt) -> None:
    lane = Lane()
    lane.learn(attempt)
    assert lane.room == ROOM_START


def test_a_receiver_gets_no_more_connections_than_rows_room_or_the_limit() -> None:
    lane = Lane(room=ROOM_MAX)
    lane.rows.extend({"id": str(number)} for number in range(ROOM_MAX))
    while lane.wants_sender:
        lane.senders += 1
    assert lane.senders == SENDERS_MAX
    one = Lane()
    assert not one.wants_sender
    one.rows.append({"id": "dlv_1"})
    assert one.wants_sender
    shy = Lane(room=ROOM_MIN, senders=ROOM_MIN)
    shy.rows.extend({"id": str(number)} for number in range(9))
    assert not shy.wants_sender
