"""The migrations make the declared tables from nothing, once, on both databases."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import CheckConstraint, create_engine, inspect, text

from db.database import Database
from db.migrate import drift, upgrade
from db.readiness import newest, revision
from db.session import open_database
from db.tables import metadata
from tests.fixtures_db import PostgresServer


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/folder/to make/new.db"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


def test_up_from_empty_without_drift_and_twice_is_harmless(empty_url: str) -> None:
    upgrade(empty_url)
    assert drift(empty_url) == []
    upgrade(empty_url)
    assert drift(empty_url) == []


async def test_the_newest_is_the_one_that_alembic_runs_last(database: Database) -> None:
    assert await revision(database) == newest()


def test_drift_tells_what_differs(empty_url: str) -> None:
    upgrade(empty_url)
    sqlalchemy_url = empty_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_call_log"))
        connection.execute(text("ALTER TABLE component ADD COLUMN colour TEXT"))
    engine.dispose()
    assert {change[0] for change in drift(empty_url)} == {"add_index", "remove_column"}


def test_every_declared_constraint_is_in_the_database(database_url: str) -> None:
    """Alembic does not compare CHECKs, so this does."""
    engine = create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    found = {
        (table, check["name"])
        for table in metadata().tables
        for check in inspect(engine).get_check_constraints(table)
    }
    engine.dispose()
    declared = {
        (table.name, str(check.name))
        for table in metadata().tables.values()
        for check in table.constraints
        if isinstance(check, CheckConstraint)
    }
    assert declared
    assert found == declared


def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(upgrade, [empty_url] * 4))
    assert drift(empty_url) == []


def test_a_kill_in_the_middle_leaves_nothing_half_done(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/killed.db"
    code = (
        "import os, signal, sys\n"
        "from alembic import op\n"
        "from db.migrate import upgrade\n"
        "made, create = [], op.create_table\n"
        "def die(*args, **kwargs):\n"
        "    made.append(args[0])\n"
        "    if len(made) == 9: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return create(*args, **kwargs)\n"
        "op.create_table = die\n"
        "upgrade(sys.argv[1])\n"
    )
    died = subprocess.run([sys.executable, "-c", code, url], env=os.environ, check=False)
    assert died.returncode == -signal.SIGKILL
    upgrade(url)
    assert drift(url) == []


@pytest.mark.parametrize("name", ["per%20cent", "what?mode=ro", "sharp#1", "späce é.db"])
async def test_any_file_name_works(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path}/{name}"
    upgrade(url)
    database = await open_database(url)
    assert await database.all("SELECT * FROM account") == []
    await database.close()
    assert (tmp_path / name).exists()


async def test_an_unknown_kind_of_url_is_refused() -> None:
    with pytest.raises(ValueError, match="must start with"):
        await open_database("mysql://localhost/x")
