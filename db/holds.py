"""Holds: money of a pot that is set aside for one message or call, until it is closed once."""

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money, one_of, partial, valid_mode
from db.connection import Conn, Row, insert

STATES = ("open", "captured", "released", "expired", "late")


class Hold(Table, table=True):
    """Money set aside for one message or call. `late`: its charge came after it had expired."""

    __table_args__ = (
        one_of("state", STATES),
        valid_mode(),
        CheckConstraint("amount >= 0 AND captured >= 0 AND captured <= amount", name="within"),
        partial("ix_hold_open", "ledger_account_id", where="state = 'open'"),
        partial("ix_hold_late", "closed_at", where="state = 'late'"),
        partial("ix_hold_expiry", "expires_at", where="state = 'open' AND expires_at IS NOT NULL"),
    )  # fmt: skip

    reference: str = Field(primary_key=True)
    ledger_account_id: str = Field(foreign_key="ledger_account.id")
    key_id: str | None = None
    mode: str
    amount: int = money()
    captured: int = money(default=0)
    state: str = "open"
    created_at: int = instant()
    expires_at: int | None = instant(default=None)
    closed_at: int | None = instant(default=None)


def add(
    conn: Conn, reference: str, pot_id: str, amount: int, now: int, *, mode: str,
    key_id: str | None = None, expires_at: int | None = None,
) -> None:  # fmt: skip
    """Insert an open hold; a reference used before is an error of the caller."""
    facts = {"reference": reference, "ledger_account_id": pot_id, "amount": amount, "mode": mode}
    insert(conn, "hold", captured=0, state="open", created_at=now, key_id=key_id,
           expires_at=expires_at, **facts)  # fmt: skip


def add_all(conn: Conn, holds: list[Row]) -> None:
    """Insert open holds: reference, ledger_account_id, amount, mode, key_id, created_at,
    expires_at."""
    conn.insert_all("hold", [{**hold, "captured": 0, "state": "open"} for hold in holds])


def lengthen(conn: Conn, reference: str, more: int, expires_at: int | None) -> Row | None:
    """Add to an open hold, and let it expire later if an instant is given; None if it is closed."""
    return conn.one(
        "UPDATE hold SET amount = amount + :more, expires_at = COALESCE(:expires_at, expires_at)"
        " WHERE reference = :reference AND state = 'open' RETURNING *",
        reference=reference, more=more, expires_at=expires_at,
    )  # fmt: skip


def close(conn: Conn, reference: str, amount: int, now: int, rest: str = "released") -> Row | None:
    """Close an open hold with as much of the amount captured as it covers, in one statement so
    that no lengthening slips between; None if it was closed before. A hold of which nothing is
    captured goes to the state `rest`."""
    return conn.one(
        "UPDATE hold SET captured = CASE WHEN :amount < amount THEN :amount ELSE amount END,"
        " state = CASE WHEN :amount > 0 AND amount > 0 THEN 'captured' ELSE :rest END,"
        " closed_at = :now WHERE reference = :reference AND state = 'open' RETURNING *",
        reference=reference, amount=amount, rest=rest, now=now,
    )  # fmt: skip


def open_ones(conn: Conn, references: list[str]) -> dict[str, Row]:
    """Those of the holds that are open, by reference; nobody else closes or lengthens them before
    this transaction ends."""
    rows = conn.all(
        "SELECT * FROM hold WHERE reference IN :references AND state = 'open'"
        f" ORDER BY reference {conn.for_update}",
        references=references,
    )
    return {row["reference"]: row for row in rows}


def close_all(conn: Conn, closed: list[Row]) -> None:
    """Write the captured amount, state and closed_at of holds that `open_ones` found."""
    names = ("reference", "captured", "state", "closed_at")
    conn.change_all("hold", "reference", [{name: hold[name] for name in names} for hold in closed])


def mark_late(conn: Conn, reference: str) -> Row | None:
    """Note, once, that an expired hold is charged after all."""
    return conn.one(
        "UPDATE hold SET state = 'late' WHERE reference = :reference AND state = 'expired'"
        " RETURNING *",
        reference=reference,
    )


def due(conn: Conn, now: int, limit: int) -> list[str]:
    """References of open holds whose time is over, the oldest first."""
    rows = conn.all(
        "SELECT reference FROM hold WHERE state = 'open' AND expires_at IS NOT NULL"
        f" AND expires_at < :now ORDER BY expires_at LIMIT :limit {conn.skip_locked}",
        now=now, limit=limit,
    )  # fmt: skip
    return [row["reference"] for row in rows]
