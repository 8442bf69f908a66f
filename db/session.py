"""Opens the database that a URL names."""

from pathlib import Path

from db.database import Database
from db.postgres import PostgresDatabase
from db.sqlite import SqliteDatabase

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


async def open_database(url: str, beside: bool = False) -> Database:
    """`sqlite:///relative/or//absolute.db` or `postgresql://…`; raises DatabaseError. A command
    that works `beside` a running platform is not refused by the lock on the SQLite file."""
    if url.startswith(SQLITE):
        return await SqliteDatabase.open(Path(url.removeprefix(SQLITE)), beside)
    if url.startswith(POSTGRES):
        return await PostgresDatabase.open(url)
    raise ValueError("the database URL must start with sqlite:/// or postgresql://")
