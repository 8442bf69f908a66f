"""Whether the database takes writes and has the schema that this code was written for."""

from functools import lru_cache

from alembic.config import Config
from alembic.script import ScriptDirectory

from db.connection import Conn, Reader
from db.migrate import SCRIPTS


def touch(conn: Conn) -> None:
    """Write a row as it is, which a full disk and a standby both refuse."""
    conn.run("UPDATE alembic_version SET version_num = version_num")


async def revision(reader: Reader) -> str:
    """The newest migration that ran; empty if none did."""
    row = await reader.one("SELECT version_num FROM alembic_version")
    return str(row["version_num"]) if row else ""


@lru_cache(maxsize=1)
def newest() -> str:
    """The newest migration of this code; the same as long as the process lives."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    return ScriptDirectory.from_config(config).get_current_head() or ""
