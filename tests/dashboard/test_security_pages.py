"""How the user signs in, through the pages; passkeys are in tests/web with a real browser."""

import re

import pyotp

from db.database import Database
from tests.dashboard.test_sign_in_pages import ADA, _code
from tests.dashboard.visitor import Visitor
from tests.users.world import OTHER_PASSWORD, PASSWORD, People

HERE = "/dashboard/security"


async def test_two_factor_sign_in_is_set_up_and_switched_off(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    assert "Your password alone protects this account" in await ada.open("/dashboard")
    await ada.open(f"{HERE}/two-factor")
    said = await ada.send(f"{HERE}/two-factor/start")
    assert ada.at == f"{HERE}/two-factor"
    assert 'src="data:image/svg+xml' in ada.page.text
    app = pyotp.TOTP(re.findall(r'id="totp-key">(\w+)<', said)[0])
    wrong = f"{(int(_code(app)) + 1) % 1_000_000:06d}"
    assert app.secret in await ada.send(f"{HERE}/two-factor", 403, code=wrong)
    before = ada.client.cookies["session"]
    said = await ada.send(f"{HERE}/two-factor", code=_code(app))
    codes = shown_codes(said)
    assert len(set(codes)) == 10
    assert ada.client.cookies["session"] != before
    assert "10 recovery codes are left" in await ada.open(HERE)
    said = await ada.send(f"{HERE}/codes")
    assert not set(codes) & set(shown_codes(said))
    await ada.open(HERE)
    await ada.send(f"{HERE}/two-factor/off")
    assert ada.at == HERE
    await ada.send("/sign-out")
    await ada.send("/sign-in", email=ADA, password=PASSWORD)
    assert ada.at == "/dashboard"


async def test_a_password_is_changed(
    sqlite: Database, people: People, ada: Visitor, bob: Visitor
) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    await bob.sign_in(ADA)
    await ada.open(HERE)
    said = await ada.send(f"{HERE}/password", 400, password="ada ada ada ada")
    assert 'id="e-password"' in said
    await ada.send(f"{HERE}/password", password=OTHER_PASSWORD)
    assert ada.at == HERE
    await bob.open(HERE)
    assert bob.at == "/sign-in"
    await bob.send("/sign-in", email=ADA, password=OTHER_PASSWORD)
    assert bob.at == HERE
    assert OTHER_PASSWORD not in str(await sqlite.all("SELECT * FROM audit_log"))


async def test_sessions_are_shown_and_ended(people: People, ada: Visitor, bob: Visitor) -> None:
    await people.owner(ADA)
    bob.client.headers["User-Agent"] = "<script>Firefox</script>"
    await bob.sign_in(ADA)
    await ada.sign_in(ADA)
    await ada.open(HERE)
    assert "<script>Firefox" not in ada.page.text
    assert "&lt;script&gt;Firefox" in ada.page.text
    assert ada.actions().count(f"{HERE}/sessions/end") == 3  # and the one of `people.owner`
    await ada.send(f"{HERE}/sessions/end-others")
    assert ada.actions().count(f"{HERE}/sessions/end") == 1
    await bob.open("/dashboard")
    assert bob.at == "/sign-in"
    await ada.send(f"{HERE}/sessions/end")
    assert ada.at == "/sign-in"
    await ada.open("/dashboard")
    assert ada.at == "/sign-in"


async def test_an_administrator_comes_to_the_administration(
    people: People, ada: Visitor, bob: Visitor
) -> None:
    await people.admin()
    said = await ada.sign_in("root@example.com")
    assert (ada.at, "You are here as: admin." in said) == ("/admin", True)
    await ada.open("/dashboard/team", 403)
    await ada.open("/dashboard/security")
    await people.owner(ADA)
    await bob.sign_in(ADA)
    await bob.open("/admin", 403)
    assert "/admin" not in await bob.open("/dashboard")


def shown_codes(page: str) -> list[str]:
    """The recovery codes on a page."""
    (found,) = re.findall(r'id="recovery-codes"[^>]*>([^<]+)<', page)
    return str(found).split()
