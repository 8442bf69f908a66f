"""When parts of the platform were not well, and what the operator says about that."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, partial, text
from db.connection import Conn, Reader, Row, insert, insert_new
from db.ids import new_id

UNWELL = ("degraded", "outage")
LOCK = "incidents"
ROWS_MAX = 5_000


class Incident(Table, table=True):
    """A time during which a part had a status that was not operational; one that gets worse or
    better meanwhile has two. `component` is its name as `/status` shows it."""

    __table_args__ = (
        one_of("status", UNWELL),
        partial("ix_incident_open", "component", where="closed_at IS NULL", unique=True),
    )

    id: str = Field(primary_key=True)
    component: str
    status: str
    detail: str = text(default="")
    note: str = text(default="")
    opened_at: int = instant()
    closed_at: int | None = instant(default=None, index=True)


class StatusNotice(Table, table=True):
    """A sentence of the operator's on top of the status, until an instant or until another one."""

    __tablename__ = "status_notice"
    __table_args__ = (partial("ix_status_notice_now", "id", where="cleared_at IS NULL"),)

    id: str = Field(primary_key=True)
    text: str = text()
    actor: str
    set_at: int = instant()
    until: int | None = instant(default=None)
    cleared_at: int | None = instant(default=None)


def open_ones(conn: Conn) -> dict[str, Row]:
    """Incidents that last, by component."""
    return {
        row["component"]: row for row in conn.all("SELECT * FROM incident WHERE closed_at IS NULL")
    }


def begin(conn: Conn, **facts: Any) -> None:
    """Open an incident, unless the component has one."""
    insert_new(conn, "incident", id=new_id("inc"), note="", **facts)


def reopen(conn: Conn, component: str, status: str, closed_since: int) -> bool:
    """Let the last incident of that status go on, if it was closed since then."""
    return bool(
        conn.run(
            "UPDATE incident SET closed_at = NULL WHERE id = (SELECT id FROM incident"
            " WHERE closed_at >= :since AND component = :component AND status = :status"
            " ORDER BY closed_at DESC LIMIT 1)",
            component=component, status=status, since=closed_since,
        )
    )  # fmt: skip


def close(conn: Conn, incident_id: str, at: int) -> None:
    """End an incident."""
    conn.run("UPDATE incident SET closed_at = :at WHERE id = :id", id=incident_id, at=at)


def annotate(conn: Conn, incident_id: str, note: str) -> bool:
    """Keep what the operator says about an incident; False if there is none of that id."""
    return bool(
        conn.run("UPDATE incident SET note = :note WHERE id = :id", id=incident_id, note=note)
    )


async def since(reader: Reader, at: int) -> list[Row]:
    """Incidents that lasted at that instant or began later, the newest first; at most 5,000."""
    return await reader.all(
        "SELECT * FROM incident WHERE closed_at IS NULL"
        " UNION ALL SELECT * FROM incident WHERE closed_at >= :at"
        " ORDER BY opened_at DESC, id DESC LIMIT :limit",
        at=at, limit=ROWS_MAX,
    )  # fmt: skip


def set_notice(conn: Conn, text: str, actor: str, until: int | None, now: int) -> None:
    """Show a notice in place of the one before."""
    clear_notice(conn, now)
    insert(conn, "status_notice", id=new_id("stn"), text=text, actor=actor, set_at=now, until=until)


def clear_notice(conn: Conn, now: int) -> bool:
    """Show no notice any more; False if there was none."""
    return bool(
        conn.run("UPDATE status_notice SET cleared_at = :now WHERE cleared_at IS NULL", now=now)
    )


async def notice(reader: Reader, now: int) -> str | None:
    """The notice that is to be shown, if there is one."""
    row = await reader.one(
        "SELECT text FROM status_notice WHERE cleared_at IS NULL"
        " AND (until IS NULL OR until > :now) ORDER BY id DESC LIMIT 1",
        now=now,
    )  # fmt: skip
    return str(row["text"]) if row else None
