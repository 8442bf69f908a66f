"""The providers of an installation, and which of them carries what."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id
from db.numbers import LAST

ORDER = ("account_id", "sender", "prefix", "priority", "id")
"""In which routes of a mode are listed."""
Place = tuple[str, str, str, int, str]
"""Of a route in that order."""


class SmsProvider(Table, table=True):
    """One provider: its kind, and its options as sealed JSON. `encodings`, by comma, is what it
    could carry when it was added. One that is not `enabled` keeps its link and is given no message.
    A removed one stays, since messages name it."""

    __tablename__ = "sms_provider"
    __table_args__ = (one_of("status", ("active", "removed")),)

    name: str = Field(primary_key=True)
    kind: str
    options_sealed: str = text()
    encodings: str
    status: str = "active"
    enabled: bool = True
    changed_at: int = instant()


class SmsRoute(Table, table=True):
    """Which provider carries messages of a mode; "" stands for every account, sender or prefix
    (digits without plus). The most specific routes count: by account, then sender, then prefix;
    among them the lowest `priority`, and there as often as `weight` says."""

    __tablename__ = "sms_route"
    __table_args__ = (
        valid_mode(),
        CheckConstraint("weight > 0", name="weight_positive"),
        Index("ix_sms_route", "mode", "account_id", "sender", "prefix", "provider", unique=True),
        Index("ix_sms_route_order", "mode", *ORDER),
        Index("ix_sms_route_provider", "provider", "mode", *ORDER),
    )

    id: str = Field(primary_key=True)
    mode: str
    account_id: str = ""
    sender: str = ""
    prefix: str = ""
    provider: str = Field(foreign_key="sms_provider.name")
    priority: int = 0
    weight: int = 1


_ACTIVE = "SELECT * FROM sms_provider WHERE status = 'active' ORDER BY name"
_NAMED = "SELECT * FROM sms_provider WHERE name = :n AND status = 'active'"


def put(conn: Conn, name: str, kind: str, options_sealed: str, encodings: str, now: int) -> None:
    """Add a provider, or replace one of that name."""
    conn.run(
        "INSERT INTO sms_provider"
        " (name, kind, options_sealed, encodings, status, enabled, changed_at)"
        " VALUES (:name, :kind, :options, :encodings, 'active', TRUE, :now)"
        " ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, status = 'active',"
        " options_sealed = excluded.options_sealed, encodings = excluded.encodings,"
        " changed_at = excluded.changed_at",
        name=name, kind=kind, options=options_sealed, encodings=encodings, now=now,
    )  # fmt: skip


def remove(conn: Conn, name: str, now: int) -> bool:
    """Let a provider carry nothing any more; False if there is none of that name."""
    conn.run("DELETE FROM sms_route WHERE provider = :name", name=name)
    return bool(
        conn.run(
            "UPDATE sms_provider SET status = 'removed', enabled = TRUE, options_sealed = '',"
            " changed_at = :now WHERE name = :name AND status = 'active'",
            name=name, now=now,
        )
    )  # fmt: skip


def set_enabled(conn: Conn, name: str, enabled: bool) -> None:
    """Give a provider messages, or none; its link stays as it is."""
    conn.run("UPDATE sms_provider SET enabled = :on WHERE name = :name", name=name, on=enabled)


def is_disabled(conn: Conn, name: str) -> bool:
    """False also for those that need no row."""
    return conn.one("SELECT 1 AS off FROM sms_provider WHERE name = :name AND NOT enabled",
                    name=name) is not None  # fmt: skip


def active(conn: Conn) -> list[Row]:
    """Every provider that was not removed, by name."""
    return conn.all(_ACTIVE)


async def every(reader: Reader) -> list[Row]:
    """The same, for a door."""
    return await reader.all(_ACTIVE)


def named(conn: Conn, name: str) -> Row | None:
    """The provider of that name, unless it was removed."""
    return conn.one(_NAMED, n=name)


async def find(reader: Reader, name: str) -> Row | None:
    """The same, for a door."""
    return await reader.one(_NAMED, n=name)


def add_route(conn: Conn, **facts: Any) -> str:
    """Insert a route; its id."""
    route_id = new_id("rte")
    insert(conn, "sms_route", id=route_id, **facts)
    return route_id


def route(conn: Conn, route_id: str) -> Row | None:
    """The route of that id."""
    return conn.one("SELECT * FROM sms_route WHERE id = :id", id=route_id)


async def find_route(reader: Reader, route_id: str) -> Row | None:
    """The same, for a door."""
    return await reader.one("SELECT * FROM sms_route WHERE id = :id", id=route_id)


def change_route(conn: Conn, route_id: str, **facts: Any) -> None:
    """Set columns of a route."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE sms_route SET {sets} WHERE id = :id", id=route_id, **facts)


def same_route(conn: Conn, facts: Mapping[str, Any]) -> Row | None:
    """The route that leads the same messages to the same provider."""
    return conn.one(
        "SELECT * FROM sms_route WHERE mode = :mode AND account_id = :account_id"
        " AND sender = :sender AND prefix = :prefix AND provider = :provider",
        **{name: facts[name] for name in ("mode", "account_id", "sender", "prefix", "provider")},
    )


def remove_route(conn: Conn, route_id: str) -> bool:
    """Delete a route; False if there is none of that id."""
    return bool(conn.run("DELETE FROM sms_route WHERE id = :id", id=route_id))


def routes(conn: Conn) -> list[Row]:
    """Every route, in the order in which they are shown."""
    return conn.all("SELECT * FROM sms_route ORDER BY mode, account_id, sender, prefix, priority")


async def page_of_routes(
    reader: Reader, *, limit: int, digits: str = "", provider: str | None = None,
    account_id: str | None = None, after: Place | None = None,
) -> list[Row]:  # fmt: skip
    """Routes of live messages with the account's name, if they are of one, behind a place in their
    order: those of numbers that begin with the digits, whether their prefix is shorter or longer;
    of one provider or account ("": those of every account), or of all."""
    given: dict[str, Any] = {"provider": provider, "account_id": account_id}
    wheres = ["r.mode = 'live'"]
    wheres += [f"r.{name} = :{name}" for name, value in given.items() if value is not None]
    if digits:
        wheres.append("(r.prefix IN :shorter OR (r.prefix >= :digits AND r.prefix <= :longest))")
    if after:
        given |= {f"at_{name}": value for name, value in zip(ORDER, after, strict=True)}
        columns, values = (", ".join(f"{sign}{name}" for name in ORDER) for sign in ("r.", ":at_"))
        wheres.append(f"({columns}) > ({values})")
    return await reader.all(
        "SELECT r.*, COALESCE(a.name, '') AS account FROM sms_route r"
        f" LEFT JOIN account a ON a.id = r.account_id WHERE {' AND '.join(wheres)}"
        f" ORDER BY {', '.join(f'r.{name}' for name in ORDER)} LIMIT :limit",
        shorter=[digits[:end] for end in range(len(digits))], digits=digits,
        longest=f"{digits}{LAST}", limit=limit, **given,
    )  # fmt: skip


ROUTES_FEW = 100
_ROUTES = (
    "SELECT r.*, p.encodings, p.enabled FROM sms_route r JOIN sms_provider p ON p.name = r.provider"
    " WHERE r.mode = :mode AND r.account_id IN :accounts AND r.sender IN :senders"
    " AND p.status = 'active'"
)


def routes_for(
    conn: Conn, mode: str, account_id: str, senders: Collection[str], prefixes: Collection[str]
) -> list[Row]:
    """Every route that messages by one of the senders to one of the prefixes may take, each with
    the `encodings` of its provider, and whether that is `enabled`."""
    whose = {"mode": mode, "accounts": ["", account_id], "senders": ["", *senders]}
    if len(prefixes) > ROUTES_FEW:  # of an account, there are mostly fewer routes than that
        few = conn.all(f"{_ROUTES} LIMIT :most", most=ROUTES_FEW, **whose)
        if len(few) < ROUTES_FEW:
            return few
    return conn.all(f"{_ROUTES} AND r.prefix IN :prefixes", prefixes=["", *prefixes], **whose)


def waiting_for(conn: Conn, provider: str, now: int, limit: int) -> list[Row]:
    """Due messages in the queue of a provider, single ones first."""
    return conn.all(
        "SELECT * FROM message WHERE status = 'queued' AND provider = :provider"
        " AND lane IN (0, 1) AND next_attempt_at <= :now"
        f" ORDER BY lane LIMIT :limit {conn.skip_locked}",
        provider=provider, now=now, limit=limit,
    )  # fmt: skip


def hand(conn: Conn, message_id: str, provider: str, tried: str, due: int) -> None:
    """Give a queued message to a provider, due at an instant."""
    conn.run(
        "UPDATE message SET provider = :provider, tried = :tried, next_attempt_at = :due"
        " WHERE id = :id AND status = 'queued'",
        id=message_id, provider=provider, tried=tried, due=due,
    )  # fmt: skip
