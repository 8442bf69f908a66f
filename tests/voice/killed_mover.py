"""A process that moves what is ready, once; a failpoint in its environment kills it on the way."""

import asyncio
import sys
from pathlib import Path

from db.session import open_database
from tests.voice.recorded import folder_settings, mover


async def move_once(url: str, folder: Path) -> None:
    database = await open_database(url)
    await mover(database, folder_settings(folder)).step()
    await database.close()


if __name__ == "__main__":
    asyncio.run(move_once(sys.argv[1], Path(sys.argv[2])))
