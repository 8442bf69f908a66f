"""Double entry, only appended: pots of money, journals, postings."""

from collections.abc import Mapping

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from db import chain
from db.base import Table
from db.columns import instant, money, one_of, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert, insert_new
from db.ids import new_id

WALLETS = ("wallet", "sip")
SYSTEM = ("funding", "revenue", "adjustment")
COMMON = ("charge", "surplus")
"""Kinds of journals that are not listed in `posting_of_kind`: nearly all are of these."""


class LedgerAccount(Table, table=True):
    """A pot of money. Only customers' pots cache their balance: every capture would otherwise
    wait for the one revenue row."""

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint("account_id", "mode", "kind"),
        one_of("kind", WALLETS + SYSTEM),
        valid_mode(),
        CheckConstraint("balance >= 0 AND held >= 0 AND held <= balance", name="never_negative"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    kind: str
    currency: str
    balance: int = money(default=0)
    held: int = money(default=0)
    low_threshold: int | None = money(default=None)
    low_since: int | None = instant(default=None)
    low_times: int = 0


class Journal(Table, table=True):
    """One business fact that moved money; its reference can never be used again. `refers_to` is
    the charge that a refund gives back; `seq` and `hash` link it where journals are chained."""

    __table_args__ = (
        valid_mode(),
        UniqueConstraint("mode", "seq"),
        partial("ix_journal_surplus", "id", where="kind = 'surplus'"),
        partial("ix_journal_refers_to", "refers_to", where="refers_to IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    reference: str = Field(unique=True)
    mode: str
    kind: str
    actor: str
    reason: str = text(default="")
    refers_to: str | None = Field(default=None, foreign_key="journal.id")
    at: int = instant()
    seq: int | None = instant(default=None)
    hash: str | None = None


class Posting(Table, table=True):
    """What a journal did to one pot; the postings of a journal sum to zero. `balance_after` is
    kept for customers' pots, and None for what was posted before it was."""

    __table_args__ = (Index("ix_posting_pot", "ledger_account_id", "journal_id", "amount"),)

    journal_id: str = Field(primary_key=True, foreign_key="journal.id")
    ledger_account_id: str = Field(primary_key=True, foreign_key="ledger_account.id")
    amount: int = money()
    balance_after: int | None = money(default=None)


class PostingOfKind(Table, table=True):
    """The few postings of a customer's pot that are no charges, listed once more as an index
    would: who asks for the deposits among a million charges must not read those."""

    __tablename__ = "posting_of_kind"
    __table_args__ = ({"sqlite_with_rowid": False},)

    ledger_account_id: str = Field(primary_key=True, foreign_key="ledger_account.id")
    kind: str = Field(primary_key=True)
    journal_id: str = Field(primary_key=True)


def open_pot(conn: Conn, account_id: str, mode: str, kind: str, currency: str) -> None:
    """Create a pot; one that exists stays as it is."""
    facts = {"account_id": account_id, "mode": mode, "kind": kind, "currency": currency}
    insert_new(conn, "ledger_account", id=new_id("pot"), balance=0, held=0, low_times=0, **facts)


def pot(conn: Conn, account_id: str, mode: str, kind: str) -> Row:
    """The pot, which must exist."""
    found = conn.one(
        "SELECT * FROM ledger_account"
        " WHERE account_id = :account_id AND mode = :mode AND kind = :kind",
        account_id=account_id, mode=mode, kind=kind,
    )  # fmt: skip
    assert found is not None, (account_id, mode, kind)
    return found


def pot_by_id(conn: Conn, pot_id: str) -> Row:
    """The pot, which must exist."""
    found = conn.one("SELECT * FROM ledger_account WHERE id = :id", id=pot_id)
    assert found is not None, pot_id
    return found


def change_balance(conn: Conn, pot_id: str, amount: int) -> Row | None:
    """Add to the cached balance; the pot after it, None if what is not held does not cover a
    debit."""
    return conn.one(
        "UPDATE ledger_account SET balance = balance + :amount"
        " WHERE id = :id AND balance - held + :amount >= 0 RETURNING *",
        id=pot_id, amount=amount,
    )  # fmt: skip


def set_aside(conn: Conn, pot_id: str, amount: int) -> Row | None:
    """Hold an amount; the pot after it, None if it has less than that free."""
    return conn.one(
        "UPDATE ledger_account SET held = held + :amount"
        " WHERE id = :id AND balance - held >= :amount RETURNING *",
        id=pot_id, amount=amount,
    )  # fmt: skip


def give_back(conn: Conn, pot_id: str, held: int, spent: int) -> Row:
    """Lift a hold of `held`, of which `spent` leaves the pot; the pot after it."""
    row = conn.one(
        "UPDATE ledger_account SET held = held - :held, balance = balance - :spent"
        " WHERE id = :id RETURNING *",
        id=pot_id, held=held, spent=spent,
    )  # fmt: skip
    assert row is not None, pot_id
    return row


def give_back_all(conn: Conn, lifted: Mapping[str, tuple[int, int]]) -> list[Row]:
    """The same for many pots at once, `held` and `spent` by pot: the pots after it, by id."""
    pots = conn.all(
        f"SELECT * FROM ledger_account WHERE id IN :ids ORDER BY id {conn.for_update}",
        ids=list(lifted),
    )
    assert len(pots) == len(lifted), lifted
    for pot in pots:
        held, spent = lifted[pot["id"]]
        pot |= {"held": pot["held"] - held, "balance": pot["balance"] - spent}
    names = ("id", "held", "balance")
    conn.change_all("ledger_account", "id", [{name: pot[name] for name in names} for pot in pots])
    return pots


def set_low(conn: Conn, pot_id: str, since: int | None) -> int:
    """Note since when a pot is low, or that it no longer is; how often it has been low."""
    row = conn.one(
        "UPDATE ledger_account SET low_since = :since, low_times = low_times + :more"
        " WHERE id = :id RETURNING low_times",
        id=pot_id, since=since, more=int(since is not None),
    )  # fmt: skip
    assert row is not None, pot_id
    return int(row["low_times"])


def set_low_threshold(conn: Conn, pot_id: str, threshold: int | None) -> None:
    """Tell from which balance down a pot is low; None: never."""
    conn.run(
        "UPDATE ledger_account SET low_threshold = :threshold WHERE id = :id",
        id=pot_id, threshold=threshold,
    )  # fmt: skip


def write_journal(
    conn: Conn, *, reference: str, mode: str, kind: str, actor: str, now: int,
    postings: dict[str, int], reason: str = "", refers_to: str | None = None,
) -> str:  # fmt: skip
    """Append a journal with its postings (pot id → amount, summing to zero) after the pots were
    changed; its id."""
    assert sum(postings.values()) == 0, postings
    facts = {
        "id": new_id("txn"), "reference": reference, "mode": mode, "kind": kind, "actor": actor,
        "at": now, "reason": reason, "refers_to": refers_to,
    }  # fmt: skip
    insert(conn, "journal", **facts, **chain.link(conn, facts, postings))
    conn.many(
        "INSERT INTO posting (journal_id, ledger_account_id, amount, balance_after)"
        " VALUES (:j, :pot, :amount, (SELECT balance FROM ledger_account"
        " WHERE id = CAST(:pot AS VARCHAR) AND kind IN ('wallet', 'sip')))",
        [{"j": facts["id"], "pot": pot, "amount": amount} for pot, amount in postings.items()],
    )
    if kind not in COMMON:
        conn.run(
            "INSERT INTO posting_of_kind (ledger_account_id, kind, journal_id)"
            " SELECT l.id, :kind, p.journal_id FROM posting p JOIN ledger_account l"
            " ON l.id = p.ledger_account_id AND l.kind IN ('wallet', 'sip')"
            " WHERE p.journal_id = :id",
            kind=kind, id=facts["id"],
        )  # fmt: skip
    return str(facts["id"])


def write_journals(conn: Conn, journals: list[Row]) -> None:
    """Append journals of the `COMMON` kinds: reference, mode, kind, actor, at, reason, refers_to,
    `postings` as above and `balances` (of customers' pots after it)."""
    rows = [
        {"id": new_id("txn")} | {name: one[name] for name in chain.FIELDS if name != "id"}
        for one in journals
    ]  # fmt: skip
    postings = [one["postings"] for one in journals]
    assert not any(sum(moved.values()) for moved in postings), postings
    conn.insert_all("journal", chain.link_all(conn, list(zip(rows, postings, strict=True))))
    conn.insert_all("posting", [
        {"journal_id": row["id"], "ledger_account_id": pot_id, "amount": amount,
         "balance_after": one["balances"].get(pot_id)}
        for row, one in zip(rows, journals, strict=True)
        for pot_id, amount in one["postings"].items()
    ])  # fmt: skip


def journal(conn: Conn, name: str) -> Row | None:
    """The journal of that id or reference."""
    return conn.one("SELECT * FROM journal WHERE id = :name OR reference = :name", name=name)


def postings(conn: Conn, journal_id: str) -> dict[str, int]:
    """Amount by pot id."""
    rows = conn.all("SELECT * FROM posting WHERE journal_id = :id", id=journal_id)
    return {row["ledger_account_id"]: row["amount"] for row in rows}


def refunded(conn: Conn, journal_id: str) -> int:
    """How much of a charge was given back so far."""
    row = conn.one(
        "SELECT COALESCE(SUM(p.amount), 0) AS total FROM journal j JOIN posting p"
        " ON p.journal_id = j.id AND p.amount > 0 WHERE j.refers_to = :id",
        id=journal_id,
    )
    return int(row["total"]) if row else 0


async def balances(reader: Reader, account_id: str, mode: str) -> dict[str, Row]:
    """Balance, held amount and threshold of an account's pots, by kind."""
    rows = await reader.all(
        "SELECT kind, balance, held, currency, low_threshold FROM ledger_account"
        " WHERE account_id = :account_id AND mode = :mode",
        account_id=account_id, mode=mode,
    )  # fmt: skip
    return {row["kind"]: row for row in rows}
