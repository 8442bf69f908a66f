"""What a user proves a sign-in with besides the password: passkeys and recovery codes."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, text
from db.connection import Conn, Reader, Row, insert_new


class Passkey(Table, table=True):
    """A public key of an authenticator; `id` is what WebAuthn calls the credential id, in
    base64url, as is the key."""

    id: str = text(primary_key=True)
    user_id: str = Field(foreign_key="user.id", index=True)
    name: str
    public_key: str = text()
    sign_count: int = instant(default=0)
    created_at: int = instant()
    last_used_at: int | None = instant(default=None)


class RecoveryCode(Table, table=True):
    """A code that replaces a lost second factor once; kept as an HMAC."""

    __tablename__ = "recovery_code"

    user_id: str = Field(primary_key=True, foreign_key="user.id")
    code_hmac: str = Field(primary_key=True)
    used_at: int | None = instant(default=None)


def add_passkey(conn: Conn, **facts: Any) -> bool:
    """Insert a passkey; False if it is known already."""
    return insert_new(conn, "passkey", **facts)


def passkey(conn: Conn, passkey_id: str) -> Row | None:
    """The passkey of that credential id."""
    return conn.one("SELECT * FROM passkey WHERE id = :id", id=passkey_id)


def passkey_used(conn: Conn, passkey_id: str, sign_count: int, now: int) -> bool:
    """Note a use. False where the authenticator's counter went back: then there are two of them.
    Many never count, and stay at 0."""
    return bool(
        conn.run(
            "UPDATE passkey SET sign_count = :sign_count, last_used_at = :now WHERE id = :id"
            " AND (sign_count < :sign_count OR (sign_count = 0 AND :sign_count = 0))",
            id=passkey_id, sign_count=sign_count, now=now,
        )
    )  # fmt: skip


def remove_passkey(conn: Conn, user_id: str, passkey_id: str) -> Row | None:
    """Forget a passkey of a user; what it was."""
    return conn.one(
        "DELETE FROM passkey WHERE id = :id AND user_id = :user_id RETURNING *",
        id=passkey_id, user_id=user_id,
    )  # fmt: skip


async def passkeys(reader: Reader, user_id: str) -> list[Row]:
    """A user's passkeys, the oldest first."""
    return await reader.all(
        "SELECT id, name, created_at, last_used_at FROM passkey WHERE user_id = :user_id"
        " ORDER BY created_at, id",
        user_id=user_id,
    )


def set_codes(conn: Conn, user_id: str, hmacs: list[str]) -> None:
    """Put new recovery codes in the place of all earlier ones."""
    conn.run("DELETE FROM recovery_code WHERE user_id = :user_id", user_id=user_id)
    conn.many(
        "INSERT INTO recovery_code (user_id, code_hmac) VALUES (:user_id, :code_hmac)",
        [{"user_id": user_id, "code_hmac": code_hmac} for code_hmac in hmacs],
    )


def use_code(conn: Conn, user_id: str, code_hmac: str, now: int) -> bool:
    """Use a recovery code up; False if it is none, or was used."""
    return bool(
        conn.run(
            "UPDATE recovery_code SET used_at = :now WHERE user_id = :user_id"
            " AND code_hmac = :code_hmac AND used_at IS NULL",
            user_id=user_id, code_hmac=code_hmac, now=now,
        )
    )  # fmt: skip


async def codes_left(reader: Reader, user_id: str) -> int:
    """How many recovery codes a user has not used yet."""
    row = await reader.one(
        "SELECT COUNT(*) AS found FROM recovery_code WHERE user_id = :user_id AND used_at IS NULL",
        user_id=user_id,
    )
    return int(row["found"]) if row else 0
