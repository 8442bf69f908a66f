"""What a password must be, and how many are hashed at once."""

import asyncio
import threading

import pytest

from telephony.errors import ValidationFailedError
from telephony.users import passwords
from telephony.users.passwords import Hasher, check
from telephony.users.problems import CrowdedError

ADA = "ada.lovelace@example.com"


@pytest.mark.parametrize(
    "password",
    ["short", "elevenchars", "passwordpassword", "123456789012", "qwertyuiop123", ADA,
     "aaaaaaaaaaaaaaaa", "Password1234!", "a" * 201, "lovelaceexample",
     "iloveyouiloveyou", "            "],
)  # fmt: skip
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(ValidationFailedError) as caught:
        check(password, ADA, "Ada Lovelace")
    (finding,) = caught.value.extra["errors"]
    assert finding["field"] == "password"
    assert finding["message"].endswith(".") or "." in finding["message"]


@pytest.mark.parametrize(
    "password",
    ["correct horse battery staple", "kD8.sdf92Lq_", "zwölf Boxkämpfer jagen", "x" + "y7Q" * 60,
     "パスワードは長いほうがよい"],
)  # fmt: skip
def test_good_ones_are_taken(password: str) -> None:
    check(password, ADA, "Ada Lovelace")


async def test_a_hash_fits_its_password_alone() -> None:
    hasher = Hasher()
    stored = await hasher.checked("correct horse battery staple", ADA)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.verify(stored, "correct horse battery staple")
    assert not await hasher.verify(stored, "correct horse battery stapler")
    assert not await hasher.verify("", "nobody has this password")
    assert not await hasher.verify("not a hash", "x")


async def test_one_password_has_one_spelling() -> None:
    hasher = Hasher()
    stored = await hasher.hash("zwo\u0308lf Boxka\u0308mpfer")
    assert await hasher.verify(stored, "zwölf Boxkämpfer")


async def test_few_are_hashed_at_once_and_a_crowd_is_turned_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hasher, running, most = Hasher(), 0, 0
    lock, go = threading.Lock(), threading.Event()

    def slow(stored: str, password: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(30)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(passwords, "_same", slow)
    waiting = [asyncio.create_task(hasher.verify("x", "y")) for _ in range(passwords.WAITING_MAX)]
    await asyncio.sleep(0.1)
    with pytest.raises(CrowdedError):
        await hasher.verify("x", "y")
    go.set()
    assert all(await asyncio.gather(*waiting))
    assert most == passwords.AT_ONCE
    assert await hasher.verify("x", "y")
