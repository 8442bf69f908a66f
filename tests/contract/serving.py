"""The API behind a real server, for what speaks HTTP by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.ports import free_port


@asynccontextmanager
async def served(database: Database, vault: Vault) -> AsyncIterator[str]:
    """The API on a port of its own; its URL."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = Settings(http_port=port, smpp_host="127.0.0.1", trunk_host="127.0.0.1:5070")
    config = uvicorn.Config(create_app(settings, database, vault), port=port, lifespan="off",
                            log_config=None)  # fmt: skip
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield url
    finally:
        server.should_exit = True
        await serving
