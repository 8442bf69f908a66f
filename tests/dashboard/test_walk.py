"""Every page and form of the dashboard, as everybody: nothing is open beyond the role."""

import httpx
import pytest
from starlette.types import ASGIApp

from api.app import PAGES
from api.web import csrf
from api.web.page import PUBLIC, Page
from db.users import PLATFORM_ROLES, ROLES
from telephony.users.roles import USER
from telephony.users.sessions import Member
from tests.api.world import client_of
from tests.users.world import URL, People

NAMES = {"user", *ROLES, *(f"platform_{role}" for role in PLATFORM_ROLES if role)}
CLOSED = [page for page in PAGES if page.roles is not PUBLIC]
OPEN = [page for page in PAGES if page.roles is PUBLIC]
HOLE = "x"
"""Stands for what a path names, which is not there."""


@pytest.fixture
async def everybody(people: People) -> list[Member]:
    """One of each role, the administrators, and somebody without any account."""
    owner = await people.owner()
    others = [
        await people.colleague(owner, role, f"{role}@example.com")
        for role in ROLES
        if role != "owner"
    ]
    admins = [await people.admin(role, f"{role}@example.org") for role in ("admin", "support")]
    nobody = await people.admin("", "nobody@example.org")
    return [owner, *others, *admins, nobody]


def path_of(page: Page) -> str:
    return "/".join(HOLE if part.startswith("{") else part for part in page.path.split("/"))


async def ask(client: httpx.AsyncClient, page: Page, token: str = "") -> httpx.Response:
    """The page, or its form with nothing in it but a good token against forgery."""
    client.cookies.clear()
    if token:
        client.cookies.set("session", token)
    if page.method == "GET":
        return await client.get(path_of(page))
    form = (await client.get("/sign-in/code")).text or (await client.get("/register")).text
    if 'name="csrf"' not in form:
        form = (await client.get("/register")).text
    sent = form.split('name="csrf" value="')[1].split('"')[0]
    headers = {"Origin": URL}
    return await client.request(page.method, path_of(page), data={csrf.FIELD: sent},
                                headers=headers)  # fmt: skip


def test_every_page_declares_roles_that_exist() -> None:
    assert CLOSED
    for page in CLOSED:
        assert page.roles
        assert set(page.roles) <= NAMES, page.path
    assert {page.path for page in PAGES if page.path.startswith(("/dashboard", "/admin"))} <= {
        page.path for page in CLOSED
    }


@pytest.mark.parametrize("page", CLOSED, ids=lambda page: f"{page.method} {page.path}")
async def test_strangers_are_sent_to_sign_in(client: httpx.AsyncClient, page: Page) -> None:
    for token in ("", "made-up"):
        answer = await ask(client, page, token)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")


async def test_each_role_opens_its_own_pages_alone(
    client: httpx.AsyncClient, people: People, everybody: list[Member]
) -> None:
    people.database.wakeups.stop()  # else what follows events would go on
    for who in everybody:
        for page in CLOSED:
            if page.path.endswith(("/leave", "/two-factor/off")):
                continue  # it would end what is tested here
            answer = await ask(client, page, await people.token(who.user_id))
            told = (page.method, page.path, sorted(who.roles), answer.status_code)
            assert answer.status_code < 500, told
            refused = "Your role in this account does not allow this" in answer.text
            if not set(page.roles or ()) & who.roles:
                assert (answer.status_code, refused) == (403, True), told
            else:
                assert not refused, told
                fine = (404,) if HOLE in path_of(page).split("/") else (200, 303)
                assert page.method != "GET" or answer.status_code in fine, told


async def test_what_touches_keys_money_and_roles_is_confirmed_first(
    app: ASGIApp, people: People
) -> None:
    owner, admin = await people.owner(), await people.admin()
    long_ago = owner.last_seen_at - 11 * 60 * 1_000_000
    stale = [await people.token(who.user_id, long_ago) for who in (owner, admin)]
    guarded = [page for page in CLOSED if page.confirm]
    assert {"/dashboard/team/invite", "/dashboard/team/role", "/dashboard/security/two-factor"} <= {
        page.path for page in guarded
    }
    async with client_of(app) as client:
        for page in guarded:
            answer = await ask(client, page, stale["platform_admin" in (page.roles or ())])
            if page.method == "GET":
                assert answer.status_code == 303, page.path
                assert answer.headers["location"].startswith("/confirm"), page.path
            else:
                assert answer.status_code == 403, page.path
                assert f'action="{path_of(page)}"' in answer.text, page.path


@pytest.mark.parametrize("page", OPEN, ids=lambda page: f"{page.method} {page.path}")
async def test_open_pages_need_nobody_and_break_on_nothing(
    client: httpx.AsyncClient, page: Page
) -> None:
    answer = await ask(client, page)
    assert answer.status_code in (200, 303, 400, 403, 404), answer.text


def test_pages_for_every_user_concern_the_user_alone() -> None:
    for page in CLOSED:
        if USER in (page.roles or ()):
            assert page.path.startswith((
                "/dashboard/security", "/confirm", "/sign-out", "/invitation",
            )) or page.path in ("/dashboard", "/dashboard/enter"), page.path  # fmt: skip
