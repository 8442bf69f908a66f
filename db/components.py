"""How the parts of the platform were when they were last looked at."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn, Reader, Row, insert_new

_EVERY = "SELECT * FROM component ORDER BY kind, name"


class Component(Table, table=True):
    """A part of the platform; `remote` if others run it. `since` tells when its status began,
    `first_seen_at` when it became a part."""

    name: str = Field(primary_key=True)
    kind: str
    status: str
    detail: str = ""
    remote: bool = False
    since: int = instant()
    first_seen_at: int = instant()
    checked_at: int = instant()


def report(
    conn: Conn, name: str, kind: str, status: str, detail: str, now: int, remote: bool = False
) -> None:
    """Note how a part of the platform is."""
    conn.run(
        "INSERT INTO component"
        " (name, kind, status, detail, remote, since, first_seen_at, checked_at)"
        " VALUES (:name, :kind, :status, :detail, :remote, :now, :now, :now)"
        " ON CONFLICT (name) DO UPDATE SET status = excluded.status, detail = excluded.detail,"
        " remote = excluded.remote, checked_at = excluded.checked_at, since = CASE"
        " WHEN component.status = excluded.status THEN component.since ELSE excluded.since END",
        name=name, kind=kind, status=status, detail=detail, remote=remote, now=now,
    )  # fmt: skip


def introduce(conn: Conn, name: str, kind: str, now: int) -> None:
    """Let a part be known that nobody has looked at yet."""
    facts = {"status": "outage", "detail": "not looked at yet", "remote": False}
    times = {"since": now, "first_seen_at": now, "checked_at": now}
    insert_new(conn, "component", name=name, kind=kind, **facts, **times)


def keep_only(conn: Conn, kind: str, names: list[str]) -> None:
    """Forget the parts of that kind that are no more."""
    sql = "DELETE FROM component WHERE kind = :kind AND name NOT IN :names"
    conn.run(sql, kind=kind, names=["", *names])


async def every(reader: Reader) -> list[Row]:
    """Every part as it was last seen."""
    return await reader.all(_EVERY)


def every_one(conn: Conn) -> list[Row]:
    """The same within a deed."""
    return conn.all(_EVERY)


def forget(conn: Conn, name: str) -> None:
    """Take a part that is no more off the list."""
    conn.run("DELETE FROM component WHERE name = :name", name=name)
