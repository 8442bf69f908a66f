"""What the overview shows of an account's traffic: figures of today, series of days for charts."""

from datetime import UTC, datetime

from api.web.page import Facts
from db import traffic
from db.connection import Reader
from db.traffic import DAY
from telephony.clock import SECOND, Instant
from telephony.money import MICROS
from telephony.traffic import Day, together, whole_days


async def traffic_of(
    reader: Reader, account_id: str, mode: str, count: int, now: Instant
) -> Facts:  # fmt: skip
    """Today, the sum of the last `count` days, and each of them."""
    today = now - now % DAY
    rows = await traffic.days(reader, account_id, mode, today - (count - 1) * DAY)
    days = whole_days(rows, today, count)
    return {"today": days[-1], "total": together(days), "labels": [_label(day) for day in days],
            "series": _series(days)}  # fmt: skip


def _label(day: Day) -> str:
    moment = datetime.fromtimestamp(day.at // SECOND, UTC)
    return f"{moment.day} {moment:%b}"


def _series(days: list[Day]) -> dict[str, list[float | int | None]]:
    return {
        "delivered": [day.delivered for day in days],
        "undelivered": [day.undelivered for day in days],
        "answered": [day.answered for day in days],
        "unanswered": [day.unanswered for day in days],
        "message_cost": [day.cost["message"] / MICROS for day in days],
        "call_cost": [day.cost["call"] / MICROS for day in days],
        "delivery_rate": [_rate(day.delivered, day.undelivered) for day in days],
        "answer_rate": [_rate(day.answered, day.unanswered) for day in days],
    }


def _rate(good: int, bad: int) -> float | None:
    """Per cent; None on a day without any, where a line has a gap."""
    return round(100 * good / (good + bad), 1) if good + bad else None
