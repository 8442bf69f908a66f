"""What every PBX node was told of the SIP accounts, and what it must be told."""

from sqlalchemy import Index
from sqlmodel import Field

from db.base import Table
from db.columns import instant, partial
from db.connection import Conn, Reader, Row

LOST_MICROSECONDS_MAX = 3_000_000
"""AstDB commits once a second."""


class SipAccountNode(Table, table=True):
    """What a PBX node knows of a SIP account: the generation that it was last told, and whether
    it must be told again, because the account changed or the node drifted, at `changed_at`."""

    __tablename__ = "sip_account_node"
    __table_args__ = (
        partial("ix_sip_account_behind", "node", "changed_at", where="behind"),
        Index("ix_sip_account_applied", "node", "applied_at"),
    )

    sip_account_id: str = Field(primary_key=True, foreign_key="sip_account.id")
    node: str = Field(primary_key=True)
    generation: int
    behind: bool = False
    changed_at: int = instant(default=0)
    applied_at: int = instant()


def every_node_is_behind(conn: Conn, column: str, value: str, now: int) -> None:
    """Mark the SIP accounts with that value in the column: every node must be told of them."""
    conn.run(
        "INSERT INTO sip_account_node"
        " (sip_account_id, node, generation, behind, changed_at, applied_at)"
        " SELECT s.id, c.name, 0, TRUE, :now, 0 FROM sip_account s"
        f" JOIN component c ON c.kind = 'pbx' WHERE s.{column} = :value"
        " ON CONFLICT (sip_account_id, node)"
        " DO UPDATE SET behind = TRUE, changed_at = excluded.changed_at",
        now=now, value=value,
    )  # fmt: skip


async def behind(reader: Reader, node: str, limit: int) -> list[Row]:
    """SIP accounts that the node must be told of, each with its `account_status`. The newest
    change first: a new secret does not wait behind the first load of a node."""
    return await reader.all(
        "SELECT s.*, a.status AS account_status FROM sip_account_node n"
        " JOIN sip_account s ON s.id = n.sip_account_id JOIN account a ON a.id = s.account_id"
        " WHERE n.behind AND n.node = :node ORDER BY n.changed_at DESC LIMIT :limit",
        node=node, limit=limit,
    )  # fmt: skip


def applied(conn: Conn, node: str, generations: dict[str, int], now: int) -> None:
    """Note what a node has been told (SIP account id → generation); whoever changed since stays
    behind. A deleted one that every node has forgotten is gone."""
    conn.many(
        "UPDATE sip_account_node SET generation = :generation, applied_at = :now,"
        " behind = (SELECT s.generation > :generation FROM sip_account s WHERE s.id = :id)"
        " WHERE sip_account_id = :id AND node = :node",
        [
            {"id": sip_id, "node": node, "generation": generation, "now": now}
            for sip_id, generation in generations.items()
        ],
    )
    purge(conn, list(generations))


def purge(conn: Conn, ids: list[str]) -> None:
    """Remove those of the deleted SIP accounts that no node knows any more."""
    rows = conn.all(
        "SELECT s.id FROM sip_account s WHERE s.id IN :ids AND s.deleted_at IS NOT NULL AND NOT"
        " EXISTS (SELECT 1 FROM sip_account_node n WHERE n.sip_account_id = s.id AND n.behind)",
        ids=ids,
    )
    gone = [row["id"] for row in rows]
    for table in ("sip_contact", "sip_account_node"):
        conn.run(f"DELETE FROM {table} WHERE sip_account_id IN :gone", gone=gone)
    conn.run("DELETE FROM sip_account WHERE id IN :gone", gone=gone)


async def nodes_applied(reader: Reader, username: str) -> tuple[int, int]:
    """On how many PBX nodes the account's newest state is in force, and how many nodes there
    are; (0, 0) for one that is gone."""
    row = await reader.one(
        "SELECT COUNT(*) AS nodes, COUNT(n.node) AS done FROM sip_account s"
        " JOIN component c ON c.kind = 'pbx' LEFT JOIN sip_account_node n"
        " ON n.sip_account_id = s.id AND n.node = c.name AND NOT n.behind"
        " WHERE s.username = :username",
        username=username,
    )
    return (row["done"], row["nodes"]) if row else (0, 0)


async def progress(reader: Reader, ids: list[str]) -> tuple[dict[str, int], int]:
    """On how many nodes each of the accounts is in force (id → count), and how many there are."""
    nodes = await reader.all("SELECT name FROM component WHERE kind = 'pbx'")
    rows = await reader.all(
        "SELECT sip_account_id AS id, COUNT(*) AS done FROM sip_account_node"
        " WHERE sip_account_id IN :ids AND NOT behind AND node IN :nodes GROUP BY sip_account_id",
        ids=ids, nodes=[row["name"] for row in nodes],
    )  # fmt: skip
    return {row["id"]: row["done"] for row in rows}, len(nodes)


async def batch(reader: Reader, node: str, after: str, limit: int) -> list[Row]:
    """The SIP accounts that follow an id, each with its `account_status`, and with what the node
    was told of it: `behind` and `applied_at` are None where that was nothing."""
    return await reader.all(
        "SELECT s.*, a.status AS account_status, n.behind, n.applied_at FROM sip_account s"
        " JOIN account a ON a.id = s.account_id LEFT JOIN sip_account_node n"
        " ON n.sip_account_id = s.id AND n.node = :node"
        " WHERE s.id > :after ORDER BY s.id LIMIT :limit",
        node=node, after=after, limit=limit,
    )  # fmt: skip


def again(conn: Conn, node: str, ids: list[str], now: int) -> None:
    """Let the node be told of these once more."""
    conn.many(
        "INSERT INTO sip_account_node"
        " (sip_account_id, node, generation, behind, changed_at, applied_at)"
        " SELECT id, :node, 0, TRUE, :now, 0 FROM sip_account WHERE id = :id"
        " ON CONFLICT (sip_account_id, node)"
        " DO UPDATE SET behind = TRUE, changed_at = excluded.changed_at",
        [{"id": sip_id, "node": node, "now": now} for sip_id in ids],
    )


def told_last(conn: Conn, node: str, now: int) -> int:
    """Let the node be told again of what it was told last, within some seconds: an AstDB that was
    killed has forgotten its last second. How many that are."""
    return conn.run(
        "UPDATE sip_account_node SET behind = TRUE, changed_at = :now WHERE node = :node"
        " AND applied_at > 0 AND applied_at >= :lost +"
        " (SELECT MAX(applied_at) FROM sip_account_node WHERE node = :node)",
        node=node, now=now, lost=-LOST_MICROSECONDS_MAX,
    )  # fmt: skip


def forget(conn: Conn, node: str, limit: int) -> int:
    """Drop what so many SIP accounts were to be told a node that is no more, and those of the
    deleted that waited for it; how many."""
    rows = conn.all(
        "SELECT sip_account_id FROM sip_account_node WHERE node = :node LIMIT :limit",
        node=node, limit=limit,
    )  # fmt: skip
    ids = [row["sip_account_id"] for row in rows]
    for table in ("sip_contact", "sip_account_node"):
        conn.run(
            f"DELETE FROM {table} WHERE node = :node AND sip_account_id IN :ids",
            node=node, ids=ids,
        )  # fmt: skip
    purge(conn, ids)
    return len(ids)
