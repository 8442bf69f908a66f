"""Accounts as administrators look for them: which words count, by which index, and those that were
there before there was one."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from db import account_search, migrate
from db.accounts import PLATFORM
from db.connection import Conn
from db.database import Database
from db.session import open_database
from tests.db.rows import START
from tests.db.test_query_plans import Explaining, ExplainingReader
from tests.factories import seed_platform
from tests.fixtures_db import PostgresServer

ACCOUNTS = 1_205
"""More than a migration reads at once."""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Babbage & Sons", ["babbage", "sons"]),
        ("Straße 5", ["strasse", "5"]),
        ("ÄRGER", ["ärger"]),
        ("one ONE One", ["one"]),
        ("a_b a-b", ["a_b", "a", "b"]),
        ("日本 телефон", ["日本", "телефон"]),
        ("& — !", []),
        ("", []),
        ("x" * 200, ["x" * account_search.WORD_LENGTH_MAX]),
        (" ".join(map(str, range(99))), list(map(str, range(account_search.WORDS_MAX)))),
    ],
)
def test_words_of_a_name(name: str, words: list[str]) -> None:
    assert account_search.words_of(name) == words


def added(conn: Conn, number: int, name: str, status: str = "active") -> str:
    account_id = f"acc_{number:026d}"
    conn.run(
        "INSERT INTO account (id, name, currency, country, status, own_rates,"
        " webhook_secret_sealed, record, created_at)"
        " VALUES (:id, :name, 'USD', 'US', :status, '', '', '', :at)",
        id=account_id, name=name, status=status, at=START,
    )  # fmt: skip
    account_search.add_words(conn, account_id, name)
    return account_id


async def names(database: Database, search: str, **filters: Any) -> list[str]:
    rows = await account_search.page(database, limit=100, search=search, **filters)
    return [row["name"] for row in rows]


async def test_a_beginning_ends_where_the_next_word_begins(database: Database) -> None:
    """Also at the edges of the order of bytes, in which the database must compare."""
    there = ["ab", "aba", "abz", "ab\U0001f600", "abé", "ab_", "ab9", "ac", "AB", "aa", "b"]

    def add(conn: Conn) -> None:
        for number, name in enumerate(there):
            added(conn, number, name)

    await database.write(add)
    begin = {"ab", "aba", "abz", "ab\U0001f600", "abé", "ab_", "ab9", "AB"}
    assert set(await names(database, "ab")) == begin
    assert set(await names(database, "AB")) == begin
    assert set(await names(database, "abé")) == {"abé"}
    assert set(await names(database, "a")) == begin | {"ac", "aa"}


async def test_an_account_without_price_list_and_wallets_is_listed(database: Database) -> None:
    account_id = await database.write(added, 1, "Bare")
    row = await account_search.one(database, account_id)
    assert row is not None
    assert (row["name"], row["tariff"]) == ("Bare", None)
    (listed,) = await account_search.page(database, limit=2)
    assert (listed["tariff"], listed["wallet"], listed["sip"]) == (None, None, None)


async def test_the_platforms_own_account_is_no_customer(database: Database) -> None:
    await database.write(seed_platform)
    assert await names(database, "") == []
    assert await account_search.one(database, PLATFORM) is None
    assert await account_search.one(database, "acc_none") is None


async def test_pages_follow_each_other(database: Database) -> None:
    def add(conn: Conn) -> None:
        for number in range(7):
            added(conn, number, f"Firm {number}", "suspended" if number % 2 else "active")

    await database.write(add)
    first = await account_search.page(database, limit=4, search="firm")
    assert [row["name"] for row in first] == ["Firm 6", "Firm 5", "Firm 4", "Firm 3"]
    rest = await account_search.page(database, limit=4, search="firm", before=first[-1]["id"])
    assert [row["name"] for row in rest] == ["Firm 2", "Firm 1", "Firm 0"]
    assert await names(database, "firm", status="suspended") == ["Firm 5", "Firm 3", "Firm 1"]
    streamed = [rows async for rows in account_search.pages(database, "firm", "active")]
    assert [row["name"] for rows in streamed for row in rows] == [
        "Firm 6", "Firm 4", "Firm 2", "Firm 0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("search", "status"),
    [
        ("", None),
        ("", "suspended"),
        ("babb", None),
        ("babb sons", "active"),
        ("ada@example.com", None),
        ("acc_1", None),
        ("key_1", "suspended"),
    ],
)
async def test_no_search_reads_all_accounts(
    migrated_sqlite: Path, search: str, status: str | None
) -> None:
    raw = sqlite3.connect(f"{migrated_sqlite.as_uri()}?mode=ro", uri=True)
    raw.row_factory = lambda cursor, row: dict(
        zip([column[0] for column in cursor.description], row, strict=True)
    )
    conn = Explaining(raw)
    reader = ExplainingReader(conn)
    await account_search.page(reader, limit=50, search=search, status=status)
    assert conn.plans
    assert [step for step in conn.plans if step.startswith("SCAN")] == []
    assert not [step for step in conn.plans if "TEMP B-TREE" in step]
    raw.close()


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


def fifteen(url: str) -> None:
    """The schema before the migration, with accounts in it."""
    config = Config()
    config.set_main_option("script_location", str(migrate.SCRIPTS))
    with migrate._transaction(url) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0015")
        connection.execute(
            text(
                "INSERT INTO account (id, name, currency, country, status, own_rates,"
                " webhook_secret_sealed, record, created_at)"
                " VALUES (:id, :name, 'USD', 'US', 'active', '', '', '', 1)"
            ),
            [{"id": f"acc_{at:026d}", "name": f"Old Firm{at}"} for at in range(ACCOUNTS)],
        )


async def test_accounts_that_were_there_are_found_after_the_upgrade(empty_url: str) -> None:
    fifteen(empty_url)
    migrate.upgrade(empty_url)
    database = await open_database(empty_url)
    try:
        for number in (0, 999, 1_000, ACCOUNTS - 1):
            (row,) = await account_search.page(database, limit=2, search=f"firm{number} old",
                                               before=f"acc_{number + 1:026d}")  # fmt: skip
            assert row["name"] == f"Old Firm{number}"
        counted = await database.one("SELECT COUNT(*) AS n FROM account_word")
        assert counted == {"n": 2 * ACCOUNTS}
    finally:
        await database.close()
