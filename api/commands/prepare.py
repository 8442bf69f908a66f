"""Brings the database to the newest schema and gives a new one its first content."""

from db.migrate import upgrade
from db.session import open_database
from telephony import seed
from telephony.clock import now
from telephony.secrets import Secrets, Vault
from telephony.settings import Settings


async def prepare(
    settings: Settings, secrets: Secrets, demo: seed.Credentials
) -> dict[str, str | None]:
    """Migrate and seed; the demo phones with their secrets, None for one that was changed."""
    upgrade(settings.db_url)
    vault = Vault(secrets.master_key)
    db = await open_database(settings.db_url)
    try:
        await db.write(seed.seed, vault, settings.realm, demo, now())
        return await db.write(seed.valid_secrets, vault, settings.realm, demo.sip)
    finally:
        await db.close()
