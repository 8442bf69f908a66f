"""Two-factor sign-in by an app's codes, and by recovery codes."""

from urllib.parse import parse_qs, urlsplit

import pyotp
import pytest

from db import credentials
from db.database import Database
from telephony.clock import SECOND, Instant, now
from telephony.users import sessions, slowing, totp
from telephony.users.problems import CodeRefusedError, ConfirmFirstError, LinkUsedError
from telephony.users.sessions import Member
from telephony.users.sign_in import CODE_TRIES_MAX, SecondFactorNeeded, SignedIn, SignIn
from tests.users.world import HOUR, MINUTE, ORIGIN, PASSWORD, People

ADA = "ada@example.com"


async def enrolled(people: People, member: Member) -> tuple[pyotp.TOTP, list[str]]:
    """The member's app, and the recovery codes."""
    uri = await people.database.write(totp.enrol, people.vault, member, now())
    app = app_of(uri)
    code = app.generate_otp(now() // SECOND // 30 - 1)
    _, codes = await people.database.write(totp.confirm, people.vault, member, code, now())
    return app, codes


def app_of(uri: str) -> pyotp.TOTP:
    """An app that has scanned the QR code."""
    assert uri.startswith("otpauth://totp/")
    return pyotp.TOTP(parse_qs(urlsplit(uri).query)["secret"][0])


def code(app: pyotp.TOTP, at: Instant) -> str:
    return str(app.generate_otp(at // SECOND // 30))


async def waiting(gate: SignIn, at: Instant) -> str:
    """A sign-in that waits for its second factor."""
    found = await gate.by_password(ADA, PASSWORD, ORIGIN, "", at)
    assert isinstance(found, SecondFactorNeeded)
    return found.token


async def test_enrolment_shows_a_secret_once_and_needs_a_code_of_it(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await people.owner(ADA)
    uri = await database.write(totp.enrol, people.vault, member, now())
    assert parse_qs(urlsplit(uri).query)["issuer"] == [totp.ISSUER]
    app = app_of(uri)
    assert app.secret not in str(await database.all('SELECT * FROM "user"'))
    assert totp.pending(people.vault, await people.user(ADA)) == app.secret
    wrong = f"{(int(app.now()) + 1) % 1_000_000:06d}"
    with pytest.raises(CodeRefusedError):
        await database.write(totp.confirm, people.vault, member, wrong, now())
    found = await gate.by_password(ADA, PASSWORD, ORIGIN, "", now())
    assert isinstance(found, SignedIn)  # it does not count yet
    _, codes = await database.write(
        totp.confirm, people.vault, member, f" {app.now()[:3]} {app.now()[3:]} ", now()
    )
    assert len(set(codes)) == totp.CODES
    assert await credentials.codes_left(database, member.user_id) == totp.CODES
    assert codes[0] not in str(await database.all("SELECT * FROM recovery_code"))
    assert totp.pending(people.vault, await people.user(ADA)) is None
    with pytest.raises(CodeRefusedError):
        await database.write(totp.enrol, people.vault, member, now())
    assert await sessions.member(database, found.token, "", now()) is None  # others have ended


async def test_a_code_signs_in_and_is_not_taken_twice(people: People, gate: SignIn) -> None:
    app, _ = await enrolled(people, await people.owner(ADA))
    at = now() + 5 * MINUTE
    found = await gate.by_code(await waiting(gate, at), code(app, at), ORIGIN, at)
    assert (await people.member(found.token)).two_factor
    second = await waiting(gate, at)
    with pytest.raises(CodeRefusedError):
        await gate.by_code(second, code(app, at), ORIGIN, at)
    with pytest.raises(CodeRefusedError):  # an earlier one that was not used, neither
        await gate.by_code(second, code(app, at - 30 * SECOND), ORIGIN, at)
    await gate.by_code(second, code(app, at + 30 * SECOND), ORIGIN, at)


@pytest.mark.parametrize(("steps", "taken"), [(-2, False), (-1, True), (1, True), (2, False)])
async def test_a_phones_clock_may_be_a_little_off(
    people: People, gate: SignIn, steps: int, taken: bool
) -> None:
    app, _ = await enrolled(people, await people.owner(ADA))
    at = now() + HOUR
    token = await waiting(gate, at)
    shown = code(app, at + steps * 30 * SECOND)
    if taken:
        await gate.by_code(token, shown, ORIGIN, at)
    else:
        with pytest.raises(CodeRefusedError):
            await gate.by_code(token, shown, ORIGIN, at)


async def test_a_recovery_code_works_once(database: Database, people: People, gate: SignIn) -> None:
    member = await people.owner(ADA)
    _, codes = await enrolled(people, member)
    typed = codes[3].upper().replace("-", " ")
    found = await gate.by_code(await waiting(gate, now()), typed, ORIGIN, now())
    (row, *_) = await sessions.listed(database, member.user_id, now())
    assert row["how"] == "password+recovery"
    assert await people.member(found.token)
    with pytest.raises(CodeRefusedError):
        await gate.by_code(await waiting(gate, now()), codes[3], ORIGIN, now())
    assert await credentials.codes_left(database, member.user_id) == totp.CODES - 1
    await gate.by_code(await waiting(gate, now()), codes[4], ORIGIN, now())


async def test_codes_of_somebody_else_are_nothing(people: People, gate: SignIn) -> None:
    await enrolled(people, await people.owner(ADA))
    app, codes = await enrolled(people, await people.owner("eve@example.com"))
    at = now() + HOUR
    for shown in (code(app, at), codes[0], "", "ÄÖÜ456", "１２３４５６"):
        with pytest.raises(CodeRefusedError):
            await gate.by_code(await waiting(gate, at), shown, ORIGIN, at)


async def test_after_some_tries_the_password_is_asked_for_anew(
    people: People, gate: SignIn
) -> None:
    app, _ = await enrolled(people, await people.owner(ADA))
    at = now() + HOUR
    token = await waiting(gate, at)
    for _ in range(CODE_TRIES_MAX):
        with pytest.raises(CodeRefusedError):
            await gate.by_code(token, "000000", ORIGIN, at)
    with pytest.raises(LinkUsedError):
        await gate.by_code(token, code(app, at), ORIGIN, at)
    await gate.by_code(await waiting(gate, at), code(app, at), ORIGIN, at)


async def test_who_guesses_codes_gets_no_further_but_recovery_codes_still_work(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await people.owner(ADA)
    app, codes = await enrolled(people, member)
    at = now() + HOUR
    for _ in range(slowing.SECOND_FACTOR_FAILURES_MAX):
        await database.write(slowing.second_factor_failed, member.user_id, at)
    token = await waiting(gate, at)
    with pytest.raises(CodeRefusedError):
        await gate.by_code(token, code(app, at), ORIGIN, at)
    await gate.by_code(token, codes[0], ORIGIN, at)
    await gate.by_code(await waiting(gate, at), code(app, at), ORIGIN, at)  # it is over


async def test_a_sign_in_does_not_wait_for_ever(people: People, gate: SignIn) -> None:
    app, _ = await enrolled(people, await people.owner(ADA))
    token, later = await waiting(gate, now()), now() + 11 * MINUTE
    with pytest.raises(LinkUsedError):
        await gate.by_code(token, code(app, later), ORIGIN, later)
    with pytest.raises(LinkUsedError):
        await gate.by_code("made up", code(app, later), ORIGIN, later)


async def test_it_is_switched_off_with_its_recovery_codes(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await people.owner(ADA)
    await enrolled(people, member)
    stale = await people.member(await people.token(member.user_id, now() - 11 * MINUTE))
    with pytest.raises(ConfirmFirstError):
        await database.write(totp.disable, stale, now())
    await database.write(totp.disable, member, now())
    assert isinstance(await gate.by_password(ADA, PASSWORD, ORIGIN, "", now()), SignedIn)
    assert await credentials.codes_left(database, member.user_id) == 0
    acts = await people.acts()
    assert "totp.enabled" in acts
    assert "totp.disabled" in acts


async def test_recovery_codes_are_renewed_as_a_whole(
    database: Database, people: People, gate: SignIn
) -> None:
    member = await people.owner(ADA)
    with pytest.raises(CodeRefusedError):
        await database.write(totp.renew_codes, people.vault, member, now())
    _, old = await enrolled(people, member)
    new = await database.write(totp.renew_codes, people.vault, member, now())
    assert not set(old) & set(new)
    with pytest.raises(CodeRefusedError):
        await gate.by_code(await waiting(gate, now()), old[0], ORIGIN, now())
    await gate.by_code(await waiting(gate, now()), new[0], ORIGIN, now())
