"""One-time codes against an independent authenticator: which times, which spellings, how often."""

import re
from urllib.parse import parse_qs, unquote, urlsplit

import pyotp
import pytest

from db import credentials, users
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, Instant
from telephony.users import totp
from telephony.users.totp import CODE_ALPHABET, CODES, STEP_SECONDS, STEPS_ASIDE
from tests.users.world import HASH, People

NOON = 1_768_000_020 * SECOND
"""The beginning of a step of 30 seconds."""
LATE = NOON + (STEP_SECONDS - 1) * SECOND
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
APP = pyotp.TOTP(SECRET)


def add(conn: Conn, people: People) -> str:
    """A user whose app has the secret; the id."""
    user_id = users.add(conn, 1, "ada@example.com", password_argon2=HASH, totp_since=1,
                        totp_sealed=people.vault.seal(SECRET))  # fmt: skip
    assert user_id
    return user_id


def step_of(at: Instant) -> int:
    return at // SECOND // STEP_SECONDS


async def takes(people: People, user_id: str, code: str, at: Instant) -> str | None:
    def deed(conn: Conn) -> str | None:
        return totp.takes(conn, people.vault, users.by_id(conn, user_id), code, at)

    return await people.database.write(deed)


async def fresh(people: People, codes: list[str], user_id: str) -> None:
    """Let the user's recovery codes be these, and no step used."""

    def deed(conn: Conn) -> None:
        users.change(conn, user_id, totp_step=0)
        hmacs = [totp._code_hmac(people.vault, user_id, code) for code in codes]
        credentials.set_codes(conn, user_id, hmacs)

    await people.database.write(deed)


@pytest.mark.parametrize("at", [NOON, LATE])
async def test_the_window_is_one_step_to_each_side(people: People, at: Instant) -> None:
    user_id = await people.database.write(add, people)
    found = []
    for aside in range(-3, 4):
        await fresh(people, [], user_id)
        code = APP.generate_otp(step_of(at) + aside)
        found.append(await takes(people, user_id, code, at))
    inside = [abs(aside) <= STEPS_ASIDE for aside in range(-3, 4)]
    assert found == ["totp" if one else None for one in inside]


async def test_a_later_code_uses_the_earlier_ones_up(people: People) -> None:
    user_id = await people.database.write(add, people)
    before, present, after = (APP.generate_otp(step_of(NOON) + aside) for aside in (-1, 0, 1))
    assert await takes(people, user_id, present, NOON) == "totp"
    assert await takes(people, user_id, present, NOON) is None
    assert await takes(people, user_id, before, NOON) is None
    assert await takes(people, user_id, after, NOON) == "totp"
    assert await takes(people, user_id, after, NOON + STEP_SECONDS * SECOND) is None


@pytest.mark.parametrize("spell", [
    lambda code: code, lambda code: f"{code[:3]} {code[3:]}", lambda code: f"\t{code}\n",
    lambda code: " ".join(code),
])  # fmt: skip
async def test_blanks_in_a_code_are_nothing(people: People, spell: object) -> None:
    assert callable(spell)
    user_id = await people.database.write(add, people)
    assert await takes(people, user_id, spell(APP.generate_otp(step_of(NOON))), NOON) == "totp"


@pytest.mark.parametrize("code", [
    "", "0", "12345", "1234567", "-12345", "+12345", "abcdef", "１２３４５６", "12345６", "²²²²²²",
    "\0" * 6, "0x1234", "1e5000",
])  # fmt: skip
async def test_what_is_no_code_proves_nothing_and_breaks_nothing(people: People, code: str) -> None:
    user_id = await people.database.write(add, people)
    assert await takes(people, user_id, code, NOON) is None
    assert await takes(people, user_id, APP.generate_otp(step_of(NOON)), NOON) == "totp"


async def test_a_recovery_code_in_any_spelling_is_used_once(people: People) -> None:
    user_id = await people.database.write(add, people)
    code = "abcd-efgh-jkmn"
    for spelled in (code, code.upper(), code.replace("-", ""), code.replace("-", "  "),
                    f" {code.title()}\n"):  # fmt: skip
        await fresh(people, [code], user_id)
        assert await takes(people, user_id, spelled, NOON) == "recovery"
        assert await takes(people, user_id, spelled, NOON) is None
    await fresh(people, [code], user_id)
    for wrong in (code[:-1], code + "x", code.replace("a", "b"), "-" * 14):
        assert await takes(people, user_id, wrong, NOON) is None


async def test_a_recovery_code_is_its_users_alone(people: People) -> None:
    user_id = await people.database.write(add, people)
    await fresh(people, ["abcd-efgh-jkmn"], user_id)

    def another(conn: Conn) -> str | None:
        return users.add(conn, 1, "eve@example.com", totp_since=1,
                         totp_sealed=people.vault.seal(SECRET))  # fmt: skip

    other = await people.database.write(another)
    assert other
    assert await takes(people, other, "abcd-efgh-jkmn", NOON) is None
    assert await takes(people, user_id, "abcd-efgh-jkmn", NOON) == "recovery"


async def test_new_codes_are_all_different_and_easy_to_read(database: Database) -> None:
    codes = [totp._new_code() for _ in range(50 * CODES)]
    assert len(set(codes)) == len(codes)
    shape = re.compile(f"[{CODE_ALPHABET}]{{4}}(-[{CODE_ALPHABET}]{{4}}){{2}}")
    assert all(shape.fullmatch(code) for code in codes)
    assert not set("01iol") & set("".join(codes))


@pytest.mark.parametrize("email", ["ada@example.com", "a+b@example.com", "jürgen@müller.example"])
def test_an_app_reads_the_secret_the_issuer_and_the_email(email: str) -> None:
    uri = totp.uri(SECRET, email)
    parts = urlsplit(uri)
    query = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == f"/{totp.ISSUER}:{email}"
    assert query == {"secret": [SECRET], "issuer": [totp.ISSUER]}
    read = pyotp.parse_uri(uri)
    assert isinstance(read, pyotp.TOTP)
    assert read.at(NOON // SECOND) == APP.generate_otp(step_of(NOON))
