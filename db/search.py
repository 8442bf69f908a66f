"""A part of a number, found among any number of rows.

Every few rows, in the order of their ids, make a block. An inverted index (FTS5 on SQLite, GIN on
PostgreSQL) has a term for every five characters in a row of a value, with a tag of the account
behind them, and so tells in which blocks a part may be. What a block's rows really hold is compared
each time: a block may say too much, and never too little.

Why not trigrams: digits have a thousand of them, so each is in a twentieth of all rows, and a
search would read as much of their lists as there are rows. There are a hundred thousand windows of
five."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from sqlmodel import Field

from db.base import Table
from db.branches import Branches
from db.connection import Conn, Reader, Row

ROWS_PER_BLOCK = 32
WINDOW = 5
WINDOWS_MAX = 12
"""Of one search: more of them would hardly leave out another block."""
TAGS = 36**4
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_FOLDED = bytes(ord(one.lower()) if one.isascii() and one.isalnum() else ord("_")
                for one in map(chr, range(256)))  # fmt: skip


class SearchBlock(Table, table=True):
    """Rows of a table from one id to another; its terms are in `search_term`, a virtual table on
    SQLite, under the same number."""

    __tablename__ = "search_block"

    no: int | None = Field(default=None, primary_key=True)
    source: str
    first_id: str
    last_id: str


class SearchFrontier(Table, table=True):
    """Up to which id the rows of a table are in blocks."""

    __tablename__ = "search_frontier"

    source: str = Field(primary_key=True)
    last_id: str


UNDECLARED = "search_term"
"""Tables whose names begin so are made by a migration alone, as each database needs them."""


@dataclass(frozen=True)
class Listed:
    """A table with `account_id` and `mode` that is listed newest first. `filters` are clauses by
    the name of their parameter, `only` holds for every row of the list. `branches` are indexes for
    filters, the best first."""

    table: str
    prefix: str
    searched: tuple[str, ...]
    filters: dict[str, str] = field(default_factory=dict)
    only: str = "1 = 1"
    branches: tuple[Branches, ...] = ()


@lru_cache(maxsize=4096)
def tag(source: str, account_id: str, mode: str) -> str:
    """Four characters for an account and mode; two that share them only cost a look in vain."""
    number = zlib.crc32(f"{source} {account_id} {mode}".encode()) % TAGS
    return "".join(_LETTERS[number // 36**at % 36] for at in range(4))


def folded(value: str) -> str:
    """One letter, digit or underscore for each character."""
    return value.encode("ascii", "replace").translate(_FOLDED).decode()


@lru_cache(maxsize=4096)
def windows(value: str) -> tuple[str, ...]:
    """The five characters from each one on, fewer at the end."""
    letters = folded(value)
    return tuple(letters[at : at + WINDOW] for at in range(len(letters)))


def terms_for(part: str, mine: str) -> str:
    """Which blocks may have the part, in the words of FTS5: `*` stands for any end of a term.
    Without a tag those of all accounts."""
    if len(part) >= WINDOW:
        whole = dict.fromkeys(one for one in windows(part) if len(one) == WINDOW)
        return " AND ".join(f"{one}{mine or '*'}" for one in list(whole)[-WINDOWS_MAX:])
    begin = folded(part)
    if mine and len(part) == WINDOW - 1:
        return " OR ".join(f"{begin}{one}{mine}" for one in ("", "_", *_LETTERS))
    return f"{begin}* AND {mine}" if mine else f"{begin}*"


def build(conn: Conn, listed: Listed, before: str, rows_max: int) -> str | None:
    """Put the next rows whose ids are below `before` into blocks; the last one's id, None where
    there are too few for a block. One builder works at a time."""
    conn.lock(f"search:{listed.table}")
    rows = conn.all(
        f"SELECT id, account_id, mode, {', '.join(listed.searched)} FROM {listed.table}"
        f" WHERE id > :after AND id < :before ORDER BY id LIMIT :rows_max {conn.for_update}",
        after=_frontier(conn, listed), before=before, rows_max=rows_max,
    )  # fmt: skip
    whole = len(rows) - len(rows) % ROWS_PER_BLOCK
    for first in range(0, whole, ROWS_PER_BLOCK):
        _add_block(conn, listed, rows[first : first + ROWS_PER_BLOCK])
    if not whole:
        return None
    last = str(rows[whole - 1]["id"])
    conn.run(
        "INSERT INTO search_frontier (source, last_id) VALUES (:source, :last)"
        " ON CONFLICT (source) DO UPDATE SET last_id = excluded.last_id",
        source=listed.table, last=last,
    )  # fmt: skip
    return last


def keep_up(conn: Conn, listed: Listed, rows: Iterable[Row]) -> None:
    """After rows were added, or a value of theirs that is searched was changed: those whose
    neighbours are in blocks already get one of their own."""
    frontier = _frontier(conn, listed)
    for row in rows:
        if row["id"] <= frontier:
            _add_block(conn, listed, [row])


def _add_block(conn: Conn, listed: Listed, rows: list[Row]) -> None:
    block = conn.one(
        "INSERT INTO search_block (source, first_id, last_id) VALUES (:source, :first, :last)"
        " RETURNING no",
        source=listed.table, first=rows[0]["id"], last=rows[-1]["id"],
    )  # fmt: skip
    assert block is not None
    conn.run(
        "INSERT INTO search_term (rowid, terms) VALUES (:no, :terms)",
        no=block["no"], terms=" ".join(_terms(listed, rows)),
    )  # fmt: skip


def _terms(listed: Listed, rows: list[Row]) -> list[str]:
    """Sorted, which saves the index a third of its work."""
    values = {
        (tag(listed.table, row["account_id"], row["mode"]), row.get(column))
        for row in rows for column in listed.searched
    }  # fmt: skip
    terms = {mine for mine, _ in values}
    for mine, value in values:
        if value:
            terms.update([one + mine for one in windows(value)])
    return sorted(terms)


def _frontier(conn: Conn, listed: Listed) -> str:
    row = conn.one(FRONTIER, source=listed.table)
    return str(row["last_id"]) if row else ""


FRONTIER = "SELECT last_id FROM search_frontier WHERE source = :source"


async def frontier(reader: Reader, listed: Listed) -> str:
    """The id up to which blocks tell everything; empty at first."""
    row = await reader.one(FRONTIER, source=listed.table)
    return str(row["last_id"]) if row else ""


async def candidates(
    reader: Reader, listed: Listed, terms: str, *, edge: str, below: str, above: str,
    limit: int,
) -> list[Row]:  # fmt: skip
    """Blocks with these terms, the newest first: they begin up to `edge` and below `below`,
    and end not before `above`."""
    matches = "search_term MATCH :terms"
    if reader.dialect == "postgres":
        matches = "terms @@ CAST(:terms AS tsquery)"
        terms = terms.replace(" AND ", " & ").replace(" OR ", " | ").replace("*", ":*")
    return await reader.all(
        "SELECT no, first_id, last_id FROM search_term CROSS JOIN search_block"
        f" WHERE no = search_term.rowid AND {matches} AND source = :source"
        " AND first_id <= :edge AND first_id < :below AND last_id >= :above"
        " ORDER BY last_id DESC LIMIT :limit",
        terms=terms, source=listed.table, edge=edge, below=below, above=above, limit=limit,
    )  # fmt: skip


def in_blocks(reader: Reader, table: str, where: str) -> str:
    """A statement that reads the ids of rows in the blocks `:numbers`. PostgreSQL has to be told to
    look into one block after the other; it knows nothing of ranges that do not overlap."""
    inside = f"id >= first_id AND id <= last_id AND {where}"
    if reader.dialect == "postgres":
        rows = f"CROSS JOIN LATERAL (SELECT id FROM {table} WHERE {inside} OFFSET 0) AS inside"
        return f"SELECT DISTINCT id FROM search_block {rows} WHERE no IN :numbers"
    return (
        f"SELECT DISTINCT id FROM search_block CROSS JOIN {table} WHERE no IN :numbers AND {inside}"
    )
