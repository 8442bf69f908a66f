"""Team and audit log through the pages, and what another account sees of them: nothing."""

import csv
import io
from urllib.parse import quote

from db.database import Database
from telephony.clock import now
from telephony.users.sessions import Member
from tests.dashboard.visitor import Visitor
from tests.users.world import MINUTE, OTHER_PASSWORD, PASSWORD, People

ADA, BOB = "ada@example.com", "bob@example.com"


async def signed_in(people: People, visitor: Visitor, email: str, company: str) -> Member:
    member = await people.owner(email, company)
    await visitor.sign_in(email)
    return member


async def test_inviting_somebody_new(people: People, ada: Visitor, bob: Visitor) -> None:
    await signed_in(people, ada, ADA, "Engines")
    await ada.open("/dashboard/team")
    said = await ada.send("/dashboard/team/invite", email="Bob@Example.com", role="developer")
    assert BOB in said
    link = f"/invitation/{await people.mailed_token()}"
    assert "To the account “Engines”, as: Developer." in await bob.open(link)
    await bob.send(link, 400, name="Bob", password="too short")
    said = await bob.send(link, name="Bob <b>", password=OTHER_PASSWORD)
    assert (bob.at, "Engines" in said) == ("/dashboard", True)
    await bob.open("/dashboard/audit", 403)
    await bob.open("/dashboard/team")
    assert set(bob.actions()) == {"/sign-out", "/dashboard/team/leave"}
    assert "<b>" not in bob.page.text
    said = await ada.open("/dashboard/audit")
    for act in ("account.opened", "member.invited", "member.joined", "user.signed_in"):
        assert act in said
    assert '<span class="quiet">Role:</span> developer' in said


async def test_inviting_somebody_who_has_an_account(
    people: People, ada: Visitor, bob: Visitor
) -> None:
    await signed_in(people, ada, ADA, "Engines")
    await people.owner(BOB, "Bob's")
    await ada.open("/dashboard/team")
    await ada.send("/dashboard/team/invite", email=BOB, role="billing")
    link = f"/invitation/{await people.mailed_token()}"
    assert "Sign in as that to accept" in await bob.open(link)
    await bob.open(f"/sign-in?next={link}")
    await bob.send("/sign-in", email=BOB, password=PASSWORD)
    assert bob.at == link
    said = await bob.send(f"{link}/accept")
    assert (bob.at, "Engines" in said) == ("/dashboard", True)
    assert "Your accounts" in said
    said = await bob.send("/dashboard/enter", id=(await people.member_of(BOB, "Bob's")))
    assert "Bob's" in said
    await ada.open(link, 403)


async def test_an_invitation_of_somebody_else_is_not_taken(
    people: People, ada: Visitor, bob: Visitor
) -> None:
    await signed_in(people, ada, ADA, "Engines")
    await ada.open("/dashboard/team")
    await ada.send("/dashboard/team/invite", email="carol@example.com", role="owner")
    token = await people.mailed_token()
    await signed_in(people, bob, BOB, "Bob's")
    await bob.open(f"/invitation/{token}")
    bob_form = {"csrf": bob.page.text.split('name="csrf" value="')[1].split('"')[0]}
    answer = await bob.client.post(
        f"/invitation/{token}/accept", data=bob_form, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 403
    assert "carol@example.com" in answer.text


async def test_the_team_as_a_file(people: People, ada: Visitor, bob: Visitor) -> None:
    me = await signed_in(people, ada, ADA, "Engines")
    await people.colleague(me, "developer", BOB)
    await people.owner("eve@example.com", "Eve's")
    await bob.sign_in(BOB)
    await bob.open("/dashboard/team.csv")
    rows = list(csv.DictReader(io.StringIO(bob.page.text)))
    assert [(row["email"], row["role"]) for row in rows] == [(ADA, "owner"), (BOB, "developer")]


async def test_roles_and_leaving(people: People, ada: Visitor, bob: Visitor) -> None:
    owner = await signed_in(people, ada, ADA, "Engines")
    other = await people.colleague(owner, "read_only", BOB)
    await bob.sign_in(BOB)
    await ada.open("/dashboard/team")
    await ada.send("/dashboard/team/role", nth=1, role="owner")
    await bob.open("/dashboard/team")
    assert bob.at == "/sign-in"
    await bob.send("/sign-in", email=BOB, password=PASSWORD)
    assert "/dashboard/team/invite" in bob.actions()
    await bob.send("/dashboard/team/remove", nth=0, id=owner.user_id)
    await ada.open("/dashboard")
    assert ada.at == "/sign-in"
    assert "You are in no account" in await ada.sign_in(ADA)
    await bob.open("/dashboard/team")
    said = await bob.send("/dashboard/team/remove", 409, id=other.user_id)
    assert "An account needs an owner" in said


async def test_another_account_is_out_of_reach(
    sqlite: Database, people: People, ada: Visitor, bob: Visitor
) -> None:
    owner = await signed_in(people, ada, ADA, "Engines")
    await ada.open("/dashboard/team")
    await ada.send("/dashboard/team/invite", email="carol@example.com", role="owner")
    (invitation,) = await sqlite.all("SELECT id FROM one_use_token WHERE kind = 'invitation'")
    await signed_in(people, bob, BOB, "Bob's")
    said = await bob.open("/dashboard/team")
    assert (ADA in said, "Engines" in said, "carol" in said) == (False, False, False)
    for action, fields in (
        ("/dashboard/team/role", {"id": owner.user_id, "role": "read_only"}),
        ("/dashboard/team/remove", {"id": owner.user_id}),
        ("/dashboard/team/take-back", {"id": invitation["id"]}),
        ("/dashboard/enter", {"id": owner.account_id}),
        ("/dashboard/security/sessions/end", {"id": owner.session_id}),
    ):
        page = "/dashboard/security" if "security" in action else "/dashboard/team"
        await bob.open(page)
        form = {"csrf": bob.page.text.split('name="csrf" value="')[1].split('"')[0]}
        answer = await bob.client.post(
            action, data=form | fields, headers={"Sec-Fetch-Site": "same-origin"}
        )
        assert answer.status_code == 404, action
    await ada.open("/dashboard/team")
    assert "member.removed" not in await ada.open("/dashboard/audit")
    assert ADA not in await bob.open("/dashboard/audit")


async def test_a_confirmation_leads_back(sqlite: Database, people: People, ada: Visitor) -> None:
    await signed_in(people, ada, ADA, "Engines")
    old = now() - 11 * MINUTE
    await ada.open("/dashboard/team")
    await sqlite.write(lambda conn: conn.run("UPDATE session SET confirmed_at = :old", old=old))
    await ada.open("/dashboard/security/two-factor")
    assert ada.at == "/confirm"
    assert "not your password" in await ada.confirm("wrong", 403)
    before = ada.client.cookies["session"]
    await ada.confirm()
    assert ada.at == "/dashboard/security/two-factor"
    assert ada.client.cookies["session"] != before
    await ada.open("/confirm?next=/dashboard/team")
    assert ada.at == "/dashboard/team"


async def test_the_audit_log_goes_back_page_by_page(
    sqlite: Database, people: People, ada: Visitor
) -> None:
    owner = await signed_in(people, ada, ADA, "Engines")
    for number in range(60):
        await people.token(owner.user_id, now() + number)
    said = await ada.open("/dashboard/audit")
    assert said.count("user.signed_in</a>") == 50
    older = said.split('rel="next" href="')[1].split('"')[0]
    said = await ada.open("/dashboard/audit" + older)
    assert said.count("user.signed_in</a>") == 12
    assert "account.opened" in said
    assert "First page" in said
    await ada.open("/dashboard/audit?cursor=x", 400)


async def test_the_audit_log_of_the_account_is_filtered_and_exported(
    people: People, ada: Visitor, bob: Visitor
) -> None:
    await signed_in(people, ada, ADA, "Engines")
    await signed_in(people, bob, BOB, "Brakes")
    said = await ada.open(f"/dashboard/audit?action=account.opened&who={quote(ADA)}")
    assert said.count("account.opened</a>") == 1
    assert "user.signed_in</a>" not in said
    assert "Nothing was found" in await ada.open(f"/dashboard/audit?who={quote(BOB)}")
    lines = (await ada.client.get("/dashboard/audit.csv?action=account.opened")).text.splitlines()
    assert len(lines) == 2
    assert ADA in lines[1]
    await ada.open("/dashboard/audit?account=all", 400)


async def test_an_invitation_is_taken_back(people: People, ada: Visitor, bob: Visitor) -> None:
    await signed_in(people, ada, ADA, "Engines")
    await ada.open("/dashboard/team")
    await ada.send("/dashboard/team/invite", email=BOB, role="billing")
    link = f"/invitation/{await people.mailed_token()}"
    assert BOB not in await ada.send("/dashboard/team/take-back")
    said = await bob.open(link, 403)
    assert "used already, or is too old" in said
    assert "member is" not in said
    await ada.send("/dashboard/team/invite", email=BOB, role="billing")
    await bob.open(f"/invitation/{await people.mailed_token()}")
    await bob.send(f"/invitation/{await people.mailed_token()}", name="B", password=PASSWORD)
    await ada.open("/dashboard/team")
    said = await ada.send("/dashboard/team/invite", 409, email=BOB, role="billing")
    assert "a member of the account already" in said
