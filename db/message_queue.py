"""The queue of messages: in turn by account, so that one who sends many delays nobody else."""

from enum import IntEnum
from operator import itemgetter

from db.connection import Conn, Reader, Row
from db.messages import note_all


class Lane(IntEnum):
    """Messages sent one by one, such as one-time passwords, go before those of batches."""

    single = 0
    bulk = 1


BULK_SHARE = 5
"""One message in so many of a claim is left to the bulk lane, which so never stands still."""
_QUEUED = "status = 'queued' AND provider = :provider AND lane = :lane"
_ACCOUNTS = (
    "WITH RECURSIVE who (account_id) AS ("
    f" SELECT (SELECT MIN(account_id) FROM message WHERE {_QUEUED} AND account_id > :after)"
    f" UNION ALL SELECT (SELECT MIN(m.account_id) FROM message m WHERE {_QUEUED}"
    " AND m.account_id > who.account_id) FROM who WHERE who.account_id IS NOT NULL)"
    " SELECT account_id FROM who WHERE account_id IS NOT NULL AND EXISTS (SELECT 1 FROM message d"
    f" WHERE {_QUEUED} AND d.account_id = who.account_id AND d.next_attempt_at <= :now)"
    " LIMIT :limit"
)
_CLAIM = (
    f"WITH due AS MATERIALIZED (SELECT id FROM message WHERE {_QUEUED}"
    " AND account_id = :account_id AND next_attempt_at <= :now ORDER BY next_attempt_at, id"
    " LIMIT :limit {locked})"
    " UPDATE message SET status = 'sending', lease_token = :token, lease_until = :until,"
    " attempts = attempts + 1 WHERE id IN (SELECT id FROM due) RETURNING *"
)


def claim(
    conn: Conn, provider: str, token: str, now: int, until: int, limit: int, after: str = ""
) -> list[Row]:
    """Take queued messages of the provider whose time has come: single ones first, in each lane
    in turn from the accounts past `after`, of each account in order. The lease fences the taker."""
    lease = {"provider": provider, "token": token, "now": now, "until": until}
    taken = _in_turn(conn, lease, Lane.single, limit - limit // BULK_SHARE, after)
    taken += _in_turn(conn, lease, Lane.bulk, limit - len(taken), after)
    taken += _in_turn(conn, lease, Lane.single, limit - len(taken), after)
    note_all(conn, [row["id"] for row in taken], "sending", now)
    return sorted(taken, key=itemgetter("lane", "next_attempt_at", "id"))


def _in_turn(
    conn: Conn, lease: dict[str, object], lane: Lane, room: int, after: str
) -> list[Row]:  # fmt: skip
    taken: list[Row] = []
    accounts = _accounts(conn, lease, lane, room, after)
    while accounts and room > len(taken):
        share = -(-(room - len(taken)) // len(accounts))
        took = {
            one: _claim(conn, lease, lane, one, min(share, room - len(taken)), taken)
            for one in accounts
        }
        accounts = [one for one in accounts if took[one] == share]
    return taken


def _accounts(
    conn: Conn, lease: dict[str, object], lane: Lane, room: int, after: str
) -> list[str]:  # fmt: skip
    where = {"provider": lease["provider"], "now": lease["now"], "lane": lane}
    if room <= 0:
        return []
    found = [row["account_id"] for row in conn.all(_ACCOUNTS, after=after, limit=room, **where)]
    if after and len(found) < room:
        first = conn.all(_ACCOUNTS, after="", limit=room, **where)
        found += [row["account_id"] for row in first if row["account_id"] not in found]
    return found[:room]


def _claim(
    conn: Conn, lease: dict[str, object], lane: Lane, account_id: str, limit: int,
    taken: list[Row],
) -> int:  # fmt: skip
    if limit <= 0:
        return 0
    rows = conn.all(_CLAIM.format(locked=conn.skip_locked), account_id=account_id, lane=lane,
                    limit=limit, **lease)  # fmt: skip
    taken += rows
    return len(rows)


def give_back(conn: Conn, ids: list[str], token: str, now: int, detail: str) -> None:
    """Let others take at once what was claimed under that lease and not sent."""
    rows = conn.all(
        "UPDATE message SET status = 'queued', attempts = attempts - 1, lease_token = NULL"
        " WHERE id IN :ids AND status = 'sending' AND lease_token = :token RETURNING id",
        ids=ids, token=token,
    )  # fmt: skip
    note_all(conn, [row["id"] for row in rows], "queued", now, detail)


async def waiting(reader: Reader, most: int) -> dict[str, int]:
    """How many messages are queued, by account; of a longer queue only the first `most` count."""
    rows = await reader.all(
        "SELECT account_id, COUNT(*) AS n FROM (SELECT account_id FROM message"
        " WHERE status = 'queued' LIMIT :most) AS queued GROUP BY account_id",
        most=most,
    )
    return {row["account_id"]: row["n"] for row in rows}


def leases_run_out(conn: Conn, provider: str, now: int) -> list[Row]:
    """The provider's messages whose sender died between the claim and the answer."""
    return conn.all(
        "SELECT * FROM message WHERE status = 'sending' AND provider = :provider"
        " AND lease_until < :now",
        provider=provider, now=now,
    )  # fmt: skip


def past_validity(conn: Conn, now: int) -> list[Row]:
    """Messages that were not sent for certain and whose validity period is over."""
    return conn.all(
        "SELECT * FROM message WHERE status IN ('queued', 'unknown')"
        " AND expires_at < :now LIMIT 500",
        now=now,
    )


def due_scheduled(conn: Conn, now: int, limit: int) -> list[Row]:
    """Scheduled messages whose time has come, the oldest first."""
    return conn.all(
        "SELECT * FROM message WHERE status = 'scheduled' AND next_attempt_at <= :now"
        f" ORDER BY next_attempt_at LIMIT :limit {conn.skip_locked}",
        now=now, limit=limit,
    )  # fmt: skip
