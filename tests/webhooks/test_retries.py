"""The schedule, and the decision after each attempt."""

import pytest

from telephony.queue import jittered
from telephony.webhooks.retries import RETRY_SECONDS, verdict


def exactly(seconds: float) -> float:
    return seconds


def test_the_schedule_is_the_documented_one() -> None:
    assert RETRY_SECONDS == (5, 30, 120, 600, 3600, 10_800, 28_800, 86_400)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_the_end(status: int) -> None:
    assert verdict(status, 1, 0, exactly) == ("delivered", 0)
    assert verdict(status, 9, 500, exactly) == ("delivered", 0)


@pytest.mark.parametrize("status", [None, 199, 300, 302, 307, 400, 401, 404, 429, 500, 503])
def test_anything_else_is_tried_eight_more_times(status: int | None) -> None:
    seen = [verdict(status, number, 0, exactly) for number in range(1, 10)]
    assert seen == [*[("pending", float(wait)) for wait in RETRY_SECONDS], ("failed", 0)]


@pytest.mark.parametrize("number", [1, 5, 9])
def test_gone_means_never_again(number: int) -> None:
    assert verdict(410, number, 60, exactly) == ("failed", 0)


@pytest.mark.parametrize(("asked", "waited"), [(0, 5), (1, 5), (5, 5), (90, 90), (86_400, 86_400),
                                              (86_401, 86_400), (1e12, 86_400)])  # fmt: skip
def test_retry_after_only_puts_off_and_at_most_a_day(asked: float, waited: float) -> None:
    assert verdict(503, 1, asked, exactly) == ("pending", waited)


def test_jitter_spreads_the_retries() -> None:
    waits = {verdict(500, 2, 0, jittered)[1] for _ in range(200)}
    assert len(waits) > 100
    assert 24 <= min(waits) < 27
    assert 33 < max(waits) <= 36
