"""Queued calls and whose turn it is: calls of the API are spaced out when they are accepted."""

from operator import itemgetter

from db.calls import CallStatus, note
from db.connection import Conn, Reader, Row

HEAD = (
    "SELECT due_at FROM call WHERE status = 'queued' AND due_at IS NOT NULL ORDER BY due_at LIMIT 1"
)
OPEN = "status IN ('queued', 'dialing', 'ringing', 'answered')"


def first_due(conn: Conn) -> int | None:
    """The turn of the queue's head; None if nothing is queued."""
    row = conn.one(HEAD)
    return row["due_at"] if row else None


async def head(reader: Reader) -> int | None:
    """`first_due` outside a transaction."""
    row = await reader.one(HEAD)
    return row["due_at"] if row else None


async def waiting(reader: Reader, most: int) -> dict[str, int]:
    """How many calls are queued, by account; of a longer queue only the first `most` count."""
    rows = await reader.all(
        "SELECT account_id, COUNT(*) AS n FROM (SELECT account_id FROM call"
        " WHERE status = 'queued' LIMIT :most) AS queued GROUP BY account_id",
        most=most,
    )
    return {row["account_id"]: row["n"] for row in rows}


def claim(conn: Conn, node: str, now: int, limit: int) -> list[Row]:
    """Take queued calls whose turn has come for a PBX node, in the order of their turns; they are
    `dialing` from here on."""
    rows = conn.all(
        "WITH due AS MATERIALIZED (SELECT id FROM call"
        " WHERE status = 'queued' AND due_at <= :now"
        f" ORDER BY due_at, id LIMIT :limit {conn.skip_locked})"
        " UPDATE call SET status = 'dialing', node = :node, started_at = :now, last_seen_at = :now"
        " WHERE id IN (SELECT id FROM due) RETURNING *",
        node=node, now=now, limit=limit,
    )  # fmt: skip
    for row in rows:
        note(conn, row["id"], CallStatus.dialing, now)
    return sorted(rows, key=itemgetter("due_at", "id"))


def limits(conn: Conn, account_id: str, key_id: str | None) -> Row:
    """`account_max`, `account_pace`, `key_max`, `key_pace`: calls at once and a second; None
    where nothing was set."""
    row = conn.one(
        "SELECT a.calls_max AS account_max, a.calls_per_second AS account_pace,"
        " k.calls_max AS key_max, k.calls_per_second AS key_pace"
        " FROM account a LEFT JOIN api_key k ON k.id = :key_id WHERE a.id = :account_id",
        account_id=account_id, key_id=key_id,
    )  # fmt: skip
    assert row is not None, account_id
    return row


def open_calls(conn: Conn, account_id: str, mode: str, key_id: str | None) -> tuple[int, int]:
    """How many calls of the account have not ended, and how many of them the key placed."""
    row = conn.one(
        "SELECT COUNT(*) AS all_of_them, COUNT(CASE WHEN key_id = :key_id THEN 1 END) AS of_key"
        f" FROM call WHERE account_id = :account_id AND mode = :mode AND {OPEN}",
        account_id=account_id, mode=mode, key_id=key_id,
    )  # fmt: skip
    assert row is not None
    return int(row["all_of_them"]), int(row["of_key"])


def queued_before(conn: Conn, before: int) -> list[Row]:
    """Calls that have been waiting, and whose turn it was, since before that instant."""
    return conn.all(
        "SELECT * FROM call WHERE status = 'queued' AND due_at < :before AND created_at < :before",
        before=before,
    )


async def in_progress(reader: Reader, account_id: str, mode: str, limit: int) -> list[Row]:
    """Calls that have not ended, newest first. The order is not that of an index, so that the few
    open ones are looked up, and not the whole log read for them."""
    return await reader.all(
        f"SELECT * FROM call WHERE account_id = :account_id AND mode = :mode AND {OPEN}"
        " ORDER BY created_at DESC, id DESC LIMIT :limit",
        account_id=account_id, mode=mode, limit=limit,
    )  # fmt: skip
