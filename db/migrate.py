"""Brings a database to the newest schema, and tells where it differs from the code."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url, text

from db.search import UNDECLARED
from db.tables import metadata

SCRIPTS = Path(__file__).parent / "migrations"
SQLITE = "sqlite:///"
LOCK = 0x736D73  # any number: whoever migrates PostgreSQL holds it, the next one waits


def upgrade(url: str) -> None:
    """Run every migration that the database has not seen, all in one transaction: a kill leaves
    the old schema, and of two processes that start together one waits for the other."""
    with _transaction(url) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        config = Config()
        config.set_main_option("script_location", str(SCRIPTS))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def drift(url: str) -> list[Any]:
    """Differences between the database and the declared tables; empty when there are none."""
    with _transaction(url) as connection:
        opts = {"compare_type": True, "include_name": _declared}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, metadata()))


def _declared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the code declares things of that name; a virtual table brings others with it."""
    return kind != "table" or not (name or "").startswith(UNDECLARED)


def pending(url: str) -> list[str]:
    """Names of the migrations that `upgrade` would run; looks without making anything."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    names = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if url.startswith(SQLITE) and not Path(url.removeprefix(SQLITE)).exists():
        return names
    with _transaction(url) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return names if current is None else names[: names.index(current)]


@contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    if not url.startswith(SQLITE):
        psycopg = make_url(url).set(drivername="postgresql+psycopg")
        return create_engine(psycopg, poolclass=NullPool)
    path = Path(url.removeprefix(SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(URL.create("sqlite", database=str(path)), poolclass=NullPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _begin_immediate(connection: Connection) -> None:
    """Otherwise sqlite3 begins at the first INSERT and runs the DDL before it unprotected."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
