"""Files that people handed in, sealed: in the database, so that they are there on every machine, in
every copy of it, and in the transaction of what they belong to."""

from typing import Any

from sqlalchemy import LargeBinary
from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id


class StoredFile(Table, table=True):
    """A file of an account. `subject` is the id of what it belongs to; `name` is what its owner
    called it, `size_bytes` that of the content before it was sealed."""

    __tablename__ = "stored_file"

    id: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="account.id")
    subject: str = Field(index=True)
    name: str
    media_type: str
    size_bytes: int
    content_sealed: bytes = Field(sa_type=LargeBinary)
    created_at: int = instant()


_ABOUT = "id, account_id, subject, name, media_type, size_bytes, created_at"


def add(conn: Conn, now: int, **facts: Any) -> str:
    """Keep a file; its id."""
    file_id = new_id("fil")
    insert(conn, "stored_file", id=file_id, created_at=now, **facts)
    return file_id


async def of(reader: Reader, subject: str) -> list[Row]:
    """The files that belong to something, without their content, in order."""
    return await reader.all(
        f"SELECT {_ABOUT} FROM stored_file WHERE subject = :subject ORDER BY id", subject=subject
    )


async def of_each(reader: Reader, subjects: list[str]) -> dict[str, list[Row]]:
    """The same for several subjects, by subject."""
    rows = await reader.all(
        f"SELECT {_ABOUT} FROM stored_file WHERE subject IN :subjects ORDER BY id",
        subjects=subjects,
    )
    return {one: [row for row in rows if row["subject"] == one] for one in subjects}


async def content(reader: Reader, subject: str, file_id: str) -> Row | None:
    """A file of that subject, whole."""
    return await reader.one(
        "SELECT * FROM stored_file WHERE id = :id AND subject = :subject",
        id=file_id, subject=subject,
    )  # fmt: skip


def remove(conn: Conn, subject: str) -> int:
    """Delete the files that belong to something; how many."""
    return conn.run("DELETE FROM stored_file WHERE subject = :subject", subject=subject)
