"""The examples of docs/money.md are what the code does."""

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from db import accounts, ledger
from db.connection import Conn
from db.database import Database
from telephony.billing import adjustments, holds, wallets
from telephony.billing.adjustments import RefundError
from telephony.billing.decks.reader import read
from telephony.billing.rating import Rate, affordable_seconds, billed_seconds, call_cost
from telephony.errors import InsufficientFundsError, SpendCapReachedError
from telephony.money import Micros, to_json, to_micros
from telephony.settings import Settings
from telephony.voice import grants
from tests.factories import Customer, customer

PAGE = (Path(__file__).parents[2] / "docs/money.md").read_text()
NOW = 1_768_000_000_000_000
SLICE_SECONDS = 60
HOUR_SECONDS = 3_600
RING_SECONDS = 30
IN_SLICES = Rate("1", "USD", 0, 12_000, 5_000, 60, 60)
"""The rate that the page names above its tables of slices."""
REFUSALS = (InsufficientFundsError, SpendCapReachedError, RefundError)

Cells = list[str]


def tables(*heading: str) -> list[list[Cells]]:
    """The rows of each table with that heading."""
    top = re.escape(f"| {' | '.join(heading)} |\n")
    found = re.findall(rf"(?m)^{top}\|(?: --- \|)+\n((?:\|.*\n)+)", PAGE)
    return [[line.strip("| ").split(" | ") for line in text.splitlines()] for text in found]


def only(*heading: str) -> list[Cells]:
    """The rows of the only table with that heading."""
    (rows,) = tables(*heading)
    return rows


def amount(text: str) -> Micros:
    return to_micros(Decimal(text))


def rate(per_minute: str, fee: str, steps: str, gratis: str) -> Rate:
    initial, increment = map(int, steps.split("/"))
    return Rate("1", "USD", 0, amount(per_minute), amount(fee), initial, increment, int(gratis))


def shown(*amounts: Micros) -> Cells:
    return [f"{Decimal(str(to_json(one))):f}" for one in amounts]


MESSAGES = ("price of a segment", "segments", "cost")
CALLS = ("per minute", "fee", "steps", "free", "talk", "billed", "cost")
FUNDS = ("per minute", "fee", "steps", "free", "funds", "lasts")
POTS = ("step", "wallet", "held", "SIP wallet", "held")
SLICES = ("step", "granted", "SIP wallet", "held")


def test_every_table_of_figures_is_computed() -> None:
    known = [MESSAGES, CALLS, FUNDS, POTS, SLICES]
    lines = re.findall(r"(?m)^\| --- .*$", PAGE)
    assert len(lines) == sum(len(tables(*heading)) for heading in known)
    assert (len(tables(*POTS)), len(tables(*SLICES))) == (5, 4)


@pytest.mark.parametrize("row", only(*MESSAGES), ids=" ".join)
def test_messages(row: Cells) -> None:
    assert shown(amount(row[0]) * int(row[1])) == row[2:]


@pytest.mark.parametrize("row", only(*CALLS), ids=" ".join)
def test_calls(row: Cells) -> None:
    used, talk = rate(*row[:4]), int(row[4])
    assert [str(billed_seconds(used, talk)), *shown(call_cost(used, talk))] == row[5:]


@pytest.mark.parametrize("row", only(*FUNDS), ids=" ".join)
def test_funds(row: Cells) -> None:
    used, funds = rate(*row[:4]), amount(row[4])
    lasts = affordable_seconds(used, funds, HOUR_SECONDS)
    assert str(lasts) == row[5]
    assert call_cost(used, lasts) <= funds < call_cost(used, lasts + 1)


class Books:
    """Carries out the steps of a table, one transaction each."""

    def __init__(self, who: Customer, kind: str) -> None:
        self.who = who
        self.kind = kind
        self.granted: dict[str, int] = {}
        self.first: dict[str, grants.FirstLeg] = {}
        self.steps = 0

    def do(self, conn: Conn, words: list[str]) -> None:
        self.steps += 1
        verbs: dict[str, Callable[..., object]] = {
            "fund": self.fund, "top": self.top_up, "hold": self.hold, "capture": self.capture,
            "release": self.release, "refund": self.refund, "adjust": self.adjust,
            "cap": self.cap, "begin": self.begin, "call-back": self.call_back,
            "lengthen": self.lengthen, "end": self.end,
        }  # fmt: skip
        verbs[words[0]](conn, *words[1:])

    @property
    def facts(self) -> dict[str, str]:
        return {"reference": f"step:{self.steps}", "actor": "an accountant"}

    def fund(self, conn: Conn, value: str) -> None:
        who = self.who
        wallets.fund(conn, who.account_id, who.mode, amount(value), now=NOW, **self.facts)
        if self.kind == "sip":
            self.top_up(conn, "up", value)

    def top_up(self, conn: Conn, _: str, value: str) -> None:
        facts = self.facts | {"reference": f"top-up:{self.steps}"}
        who = self.who
        wallets.top_up_sip(conn, who.account_id, who.mode, amount(value), now=NOW, **facts)

    def hold(self, conn: Conn, name: str, value: str) -> None:
        holds.place(conn, self.who.account_id, self.who.mode, self.kind, amount(value),
                    reference=name, now=NOW)  # fmt: skip

    def capture(self, conn: Conn, name: str, value: str) -> None:
        holds.capture(conn, name, self.who.mode, amount(value), NOW)

    def release(self, conn: Conn, name: str) -> None:
        holds.release(conn, name, self.who.mode, NOW)

    def refund(self, conn: Conn, name: str, value: str) -> None:
        adjustments.refund(
            conn, f"charge:{name}", amount(value), reason="example", now=NOW, **self.facts
        )

    def adjust(self, conn: Conn, value: str) -> None:
        adjustments.adjust(conn, self.who.account_id, self.who.mode, self.kind, amount(value),
                           reason="example", now=NOW, **self.facts)  # fmt: skip

    def cap(self, conn: Conn, value: str) -> None:
        accounts.change(conn, self.who.account_id, spend_day_max=amount(value))

    def begin(self, conn: Conn, name: str) -> None:
        self.granted[name] = grants.begin(conn, self.payer(name), SLICE_SECONDS, NOW).seconds

    def call_back(self, conn: Conn, name: str) -> None:
        self.first[name] = grants.FirstLeg(IN_SLICES, grants.waits(RING_SECONDS))
        self.begin(conn, name)

    def lengthen(self, conn: Conn, name: str, _: str, seconds: str) -> None:
        payer, before = self.payer(name), self.granted[name]
        self.granted[name] = grants.lengthen(conn, payer, before, int(seconds), NOW).seconds

    def end(self, conn: Conn, name: str, _: str, seconds: str, *first: str) -> None:
        cost = call_cost(IN_SLICES, min(int(seconds), self.granted[name]))
        if first:  # "and 75"
            cost += call_cost(IN_SLICES, int(first[-1]))
        holds.capture(conn, name, self.who.mode, cost, NOW)

    def payer(self, name: str) -> grants.Payer:
        return grants.Payer(self.who.account_id, self.who.mode, name, IN_SLICES, HOUR_SECONDS,
                            first=self.first.get(name))  # fmt: skip


async def carry_out(database: Database, books: Books, step: str) -> None:
    """One step; it must be refused where the page says so, and then leave nothing."""
    words = step.removesuffix(" (refused)").split()
    if not step.endswith("(refused)"):
        await database.write(books.do, words)
        return
    with pytest.raises(REFUSALS):
        await database.write(books.do, words)


async def pots(database: Database, who: Customer, *kinds: str) -> Cells:
    """Balance and amount held of each."""
    rows = await ledger.balances(database, who.account_id, who.mode)
    return [cell for kind in kinds for cell in shown(rows[kind]["balance"], rows[kind]["held"])]


@pytest.mark.parametrize("rows", tables(*POTS), ids=lambda rows: rows[-1][0])
async def test_holds_top_ups_refunds_and_caps(database: Database, rows: list[Cells]) -> None:
    who = await customer(database, funds="0")
    books = Books(who, "wallet")
    for step, *after in rows:
        await carry_out(database, books, step)
        assert await pots(database, who, "wallet", "sip") == after, step


@pytest.mark.parametrize("rows", tables(*SLICES), ids=lambda rows: rows[-1][0])
async def test_slices(database: Database, rows: list[Cells]) -> None:
    who = await customer(database, funds="0")
    books = Books(who, "sip")
    for step, granted, *after in rows:
        await carry_out(database, books, step)
        name = step.split()[1]
        assert str(books.granted.get(name, 0)) == granted, step
        assert await pots(database, who, "sip") == after, step


def test_the_page_names_the_rate_and_the_slice() -> None:
    assert "With 0.012 a minute, 60/60, and a connect fee of 0.005:" in PAGE
    assert f"a ringing time of {RING_SECONDS} seconds (so a first leg of 35 seconds" in PAGE
    assert grants.waits(RING_SECONDS) == 35
    assert "(`SMS_VOIP_CALL_SLICE_SECONDS`, 60)" in PAGE
    assert Settings.model_fields["call_slice_seconds"].default == SLICE_SECONDS


def test_the_price_list_of_the_page_can_be_read() -> None:
    (deck,) = re.findall(r"```\n(prefix,.*?)```", PAGE, re.DOTALL)
    (row,) = read(deck.splitlines())
    assert (row["prefix"], row["voice_per_minute"], row["voice_free_seconds"]) == ("49", 12_000, 0)
