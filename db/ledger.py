"""Double entry, only appended: pots of money, journals, postings."""

from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money, one_of, valid_mode
from db.connection import Conn, Reader, Row, insert, insert_new
from db.ids import new_id

WALLETS = ("wallet", "sip")
SYSTEM = ("funding", "revenue", "adjustment")


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


class Journal(Table, table=True):
    """One business fact that moved money; its reference can never be used again."""

    __table_args__ = (valid_mode(),)

    id: str = Field(primary_key=True)
    reference: str = Field(unique=True)
    mode: str
    kind: str
    actor: str
    at: int = instant()


class Posting(Table, table=True):
    """What a journal did to one pot; the postings of a journal sum to zero."""

    __table_args__ = (Index("ix_posting_pot", "ledger_account_id", "journal_id"),)

    journal_id: str = Field(primary_key=True, foreign_key="journal.id")
    ledger_account_id: str = Field(primary_key=True, foreign_key="ledger_account.id")
    amount: int = money()


def open_pot(conn: Conn, account_id: str, mode: str, kind: str, currency: str) -> None:
    """Create a pot; one that exists stays as it is."""
    facts = {"account_id": account_id, "mode": mode, "kind": kind, "currency": currency}
    insert_new(conn, "ledger_account", id=new_id("pot"), balance=0, held=0, **facts)


def pot(conn: Conn, account_id: str, mode: str, kind: str) -> Row:
    """The pot, which must exist."""
    found = conn.one(
        "SELECT id, currency, balance, held FROM ledger_account"
        " WHERE account_id = :account_id AND mode = :mode AND kind = :kind",
        account_id=account_id, mode=mode, kind=kind,
    )  # fmt: skip
    assert found is not None, (account_id, mode, kind)
    return found


def change_balance(conn: Conn, pot_id: str, amount: int) -> bool:
    """Add to the cached balance; False if what is not held does not cover a debit."""
    return bool(
        conn.run(
            "UPDATE ledger_account SET balance = balance + :amount"
            " WHERE id = :id AND balance - held + :amount >= 0",
            id=pot_id, amount=amount,
        )
    )  # fmt: skip


def set_aside(conn: Conn, pot_id: str, amount: int) -> bool:
    """Hold an amount; False if the pot has less than that free."""
    return bool(
        conn.run(
            "UPDATE ledger_account SET held = held + :amount"
            " WHERE id = :id AND balance - held >= :amount",
            id=pot_id, amount=amount,
        )
    )  # fmt: skip


def give_back(conn: Conn, pot_id: str, held: int, spent: int) -> None:
    """Lift a hold of `held`, of which `spent` leaves the pot."""
    conn.run(
        "UPDATE ledger_account SET held = held - :held, balance = balance - :spent WHERE id = :id",
        id=pot_id, held=held, spent=spent,
    )  # fmt: skip


def write_journal(
    conn: Conn, *, reference: str, mode: str, kind: str, actor: str, now: int,
    postings: dict[str, int],
) -> str:  # fmt: skip
    """Append a journal with its postings (pot id → amount, summing to zero); its id."""
    assert sum(postings.values()) == 0, postings
    journal_id = new_id("txn")
    facts = {"reference": reference, "mode": mode, "kind": kind, "actor": actor}
    insert(conn, "journal", id=journal_id, at=now, **facts)
    conn.many(
        "INSERT INTO posting (journal_id, ledger_account_id, amount) VALUES (:j, :pot, :amount)",
        [{"j": journal_id, "pot": pot_id, "amount": amount} for pot_id, amount in postings.items()],
    )
    return journal_id


async def balances(reader: Reader, account_id: str, mode: str) -> dict[str, Row]:
    """Balance and held amount of an account's pots, by kind."""
    rows = await reader.all(
        "SELECT kind, balance, held, currency FROM ledger_account"
        " WHERE account_id = :account_id AND mode = :mode",
        account_id=account_id, mode=mode,
    )  # fmt: skip
    return {row["kind"]: row for row in rows}


def drift(conn: Conn) -> dict[str, list[dict[str, Any]]]:
    """Rows that break the ledger's promises, by promise; every list is empty when all is well."""
    wallets = ", ".join(f"'{kind}'" for kind in WALLETS)
    return {
        "journal does not sum to zero": conn.all(
            "SELECT journal_id FROM posting GROUP BY journal_id HAVING SUM(amount) <> 0"
        ),
        "balance differs from its postings": conn.all(
            "SELECT l.id FROM ledger_account l LEFT JOIN posting p ON p.ledger_account_id = l.id"
            f" WHERE l.kind IN ({wallets}) GROUP BY l.id, l.balance"
            " HAVING l.balance <> COALESCE(SUM(p.amount), 0)"
        ),
        "held differs from the open holds": conn.all(
            "SELECT l.id FROM ledger_account l LEFT JOIN hold h"
            " ON h.ledger_account_id = l.id AND h.state = 'open'"
            f" WHERE l.kind IN ({wallets}) GROUP BY l.id, l.held"
            " HAVING l.held <> COALESCE(SUM(h.amount), 0)"
        ),
    }
