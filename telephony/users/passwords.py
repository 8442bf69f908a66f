"""Passwords: what one must be, and their argon2 hashes. Hashing takes 80 ms and 19 MiB, so few
run at once, in threads, and a crowd is turned away."""

import asyncio
import unicodedata
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from telephony.users.problems import CrowdedError, bad

T = TypeVar("T")

ARGON2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's minimum: a tenth of the default's time on a small machine."""
LENGTHS = (12, 200)
NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$Z7Bp9h8xAQmZcXBC2"
    "FvZ7g$IqDdsLHuypQG0NhLsTI91IB1TdwpfWXzrSv2mZAuChM"
)
"""Of a password that was thrown away; verified where nothing is stored."""
SCORE_MIN = 3
"""Of zxcvbn's 0 to 4: more than 10**8 guesses."""
JUDGED_LENGTH_MAX = 72
AT_ONCE = 2
WAITING_MAX = 100


def normal(password: str) -> str:
    """One spelling of a password, however a keyboard composes its letters."""
    return unicodedata.normalize("NFKC", password)


def check(password: str, email: str, name: str = "") -> None:
    """Raise ValidationFailedError for a password that is short, common or made of the email."""
    shortest, longest = LENGTHS
    if not shortest <= len(normal(password)) <= longest:
        raise bad("password", "length", f"Use {shortest} to {longest} characters.")
    if normal(password).lower() in (email, email.partition("@")[0]):
        raise bad("password", "is_email", "The password must not be the email address.")
    known = [email, *email.replace("@", ".").split("."), name, *name.split(), "sms", "voip"]
    found = _judged(normal(password)[:JUDGED_LENGTH_MAX], [word for word in known if word])
    if found["score"] < SCORE_MIN:
        why = found["feedback"]["warning"] or "This password is easy to guess."
        raise bad("password", "weak", f"{why} Three or four words that do not belong together do.")


def _judged(password: str, known: list[str]) -> dict[str, Any]:
    """Its word lists take 12 MB: they are loaded when somebody chooses a password."""
    found: dict[str, Any] = import_module("zxcvbn").zxcvbn(password, user_inputs=known)
    return found


class Hasher:
    """Hashes and verifies; one for each process."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """What is stored of a password."""
        return await self._run(ARGON2.hash, normal(password))

    async def checked(self, password: str, email: str, name: str = "") -> str:
        """The same of a password that must pass `check` first, which takes its time, too."""
        await asyncio.to_thread(check, password, email, name)
        return await self.hash(password)

    async def verify(self, stored: str, password: str) -> bool:
        """True if the password is the one. It takes as long where nothing is stored, so that
        nobody learns from it who has an account."""
        return await self._run(_same, stored or NOBODY, normal(password)) and bool(stored)

    async def _run(self, work: Callable[..., T], *args: str) -> T:
        if self._waiting >= WAITING_MAX:
            raise CrowdedError
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work, *args)
        finally:
            self._waiting -= 1


def _same(stored: str, password: str) -> bool:
    try:
        return ARGON2.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
