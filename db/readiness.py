"""Whether the database takes writes and has the schema that this code was written for."""

from functools import lru_cache
from pathlib import Path

from db.connection import Conn, Reader

VERSIONS = Path(__file__).parent / "migrations/versions"
NUMBERED = "[0-9]*.py"


def touch(conn: Conn) -> None:
    """Write a row as it is, which a full disk and a standby both refuse."""
    conn.run("UPDATE alembic_version SET version_num = version_num")


async def revision(reader: Reader) -> str:
    """The newest migration that ran; empty if none did."""
    row = await reader.one("SELECT version_num FROM alembic_version")
    return str(row["version_num"]) if row else ""


@lru_cache(maxsize=1)
def newest() -> str:
    """The newest migration of this code; the same as long as the process lives. Each is named by
    its number: to ask Alembic would take half a second of every start."""
    return max(path.stem.partition("_")[0] for path in VERSIONS.glob(NUMBERED))
