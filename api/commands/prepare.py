"""Brings the database to the newest schema and gives a new one its first content."""

import asyncio

from api.commands.facts import Facts, show
from api.commands.options import console, settings
from db.migrate import upgrade
from db.session import open_database
from telephony import seed
from telephony.clock import now
from telephony.secrets import Secrets, Vault, load
from telephony.settings import Settings


async def prepare(settings: Settings, secrets: Secrets) -> Facts:
    """Migrate and seed; how to get in."""
    demo = seed.credentials(settings.var_dir)
    upgrade(settings.db_url)
    vault = Vault(secrets.master_key)
    db = await open_database(settings.db_url)
    try:
        await db.write(seed.seed, vault, settings.realm, demo, now())
        phones = await db.write(seed.valid_secrets, vault, settings.realm, demo.sip)
    finally:
        await db.close()
    return Facts(settings, secrets, demo, phones)


def migrate() -> None:
    """Bring the database to the newest schema."""
    upgrade(settings().db_url)


def init() -> None:
    """Migrate, seed a new database with a demo account, and print how to get in."""
    used = settings()
    show(console, asyncio.run(prepare(used, load(used))).document())
