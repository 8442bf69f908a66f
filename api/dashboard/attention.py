"""What needs somebody's attention in an account, the most urgent first."""

from dataclasses import dataclass, field
from typing import Any

from db import accounts, deliveries, notices, spending, tickets
from db.columns import MODES
from db.connection import Reader, Row
from telephony.billing.limits import Payer
from telephony.clock import SECOND, Instant
from telephony.users.sessions import Member

DAY_SECONDS = 24 * 3600
KEY_ENDS_SECONDS = 7 * DAY_SECONDS
NEARLY = 80
"""Per cent of a cap from which on it is told."""
NOTICES_MAX = 5
FAILED_MAX = 100
"""Failed webhooks are counted no further."""
ANSWERS_MAX = 50


@dataclass(frozen=True)
class Point:
    """Something to look at; the template has a sentence for each kind."""

    kind: str
    facts: dict[str, Any] = field(default_factory=dict)


async def points(db: Reader, member: Member, pots: dict[str, dict[str, Row]], now: Instant
                 ) -> list[Point]:  # fmt: skip
    """Everything that is to be told; `pots` are the wallets by mode."""
    return [
        *_wallets(pots),
        *await _caps(db, member, now),
        *await _told(db, member.account_id),
        *await _webhooks(db, member.account_id, now),
        *await _keys(db, member.account_id, now),
        *await _answers(db, member.account_id),
        *([] if member.two_factor else [Point("two_factor")]),
        *([] if member.live else [Point("not_live")]),
    ]


def _wallets(pots: dict[str, dict[str, Row]]) -> list[Point]:
    return [
        Point("low", {"mode": mode, **pot})
        for mode in MODES
        for pot in pots[mode].values()
        if pot["low_threshold"] is not None and pot["balance"] < pot["low_threshold"]
    ]


async def _caps(db: Reader, member: Member, now: Instant) -> list[Point]:
    found, caps = [], await spending.caps_of(db, member.account_id)
    for mode in MODES:
        periods = Payer(member.account_id, mode, None, now).periods()
        spent = await spending.spent(db, mode, list(periods.values()))
        found += [
            Point("cap", {"mode": mode, "of": name.partition("_")[2], "cap": caps[name],
                          "spent": spent.get(period, 0)})
            for name, period in periods.items()
            if caps[name] is not None and spent.get(period, 0) * 100 >= caps[name] * NEARLY
        ]  # fmt: skip
    return found


async def _told(db: Reader, account_id: str) -> list[Point]:
    return [
        Point("notice", row)
        for mode in MODES
        for row in await notices.unseen(db, account_id, mode, NOTICES_MAX)
    ]


async def _webhooks(db: Reader, account_id: str, now: Instant) -> list[Point]:
    since = now - DAY_SECONDS * SECOND
    failed = await deliveries.count_failed(db, account_id, since, FAILED_MAX)
    return [Point("webhooks", {"count": failed, "more": failed == FAILED_MAX})] if failed else []


async def _keys(db: Reader, account_id: str, now: Instant) -> list[Point]:
    until = now + KEY_ENDS_SECONDS * SECOND
    rows = await accounts.keys_ending(db, account_id, now, until)
    return [Point("key", row) for row in rows]


async def _answers(db: Reader, account_id: str) -> list[Point]:
    count = await tickets.count_waiting(db, "answered", account_id, ANSWERS_MAX)
    return [Point("answers", {"count": count})] if count else []
