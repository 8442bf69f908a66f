"""Call records that pile up while the platform is away: how quickly they are read, rated and
settled, beside the same lines inserted bare."""

import argparse
import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from api.commands.serve import spare_the_collector
from bench.report import Figure, Report
from db import accounts, ledger, tariffs
from db.connection import Conn
from db.database import Database
from db.migrate import upgrade
from db.session import open_database
from telephony.billing import wallets
from telephony.billing.rating import Rate
from telephony.clock import SECOND, now
from telephony.voice.cdrs import CdrTail
from tests.fixtures_db import PostgresServer, _binaries

LINES = 1_000_000
LINES_PER_SECOND_MIN = 10_000
CUSTOMERS = 100
CALLS_PER_DEED = 5_000
NODE, MODE, CURRENCY = "pbx1", "live", "USD"
HELD = 60_000
FUNDS = 10**15
ANSWERED_OF_TEN = 7
SAY_LINES = 100_000

say = Console(stderr=True).print
RATE = Rate("1", CURRENCY, 6_000, 12_000, 0, 60, 60)


def people(conn: Conn) -> None:
    """The platform and customers with money in their SIP wallets."""
    at = now()
    tariff = tariffs.add_tariff(conn, "bench", CURRENCY, [], at)
    for account_id in (accounts.PLATFORM, *(f"acc_{n}" for n in range(CUSTOMERS))):
        accounts.add_account(conn, at, id=account_id, name=account_id, currency=CURRENCY,
                             tariff_id=tariff)  # fmt: skip
        wallets.open_pots(conn, account_id, CURRENCY)
    for n in range(CUSTOMERS):
        who = f"acc_{n}"
        wallets.fund(conn, who, MODE, FUNDS, reference=f"fund:{n}", actor="bench", now=at)
        wallets.top_up_sip(conn, who, MODE, FUNDS, reference=f"top:{n}", actor="bench", now=at)


def open_calls(conn: Conn, first: int, count: int, began: int) -> None:
    """Calls that talk or ring, each with the hold of its first slice."""
    rate = RATE.to_text()
    rows, holds = [], []
    pots = [ledger.pot(conn, f"acc_{n}", MODE, "sip")["id"] for n in range(CUSTOMERS)]
    for number in range(first, first + count):
        call_id, answered = name(number), number % 10 < ANSWERED_OF_TEN
        rows.append({
            "id": call_id, "channel_id": call_id, "account_id": f"acc_{number % CUSTOMERS}",
            "sip_account": "alice", "mode": MODE, "direction": "outbound",
            "status": "answered" if answered else "ringing", "first_leg": "PJSIP/alice",
            "route": "trunk", "legs": "", "first_legs": "", "to_number": f"+1555{number:07}",
            "from_number": "alice", "caller_id": "+15550111222", "ring_seconds": 30,
            "max_seconds": 300, "time_limit_seconds": 600, "granted_seconds": 300,
            "armed_seconds": 300, "cut_cause": "time_limit", "rate": rate, "currency": CURRENCY,
            "cost": 0, "duration": 0, "billsec": 0, "trunk": "main", "record": "", "node": NODE,
            "created_at": began, "started_at": began, "ringing_at": began + SECOND,
            "answered_at": began + 5 * SECOND if answered else None, "last_seen_at": began,
        })  # fmt: skip
        holds.append({
            "reference": call_id, "ledger_account_id": pots[number % CUSTOMERS], "mode": MODE,
            "amount": HELD, "captured": 0, "state": "open", "created_at": began,
        })  # fmt: skip
    conn.insert_all("call", rows)
    conn.insert_all("hold", holds)
    conn.many("UPDATE ledger_account SET held = held + :held WHERE id = :id",
              [{"id": pot, "held": HELD * count // CUSTOMERS} for pot in pots])  # fmt: skip


def name(number: int) -> str:
    """The id of a call and its channel."""
    return f"call_{number:026}"


def lines(count: int, began: int, chance: random.Random) -> Iterator[bytes]:
    """The records of the calls, in the order in which they ended."""
    seconds = began // SECOND
    for number in range(count):
        answered, talk = number % 10 < ANSWERED_OF_TEN, chance.randrange(1, 280)
        yield json.dumps({
            "uniqueid": name(number), "linkedid": name(number), "sequence": number,
            "accountcode": f"acc_{number % CUSTOMERS}", "channel": f"PJSIP/alice-{number:08x}",
            "dstchannel": f"PJSIP/_main-{number:08x}", "src": "+15550111222",
            "dst": f"+1555{number:07}", "lastapp": "Dial", "start": f"{seconds}.000000",
            "answer": f"{seconds + 5}.000000" if answered else "0.000000",
            "end": f"{seconds + 5 + talk}.250000", "duration": talk + 5, "billsec": talk,
            "disposition": "ANSWERED" if answered else "NO ANSWER",
            "hangupcause": "16" if answered else "19", "sv_first": "",
            "sv_answered": f"{seconds + 5}.000000" if answered else "",
            "sv_dialstatus": "ANSWER" if answered else "NOANSWER",
            "sv_cause": "16" if answered else "19", "sv_sip": "200" if answered else "480",
            "sv_trunk": "main", "sv_phone": "", "sv_more": "",
        }).encode() + b"\n"  # fmt: skip


async def caught_up(db: Database, file: Path, count: int) -> float:
    """Seconds until every line is settled."""
    tail, done, told = CdrTail(db, file, NODE), 0, 0
    began = time.perf_counter()
    while read := await tail.step():
        done += read
        if done - told >= SAY_LINES:
            told = done
            say(f"{done:,} of {count:,} lines, {done / (time.perf_counter() - began):,.0f}/s")
    return time.perf_counter() - began


async def agree(db: Database, count: int) -> None:
    """A fast end counts only if every call and hold has come to it, and the money is right."""
    wanted = {
        "SELECT COUNT(*) AS n FROM call WHERE ended_at IS NOT NULL": count,
        "SELECT COUNT(*) AS n FROM cdr WHERE call_id IS NOT NULL": count,
        "SELECT COUNT(*) AS n FROM hold WHERE state = 'open'": 0,
        "SELECT COUNT(*) AS n FROM event WHERE type = 'call_completed'": count,
        "SELECT COUNT(*) AS n FROM ledger_account WHERE held <> 0": 0,
        "SELECT (SELECT SUM(cost) FROM call) - (SELECT SUM(captured) FROM hold) AS n": 0,
        "SELECT COUNT(*) AS n FROM journal WHERE kind = 'charge'": count * ANSWERED_OF_TEN // 10,
    }
    for sql, number in wanted.items():
        row = await db.one(sql)
        assert row is not None
        assert row["n"] == number, (sql, row["n"], number)


async def measure(url: str, file: Path, count: int) -> float:
    """Lines settled per second."""
    upgrade(url)
    db = await open_database(url)
    try:
        began = now() - 3_600 * SECOND
        await db.write(people)
        for first in range(0, count, CALLS_PER_DEED):
            await db.write(open_calls, first, min(CALLS_PER_DEED, count - first), began)
        with file.open("wb") as writing:
            writing.writelines(lines(count, began, random.Random(1)))
        spare_the_collector()
        seconds = await caught_up(db, file, count)
        await agree(db, count)
        return count / seconds
    finally:
        await db.close()


def bare(file: Path, folder: Path) -> float:
    """The same lines per second in SQLite, one column, nothing done with them."""
    raw = sqlite3.connect(folder / "bare.db")
    raw.execute("PRAGMA journal_mode=WAL")
    raw.execute("CREATE TABLE line (number INTEGER PRIMARY KEY, raw TEXT)")
    began, count = time.perf_counter(), 0
    with file.open("rb") as reading:
        while chunk := reading.readlines(1 << 20):
            raw.executemany("INSERT INTO line (raw) VALUES (?)", ((one,) for one in chunk))
            raw.commit()
            count += len(chunk)
    raw.close()
    return count / (time.perf_counter() - began)


@contextmanager
def urls(folder: Path, database: str) -> Iterator[str]:
    """A new database of that kind."""
    if database == "sqlite":
        yield f"sqlite:///{folder}/bench.db"
        return
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    server = PostgresServer(_binaries(), home)
    server.start()
    try:
        yield server.new_database()
    finally:
        server.stop()


def run(count: int = LINES, databases: tuple[str, ...] = ("sqlite", "postgres")) -> Report:
    """The figures on both databases."""
    report = Report("cdr", "Call records caught up")
    for database in databases:
        with tempfile.TemporaryDirectory() as place, urls(Path(place), database) as url:
            file = Path(place) / "cdr.jsonl"
            settled = asyncio.run(measure(url, file, count))
            report.figures.append(Figure(
                f"{database}: {count:,} lines rated and settled", settled, "lines/s",
                "bare inserts into SQLite", bare(file, Path(place)),
                floor=LINES_PER_SECOND_MIN,
            ))  # fmt: skip
    return report


def main(words: list[str]) -> int:
    """Another number of lines, or one of the databases: prints the table and keeps nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench.cdr", description=__doc__)
    parser.add_argument("--lines", type=int, default=LINES)
    parser.add_argument("--database", choices=("sqlite", "postgres"), action="append")
    asked = parser.parse_args(words)
    run(asked.lines, tuple(asked.database or ("sqlite", "postgres"))).show(Console())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
