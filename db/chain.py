"""An optional chain of hashes through the journals of a mode: whoever changes or removes one
behind the platform's back would have to change all that follow."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, valid_mode
from db.connection import Conn, Reader, Row

FIELDS = ("id", "reference", "mode", "kind", "actor", "at", "reason", "refers_to")
START = (0, "")
PAGE = 1_000


class JournalHead(Table, table=True):
    """The last link of a mode's chain. Its row is locked by whoever appends, so that links follow
    each other; without a row, or with `active` 0, journals are not linked."""

    __tablename__ = "journal_head"
    __table_args__ = (valid_mode(),)

    mode: str = Field(primary_key=True)
    active: int
    seq: int = instant()
    hash: str


def activate(conn: Conn, mode: str, active: bool) -> None:
    """Link the journals of a mode from now on, or no longer."""
    conn.run(
        "INSERT INTO journal_head (mode, active, seq, hash) VALUES (:mode, :active, 0, '')"
        " ON CONFLICT (mode) DO UPDATE SET active = excluded.active",
        mode=mode, active=int(active),
    )  # fmt: skip


def take_turn(conn: Conn, mode: str) -> None:
    """Wait for whoever is appending to the mode's chain. Before any pot is locked: whoever locks a
    pot first and then waits here may wait for one who waits for that pot."""
    conn.run("UPDATE journal_head SET seq = seq WHERE mode = :mode AND active = 1", mode=mode)


def link(conn: Conn, facts: Mapping[str, Any], postings: Mapping[str, int]) -> dict[str, Any]:
    """`seq` and `hash` of a journal that is being appended; nothing where there is no chain."""
    head = conn.one(
        "UPDATE journal_head SET seq = seq + 1 WHERE mode = :mode AND active = 1"
        " RETURNING seq, hash",
        mode=facts["mode"],
    )
    if head is None:
        return {}
    digest = fingerprint(head["hash"], head["seq"], facts, postings)
    conn.run("UPDATE journal_head SET hash = :hash WHERE mode = :mode", hash=digest,
             mode=facts["mode"])  # fmt: skip
    return {"seq": head["seq"], "hash": digest}


def link_all(conn: Conn, journals: list[tuple[Row, Mapping[str, int]]]) -> list[Row]:
    """Journals with their postings, in order: their facts with `seq` and `hash`."""
    linked: list[Row] = []
    for mode in dict.fromkeys(facts["mode"] for facts, _ in journals):
        of_mode = [one for one in journals if one[0]["mode"] == mode]
        head = conn.one(
            "UPDATE journal_head SET seq = seq + :more WHERE mode = :mode AND active = 1"
            " RETURNING seq, hash",
            mode=mode, more=len(of_mode),
        )  # fmt: skip
        if head is None:
            linked += [facts | {"seq": None, "hash": None} for facts, _ in of_mode]
            continue
        digest = head["hash"]
        for seq, (facts, postings) in enumerate(of_mode, head["seq"] - len(of_mode) + 1):
            digest = fingerprint(digest, seq, facts, postings)
            linked.append(facts | {"seq": seq, "hash": digest})
        conn.run("UPDATE journal_head SET hash = :hash WHERE mode = :mode", hash=digest, mode=mode)
    return linked


def fingerprint(
    before: str, seq: int, facts: Mapping[str, Any], postings: Mapping[str, int]
) -> str:
    """SHA-256 over the hash before it and the journal's content in one canonical form."""
    content = {name: facts[name] for name in FIELDS} | {"seq": seq, "postings": dict(postings)}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


async def heads(reader: Reader) -> dict[str, tuple[int, str]]:
    """The last link of each chain, by mode."""
    rows = await reader.all("SELECT mode, seq, hash FROM journal_head")
    return {row["mode"]: (row["seq"], row["hash"]) for row in rows}


async def follow(
    reader: Reader, mode: str, start: tuple[int, str], end: tuple[int, str]
) -> list[Row]:
    """Recompute the links after `start` up to `end`: the first one that does not fit, if any."""
    seq, digest = start
    while seq < end[0]:
        journals = await _page(reader, mode, seq, end[0])
        amounts = await _amounts(reader, [row["id"] for row in journals])
        for row in journals:
            seq += 1
            digest = fingerprint(digest, seq, row, amounts.get(row["id"], {}))
            if (row["seq"], row["hash"]) != (seq, digest):
                return [{"mode": mode, "seq": seq, "journal_id": row["id"]}]
        if not journals:
            return [{"mode": mode, "seq": seq + 1, "journal_id": None}]
    return [] if digest == end[1] else [{"mode": mode, "seq": seq, "journal_id": None}]


async def _page(reader: Reader, mode: str, after: int, until: int) -> list[Row]:
    return await reader.all(
        "SELECT * FROM journal WHERE mode = :mode AND seq > :after AND seq <= :until"
        " ORDER BY seq LIMIT :limit",
        mode=mode, after=after, until=until, limit=PAGE,
    )  # fmt: skip


async def _amounts(reader: Reader, journal_ids: list[str]) -> dict[str, dict[str, int]]:
    rows = await reader.all("SELECT * FROM posting WHERE journal_id IN :ids", ids=journal_ids)
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["journal_id"], {})[row["ledger_account_id"]] = row["amount"]
    return found
