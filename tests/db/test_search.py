"""Lists are searched by an index of blocks: what is found is what a plain comparison finds,
however much of the list is in blocks."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from db import call_log, calls, lists, messages, search
from db.connection import Conn, Row
from db.database import Database
from db.ids import first_id, last_id, millis_of, new_id
from db.search import Listed
from db.searched import CALLS, INBOUND, MESSAGES
from tests.db.rows import START, add_call, add_message
from tests.factories import Customer, customer

NAMES = ("alice", "Bob", "100%_sure", "back\\slash", "o'hara", 'say "hi"', "grüße", "😀 ok", "a*b")
PARTS = (
    "1", "55", "155", "0111", "01112", "5550111", "+1555", "550111222", "49", "ali", "ALICE",
    "alice", "b", "bob", "zq", "nobody", "0%_s", "_", "%", "\\", "k\\s", "'", "o'h", '"', 'y "h',
    "ü", "grüße", "😀", "😀 ok", "*", "a*b", "a AND b", "OR", "NOT x", "x* OR y", "search_term",
    "1 & 2", ":*", "!", "(", "1555555555555555", "0" * 64,
)  # fmt: skip
PREFIXES = ("+1555011", "+4930", "+1555")
COLUMNS = ("to_number", "from_number", "caller_id", "sip_account")


@pytest.fixture
async def someone(database: Database) -> Customer:
    return await customer(database)


@pytest.fixture(params=[3, 40])
def newest(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many rows are compared one by one before the blocks are asked."""
    monkeypatch.setattr(lists, "NEWEST_ROWS", request.param)
    monkeypatch.setattr(lists, "NARROW_ROWS", 2)
    monkeypatch.setattr(search, "ROWS_PER_BLOCK", 4)
    monkeypatch.setattr(lists, "BLOCKS_PER_READ", 2)
    return int(request.param)


def made(number: int) -> str:
    """The id of a call that was made so many seconds after START."""
    return f"{first_id('call', START // 1000 + number * 1000)[:-6]}{number:06d}"


def rows_of(who: Customer, count: int, chance: random.Random) -> list[dict[str, Any]]:
    """Calls with numbers that have much in common."""
    return [
        {
            "id": made(number), "created_at": START + number * 1_000_000, "mode": who.mode,
            "status": chance.choice(("completed", "busy", "failed")),
            "direction": chance.choice(("outbound", "inbound")),
            "to_number": f"{chance.choice(PREFIXES)}{chance.randrange(3000)}",
            "from_number": chance.choice(NAMES),
            "caller_id": chance.choice(("", "+15550111222", "+49301234567")),
            "sip_account": chance.choice((None, *NAMES)),
        }
        for number in range(count)
    ]  # fmt: skip


def lower(text: str) -> str:
    """As both databases do: ASCII alone."""
    return "".join(one.lower() if one.isascii() else one for one in text)


def plainly(rows: list[dict[str, Any]], part: str, keep: Callable[[Row], bool]) -> list[str]:
    """Ids of the rows that have the part, newest first."""
    found = [
        row["id"] for row in rows
        if keep(row) and any(lower(part) in lower(row[name] or "") for name in COLUMNS)
    ]  # fmt: skip
    return sorted(found, reverse=True)


def index(conn: Conn, listed: Listed, before: str) -> int:
    """Every whole block below an id; how many deeds it took."""
    deeds = 0
    while search.build(conn, listed, before, 7 * search.ROWS_PER_BLOCK):
        deeds += 1
    return deeds


@pytest.mark.parametrize("indexed", [50, 200])
async def test_what_is_found_is_what_a_plain_comparison_finds(
    database: Database, someone: Customer, newest: int, indexed: int
) -> None:
    chance = random.Random(newest * 1000 + indexed)
    mine, other = rows_of(someone, 200, chance), await customer(database, name="Other")
    theirs = [
        row | {"id": row["id"][:-7] + "x" + row["id"][-6:]} for row in rows_of(other, 60, chance)
    ]

    def fill(conn: Conn) -> None:
        for row in mine:
            add_call(conn, someone, **row)
        for row in theirs:
            add_call(conn, other, **row)
        index(conn, CALLS, made(indexed))

    await database.write(fill)
    filters: list[tuple[dict[str, Any], Callable[[Row], bool]]] = [
        ({}, lambda row: True),
        ({"status": "busy"}, lambda row: row["status"] == "busy"),
        ({"since": mine[60]["created_at"], "until": mine[120]["created_at"]},
         lambda row: made(60) <= row["id"] < made(120)),
        ({"cursor": made(90), "direction": "inbound"},
         lambda row: row["id"] < made(90) and row["direction"] == "inbound"),
        ({"sip_account": "Bob"}, lambda row: row["sip_account"] == "Bob"),
        ({"sip_account": "alice", "since": mine[20]["created_at"], "cursor": made(150)},
         lambda row: row["sip_account"] == "alice" and made(20) <= row["id"] < made(150)),
        ({"until": mine[3]["created_at"]}, lambda row: row["id"] < made(3)),
        ({"since": mine[199]["created_at"] + 1}, lambda row: False),
    ]  # fmt: skip
    for part in PARTS:
        for asked, keep in filters:
            wanted = plainly(mine, part, keep)
            found = await call_log.listing(
                database, someone.account_id, "test", limit=100, offset=0, search=part, **asked
            )
            assert [row["id"] for row in found.rows] == wanted[:100], (part, asked)
            assert found.more == (len(wanted) > 100)
            if "cursor" not in asked:
                rows, exact = found.total
                assert rows == len(wanted) if exact else 100 < rows <= len(wanted), part
        few = await call_log.listing(
            database, someone.account_id, "test", limit=3, offset=4, search=part
        )
        everything = plainly(mine, part, lambda row: True)
        assert [row["id"] for row in few.rows] == everything[4:7], part


async def test_all_accounts_at_once(database: Database, someone: Customer, newest: int) -> None:
    """As an admin searches."""
    rows = rows_of(someone, 120, random.Random(newest))
    others = [await customer(database, name=f"Other {number}") for number in range(3)]

    def fill(conn: Conn) -> None:
        for number, row in enumerate(rows):
            add_call(conn, [someone, *others][number % 4], **row)
        index(conn, CALLS, made(100))

    await database.write(fill)
    for part in PARTS:
        found = await call_log.listing(database, None, "test", limit=200, search=part)
        assert [row["id"] for row in found.rows] == plainly(rows, part, lambda row: True), part


async def test_who_comes_late_is_found(database: Database, someone: Customer, newest: int) -> None:
    """A call whose neighbours are in blocks already, and one whose phone is known at its end."""

    def fill(conn: Conn) -> None:
        for one in rows_of(someone, 40, random.Random(1)):
            add_call(conn, someone, **one)
        index(conn, CALLS, last_id("call"))
        late = made(7)[:-1] + "z"
        add_call(conn, someone, id=late, to_number="+33987654321", status="completed")
        row = conn.one("SELECT * FROM call WHERE id = :id", id=made(11))
        assert row is not None
        calls.change(conn, made(11), sip_account="zebra")
        search.keep_up(conn, CALLS, [row | {"sip_account": "zebra"}])

    await database.write(fill)
    for part, found in (("339876", made(7)[:-1] + "z"), ("zebr", made(11)), ("zebra", made(11))):
        rows, more, total = await call_log.listing(
            database, someone.account_id, "test", limit=5, search=part
        )
        assert ([row["id"] for row in rows], more, total) == ([found], False, (1, True))


async def test_pages_by_cursor_have_no_gaps_while_calls_end(
    database: Database, someone: Customer, newest: int
) -> None:
    rows = rows_of(someone, 150, random.Random(2))
    wanted = plainly(rows, "0111222", lambda row: True)

    def add(conn: Conn, part: list[dict[str, Any]]) -> None:
        for row in part:
            add_call(conn, someone, **row)
        index(conn, CALLS, last_id("call"))

    await database.write(add, rows)
    seen: list[str] = []
    cursor: str | None = None
    more, number = True, 150
    while more:
        found = await call_log.listing(
            database, someone.account_id, "test", limit=7, search="0111222", cursor=cursor
        )
        seen += [row["id"] for row in found.rows]
        more, cursor, number = found.more, seen[-1], number + 3
        new = [{"id": made(number - at), "caller_id": "+15550111222", "status": "busy",
                "created_at": START + number} for at in range(3)]  # fmt: skip
        await database.write(add, new)
    assert seen == wanted


async def test_a_total_is_counted_as_far_as_that_is_cheap(
    database: Database, someone: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "TOTAL_MAX", 20)
    monkeypatch.setattr(lists, "SEARCHED_TOTAL_MAX", 11)

    def fill(conn: Conn, first: int, count: int) -> None:
        for number in range(first, first + count):
            add_call(
                conn, someone, id=made(number), status="completed", to_number=f"+33{number:03}"
            )

    async def total(**filters: Any) -> lists.Total:
        found = await call_log.listing(database, someone.account_id, "test", limit=2, **filters)
        return found.total

    monkeypatch.setattr(lists, "NEWEST_ROWS", 4)
    monkeypatch.setattr(search, "ROWS_PER_BLOCK", 2)
    await database.write(fill, 0, 9)
    await database.write(index, CALLS, last_id("call"))
    assert await total(search="+330") == (4, False), "the newest fill the page"
    assert await total(search="+3300") == (4, False)
    assert await total(search="+33000") == (1, True)
    assert await total() == (9, True)
    await database.write(fill, 9, 12)
    await database.write(index, CALLS, last_id("call"))
    assert await total(search="+330") == (4, False)
    assert await total(search="+3300") == (10, True)
    assert await total(search="+33013") == (1, True)
    assert await total() == (20, False)


async def test_messages_are_searched_in_the_same_way(
    database: Database, someone: Customer, newest: int
) -> None:
    def fill(conn: Conn) -> list[str]:
        ids = [add_message(conn, someone, to_number=f"+4930{n:06}") for n in range(50)]
        index(conn, MESSAGES, last_id("msg"))
        assert not index(conn, INBOUND, last_id("msg"))
        return ids

    ids = await database.write(fill)
    where = (database, someone.account_id, "test")
    wanted = {"000042": [42], "30000": [*range(50)], "00003": [3, *range(30, 40)]}
    for part, numbers in wanted.items():
        rows, _, total = await messages.listing(*where, limit=100, search=part)
        assert [row["id"] for row in rows] == [ids[n] for n in sorted(numbers, reverse=True)]
        assert total == (len(rows), True)


@pytest.mark.parametrize("name", [*NAMES, "", "+15550111222", "\x00\x01", "a" * 70])
def test_every_part_of_a_name_has_its_terms(name: str) -> None:
    """What the index is asked for is among the terms of every value that has the part."""
    tag = search.tag("call", "acc", "live")
    row = {"id": "call_1", "account_id": "acc", "mode": "live", "to_number": name}
    terms = search._terms(CALLS, [row])
    for first in range(len(name)):
        for end in range(first + 1, len(name) + 1):
            for mine in (tag, ""):
                wanted = search.terms_for(name[first:end], mine)
                either = [
                    any(fits(term, one) for term in terms)
                    for one in wanted.replace(" OR ", " AND ").split(" AND ")
                ]
                assert any(either) if " OR " in wanted else all(either), (name[first:end], wanted)


def fits(term: str, wanted: str) -> bool:
    """Whether a term is the wanted one, or begins with it."""
    return term.startswith(wanted[:-1]) if wanted.endswith("*") else term == wanted


def test_an_id_tells_its_instant() -> None:
    assert millis_of(first_id("call", 1_768_000_000_123)) == 1_768_000_000_123
    assert last_id("call") > new_id("call")
