"""How the parts of the platform were when they were last looked at."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn, Reader, Row, insert_new


class Component(Table, table=True):
    """How a part of the platform was when it was last looked at."""

    name: str = Field(primary_key=True)
    kind: str
    status: str
    detail: str = ""
    checked_at: int = instant()


def report(conn: Conn, name: str, kind: str, status: str, detail: str, now: int) -> None:
    """Note how a part of the platform is."""
    conn.run(
        "INSERT INTO component (name, kind, status, detail, checked_at)"
        " VALUES (:name, :kind, :status, :detail, :now) ON CONFLICT (name) DO UPDATE SET"
        " status = excluded.status, detail = excluded.detail, checked_at = excluded.checked_at",
        name=name, kind=kind, status=status, detail=detail, now=now,
    )  # fmt: skip


def introduce(conn: Conn, name: str, kind: str, now: int) -> None:
    """Let a part be known that nobody has looked at yet."""
    facts = {"status": "outage", "detail": "not looked at yet", "checked_at": now}
    insert_new(conn, "component", name=name, kind=kind, **facts)


def keep_only(conn: Conn, kind: str, names: list[str]) -> None:
    """Forget the parts of that kind that are no more."""
    sql = "DELETE FROM component WHERE kind = :kind AND name NOT IN :names"
    conn.run(sql, kind=kind, names=["", *names])


async def every(reader: Reader) -> list[Row]:
    """Every part as it was last seen."""
    return await reader.all("SELECT * FROM component ORDER BY kind, name")


def forget(conn: Conn, name: str) -> None:
    """Take a part that is no more off the list."""
    conn.run("DELETE FROM component WHERE name = :name", name=name)
