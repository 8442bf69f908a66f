"""Opens the database that a URL names."""

from pathlib import Path

from db.database import Database
from db.postgres import PostgresDatabase
from db.sqlite import SqliteDatabase

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


async def open_database(url: str) -> Database:
    """`sqlite:///relative/or//absolute.db` or `postgresql://…`; raises DatabaseError."""
    if url.startswith(SQLITE):
        return await SqliteDatabase.open(Path(url.removeprefix(SQLITE)))
    if url.startswith(POSTGRES):
        return await PostgresDatabase.open(url)
    raise ValueError("the database URL must start with sqlite:/// or postgresql://")
