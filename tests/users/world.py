"""People for tests, made with the deeds that the pages use."""

from dataclasses import dataclass

import pyotp

from db import users
from db.connection import Conn, Row
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.secrets import Vault
from telephony.users import mails, register, sessions, sign_in, tokens, totp
from telephony.users.mails import Post
from telephony.users.passwords import ARGON2
from telephony.users.sessions import Member, Origin
from tests.factories import seed_platform

URL = "http://127.0.0.1:8000"
PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "seven purple lamps under water"
HASH = ARGON2.hash(PASSWORD)
ORIGIN = Origin("198.51.100.7", "Mozilla/5.0 (X11; Linux x86_64)")
MINUTE = 60 * SECOND
TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
"""What the apps of administrators have."""
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class People:
    """Makes people in one database."""

    database: Database
    post: Post

    @property
    def vault(self) -> Vault:
        return self.post.vault

    async def owner(self, email: str = "ada@example.com", company: str = "Engines") -> Member:
        """Somebody who has opened an account and is signed in to it."""
        return await self.enter(await self.database.write(self._open, email, company))

    async def colleague(self, of: Member, role: str, email: str) -> Member:
        """Another member of somebody's account, signed in."""
        return await self.enter(await self.database.write(_join, of.account_id, role, email))

    async def admin(self, role: str = "admin", email: str = "root@example.com") -> Member:
        """Somebody who administers the platform, by password and code, and has no account."""
        user_id = await self.database.write(_admin, email, role)
        if role:
            await self.database.write(secure, self.vault, user_id)
        return await self.enter(user_id)

    async def enter(self, user_id: str, at: Instant | None = None) -> Member:
        """A session of a user."""
        return await self.member(await self.token(user_id, at), at)

    async def token(self, user_id: str, at: Instant | None = None) -> str:
        """The token of a new session of a user."""

        def deed(conn: Conn) -> str:
            user, moment = users.by_id(conn, user_id), at or now()
            return sign_in.let_in(conn, self.vault, user, "password", ORIGIN, moment).token

        return await self.database.write(deed)

    async def member(self, token: str, at: Instant | None = None) -> Member:
        """Who holds the token; there must be somebody."""
        found = await sessions.member(self.database, token, ORIGIN.address, at or now())
        assert found is not None
        return found

    async def user(self, email: str) -> Row:
        """The user of an address, who must exist."""
        row = await users.by_email(self.database, email)
        assert row is not None
        return row

    async def member_of(self, email: str, account: str) -> str:
        """The id of that of the user's accounts which has this name."""
        rows = await users.accounts_of(self.database, (await self.user(email))["id"])
        (found,) = [row["id"] for row in rows if row["name"] == account]
        return str(found)

    async def mails(self) -> list[tuple[str, str, str]]:
        """Recipient, subject and text of every mail, oldest first."""
        rows = await self.database.all("SELECT * FROM mail ORDER BY id")
        return [
            (row["recipient"], row["subject"], self.vault.open(row["body_sealed"])) for row in rows
        ]

    async def mailed_token(self) -> str:
        """The token in the link of the last mail."""
        *_, (_, _, body) = await self.mails()
        (link,) = [line for line in body.splitlines() if line.startswith(self.post.base_url)]
        return link.rpartition("/")[2]

    async def acts(self) -> list[str]:
        """The actions in the audit log, oldest first."""
        rows = await self.database.all("SELECT action FROM audit_log ORDER BY seq")
        return [row["action"] for row in rows]

    def _open(self, conn: Conn, email: str, company: str) -> str:
        seed_platform(conn)
        token = tokens.give(conn, "register", now(), email=email)
        name = email.partition("@")[0].title()
        user = register.open_account(
            conn, self.post, token, name, company, HASH, ORIGIN.address, now()
        )
        return str(user["id"])


def _join(conn: Conn, account_id: str, role: str, email: str) -> str:
    user = register.add_user(conn, email, email.partition("@")[0].title(), HASH, now())
    users.join(conn, user["id"], account_id, role, now())
    return str(user["id"])


def _admin(conn: Conn, email: str, role: str) -> str:
    user = register.add_user(conn, email, "Root", HASH, now())
    users.change(conn, user["id"], platform_role=role)
    return str(user["id"])


def secure(conn: Conn, vault: Vault, user_id: str) -> None:
    """Switch two-factor sign-in on, with the secret of the tests."""
    users.change(conn, user_id, totp_sealed=vault.seal(TOTP_SECRET), totp_since=now())


def codes() -> list[str]:
    """The codes that are taken now, in the order in which each may follow the one before."""
    step = now() // SECOND // totp.STEP_SECONDS
    return [pyotp.TOTP(TOTP_SECRET).generate_otp(at) for at in (step - 1, step, step + 1)]


def of(vault: Vault) -> Post:
    """Mails that lead to the pages of the tests."""
    return mails.Post(vault, URL)
