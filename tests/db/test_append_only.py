"""What the database itself refuses, whatever the code does."""

from collections.abc import Callable
from typing import Any

import pytest

from db import holds
from db.connection import Conn, insert
from db.database import Database
from tests.db.rows import add_call
from tests.factories import customer, rate


def execute(conn: Conn, sql: str) -> int:
    return conn.run(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE journal SET actor = 'thief'",
        "DELETE FROM journal",
        "UPDATE posting SET amount = amount * 2",
        "DELETE FROM posting",
    ],
)
async def test_the_ledger_cannot_be_changed(database: Database, sql: str) -> None:
    await customer(database)
    with pytest.raises(Exception, match="append-only"):
        await database.write(execute, sql)
    assert len(await database.all("SELECT * FROM posting")) == 2


async def test_replace_does_not_get_round_the_triggers(database: Database) -> None:
    """TRUNCATE on PostgreSQL, INSERT OR REPLACE on SQLite: row triggers miss both."""
    await customer(database)
    postgres = hasattr(database, "_listen")
    sql = "TRUNCATE posting" if postgres else "INSERT OR REPLACE INTO posting SELECT * FROM posting"
    with pytest.raises(Exception, match="append-only"):
        await database.write(execute, sql)
    assert len(await database.all("SELECT * FROM posting")) == 2


def _pot(**facts: Any) -> Callable[[Conn], None]:
    row = {"id": "pot_x", "account_id": "acc_platform", "mode": "test", "kind": "wallet",
           "currency": "USD", "balance": 10, "held": 0, "low_times": 0}  # fmt: skip
    return lambda conn: insert(conn, "ledger_account", **(row | facts))


def _rate(**facts: Any) -> Callable[[Conn], None]:
    def deed(conn: Conn) -> None:
        found = conn.one("SELECT id FROM tariff_version")
        assert found is not None
        insert(conn, "rate", version_id=found["id"], **rate("7", **facts))

    return deed


@pytest.mark.parametrize(
    "deed",
    [
        _pot(balance=-1),
        _pot(held=-1),
        _pot(held=11),
        _pot(kind="gold"),
        _pot(mode="staging"),
        _pot(account_id="acc_nobody"),
        _rate(sms_per_segment=-1),
        _rate(voice_per_minute=-1),
        _rate(voice_connect_fee=-1),
        _rate(voice_increment_seconds=0),
        _rate(voice_initial_seconds=-1),
        _rate(voice_free_seconds=-1),
        lambda conn: holds.add(conn, "h", _wallet(conn), -1, 0, mode="test"),
    ],
)
async def test_checks_refuse_what_must_never_be(
    database: Database, deed: Callable[[Conn], None]
) -> None:
    await customer(database)
    with pytest.raises(Exception, match=r"(?i)constraint"):
        await database.write(deed)


@pytest.mark.parametrize("deed", [_pot(), _pot(held=10), _rate()])
async def test_checks_let_the_rest_through(
    database: Database, deed: Callable[[Conn], None]
) -> None:
    await customer(database)
    await database.write(deed)


async def test_a_capture_cannot_exceed_its_hold(database: Database) -> None:
    await customer(database)

    def deed(conn: Conn) -> None:
        holds.add(conn, "h", _wallet(conn), 5, 0, mode="test")
        conn.run("UPDATE hold SET captured = 6")

    with pytest.raises(Exception, match=r"(?i)constraint"):
        await database.write(deed)


def _wallet(conn: Conn) -> str:
    found = conn.one("SELECT id FROM ledger_account WHERE kind = 'wallet' AND mode = 'test'")
    assert found is not None
    return str(found["id"])


@pytest.mark.parametrize("facts", [{"status": "singing"}, {"mode": "x"}, {"direction": "up"}])
async def test_a_word_that_is_not_known_is_refused(
    database: Database, facts: dict[str, str]
) -> None:
    someone = await customer(database)
    await database.write(lambda conn: add_call(conn, someone))
    with pytest.raises(Exception, match=r"(?i)check constraint"):
        await database.write(lambda conn: add_call(conn, someone, **facts))
