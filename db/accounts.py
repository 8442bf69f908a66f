"""Customers and their API keys."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, money, one_of, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import last_id, new_id
from db.lists import like

PLATFORM = "acc_platform"
KEYS = "keys"
"""Rung when a key or an account has changed: whoever remembers one must look again."""
STATUSES = ("active", "suspended")


class Account(Table, table=True):
    """A customer; `PLATFORM` is the account whose ledger accounts are the business's own.
    `calls_max` is how many calls it may have at once, `record` which of them are recorded. It sets
    `own_day_max` and `own_month_max` itself, beside what it may spend at most."""

    __table_args__ = (one_of("status", STATUSES), Index("ix_account_status", "status", "id"))

    id: str = Field(primary_key=True)
    name: str
    currency: str
    country: str = ""
    status: str = "active"
    kyc_approved_at: int | None = instant(default=None)
    tariff_id: str | None = Field(default=None, foreign_key="tariff.id")
    own_rates: str = ""
    """Changes whenever the rates that the account has for itself do; empty: never had any."""
    webhook_secret_sealed: str = text(default="")
    spend_day_max: int | None = money(default=None)
    spend_month_max: int | None = money(default=None)
    own_day_max: int | None = money(default=None)
    own_month_max: int | None = money(default=None)
    calls_max: int | None = None
    calls_per_second: int | None = None
    record: str = ""
    recording_days: int | None = None
    created_at: int = instant()


class ApiKey(Table, table=True):
    """A bearer key: only its SHA-256 is kept, with enough to recognise it in a list. `replaces`
    is the key that it was rotated from; limits that are None are those of the settings."""

    __tablename__ = "api_key"
    __table_args__ = (valid_mode(), Index("ix_api_key_account", "account_id", "id"))

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    name: str
    sha256: str = Field(unique=True)
    last4: str
    scopes: str
    cidrs: str = ""
    spend_day_max: int | None = money(default=None)
    calls_max: int | None = None
    calls_per_second: int | None = None
    requests_per_minute: int | None = None
    requests_burst: int | None = None
    replaces: str | None = None
    expires_at: int | None = instant(default=None)
    revoked_at: int | None = instant(default=None)
    last_used_at: int | None = instant(default=None)
    created_at: int = instant()


def add_account(conn: Conn, now: int, **facts: Any) -> str:
    """Insert a customer; its id. It needs a name and a currency."""
    blank = {"status": "active", "country": "", "webhook_secret_sealed": ""}
    row = {"id": new_id("acc"), "created_at": now, **blank, **facts}
    insert(conn, "account", **row)
    return str(row["id"])


def add_key(conn: Conn, now: int, **facts: Any) -> str:
    """Insert an API key; its id."""
    row = {"id": new_id("key"), "created_at": now, "cidrs": "", **facts}
    insert(conn, "api_key", **row)
    return str(row["id"])


async def key_by_hash(reader: Reader, sha256: str) -> Row | None:
    """The key and what its account allows, in one look-up."""
    return await reader.one(
        "SELECT k.id AS key_id, k.account_id, k.mode, k.scopes, k.expires_at, k.revoked_at,"
        " k.cidrs, k.last_used_at, k.requests_per_minute, k.requests_burst,"
        " a.name, a.currency, a.status, a.kyc_approved_at, a.country"
        " FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.sha256 = :sha256",
        sha256=sha256,
    )


async def key_works(reader: Reader, key_id: str, now: int) -> bool:
    """Whether a key that was taken once would still be; for what goes on for long."""
    row = await reader.one(
        "SELECT k.id FROM api_key k JOIN account a ON a.id = k.account_id WHERE k.id = :id"
        " AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > :now)"
        " AND a.status = 'active'",
        id=key_id, now=now,
    )  # fmt: skip
    return row is not None


def key(conn: Conn, key_id: str) -> Row | None:
    """An API key by its id."""
    return conn.one("SELECT * FROM api_key WHERE id = :id", id=key_id)


def keys_of(conn: Conn, account_id: str) -> list[Row]:
    """The API keys of an account, the oldest first."""
    sql = "SELECT * FROM api_key WHERE account_id = :id ORDER BY id"
    return conn.all(sql, id=account_id)


async def key_page(
    reader: Reader, account_id: str, *, limit: int, below: str | None = None, search: str = ""
) -> list[Row]:
    """API keys of an account, the newest first, made before one of them; `search` is a part of
    its name, its scopes, its networks or its end."""
    return await reader.all(
        "SELECT * FROM api_key WHERE account_id = :account_id AND id < :below"
        " AND LOWER(name || ' ' || scopes || ' ' || cidrs || ' ' || last4) LIKE :search"
        " ESCAPE '\\' ORDER BY id DESC LIMIT :limit",
        account_id=account_id, below=below or last_id("key"), search=like(search), limit=limit,
    )  # fmt: skip


async def find_key(reader: Reader, account_id: str, key_id: str) -> Row | None:
    """An API key of the account, beside the writer."""
    return await reader.one(
        "SELECT * FROM api_key WHERE id = :id AND account_id = :account_id",
        id=key_id, account_id=account_id,
    )  # fmt: skip


async def has_key(reader: Reader, account_id: str, mode: str) -> bool:
    """Whether an account has or had a key of that mode."""
    sql = "SELECT 1 AS yes FROM api_key WHERE account_id = :id AND mode = :mode LIMIT 1"
    return await reader.one(sql, id=account_id, mode=mode) is not None


async def keys_ending(reader: Reader, account_id: str, now: int, until: int) -> list[Row]:
    """Keys of an account that work and end before an instant, the first one first."""
    return await reader.all(
        "SELECT * FROM api_key WHERE account_id = :account_id AND revoked_at IS NULL"
        " AND expires_at > :now AND expires_at < :until ORDER BY expires_at, id",
        account_id=account_id, now=now, until=until,
    )  # fmt: skip


def count_live_keys(conn: Conn, account_id: str, now: int) -> int:
    """How many keys of an account work still."""
    found = conn.one(
        "SELECT COUNT(*) AS n FROM api_key WHERE account_id = :id AND revoked_at IS NULL"
        " AND (expires_at IS NULL OR expires_at > :now)",
        id=account_id, now=now,
    )  # fmt: skip
    assert found is not None
    return int(found["n"])


def touch_key(conn: Conn, key_id: str, now: int, before: int) -> None:
    """Note that a key was used, unless a process has noted that since `before`."""
    conn.run(
        "UPDATE api_key SET last_used_at = :now WHERE id = :id"
        " AND (last_used_at IS NULL OR last_used_at < :before)",
        id=key_id, now=now, before=before,
    )  # fmt: skip


def account(conn: Conn, account_id: str) -> Row:
    """The account, which must exist."""
    found = by_id(conn, account_id)
    assert found is not None, account_id
    return found


def by_id(conn: Conn, account_id: str) -> Row | None:
    """The account, if there is one."""
    return conn.one("SELECT * FROM account WHERE id = :id", id=account_id)


def change(conn: Conn, account_id: str, /, **facts: Any) -> None:
    """Set columns of an account."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE account SET {sets} WHERE id = :account_id", account_id=account_id, **facts)
    conn.wake(KEYS)


def change_key(conn: Conn, /, key_id: str, **facts: Any) -> bool:
    """Set columns of an API key; False if there is no such key."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.wake(KEYS)
    return bool(conn.run(f"UPDATE api_key SET {sets} WHERE id = :key_id", key_id=key_id, **facts))


_LIKE = "SELECT * FROM account WHERE id = :name OR name = :name"


def accounts_like(conn: Conn, name: str) -> list[Row]:
    """The account of that id, or those of that name."""
    return conn.all(_LIKE, name=name)


async def find_like(reader: Reader, name: str) -> list[Row]:
    """The same, for a door."""
    return await reader.all(_LIKE, name=name)


async def names(reader: Reader, ids: Iterable[str]) -> dict[str, str]:
    """The names of accounts, by id."""
    rows = await reader.all("SELECT id, name FROM account WHERE id IN :ids", ids=set(ids))
    return {row["id"]: row["name"] for row in rows}


def page(conn: Conn, after: str, limit: int) -> list[Row]:
    """Accounts in the order of their ids, from behind one on."""
    sql = "SELECT * FROM account WHERE id > :after ORDER BY id LIMIT :limit"
    return conn.all(sql, after=after, limit=limit)


def account_named(conn: Conn, name: str) -> Row | None:
    """The account of that name."""
    return conn.one("SELECT * FROM account WHERE name = :name", name=name)
