"""The audit log: only appended, chained, and proved from end to end."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from db import audit_log
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony import audit
from telephony.audit import Actor
from tests.factories import customer

ADA = Actor("usr_1", "ada@example.com", "198.51.100.7")


def act(conn: Conn, number: int, account_id: str | None = None) -> str:
    return audit.record(
        conn, ADA, "key.created", f"key_{number}", number, account_id=account_id,
        before={"name": "old"}, after={"name": "x" * 2_000, "calls_max": None},
    )  # fmt: skip


async def test_an_entry_tells_who_did_what(database: Database) -> None:
    who = await customer(database)
    await database.write(act, 7, who.account_id)
    (row,) = await audit_log.of_account(database, who.account_id, 1 << 62, 10)
    assert (row["seq"], row["at"], row["actor"], row["actor_name"], row["address"]) == (
        1, 7, "usr_1", "ada@example.com", "198.51.100.7",
    )  # fmt: skip
    assert (row["action"], row["subject"], row["before"]) == (
        "key.created", "key_7", '{"name": "old"}',
    )  # fmt: skip
    assert len(row["after"]) < 1_100
    assert await audit_log.about(database, "key_7", 5) == [row]
    assert await audit_log.of_account(database, "acc_platform", 1 << 62, 10) == []


async def test_the_chain_holds_whoever_appends_at_once(database: Database) -> None:
    assert await audit.verify(database) == (0, None)
    await asyncio.gather(*(database.write(act, number) for number in range(60)))
    assert await audit.verify(database) == (60, None)


async def test_what_is_rolled_back_leaves_no_gap(database: Database) -> None:
    def fails(conn: Conn) -> None:
        act(conn, 1)
        raise ValueError("no")

    await database.write(act, 0)
    with pytest.raises(ValueError, match="no"):
        await database.write(fails)
    await database.write(act, 2)
    assert await audit.verify(database) == (2, None)


async def test_pages_of_an_account_follow_each_other(database: Database) -> None:
    who = await customer(database)
    for number in range(5):
        await database.write(act, number, who.account_id)
    newest = await audit_log.of_account(database, who.account_id, 1 << 62, 2)
    older = await audit_log.of_account(database, who.account_id, newest[-1]["seq"], 2)
    assert [row["seq"] for row in newest + older] == [5, 4, 3, 2]


@pytest.mark.parametrize(
    "sql",
    ["UPDATE audit_log SET actor_name = 'somebody else'", "DELETE FROM audit_log"],
)  # fmt: skip
async def test_it_cannot_be_changed(database: Database, sql: str) -> None:
    await database.write(act, 1)
    with pytest.raises(Exception, match="append-only"):
        await database.write(lambda conn: conn.run(sql))
    assert len(await database.all("SELECT * FROM audit_log")) == 1


async def test_replacing_does_not_get_round_the_triggers(database: Database) -> None:
    await database.write(act, 1)
    postgres = hasattr(database, "_listen")
    sql = "TRUNCATE audit_log" if postgres else (
        "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log"
    )  # fmt: skip
    with pytest.raises(Exception, match="append-only"):
        await database.write(lambda conn: conn.run(sql))


TAMPERING = {
    "an actor is changed": ("UPDATE audit_log SET actor_name = 'eve' WHERE seq = 3", 3),
    "an entry is removed": ("DELETE FROM audit_log WHERE seq = 2", 2),
    "the last one is removed": ("DELETE FROM audit_log WHERE seq = 5", 5),
    "one is put in behind the head": (
        "INSERT INTO audit_log SELECT 'aud_x', 6, at, account_id, actor, actor_name, action,"
        " subject, before, after, address, hash FROM audit_log WHERE seq = 5", 6,
    ),
    "the head is set back": ("UPDATE audit_head SET seq = 4", 5),
    "the head is forged": ("UPDATE audit_head SET hash = 'x'", 5),
}  # fmt: skip


@pytest.mark.parametrize("case", TAMPERING)
async def test_the_command_finds_what_was_changed_behind_its_back(
    sqlite_url: str, case: str
) -> None:
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    database = await open_database(sqlite_url)
    for number in range(5):
        await database.write(act, number)
    await database.close()
    env = {"SMS_VOIP_DATABASE_URL": sqlite_url, "SMS_VOIP_VAR_DIR": str(path.parent)}
    good = command(env, "verify")
    assert (good.returncode, "5 entries" in good.stdout) == (0, True), good.stdout + good.stderr
    assert "key.created" in command(env, "list").stdout
    sql, where = TAMPERING[case]
    with sqlite3.connect(path) as raw:
        for verb in ("update", "delete"):
            raw.execute(f"DROP TRIGGER audit_log_no_{verb}")
        raw.execute(sql)
    bad = command(env, "verify")
    assert bad.returncode == 1
    assert f"breaks at entry {where} " in bad.stdout


def command(env: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", "audit", *args], env=os.environ | env,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
