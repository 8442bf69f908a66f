"""Lists of calls and messages, newest first, by filters and by a part of a number.

Without a search a page and a bounded count are read off an index that has the filter's columns.
With one, the newest rows are compared one by one, since what is frequent is found among them; then
the blocks in which the part may be. So a page costs about the same among a thousand rows and among
ten million, and a total is counted as far as that is cheap."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from db import search
from db.branches import Branches
from db.connection import Reader, Row
from db.ids import first_id, last_id
from db.search import Listed

ROWS_PER_READ = 500
EARLY_MILLIS = 60_000
"""An id is made after the instant that its row was asked for, never so long before."""
NEWEST_ROWS = 4_000
"""So many are compared before the blocks are asked."""
NARROW_ROWS = 400
"""The same where an index has not the columns that are compared, so that each row is fetched."""
SHORT = 3
MORE_FOR_SHORT = 4
"""Of short parts: many blocks have them, and the index is slow to tell which."""
BLOCKS_PER_READ = 128
BLOCKS_GROW = 8
ANY_BLOCKS = 10**9
TOTAL_MAX = 10_000
"""A total without a search is exact up to here."""
SEARCHED_TOTAL_MAX = 100
"""With one up to here, unless the newest rows fill the page: it looks into as many blocks."""
_COMMON = {"since": "created_at >= :since", "until": "created_at < :until"}
_BETWEEN = "id > :above AND id < :below"
"""The one pair of bounds in a statement: of several SQLite would pick the first for the index."""


class Total(NamedTuple):
    """How many rows there are on all pages; at least so many where it is not exact."""

    rows: int
    exact: bool


class Listing(NamedTuple):
    """A page, whether others follow, and the total."""

    rows: list[Row]
    more: bool
    total: Total


class Found(NamedTuple):
    """Ids, newest first, whether there are no others, and below which id it was not looked for
    them, if anywhere."""

    ids: list[str]
    all: bool
    left: str = ""


def like(part: str) -> str:
    """A LIKE pattern for lower-cased text that finds the part itself, wildcards in it included."""
    escaped = part.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


@dataclass(frozen=True)
class Query:
    """What of a list is asked for: filters by name, `search` among them, None means any. Without
    an account it is that of all accounts."""

    listed: Listed
    account_id: str | None
    mode: str
    filters: dict[str, Any]

    @cached_property
    def used(self) -> dict[str, Any]:
        """Parameters of the clauses."""
        used = {name: value for name, value in self.filters.items() if value is not None}
        used.pop("search", None)
        return used | {"mode": self.mode, "account_id": self.account_id}

    @cached_property
    def above(self) -> str:
        """All ids are above it; that of an instant belongs to no row."""
        since = self.filters.get("since")
        return self._first_at(since // 1000 - EARLY_MILLIS) if since is not None else ""

    @cached_property
    def below(self) -> str:
        """All ids are below it."""
        until, cursor = self.filters.get("until"), self.filters.get("cursor")
        ends = [] if until is None else [self._first_at(until // 1000 + EARLY_MILLIS)]
        return min([*ends, cursor or last_id(self.listed.prefix)])

    def _first_at(self, millis: int) -> str:
        return first_id(self.listed.prefix, max(0, millis))

    @property
    def part(self) -> str:
        """What is searched; empty if nothing is."""
        return self.filters.get("search") or ""

    @cached_property
    def where(self) -> str:
        """All but the search."""
        known = _COMMON | self.listed.filters
        clauses = [known[name] for name in self.filters if self.filters[name] is not None
                   and name not in ("search", "cursor")]  # fmt: skip
        if self.account_id is not None:
            clauses.insert(0, "account_id = :account_id")
        return " AND ".join(["mode = :mode", *clauses, self.listed.only])

    @cached_property
    def branches(self) -> Branches | None:
        """The index of some of the filters, if one has them."""
        if self.account_id is None:
            return None
        return next((one for one in self.listed.branches if one.serves(self.used)), None)

    def ids(
        self, reader: Reader, where: str = "", *, most: str = ":most", each: str = "",
        counted: bool = False,
    ) -> str:  # fmt: skip
        """A statement that reads the ids of the newest rows, or of any where they are `counted`;
        no branch needs more than `each`."""
        rows = self._rows(reader)
        order = "" if counted else " ORDER BY id DESC"
        found = f"SELECT id FROM {rows} WHERE {self.where} AND {_BETWEEN}{where}"
        conditions = self.branches.conditions(self.used) if self.branches else ["1 = 1"]
        if len(conditions) == 1:
            return f"{found} AND {conditions[0]}{order} LIMIT {most}"
        ends = "" if counted else f"{order} LIMIT {each or most}"
        parts = (f"SELECT * FROM ({found} AND {one}{ends}) AS part_{at}"
                 for at, one in enumerate(conditions))  # fmt: skip
        return f"SELECT id FROM ({' UNION ALL '.join(parts)}) AS parts{order} LIMIT {most}"

    def _rows(self, reader: Reader) -> str:
        """The table, on SQLite with the index of the filters: it keeps no statistics, and would
        take the one that has all columns."""
        table = self.listed.table
        if self.branches and reader.dialect == "sqlite":
            return f"{table} INDEXED BY {self.branches.index}"
        return table

    @cached_property
    def matches(self) -> str:
        """Whether a row has the part. Digits have no small letters, and to make them costs as
        much as the comparison itself."""
        plain = self.part.lower() == self.part.upper()
        columns = [one if plain else f"LOWER({one})" for one in self.listed.searched]
        return "({})".format(" OR ".join(f"{one} LIKE :part ESCAPE '\\'" for one in columns))

    def without_cursor(self) -> "Query":
        """The same from the first page on."""
        return Query(self.listed, self.account_id, self.mode, self.filters | {"cursor": None})


async def listing(reader: Reader, query: Query, limit: int, offset: int = 0) -> Listing:
    """A page with what is said about it; a search finds both at once."""
    if query.part and not query.filters.get("cursor"):
        found = await find(reader, query, offset + limit + 1, SEARCHED_TOTAL_MAX)
        rows = await whole(reader, query, found.ids[offset : offset + limit + 1])
        counted = Total(len(found.ids), found.all)
    else:
        rows = await page(reader, query, limit + 1, offset)
        counted = await total(reader, query)
    return Listing(rows[:limit], len(rows) > limit, counted)


async def page(reader: Reader, query: Query, limit: int, offset: int = 0) -> list[Row]:
    """Rows of one page, whole."""
    if query.part:
        found = await find(reader, query, offset + limit)
        return await whole(reader, query, found.ids[offset:])
    ids = query.ids(reader, most=":limit OFFSET :offset", each=":upto")
    return await reader.all(
        f"SELECT * FROM {query.listed.table} WHERE id IN ({ids}) ORDER BY id DESC",
        upto=offset + limit, limit=limit, offset=offset, above=query.above, below=query.below,
        **query.used,
    )  # fmt: skip


async def whole(reader: Reader, query: Query, ids: list[str]) -> list[Row]:
    """The rows with these ids."""
    return await reader.all(
        f"SELECT * FROM {query.listed.table} WHERE id IN :ids ORDER BY id DESC", ids=ids
    )


async def pages(reader: Reader, query: Query) -> AsyncIterator[list[Row]]:
    """All rows of the list, a bounded number at a time."""
    rows = await page(reader, query, ROWS_PER_READ)
    while rows:
        yield rows
        after = query.filters | {"cursor": rows[-1]["id"]}
        query = Query(query.listed, query.account_id, query.mode, after)
        rows = await page(reader, query, ROWS_PER_READ)


async def total(reader: Reader, query: Query) -> Total:
    """How many rows all pages have, wherever the cursor stands."""
    query = query.without_cursor()
    if query.part:
        found = await find(reader, query, 0, SEARCHED_TOTAL_MAX)
        return Total(len(found.ids), found.all)
    row = await reader.one(
        f"SELECT COUNT(*) AS rows FROM ({query.ids(reader, counted=True)}) AS counted",
        most=TOTAL_MAX + 1, above=query.above, below=query.below, **query.used,
    )  # fmt: skip
    rows = int(row["rows"]) if row else 0
    return Total(min(rows, TOTAL_MAX), rows <= TOTAL_MAX)


async def find(
    reader: Reader, query: Query, wanted: int, counted: int = 0, blocks_max: int = ANY_BLOCKS
) -> Found:
    """The newest rows with the part: those that are wanted, and more of them to count as long as
    they are few."""
    edge, most = await _edge(reader, query), max(wanted, counted)
    ids = await _among_newest(reader, query, edge, most)
    if edge and len(ids) >= wanted > 0:
        return Found(ids, False)
    below, read, seen = query.below, min(BLOCKS_PER_READ, blocks_max), 0
    while edge and (len(ids) < wanted or (len(ids) < counted and seen < counted)):
        if seen >= blocks_max:
            return Found(ids, False, below)
        blocks = await search.candidates(
            reader, query.listed, _terms(query),
            edge=edge, below=below, above=query.above, limit=read,
        )  # fmt: skip
        ids += await _in_blocks(reader, query, blocks, edge, most - len(ids))
        if len(blocks) < read:
            return Found(ids, len(ids) < most)
        below, seen = blocks[-1]["first_id"], seen + len(blocks)
        read = min(read * BLOCKS_GROW, max(1, blocks_max - seen))
    return Found(ids, not edge and len(ids) < most)


def _terms(query: Query) -> str:
    account_id, table = query.account_id, query.listed.table
    return search.terms_for(query.part, search.tag(table, account_id, query.mode) if account_id
                            else "")  # fmt: skip


async def _edge(reader: Reader, query: Query) -> str:
    """Rows with ids above it are compared, those up to it are found by their blocks; empty where
    all are compared."""
    rows = NARROW_ROWS if query.branches else NEWEST_ROWS
    rows *= MORE_FOR_SHORT if len(query.part) <= SHORT else 1
    ids = query.ids(reader) if query.account_id else _any(query)
    newest = await nth_newest(reader, query, ids, rows)
    return min(newest, await search.frontier(reader, query.listed)) if newest else ""


def _any(query: Query) -> str:
    return f"SELECT id FROM {query.listed.table} WHERE {_BETWEEN} ORDER BY id DESC LIMIT :most"


async def nth_newest(reader: Reader, query: Query, ids: str, rows: int) -> str:
    """The last of so many ids and one that a statement reads, the newest first; empty where there
    are not so many."""
    found = await reader.one(
        f"SELECT MIN(id) AS id, COUNT(*) AS n FROM ({ids}) AS newest",
        most=rows + 1, above=query.above, below=query.below, **query.used,
    )  # fmt: skip
    return str(found["id"]) if found and found["n"] > rows else ""


async def _among_newest(reader: Reader, query: Query, edge: str, most: int) -> list[str]:
    rows = await reader.all(
        query.ids(reader, f" AND {query.matches}"),
        above=max(edge, query.above), below=query.below, part=like(query.part), most=most,
        **query.used,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def _in_blocks(
    reader: Reader, query: Query, blocks: list[Row], edge: str, most: int
) -> list[str]:
    # Not as bounds of an index, which are the block's.
    where = f"(id || '') <= :edge AND {query.where} AND {query.matches}"
    rows = await reader.all(
        f"{search.in_blocks(reader, query.listed.table, where)} ORDER BY id DESC LIMIT :most",
        numbers=[block["no"] for block in blocks], edge=edge, part=like(query.part), most=most,
        **query.used,
    )  # fmt: skip
    return [row["id"] for row in rows]
