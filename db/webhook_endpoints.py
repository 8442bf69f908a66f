"""Where the events of an account go, the secrets that sign them, and replays that are under way."""

from collections.abc import Collection
from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial, text, valid_mode
from db.connection import Conn, Reader, Row, insert
from db.ids import new_id

TABLE = "webhook_endpoint"


class WebhookEndpoint(Table, table=True):
    """A receiver of the events of one account and mode. `events` are types with blanks between,
    empty: all. `failing_since` is the first failure since the last success; `disabled_because`
    is empty where the customer did it. What is deleted stays for the log."""

    __tablename__ = TABLE
    __table_args__ = (
        valid_mode(),
        partial("ix_webhook_endpoint_account", "account_id", "mode", "id",
                where="deleted_at IS NULL"),
        partial("ix_webhook_endpoint_deleted", "deleted_at", where="deleted_at IS NOT NULL"),
    )  # fmt: skip

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="account.id")
    mode: str
    url: str = text()
    events: str
    description: str = text()
    enabled: bool
    secret_sealed: str = text()
    failing_since: int | None = instant(default=None)
    disabled_at: int | None = instant(default=None)
    disabled_because: str = ""
    created_at: int = instant()
    deleted_at: int | None = instant(default=None)


class WebhookOldSecret(Table, table=True):
    """A secret that signs beside its successor for a while; of an endpoint, or of an account."""

    __tablename__ = "webhook_old_secret"

    owner_id: str = Field(primary_key=True)
    expires_at: int = instant(primary_key=True, index=True)
    secret_sealed: str = text()


class WebhookReplay(Table, table=True):
    """Events of a range of ids that go to an endpoint once more; gone once they all do. `which`
    tells of which deliveries; `held`: no range, but what waited for the endpoint."""

    __tablename__ = "webhook_replay"

    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoint.id", index=True)
    which: str
    since_id: str
    until_id: str


def add(conn: Conn, **facts: Any) -> Row:
    """Insert an endpoint; its row."""
    row = {"id": new_id("whe"), "failing_since": None, "disabled_at": None,
           "disabled_because": "", "deleted_at": None, **facts}  # fmt: skip
    insert(conn, TABLE, **row)
    return row


def enabled(conn: Conn, account_id: str, mode: str) -> list[Row]:
    """Id and events of the endpoints that take events now, looked up once in a transaction."""
    key = f"webhook endpoints: {account_id} {mode}"
    if key not in conn.memo:
        conn.memo[key] = conn.all(
            f"SELECT id, events FROM {TABLE} WHERE {_OWN} AND enabled",
            account_id=account_id, mode=mode,
        )  # fmt: skip
    found: list[Row] = conn.memo[key]
    return found


def lock(conn: Conn, endpoint_id: str) -> None:
    """Disabling, enabling and holding what waits for an endpoint follow one another."""
    conn.lock(f"webhook-endpoint:{endpoint_id}")


def find(conn: Conn, account_id: str, mode: str, endpoint_id: str) -> Row | None:
    """An endpoint of the account."""
    return conn.one(f"SELECT * FROM {TABLE} WHERE {_OWN} AND id = :id", id=endpoint_id,
                    account_id=account_id, mode=mode)  # fmt: skip


def by_id(conn: Conn, endpoint_ids: Collection[str]) -> dict[str, Row]:
    """Endpoints, deleted ones too."""
    rows = conn.all(f"SELECT * FROM {TABLE} WHERE id IN :ids", ids=endpoint_ids)
    return {row["id"]: row for row in rows}


async def of_account(reader: Reader, account_id: str, mode: str) -> list[Row]:
    """Every endpoint of the account, the oldest first."""
    return await reader.all(f"SELECT * FROM {TABLE} WHERE {_OWN} ORDER BY id",
                            account_id=account_id, mode=mode)  # fmt: skip


def count(conn: Conn, account_id: str, mode: str) -> int:
    """How many endpoints the account has."""
    row = conn.one(f"SELECT COUNT(*) AS n FROM {TABLE} WHERE {_OWN}",
                   account_id=account_id, mode=mode)  # fmt: skip
    return int(row["n"]) if row else 0


def change(conn: Conn, endpoint_id: str, /, **facts: Any) -> None:
    """Set columns of an endpoint."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f"UPDATE {TABLE} SET {sets} WHERE id = :endpoint_id", endpoint_id=endpoint_id, **facts)


def succeeded(conn: Conn, endpoint_ids: Collection[str]) -> None:
    """Note that the endpoints do not fail, if it was noted that they do."""
    conn.run(
        f"UPDATE {TABLE} SET failing_since = NULL WHERE id IN :ids AND failing_since IS NOT NULL",
        ids=endpoint_ids,
    )


def failed(conn: Conn, endpoint_ids: Collection[str], at: int) -> list[Row]:
    """Note the first failure of each; the rows of those that are enabled."""
    conn.run(
        f"UPDATE {TABLE} SET failing_since = :at WHERE id IN :ids AND failing_since IS NULL",
        ids=endpoint_ids, at=at,
    )  # fmt: skip
    return conn.all(f"SELECT * FROM {TABLE} WHERE id IN :ids AND enabled", ids=endpoint_ids)


def disable(conn: Conn, endpoint_id: str, because: str, at: int) -> bool:
    """False if it was disabled already."""
    return bool(conn.run(
        f"UPDATE {TABLE} SET enabled = :no, disabled_at = :at, disabled_because = :because"
        " WHERE id = :id AND enabled AND deleted_at IS NULL",
        id=endpoint_id, no=False, at=at, because=because,
    ))  # fmt: skip


def retire(conn: Conn, owner_id: str, secret_sealed: str, until: int, most: int) -> None:
    """Keep a secret that was replaced until an instant, with the newest of its predecessors."""
    insert(conn, "webhook_old_secret", owner_id=owner_id, secret_sealed=secret_sealed,
           expires_at=until)  # fmt: skip
    conn.run(
        "DELETE FROM webhook_old_secret WHERE owner_id = :owner AND expires_at NOT IN"
        " (SELECT expires_at FROM webhook_old_secret WHERE owner_id = :owner"
        " ORDER BY expires_at DESC LIMIT :most)",
        owner=owner_id, most=most,
    )  # fmt: skip


def old_secrets(conn: Conn, owner_ids: Collection[str], now: int) -> list[Row]:
    """Replaced secrets that still sign, the newest first."""
    return conn.all(
        "SELECT * FROM webhook_old_secret WHERE owner_id IN :owners AND expires_at > :now"
        " ORDER BY expires_at DESC",
        owners=owner_ids, now=now,
    )  # fmt: skip


async def rotating(reader: Reader, owner_ids: Collection[str], now: int) -> dict[str, int]:
    """Until when the newest replaced secret of each owner signs."""
    rows = await reader.all(
        "SELECT owner_id, MAX(expires_at) AS until FROM webhook_old_secret"
        " WHERE owner_id IN :owners AND expires_at > :now GROUP BY owner_id",
        owners=owner_ids, now=now,
    )  # fmt: skip
    return {row["owner_id"]: row["until"] for row in rows}


def forget_secrets(conn: Conn, now: int) -> None:
    """Forget replaced secrets that sign no longer."""
    conn.run("DELETE FROM webhook_old_secret WHERE expires_at <= :now", now=now)


def default_secrets(conn: Conn, account_ids: Collection[str]) -> dict[str, str]:
    """By account, the sealed secret that signs where no endpoint of its own does."""
    rows = conn.all(
        "SELECT id, webhook_secret_sealed FROM account WHERE id IN :ids", ids=account_ids
    )
    return {row["id"]: row["webhook_secret_sealed"] for row in rows}


def set_default_secret(conn: Conn, account_id: str, sealed: str) -> None:
    """Replace the secret that signs what goes to no endpoint."""
    conn.run("UPDATE account SET webhook_secret_sealed = :sealed WHERE id = :id",
             id=account_id, sealed=sealed)  # fmt: skip


def forget_deleted(conn: Conn, before: int, limit: int) -> None:
    """Forget endpoints deleted before an instant of which the log has nothing any more."""
    conn.run(
        f"DELETE FROM {TABLE} WHERE id IN (SELECT w.id FROM {TABLE} w WHERE w.deleted_at < :before"
        " AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.endpoint_id = w.id)"
        " AND NOT EXISTS (SELECT 1 FROM webhook_replay r WHERE r.endpoint_id = w.id)"
        " LIMIT :limit)",
        before=before, limit=limit,
    )  # fmt: skip


def add_replay(conn: Conn, endpoint_id: str, which: str, since: str = "", until: str = "") -> str:
    """Queue a replay; its id."""
    replay_id = new_id("rpl")
    insert(conn, "webhook_replay", id=replay_id, endpoint_id=endpoint_id, which=which,
           since_id=since, until_id=until)  # fmt: skip
    return replay_id


def replays(conn: Conn, endpoint_id: str) -> int:
    """How many replays of an endpoint are under way."""
    row = conn.one("SELECT COUNT(*) AS n FROM webhook_replay WHERE endpoint_id = :id",
                   id=endpoint_id)  # fmt: skip
    return int(row["n"]) if row else 0


async def any_replay(reader: Reader) -> bool:
    """Whether there is work on replays."""
    return await reader.one("SELECT id FROM webhook_replay LIMIT 1") is not None


def next_replay(conn: Conn) -> Row | None:
    """One of the replays that no other worker works on; its turn comes after all others."""
    return conn.one(f"SELECT * FROM webhook_replay ORDER BY id LIMIT 1 {conn.skip_locked}")


def advance_replay(conn: Conn, replay_id: str, since: str) -> None:
    """Note how far it has come, and let others have their turn."""
    conn.run("UPDATE webhook_replay SET since_id = :since, id = :later WHERE id = :id",
             id=replay_id, since=since, later=new_id("rpl"))  # fmt: skip


def end_replay(conn: Conn, replay_id: str) -> None:
    """Forget a replay that is done."""
    conn.run("DELETE FROM webhook_replay WHERE id = :id", id=replay_id)


_OWN = "account_id = :account_id AND mode = :mode AND deleted_at IS NULL"
