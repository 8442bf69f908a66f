"""A process to kill: runs one webhook worker on the database of argv[1] with the key argv[2]."""

import asyncio
import sys

from db.session import open_database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.deliver import WebhookWorker


async def main(url: str, master_key: str) -> None:
    database = await open_database(url)
    settings = Settings(bind_host="127.0.0.1", webhook_allow_cidrs=[])
    await WebhookWorker(database, Vault(master_key), settings).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
