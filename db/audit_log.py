"""What people did, for good: rows are only appended, and each is chained to the one before it."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Reader, Row, insert
from db.ids import first_id, new_id

FIELDS = ("id", "at", "account_id", "actor", "actor_name", "action", "subject", "before", "after",
          "address")  # fmt: skip
HEAD = "audit_log"
PAGE = 1_000
PREFIX = "aud"
BEYOND = 2**62
"""The number of no entry."""
LATE = 60_000_000
"""An entry is written after the instant that it tells, never so many microseconds after."""


class AuditEntry(Table, table=True):
    """One act. `actor` is a user's id or `cli:<system user>`, `actor_name` how the actor was known
    then, `subject` the id of what was acted on, `before` and `after` JSON objects without
    secrets. An entry without `account_id` concerns the platform or a user alone."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_account", "account_id", "seq"),
        Index("ix_audit_log_subject", "subject", "seq"),
        Index("ix_audit_log_action", "action", "seq"),
        Index("ix_audit_log_actor", "actor_name", "seq"),
        Index("ix_audit_log_account_action", "account_id", "action", "seq"),
        Index("ix_audit_log_account_actor", "account_id", "actor_name", "seq"),
    )

    id: str = Field(primary_key=True)
    seq: int = instant(unique=True)
    at: int = instant()
    account_id: str | None = Field(default=None, foreign_key="account.id")
    actor: str
    actor_name: str
    action: str
    subject: str
    before: str = text()
    after: str = text()
    address: str = ""
    hash: str


class AuditHead(Table, table=True):
    """The last link of the chain. Its row is locked by whoever appends."""

    __tablename__ = "audit_head"

    name: str = Field(primary_key=True)
    seq: int = instant()
    hash: str


def append(conn: Conn, **facts: Any) -> str:
    """Add an entry with the columns of `FIELDS` but for the id, which is returned. A deed does
    this last: the lock on the chain's head is held until it commits."""
    row = {"id": new_id(PREFIX), **facts}
    head = conn.one(
        "INSERT INTO audit_head (name, seq, hash) VALUES (:name, 1, '')"
        " ON CONFLICT (name) DO UPDATE SET seq = audit_head.seq + 1 RETURNING seq, hash",
        name=HEAD,
    )
    assert head is not None
    digest = fingerprint(head["hash"], head["seq"], row)
    insert(conn, "audit_log", seq=head["seq"], hash=digest, **row)
    conn.run("UPDATE audit_head SET hash = :hash WHERE name = :name", hash=digest, name=HEAD)
    return str(row["id"])


def fingerprint(before: str, seq: int, facts: Mapping[str, Any]) -> str:
    """SHA-256 over the hash before it and the entry's content in one canonical form."""
    content = {name: facts[name] for name in FIELDS} | {"seq": seq}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


async def head(reader: Reader) -> tuple[int, str]:
    """Number and hash of the last entry; (0, "") where there is none."""
    row = await reader.one("SELECT * FROM audit_head WHERE name = :name", name=HEAD)
    return (row["seq"], row["hash"]) if row else (0, "")


async def page(reader: Reader, after: int, until: int) -> list[Row]:
    """The entries that follow the number `after`, up to `until`, oldest first."""
    return await reader.all(
        "SELECT * FROM audit_log WHERE seq > :after AND seq <= :until ORDER BY seq LIMIT :limit",
        after=after, until=until, limit=PAGE,
    )  # fmt: skip


async def entry(reader: Reader, seq: int) -> Row | None:
    """The entry of that number."""
    return await reader.one("SELECT * FROM audit_log WHERE seq = :seq", seq=seq)


async def newest(
    reader: Reader, limit: int, *, before: int | None = None, since: int | None = None,
    until: int | None = None, **only: str | None,
) -> list[Row]:  # fmt: skip
    """Entries with a number below `before`, the newest first, with the `currency` of their
    account; those at `since` or later, and earlier than `until`; of one `account_id`, about one
    `subject`, of one `action`, by one `actor_name`."""
    where: dict[str, str | int] = {
        f"{column} = :{column}": value for column, value in only.items() if value is not None
    }
    if since is not None:
        where |= {"at >= :since": since, "seq >= :first": await _from(reader, since - LATE)}
    if until is not None:
        where |= {"at < :until": until, "seq < :last": await _from(reader, until + LATE)}
    if before is not None:
        where["seq < :before"] = before
    told = f" WHERE {' AND '.join(where)}" if where else ""
    facts = {condition.rpartition(":")[2]: value for condition, value in where.items()}
    return await reader.all(
        "SELECT l.*, (SELECT currency FROM account WHERE id = l.account_id) AS currency"
        f" FROM audit_log l{told} ORDER BY seq DESC LIMIT :limit",
        limit=limit, **facts,
    )  # fmt: skip


async def pages(reader: Reader, **filters: Any) -> AsyncIterator[list[Row]]:
    """All that `newest` finds with these filters."""
    before = None
    while rows := await newest(reader, PAGE, before=before, **filters):
        yield rows
        before = rows[-1]["seq"]


async def _from(reader: Reader, at: int) -> int:
    """The number of the first entry that was written then or later."""
    row = await reader.one(
        "SELECT seq FROM audit_log WHERE id >= :id ORDER BY id LIMIT 1",
        id=first_id(PREFIX, max(0, at) // 1_000),
    )  # fmt: skip
    return row["seq"] if row else BEYOND


async def of_account(reader: Reader, account_id: str, before: int, limit: int) -> list[Row]:
    """What was done in an account: entries with a number below `before`, the newest first."""
    return await reader.all(
        "SELECT * FROM audit_log WHERE account_id = :account_id AND seq < :before"
        " ORDER BY seq DESC LIMIT :limit",
        account_id=account_id, before=before, limit=limit,
    )  # fmt: skip


async def about(reader: Reader, subject: str, limit: int) -> list[Row]:
    """What was last done to a subject, the newest first."""
    return await reader.all(
        "SELECT * FROM audit_log WHERE subject = :subject ORDER BY seq DESC LIMIT :limit",
        subject=subject, limit=limit,
    )  # fmt: skip
