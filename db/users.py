"""People who sign in: to accounts of which they are members, or to administer the platform."""

from typing import Any

from sqlmodel import Field

from db.base import Table
from db.columns import instant, one_of, text
from db.connection import Conn, Reader, Row, insert, insert_new
from db.ids import new_id

ROLES = ("owner", "developer", "billing", "read_only")
PLATFORM_ROLES = ("", "admin", "support")


class User(Table, table=True):
    """A person, known by an address in lower case. `totp_sealed` is a secret that counts once
    `totp_since` is set; `totp_step` is the last code's time step, which is not taken twice.
    `platform_role` is empty but for those who administer the platform."""

    __table_args__ = (one_of("platform_role", PLATFORM_ROLES),)

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str = ""
    password_argon2: str = text(default="")
    totp_sealed: str = text(default="")
    totp_since: int | None = instant(default=None)
    totp_step: int = instant(default=0)
    platform_role: str = ""
    verified_at: int | None = instant(default=None)
    disabled_at: int | None = instant(default=None)
    created_at: int = instant()


class Membership(Table, table=True):
    """What a user may do in an account."""

    __table_args__ = (one_of("role", ROLES),)

    user_id: str = Field(primary_key=True, foreign_key="user.id")
    account_id: str = Field(primary_key=True, foreign_key="account.id", index=True)
    role: str
    created_at: int = instant()


def add(conn: Conn, now: int, email: str, **facts: Any) -> str | None:
    """Insert a user; the id, None if the address is taken."""
    row: dict[str, Any] = {"id": new_id("usr"), "email": email, "created_at": now}
    blank = {"name": "", "password_argon2": "", "totp_sealed": "", "totp_step": 0,
             "platform_role": ""}  # fmt: skip
    return row["id"] if insert_new(conn, "user", **row, **(blank | facts)) else None


def by_id(conn: Conn, user_id: str) -> Row:
    """The user, who must exist."""
    found = conn.one('SELECT * FROM "user" WHERE id = :id', id=user_id)
    assert found is not None, user_id
    return found


def page(conn: Conn, after: str, limit: int) -> list[Row]:
    """Users in the order of their ids, from behind one on."""
    sql = 'SELECT * FROM "user" WHERE id > :after ORDER BY id LIMIT :limit'
    return conn.all(sql, after=after, limit=limit)


async def by_email(reader: Reader, email: str) -> Row | None:
    """The user of that address, which is in lower case."""
    return await reader.one('SELECT * FROM "user" WHERE email = :email', email=email)


def with_email(conn: Conn, email: str) -> Row | None:
    """The same within a transaction."""
    return conn.one('SELECT * FROM "user" WHERE email = :email', email=email)


def change(conn: Conn, user_id: str, /, **facts: Any) -> None:
    """Set columns of a user."""
    sets = ", ".join(f"{column} = :{column}" for column in facts)
    conn.run(f'UPDATE "user" SET {sets} WHERE id = :user_id', user_id=user_id, **facts)


def take_step(conn: Conn, user_id: str, step: int) -> bool:
    """Use up a time step of the one-time codes; False if it, or a later one, was used."""
    sql = 'UPDATE "user" SET totp_step = :step WHERE id = :id AND totp_step < :step'
    return bool(conn.run(sql, id=user_id, step=step))


def join(conn: Conn, user_id: str, account_id: str, role: str, now: int) -> bool:
    """Make a user a member of an account; False if that was so before."""
    facts = {"user_id": user_id, "account_id": account_id, "role": role, "created_at": now}
    return insert_new(conn, "membership", **facts)


def found_account(conn: Conn, user_id: str, account_id: str, now: int) -> None:
    """Make a user the first owner of a new account."""
    insert(conn, "membership", user_id=user_id, account_id=account_id, role="owner",
           created_at=now)  # fmt: skip


def role(conn: Conn, user_id: str, account_id: str) -> str | None:
    """What the user is in the account, None for a stranger."""
    row = conn.one(
        "SELECT role FROM membership WHERE user_id = :user_id AND account_id = :account_id",
        user_id=user_id, account_id=account_id,
    )  # fmt: skip
    return str(row["role"]) if row else None


def set_role(conn: Conn, user_id: str, account_id: str, role: str) -> None:
    """Let a member be something else."""
    conn.run(
        "UPDATE membership SET role = :role"
        " WHERE user_id = :user_id AND account_id = :account_id",
        user_id=user_id, account_id=account_id, role=role,
    )  # fmt: skip


def leave(conn: Conn, user_id: str, account_id: str) -> None:
    """End a membership."""
    conn.run(
        "DELETE FROM membership WHERE user_id = :user_id AND account_id = :account_id",
        user_id=user_id, account_id=account_id,
    )  # fmt: skip


def owners(conn: Conn, account_id: str) -> int:
    """How many owners an account has. The lock of the account's row is for two of them who leave
    at once: each would still see the other."""
    conn.run("UPDATE account SET status = status WHERE id = :id", id=account_id)
    row = conn.one(
        "SELECT COUNT(*) AS found FROM membership WHERE account_id = :id AND role = 'owner'",
        id=account_id,
    )
    return int(row["found"]) if row else 0


def owners_mails(conn: Conn, account_id: str) -> list[str]:
    """The addresses of an account's owners."""
    rows = conn.all(
        'SELECT u.email FROM membership m JOIN "user" u ON u.id = m.user_id'
        " WHERE m.account_id = :id AND m.role = 'owner' ORDER BY u.email",
        id=account_id,
    )
    return [row["email"] for row in rows]


def first_account(conn: Conn, user_id: str) -> str | None:
    """The account that the user joined first."""
    row = conn.one(
        "SELECT account_id FROM membership WHERE user_id = :user_id"
        " ORDER BY created_at, account_id LIMIT 1",
        user_id=user_id,
    )
    return str(row["account_id"]) if row else None


async def members(reader: Reader, account_id: str) -> list[Row]:
    """The people of an account, in the order in which they joined."""
    return await reader.all(
        "SELECT u.id, u.email, u.name, u.totp_since, u.disabled_at, m.role, m.created_at"
        ' FROM membership m JOIN "user" u ON u.id = m.user_id WHERE m.account_id = :account_id'
        " ORDER BY m.created_at, u.id",
        account_id=account_id,
    )


async def accounts_of(reader: Reader, user_id: str) -> list[Row]:
    """The accounts that a user may enter, with name and role."""
    return await reader.all(
        "SELECT a.id, a.name, m.role FROM membership m JOIN account a ON a.id = m.account_id"
        " WHERE m.user_id = :user_id ORDER BY m.created_at, a.id",
        user_id=user_id,
    )
