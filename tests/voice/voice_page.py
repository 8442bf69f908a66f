"""What docs/voice.md says of calls, played on the real PBX: a scenario for each row of its tables.

    python -m pytest tests/voice/test_voice_page.py -s

prints the tables as the run found them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from db import accounts, caller_ids
from telephony.clock import now
from telephony.money import to_json
from telephony.voice.hangups import hang_up
from tests.factories import Customer
from tests.pbx.sip_client import SipClient
from tests.voice.real_pbx import ENDS, SECRET, Voice

PAGE = (Path(__file__).parents[2] / "docs/voice.md").read_text()
END_SECONDS = 40
Cells = list[str]
Act = Callable[[Voice, Customer, str], Awaitable[None]]


def tables(*heading: str) -> list[list[Cells]]:
    """The rows of each table of the page with that heading."""
    top = re.escape(f"| {' | '.join(heading)} |\n")
    found = re.findall(rf"(?m)^{top}\|(?: --- \|)+\n((?:\|.*\n)+)", PAGE)
    return [[line.strip("| ").split(" | ") for line in text.splitlines()] for text in found]


async def _nothing(voice: Voice, who: Customer, call_id: str) -> None:
    """The call goes its way."""


def hung_up_when(*statuses: str) -> Act:
    """The customer asks for the end as soon as the call has one of these states."""

    async def act(voice: Voice, who: Customer, call_id: str) -> None:
        await voice.reached(call_id, *statuses, *ENDS)
        await voice.database.write(hang_up, who.account_id, who.mode, call_id, now())

    return act


@dataclass(frozen=True)
class Try:
    """A call to a number with these last digits; `phone` is what rings first, by its scenario,
    unless a number that ends in `first` does."""

    digits: str
    wish: dict[str, Any] = field(default_factory=dict)
    act: Act = _nothing
    phone: str = "answers"
    first: str = ""


SHORT = {"time_limit_seconds": 2}
BRIEF_RING = {"ring_seconds": 1}
CARRIER = {
    "`403 Forbidden`": Try("0403"),
    "`404 Not Found`": Try("0404"),
    "`408 Request Timeout`": Try("0408"),
    "`480 Temporarily Unavailable`": Try("0480"),
    "`484 Address Incomplete`": Try("0484"),
    "`486 Busy Here`": Try("0486"),
    "`488 Not Acceptable Here`": Try("0488"),
    "`500 Server Internal Error`": Try("0500"),
    "`503 Service Unavailable`": Try("0503"),
    "`600 Busy Everywhere`": Try("0600"),
    "`603 Decline`": Try("0603"),
    "`180`, and nobody answers in time": Try("0180", BRIEF_RING),
    "`183` with early media, and nobody answers in time": Try("0183", BRIEF_RING),
    "`180`, and `200` meets our CANCEL": Try("0487", BRIEF_RING),
    "nothing at all until the ringing time is over": Try("0999", BRIEF_RING),
    "nothing at all for 8 s": Try("0999", {"ring_seconds": 20}),
    "`180`, `200` after 700 ms, talks until the limit": Try("0700", SHORT),
    "`183`, `200` after 500 ms, talks until the limit": Try("0283", SHORT),
    "`200`, a re-INVITE in mid-call, talks until the limit": Try("0200", SHORT),
    "`200`, BYE after 1 s": Try("0016"),
    "`200`, we hang up: `POST …/hangup`": Try("1234", act=hung_up_when("answered")),
    "`180`, we hang up: `POST …/hangup`": Try("0180", act=hung_up_when("ringing")),
}
FIRST_LEG = {
    "is not registered": Try("1234", phone=""),
    "`486 Busy Here`": Try("1234", phone="486 Busy Here"),
    "`480 Temporarily Unavailable`": Try("1234", phone="480 Temporarily Unavailable"),
    "`603 Decline`": Try("1234", phone="603 Decline"),
    "rings, and nobody answers in time": Try("1234", BRIEF_RING, phone="rings"),
    "answers, and hangs up while `to` rings": Try("0180", phone="leaves"),
}

CALL_BACK = {
    "`486 Busy Here`": Try("1234", first="0486"),
    "`503 Service Unavailable`": Try("1234", first="0503"),
    "rings, and nobody answers in time": Try("1234", BRIEF_RING, first="0180"),
    "answers, and hangs up while `to` rings": Try("0180", first="0016"),
    "answers, and `to` is busy": Try("0486", first="1234"),
    "answers, and nobody answers `to` in time": Try("0180", BRIEF_RING, first="1234"),
    "answers, and talks with `to` until the limit": Try("1234", SHORT, first="1234"),
}


@dataclass(frozen=True)
class Refusal:
    """A number that a phone dials (none: its suspended neighbour's name), what is so of its
    account, and what becomes of it in this very moment."""

    dialled: str = "+15550100001"
    facts: dict[str, Any] = field(default_factory=dict)
    status: str = "active"


REFUSALS = {
    "`insufficient_funds`": Refusal(facts={"sip_funds": "0"}),
    "`spend_cap_reached`": Refusal(facts={"spend_day_max": 1}),
    "`account_suspended`": Refusal(status="suspended"),
    "`concurrency_limit`": Refusal(facts={"calls_max": 0}),
    "`destination_not_allowed`": Refusal("+819012345678"),
    "`not_found`": Refusal(""),
    "`validation_error`": Refusal("+4"),
}


async def refused(voice: Voice, one: Refusal) -> Cells:
    """The reason in the call log, the cause that the PBX hung up with, and the phone's answer."""
    who = await voice.customer(phones=2, **one.facts)
    first, second = voice.phones
    sql = "UPDATE sip_account SET status = 'suspended' WHERE username = :name"
    await voice.database.write(lambda conn: conn.run(sql, name=second))
    await voice.database.write(accounts.change, who.account_id, status=one.status)
    with SipClient("127.0.0.1", voice.pbx.settings.sip_port, first, SECRET) as client:
        status = await asyncio.to_thread(client.invite, one.dialled or second)
    row = await voice.only_call(who)
    assert (row["status"], row["cost"], row["to_number"]) == ("failed", 0, one.dialled or second)
    record = await asyncio.to_thread(voice.pbx.cdr, row["channel_id"])
    return [f"`{row['hangup_cause']}`", record["hangupcause"], str(status)]


async def played(voice: Voice, who: Customer, number: str, one: Try, origin: str) -> Cells:
    """Status, cause, SIP code, events, talk time and cost of the call, as the page has them."""
    if one.first:
        origin = number.replace("+1555", "+1556")[: -len(one.first)] + one.first
        await voice.database.write(caller_ids.verify, who.account_id, origin, "test", now())
    call_id = await voice.place(who, number, origin=origin, **one.wish)
    await one.act(voice, who, call_id)
    row = await voice.ended(call_id, END_SECONDS)
    events = [event["event"].removeprefix("call_") for event in await voice.told(call_id)]
    return [
        f"`{row['status']}`", f"`{row['hangup_cause']}`", str(row["sip_code"] or "–"),
        ", ".join(events), str(row["billsec"]), f"{Decimal(str(to_json(row['cost']))):f}",
    ]  # fmt: skip


async def all_played(
    voice: Voice, who: Customer, tries: dict[str, Try], origins: dict[str, str]
) -> list[Cells]:
    """Every call of a table at the same time; `origins` are phones by their scenario."""
    rows = await asyncio.gather(
        *(played(voice, who, f"+1555{at:03d}{one.digits}", one, origins[one.phone])
          for at, one in enumerate(tries.values()))
    )  # fmt: skip
    return [[told, *row] for told, row in zip(tries, rows, strict=True)]


def shown(rows: list[Cells]) -> str:
    """The lines of a table, to be copied to the page."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
