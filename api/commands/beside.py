"""The database, also while a platform runs on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from api.commands.options import settings
from db.database import Database, DatabaseError
from db.migrate import pending
from db.session import open_database


@asynccontextmanager
async def database() -> AsyncIterator[Database]:
    """That of the settings; raises DatabaseError."""
    url = settings().db_url
    if pending(url):
        raise DatabaseError("The database is not ready: run `sms-voip init` or `sms-voip migrate`.")
    opened = await open_database(url, beside=True)
    try:
        yield opened
    finally:
        await opened.close()
