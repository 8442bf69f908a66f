"""Records that are read together settle their calls as records that are read one by one."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from db import calls, holds, ledger
from db.connection import Conn, Row
from db.database import Database
from db.session import open_database
from telephony.billing import holds as billing
from telephony.billing import limits, verify, wallets
from telephony.billing.limits import Payer
from telephony.billing.rating import Rate
from telephony.clock import SECOND, now
from telephony.voice import cdrs as reading
from telephony.voice.cdrs import CdrTail, Outcome, read_lines
from tests.factories import Customer, customer
from tests.voice.test_cdrs import line

NODE = "pbx1"
EACH = 40
HELD = 48_000
BEGAN = 1_700_000_000
RATE = Rate("1555", "USD", 6_000, 12_000, 0, 60, 60)


def name(who: Customer, number: int) -> str:
    return f"call_{who.account_id[-8:]}{number:04}"


def open_call(conn: Conn, who: Customer, number: int) -> None:
    """A call in one of the states in which a record may meet it."""
    began, state = BEGAN * SECOND, ("answered", "ringing", "dialing", "answered")[number % 4]
    call_id = name(who, number)
    calls.add(
        conn, id=call_id, channel_id=call_id, account_id=who.account_id, key_id=who.key_id,
        sip_account="alice", mode=who.mode, direction=("outbound", "inbound")[number % 7 == 3],
        status=state, first_leg="PJSIP/alice", route="trunk", legs="", first_legs="",
        to_number=f"+1555{number:07}", from_number="alice", caller_id="+15550111222",
        ring_seconds=30, max_seconds=240, time_limit_seconds=600, granted_seconds=240,
        armed_seconds=240, cut_cause="time_limit", rate=RATE.to_text(), currency="USD",
        record="", node=NODE, cost=0, duration=0, billsec=0, created_at=began,
        started_at=began, last_seen_at=began,
        answered_at=(BEGAN + 3) * SECOND if state == "answered" else None,
        ringing_at=(BEGAN + 1) * SECOND if state != "dialing" else None,
        hangup_at=began if number % 5 == 4 else None, hangup_reason="asked for",
        callback_url="https://example.com/calls" if number % 3 == 0 else None,
    )  # fmt: skip
    # The hold of some is smaller than what they will cost, that of others has expired.
    expires_at = 1 if number % 11 == 5 else None
    amount = HELD // 8 if number % 6 == 1 else HELD
    pot = ledger.pot(conn, who.account_id, who.mode, "sip")
    assert ledger.set_aside(conn, pot["id"], amount)
    holds.add(conn, call_id, pot["id"], amount, began, mode=who.mode,
              expires_at=expires_at)  # fmt: skip


def records(who: Customer, chance: random.Random) -> list[bytes]:
    """A record of each call, some of them more than once; strays; what is no record."""
    found = []
    for number in range(EACH):
        unanswered = number % 4 == 1
        talk = chance.choice((0.4, 1.0, 59.6, 61.0, 200.0, 239.9, 240.2))
        changes: dict[str, Any] = {
            "sequence": number, "sv_trunk": chance.choice(("", "main")),
            "sv_phone": chance.choice(("", "bob")),
            "end": f"{BEGAN + 3 + talk:.6f}", "sv_answered": f"{BEGAN + 3}.000000",
        }  # fmt: skip
        if unanswered:
            status = chance.choice(("NOANSWER", "BUSY", "CANCEL", "CONGESTION"))
            changes |= {"sv_answered": "", "sv_dialstatus": status, "sv_cause": "17"}
        found.append(line(name(who, number), **changes))
    found += [found[3], found[0], line(name(who, 2), sequence=900)]
    found += [line(f"stray-{who.account_id}"), f"no record {who.account_id}\n".encode()]
    return [one.rstrip(b"\n") for one in found]


async def as_left(database: Database, who: Customer) -> dict[str, Any]:
    """All that the records have changed, without ids and names of the customer."""
    numbers = {name(who, number): number for number in range(EACH)}
    of_calls = {"ids": list(numbers)}
    rows = await database.all("SELECT * FROM call WHERE id IN :ids ORDER BY id", **of_calls)
    told = await database.all(
        "SELECT e.subject, e.type, e.payload, e.created_at, COUNT(d.id) AS deliveries FROM event e"
        " LEFT JOIN delivery d ON d.event_id = e.id WHERE e.subject IN :ids"
        " GROUP BY e.id, e.subject, e.type, e.payload, e.created_at ORDER BY e.subject, e.id",
        **of_calls,
    )
    moments = await database.all(
        "SELECT call_id, status, detail, at FROM call_moment WHERE call_id IN :ids"
        " ORDER BY call_id, at, status", **of_calls,
    )  # fmt: skip
    money = await database.all(
        "SELECT j.reference, j.kind, j.at, l.kind AS pot, p.amount FROM journal j"
        " JOIN posting p ON p.journal_id = j.id JOIN ledger_account l ON l.id ="
        " p.ledger_account_id WHERE j.kind IN ('charge', 'surplus') ORDER BY j.reference, l.kind",
    )
    held = await database.all(
        "SELECT reference, amount, captured, state, closed_at FROM hold WHERE reference IN :ids"
        " ORDER BY reference", **of_calls,
    )  # fmt: skip
    spent = await database.all(
        "SELECT period, amount FROM spend WHERE subject = :id ORDER BY period", id=who.account_id
    )
    balances = await ledger.balances(database, who.account_id, who.mode)
    kept = ("status", "cost", "billsec", "duration", "hangup_cause", "sip_code", "ended_at",
            "answered_at", "ringing_at", "trunk", "sip_account")  # fmt: skip

    def plain(row: Row, column: str) -> Row:
        return {**row, column: numbers[row[column].partition(":")[2] or row[column]]}

    mine = [row for row in money if row["reference"].partition(":")[2] in numbers]
    return {
        "calls": [{column: row[column] for column in kept} for row in rows],
        "events": [plain(row, "subject") | {"payload": _payload(row)} for row in told],
        "moments": [plain(row, "call_id") for row in moments],
        "money": [plain(row, "reference") for row in mine],
        "holds": [plain(row, "reference") for row in held],
        "spent": spent, "balances": balances,
    }  # fmt: skip


def _payload(row: Row) -> dict[str, Any]:
    return {key: value for key, value in json.loads(row["payload"]).items() if key != "call_id"}


async def world(database: Database, who: Customer) -> None:
    """The open calls of a customer."""

    def deed(conn: Conn) -> None:
        for number in range(EACH):
            open_call(conn, who, number)
        billing.expire_due(conn, BEGAN * SECOND, EACH)

    await database.write(deed)


@pytest.mark.parametrize("chained", [False, True])
async def test_together_as_one_by_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, chained: bool
) -> None:
    await database.write(wallets.chain_journals, chained)
    one, other = [await customer(database, name=text, sip_funds="10") for text in ("One", "Other")]
    for who in (one, other):
        await world(database, who)
        # Nobody has counted what these holds may spend, as `place` would have.
        await database.write(count_held, who)
    outcomes = await database.write(read_lines, NODE, records(one, random.Random(7)), now())
    monkeypatch.setattr(reading, "LINES_TOGETHER", 1)
    single = await database.write(read_lines, NODE, records(other, random.Random(7)), now())
    assert sorted(outcomes) == sorted(single)
    assert outcomes.count(Outcome.matched) == EACH + 1
    assert {outcome: outcomes.count(outcome) for outcome in set(outcomes)} == {
        Outcome.matched: EACH + 1, Outcome.known: 2, Outcome.stray: 1, Outcome.unreadable: 1,
    }  # fmt: skip
    together, alone = await as_left(database, one), await as_left(database, other)
    for part, what in together.items():
        assert what == alone[part], part
    kinds = {row["kind"] for row in together["money"]}
    assert kinds == {"charge", "surplus"}
    found = await verify.verify(database)
    assert not any(found.values()), found


def count_held(conn: Conn, who: Customer) -> None:
    """Count what is held, on the day of the holds."""
    day = Payer(who.account_id, who.mode, None, BEGAN * SECOND)
    assert limits.spend(conn, day, 10**9) is None


KILLED = """
import asyncio, sys
from pathlib import Path
from db.session import open_database
from telephony.voice.cdrs import CdrTail

async def main(url, file):
    db = await open_database(url)
    await CdrTail(db, Path(file), "pbx1").catch_up()

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.mark.parametrize("instant", ["before-commit:store", "after-commit:store"])
async def test_a_kill_in_the_middle_loses_and_doubles_nothing(
    sqlite_url: str, tmp_path: Path, instant: str
) -> None:
    """A process that dies at the commit of some hundred records, and the next one."""
    database = await open_database(sqlite_url)
    who = await customer(database, sip_funds="10")
    await world(database, who)
    await database.write(count_held, who)
    await database.close()
    file = tmp_path / "cdr.jsonl"
    file.write_bytes(b"".join(one + b"\n" for one in records(who, random.Random(3))))
    died = subprocess.run(
        [sys.executable, "-c", KILLED, sqlite_url, str(file)], check=False,
        env={**os.environ, "SMS_VOIP_FAILPOINT": instant},
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    database = await open_database(sqlite_url)
    try:
        for _ in range(2):
            await CdrTail(database, file, NODE).catch_up()
            left = await as_left(database, who)
            assert all(row["ended_at"] for row in left["calls"])
            ends = [row for row in left["events"] if row["type"] == "call_completed"]
            assert len(ends) == len({row["subject"] for row in ends}) == EACH
            found = await verify.verify(database)
            assert not any(found.values()), found
    finally:
        await database.close()
