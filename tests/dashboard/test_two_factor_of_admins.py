"""Nobody administers the platform by password alone."""

import re

import pyotp
import pytest

from api.app import PAGES
from db import users
from db.database import Database
from telephony.admin.rights import must_administer
from telephony.clock import now
from telephony.users.problems import RoleMissingError
from telephony.users.roles import PLATFORM
from tests.dashboard.test_sign_in_pages import _code
from tests.dashboard.visitor import Visitor
from tests.users.world import People

ROOT, TWO_FACTOR = "boss@example.com", "/dashboard/security/two-factor"


@pytest.fixture
async def boss(sqlite: Database, people: People) -> str:
    """An owner of an account who is made an administrator and has no app; the user's id."""
    owner = await people.owner(ROOT)
    await sqlite.write(users.change, owner.user_id, platform_role="admin")
    return owner.user_id


async def test_the_way_to_the_administration_is_by_a_code(boss: str, ada: Visitor) -> None:
    await ada.sign_in(ROOT)
    assert ada.at == "/dashboard"
    said = await ada.open("/admin")
    assert ada.at == TWO_FACTOR
    assert "Administrators sign in with a code, too" in said
    said = await ada.send(f"{TWO_FACTOR}/start")
    app = pyotp.TOTP(re.findall(r'id="totp-key">(\w+)<', said)[0])
    said = await ada.send(TWO_FACTOR, code=_code(app))
    assert 'href="/admin"' in said
    await ada.open("/admin")
    assert ada.at == "/admin"
    await ada.open("/dashboard/security")
    await ada.send("/dashboard/security/two-factor/off")
    await ada.open("/admin")
    assert ada.at == TWO_FACTOR


async def test_no_page_of_administrators_opens_before(boss: str, ada: Visitor) -> None:
    await ada.sign_in(ROOT)
    for page in PAGES:
        if page.roles and set(page.roles) <= set(PLATFORM):
            path = "/".join("x" if part.startswith("{") else part for part in page.path.split("/"))
            answer = await ada.client.request(page.method, path, headers={"HX-Request": "true"})
            assert answer.status_code == 401, page.path
            assert answer.headers["hx-redirect"].startswith(TWO_FACTOR), page.path


async def test_deeds_ask_for_it_as_well(people: People, boss: str) -> None:
    member = await people.enter(boss)
    assert member.platform_role == "admin"
    with pytest.raises(RoleMissingError):
        must_administer(member, now())
    must_administer(await people.admin(), now())
