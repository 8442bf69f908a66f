"""What people did, for good: rows are only appended, and each is chained to the one before it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id

FIELDS = ("id", "at", "account_id", "actor", "actor_name", "action", "subject", "before", "after",
          "address")  # fmt: skip
HEAD = "audit_log"
PAGE = 1_000


class AuditEntry(Table, table=True):
    """One act. `actor` is a user's id or `cli:<system user>`, `actor_name` how the actor was known
    then, `subject` the id of what was acted on, `before` and `after` JSON objects without
    secrets. An entry without `account_id` concerns the platform or a user alone."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_account", "account_id", "seq"),
        Index("ix_audit_log_subject", "subject", "seq"),
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
    row = {"id": new_id("aud"), **facts}
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


async def newest(reader: Reader, before: int, limit: int, **only: str) -> list[Row]:
    """Entries with a number below `before`, the newest first: all of them, or of one `account_id`
    or about one `subject`."""
    where = "".join(f" AND {column} = :{column}" for column in only)
    return await reader.all(
        f"SELECT * FROM audit_log WHERE seq < :before{where} ORDER BY seq DESC LIMIT :limit",
        before=before, limit=limit, **only,
    )  # fmt: skip


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
