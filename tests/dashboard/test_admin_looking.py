"""An administrator looks at a customer's dashboard: sees what its members see, changes nothing, is
written down, and is out again after an hour."""

import json
from typing import Any

import httpx
import pytest

from api.app import PAGES
from api.web.page import PUBLIC
from db import audit_log
from db.database import Database
from telephony.admin import looking
from telephony.billing import wallets
from telephony.clock import SECOND, now
from telephony.errors import NotFoundError, ValidationFailedError
from telephony.money import MICROS
from telephony.users.problems import ConfirmFirstError, RoleMissingError
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import MINUTE, People

ADA, BOB, ROOT = "ada@example.com", "bob@example.com", "root@example.com"
FREE = {"/sign-out", "/confirm", "/admin/looking/end"}
ONLY_LOOKS = "You only look at this account"


@pytest.fixture
async def owner(people: People) -> Member:
    """An account with 77 USD."""
    member = await people.owner(ADA, "Engines <b>& Co")

    def deed(conn: object) -> None:
        wallets.fund(conn, member.account_id, "live", 77 * MICROS, reference="f", actor="t",  # type: ignore[arg-type]
                     now=now())  # fmt: skip

    await people.database.write(deed)
    return member


@pytest.fixture
async def root(people: People, owner: Member, bob: Visitor) -> Visitor:
    """An administrator who looks at that account."""
    await people.admin()
    await bob.sign_in(ROOT)
    page = f"/admin/accounts/{owner.account_id}"
    await bob.open(page)
    await bob.send(f"{page}/look", reason="ticket 4711")
    return bob


async def test_the_dashboard_is_seen_as_its_members_see_it(owner: Member, root: Visitor) -> None:
    assert root.at == "/dashboard"
    said = await root.open("/dashboard/wallet?mode=live")
    assert "77.00 USD" in said
    assert "You look at Engines <b>& Co as its customers do" in said
    assert "<b>&" not in root.page.text
    assert "/dashboard/wallet/top-up" not in root.actions()
    assert ADA in await root.open("/dashboard/team")
    await root.open("/dashboard/audit", 403)  # for owners
    said = await root.open(f"/admin/accounts/{owner.account_id}")
    assert "End the look" in said
    assert "Look at its dashboard" not in said


async def test_no_form_is_taken_meanwhile(
    sqlite: Database, owner: Member, root: Visitor, client: httpx.AsyncClient
) -> None:
    closed = {page.path for page in PAGES if page.method == "POST" and page.looking}
    assert closed == FREE
    before = await sqlite.all("SELECT seq FROM audit_log ORDER BY seq")
    for page in PAGES:
        if page.method == "GET" or page.looking or page.roles is PUBLIC:
            continue
        await root.open("/dashboard/team")
        path = page.path.replace("{id}", owner.account_id)
        said = await root.form(path, {"id": owner.user_id}, 403)
        assert ONLY_LOOKS in said or "role in this account" in said, page.path
    assert await sqlite.all("SELECT seq FROM audit_log ORDER BY seq") == before


async def test_the_look_ends_and_is_written_down(
    sqlite: Database, owner: Member, ada: Visitor, root: Visitor
) -> None:
    token = root.client.cookies["session"]
    said = await root.send("/admin/looking/end")
    assert root.at == f"/admin/accounts/{owner.account_id}"
    assert "End the look" not in said
    assert root.client.cookies["session"] != token
    await root.open("/dashboard/wallet", 403)
    last, first, *_ = await audit_log.of_account(sqlite, owner.account_id, 2**62, 2)
    assert (last["action"], first["action"]) == ("account.look_ended", "account.looked_at")
    assert json.loads(first["after"]) == {"reason": "ticket 4711"}
    assert first["actor_name"] == ROOT
    await ada.sign_in(ADA)
    assert "account.looked_at" in await ada.open("/dashboard/audit")
    assert "End the look" not in await ada.open("/dashboard")


async def test_the_look_is_over_after_an_hour(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    await root.open("/dashboard/wallet")
    (row,) = await sqlite.all("SELECT looks_until, confirmed_at FROM session WHERE looks_at <> ''")
    assert row["looks_until"] - now() <= looking.LOOK_SECONDS_MAX * SECOND
    await sqlite.write(lambda conn: conn.run("UPDATE session SET looks_until = :at", at=now()))
    await root.open("/dashboard/wallet", 403)
    assert "End the look" not in await root.open("/admin/accounts")


async def test_who_is_no_administrator_any_more_sees_nothing(
    sqlite: Database, owner: Member, root: Visitor
) -> None:
    await root.open("/dashboard/wallet")
    await sqlite.write(lambda conn: conn.run("UPDATE \"user\" SET platform_role = ''"))
    await root.open("/dashboard/wallet", 403)


async def test_only_administrators_who_confirmed_look(people: People, owner: Member) -> None:
    def begin(who: Member, account_id: str = owner.account_id, reason: str = "r") -> Any:
        return people.database.write(looking.begin, who, account_id, reason, now())

    support = await people.admin("support", BOB)
    for who in (owner, support):
        with pytest.raises(RoleMissingError):
            await begin(who)
    root = await people.admin()
    stale = await people.enter(root.user_id, now() - 11 * MINUTE)
    with pytest.raises(ConfirmFirstError):
        await begin(stale)
    with pytest.raises(ValidationFailedError):
        await begin(root, reason=" ")
    for account_id in ("acc_none", "acc_platform"):
        with pytest.raises(NotFoundError):
            await begin(root, account_id)
    assert "account.looked_at" not in await people.acts()


async def test_a_session_that_has_ended_looks_no_more(people: People, owner: Member) -> None:
    root = await people.admin()
    await people.database.write(lambda conn: conn.run("DELETE FROM session"))
    with pytest.raises(NotFoundError):
        await people.database.write(looking.begin, root, owner.account_id, "r", now())


async def test_an_administrator_with_an_account_comes_back_to_it(
    sqlite: Database, people: People, owner: Member
) -> None:
    mine = await people.owner("chief@example.com", "Mine")
    await sqlite.write(
        lambda conn: conn.run(
            "UPDATE \"user\" SET platform_role = 'admin', totp_since = 1 WHERE id = :id",
            id=mine.user_id,
        )
    )
    me = await people.enter(mine.user_id)
    token = await sqlite.write(looking.begin, me, owner.account_id, "r", now())
    there = await people.member(token)
    assert (there.account, there.role, there.looks) == (owner.account, "read_only", True)
    assert there.rights == {"look"}
    token = await sqlite.write(looking.end, there, now())
    back = await people.member(token)
    assert (back.account, back.role, back.looks) == ("Mine", "owner", False)
