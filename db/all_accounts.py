"""Calls and messages of all accounts, newest first. An index for each filter would cost every
write, so a look goes through a bounded number of rows, and tells where the next one goes on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from operator import itemgetter
from typing import NamedTuple

from db import lists
from db.connection import Reader, Row
from db.lists import Query
from db.search import WINDOW, Listed

ROWS_LOOKED_MAX = 10_000
BLOCKS_LOOKED_MAX = 64
JUST_ABOVE = "~"
"""Behind an id: a bound below which that id is, too."""


class Look(NamedTuple):
    """The rows that were found, and the id below which to look on; empty where nothing is left."""

    rows: list[Row]
    cursor: str


async def look(reader: Reader, query: Query, limit: int) -> Look:
    """The newest rows that the query finds, at most `limit`; fewer where they are rare. A part of
    a number is searched by the blocks, of which a look goes through a bounded number, too; but
    hardly any block is without the few digits that some number of it has."""
    if query.part and not _few_digits(query.part):
        searched = await lists.find(reader, query, limit + 1, blocks_max=BLOCKS_LOOKED_MAX)
        found, left = await lists.whole(reader, query, searched.ids), searched.left
        return Look(found, left) if left else _page(found, limit, "")
    edge = await lists.nth_newest(reader, query, _looked_through(query), ROWS_LOOKED_MAX)
    found = await _above(reader, query, edge, limit + 1)
    return _page(found, limit, f"{edge}{JUST_ABOVE}" if edge else "")


def _few_digits(part: str) -> bool:
    return len(part) < WINDOW and part.removeprefix("+").isdigit()


def _page(found: list[Row], limit: int, left: str) -> Look:
    if len(found) > limit:
        return Look(found[:limit], str(found[limit - 1]["id"]))
    return Look(found, left)


def _looked_through(query: Query) -> str:
    """Along what an index leads, so that rows are passed over at no cost."""
    whose = "" if query.account_id is None else " AND account_id = :account_id AND mode = :mode"
    return (
        f"SELECT id FROM {query.listed.table} WHERE id > :above AND id < :below{whose}"
        " ORDER BY id DESC LIMIT :most"
    )


async def _above(reader: Reader, query: Query, edge: str, limit: int) -> list[Row]:
    table = query.listed.table
    where = f"{query.where} AND {query.matches}" if query.part else query.where
    return await reader.all(
        f"SELECT * FROM {table} WHERE id IN (SELECT id FROM {table} WHERE {where}"
        " AND id > :above AND id < :below ORDER BY id DESC LIMIT :limit) ORDER BY id DESC",
        above=max(edge, query.above), below=query.below, limit=limit,
        part=lists.like(query.part), **query.used,
    )  # fmt: skip


async def pages(reader: Reader, query: Query) -> AsyncIterator[list[Row]]:
    """All rows that the query finds, a bounded number at a time."""
    found = await look(reader, query, lists.ROWS_PER_READ)
    while found.cursor:
        yield found.rows
        query = replace(query, filters=query.filters | {"cursor": found.cursor})
        found = await look(reader, query, lists.ROWS_PER_READ)
    yield found.rows


async def one(reader: Reader, listed: Listed, row_id: str) -> Row | None:
    """A row of the log, whoever's it is."""
    return await reader.one(f"SELECT * FROM {listed.table} WHERE id = :id", id=row_id)


async def live_calls(reader: Reader, most: int) -> list[Row]:
    """Calls that have a channel, the newest first; `most` of them. Sorted here: to sort them
    SQLite would go through all calls in the order of their ids."""
    rows = await reader.all(
        "SELECT * FROM call WHERE status IN ('dialing', 'ringing', 'answered') LIMIT :most",
        most=most,
    )
    return sorted(rows, key=itemgetter("id"), reverse=True)
