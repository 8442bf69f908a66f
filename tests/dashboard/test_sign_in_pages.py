"""Registering, signing in and out, resetting: as a person does it, through the pages."""

import httpx
import pyotp
from starlette.types import ASGIApp

from api.app import create_app
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users import slowing
from tests.dashboard.visitor import Visitor
from tests.factories import seed_platform
from tests.users.test_totp import enrolled
from tests.users.world import OTHER_PASSWORD, PASSWORD, URL, People

ADA = "ada@example.com"


async def test_from_sign_up_to_sign_out(sqlite: Database, people: People, ada: Visitor) -> None:
    await sqlite.write(seed_platform)
    await ada.open("/register")
    assert "Look into your mail" in await ada.send("/register", email=" Ada@Example.com ")
    link = f"/register/{await people.mailed_token()}"
    assert ADA in await ada.open(link)
    await ada.open(link)  # looking does not use it up
    said = await ada.send(link, 400, name="Ada", company="Engines", password="short")
    assert "Use 12 to 200 characters." in said
    assert 'value="Engines"' in said
    assert "short" not in ada.page.text.replace("shortest", "")
    said = await ada.send(link, name="Ada", company="Engines", password=PASSWORD)
    assert (ada.at, "Engines" in said) == ("/dashboard", True)
    assert "Live keys work once your identity is checked" in said
    assert said.count("100.00 USD") == 2  # play money in both wallets
    assert "100.00 USD" not in await ada.open("/dashboard?mode=live")
    await ada.open(link, 403)
    await ada.open("/dashboard/security")
    await ada.send("/sign-out")
    assert ada.at == "/sign-in"
    await ada.open("/dashboard")
    assert (ada.at, ada.page.url.params["next"]) == ("/sign-in", "/dashboard")
    await ada.send("/sign-in", email=ADA, password=PASSWORD)
    assert ada.at == "/dashboard"
    assert len(await sqlite.all("SELECT * FROM session")) == 1


async def test_the_answer_is_the_same_for_everybody(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    said = set()
    for page in ("/register", "/reset"):
        for email in (ADA, "stranger@example.com"):
            await ada.open(page)
            said.add(await ada.send(page, email=email))
    assert len(said) == 1
    assert [recipient for recipient, *_ in await people.mails()] == [
        ADA, "stranger@example.com", ADA,
    ]  # fmt: skip
    assert "Write an email address" in await _refused(ada, "/register", email="nonsense")


async def _refused(
    visitor: Visitor, page: str, status: int = 400, *, email: str, password: str = ""
) -> str:
    await visitor.open(page)
    if password:
        return await visitor.send(page, status, email=email, password=password)
    return await visitor.send(page, status, email=email)


async def test_nobody_is_flooded_with_mails(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    for _ in range(7):
        await ada.open("/reset")
        assert "Look into your mail" in await ada.send("/reset", email=ADA)
    assert len(await people.mails()) == 5
    for number in range(23):
        await ada.open("/register")
        await ada.send("/register", email=f"victim{number}@example.com")
    assert "Too many mails" in await _refused(ada, "/register", 429, email="one@example.com")


async def test_a_forgotten_password(sqlite: Database, people: People, ada: Visitor) -> None:
    owner = await people.owner(ADA)
    await people.token(owner.user_id)
    await ada.open("/reset")
    await ada.send("/reset", email=ADA)
    link = f"/reset/{await people.mailed_token()}"
    await ada.open(link)
    assert "easy to guess" in await ada.send(link, 400, password="aaaaaaaaaaaaaaaaaa")
    await ada.send(link, password=OTHER_PASSWORD)
    assert ada.at == "/sign-in"
    assert await sqlite.all("SELECT * FROM session") == []
    assert "do not belong together" in await ada.send("/sign-in", 403, email=ADA, password=PASSWORD)
    await ada.send("/sign-in", email=ADA, password=OTHER_PASSWORD)
    assert ada.at == "/dashboard"


async def test_a_refused_sign_in_keeps_the_email_and_where_to_go(
    people: People, ada: Visitor
) -> None:
    await people.owner(ADA)
    await ada.open("/dashboard/team")
    said = await ada.send("/sign-in", 403, email=ADA, password="<wrong>")
    assert f'value="{ADA}"' in said
    assert "<wrong>" not in said
    await ada.send("/sign-in", email=ADA, password=PASSWORD)
    assert ada.at == "/dashboard/team"
    await ada.open("/sign-in?next=/dashboard/security")  # who is signed in goes on at once
    assert ada.at == "/dashboard/security"


async def test_nobody_is_sent_to_another_site(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    for target in ("https://evil.example", "//evil.example", "/\\evil.example", "javascript:x",
                   "/\t/evil.example", "\\\\evil.example"):  # fmt: skip
        page = await ada.client.get("/sign-in", params={"next": target})
        ada.page = page
        await ada.send("/sign-in", email=ADA, password=PASSWORD)
        assert (ada.page.url.host, ada.at) == ("127.0.0.1", "/dashboard")
        await ada.send("/sign-out")


async def test_too_many_wrong_passwords_from_one_address(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    who = slowing.subjects(people.vault, "127.0.0.1", ADA)
    for _ in range(slowing.ADDRESS_FAILURES_MAX):
        await people.database.write(slowing.failed, who, now())
    said = await _refused(ada, "/sign-in", 429, email=ADA, password=PASSWORD)
    assert "too many wrong passwords" in said


async def test_a_second_factor(people: People, ada: Visitor) -> None:
    app, codes = await enrolled(people, await people.owner(ADA))
    await ada.open("/sign-in/code")
    assert ada.at == "/sign-in"
    await ada.open("/dashboard/team")
    await ada.send("/sign-in", email=ADA, password=PASSWORD)
    assert ada.at == "/sign-in/code"
    await ada.client.get("/dashboard")
    assert "not valid" in await ada.send("/sign-in/code", 403, code="000000")
    await ada.send("/sign-in/code", code=_code(app))
    assert ada.at == "/dashboard/team"
    await ada.send("/sign-out")
    await ada.give_password(ADA)
    await ada.send("/sign-in/code", code=codes[0])
    assert "9 recovery codes are left" in await ada.open("/dashboard/security")


def _code(app: pyotp.TOTP) -> str:
    return str(app.generate_otp(now() // SECOND // 30))


async def test_a_session_is_nothing_before_the_second_factor(people: People, ada: Visitor) -> None:
    await enrolled(people, await people.owner(ADA))
    await ada.give_password(ADA)
    assert (await ada.client.get("/dashboard")).status_code == 303
    assert "session" not in ada.client.cookies


async def test_signing_in_again_ends_the_session_before(
    sqlite: Database, people: People, ada: Visitor
) -> None:
    await people.owner(ADA)
    await sqlite.write(lambda conn: conn.run("DELETE FROM session"))
    await ada.open("/sign-in")
    stale = ada.page
    await ada.send("/sign-in", email=ADA, password=PASSWORD)
    before = ada.client.cookies["session"]
    ada.page = stale
    await ada.send("/sign-in", 403, email=ADA, password=PASSWORD)  # its form is of before
    page = await ada.open("/dashboard")
    assert page
    assert ada.client.cookies["session"] == before
    assert len(await sqlite.all("SELECT * FROM session")) == 1


async def test_forms_of_other_sites_are_refused(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    await ada.open("/sign-in")
    form = {"email": ADA, "password": PASSWORD, "csrf": "x"}
    for headers in ({"Origin": "https://evil.example"}, {}, {"Sec-Fetch-Site": "cross-site"}):
        answer = await ada.client.post("/sign-in", data=form, headers=headers)
        assert answer.status_code == 403
        assert "session" not in answer.headers.get("set-cookie", "")


async def test_cookies_are_bound_to_the_host_where_that_can_be(
    sqlite: Database, vault: Vault, people: People
) -> None:
    await people.owner(ADA)
    app: ASGIApp = create_app(Settings(public_url="https://sms.example.com"), sqlite, vault)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://sms.example.com") as client:
        visitor = Visitor(client)
        await visitor.open("/sign-in")
        token = visitor.page.text.split('name="csrf" value="')[1].split('"')[0]
        answer = await client.post(
            "/sign-in", data={"csrf": token, "email": ADA, "password": PASSWORD},
            headers={"Origin": "https://sms.example.com"},
        )  # fmt: skip
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 3
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        for part in ("Secure", "HttpOnly", "Path=/", "SameSite=lax"):
            assert part in cookie, cookie
        assert "Domain" not in cookie


async def test_a_signed_in_page_is_kept_nowhere(people: People, ada: Visitor) -> None:
    await people.owner(ADA)
    await ada.sign_in(ADA)
    assert ada.page.headers["cache-control"] == "no-store"


async def test_the_address_of_pages_and_mails_is_the_public_one(
    people: People, ada: Visitor
) -> None:
    await people.owner(ADA)
    await ada.open("/reset")
    await ada.send("/reset", email=ADA)
    *_, (_, _, body) = await people.mails()
    assert f"\n{URL}/reset/" in body
