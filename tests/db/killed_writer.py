"""A process that writes rows for ever and prints each name after its write has returned."""

import asyncio
import sys

from db.database import Database
from db.session import open_database
from tests.db.test_writer import keep

AT_ONCE = 20


async def write_for_ever(url: str) -> None:
    database = await open_database(url)
    await asyncio.gather(*(_one_after_another(database, lane) for lane in range(AT_ONCE)))


async def _one_after_another(database: Database, lane: int) -> None:
    at = 0
    while True:
        print(await database.write(keep, f"{lane}-{at}"), flush=True)
        at += 1


if __name__ == "__main__":
    asyncio.run(write_for_ever(sys.argv[1]))
