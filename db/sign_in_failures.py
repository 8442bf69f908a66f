"""How often signing in has failed lately, by address and by whom."""

from sqlmodel import Field

from db.base import Table
from db.columns import instant
from db.connection import Conn, Reader


class SignInFailure(Table, table=True):
    """`subject` is a keyed hash of an address or of an email: some people type their password
    where the email belongs. `failures` count as long as one follows the other soon."""

    __tablename__ = "sign_in_failure"

    subject: str = Field(primary_key=True)
    failures: int
    last_at: int = instant(index=True)


def count(conn: Conn, subject: str, now: int, since: int) -> int:
    """Count a failure; how many there were, from 1 again if the last one was before `since`."""
    row = conn.one(
        "INSERT INTO sign_in_failure (subject, failures, last_at) VALUES (:subject, 1, :now)"
        " ON CONFLICT (subject) DO UPDATE SET last_at = excluded.last_at, failures ="
        " CASE WHEN sign_in_failure.last_at < :since THEN 1"
        " ELSE sign_in_failure.failures + 1 END RETURNING failures",
        subject=subject, now=now, since=since,
    )  # fmt: skip
    assert row is not None
    return int(row["failures"])


def recent(conn: Conn, subject: str, since: int) -> int:
    """How many are counted, 0 if the last one was before `since`."""
    row = conn.one(
        "SELECT failures FROM sign_in_failure WHERE subject = :subject AND last_at >= :since",
        subject=subject, since=since,
    )  # fmt: skip
    return int(row["failures"]) if row else 0


def forget(conn: Conn, subject: str) -> None:
    """The subject has proved itself."""
    conn.run("DELETE FROM sign_in_failure WHERE subject = :subject", subject=subject)


async def lately(reader: Reader, subjects: list[str], since: int) -> dict[str, tuple[int, int]]:
    """(Failures, when the last one was) by subject, of those who failed since then."""
    rows = await reader.all(
        "SELECT * FROM sign_in_failure WHERE subject IN :subjects AND last_at >= :since",
        subjects=subjects, since=since,
    )  # fmt: skip
    return {row["subject"]: (row["failures"], row["last_at"]) for row in rows}


def sweep(conn: Conn, before: int) -> int:
    """Forget what was long ago; how many."""
    return conn.run("DELETE FROM sign_in_failure WHERE last_at < :before", before=before)
