"""How a phone is set up by a page: what to type, codes to scan; who sees which of it."""

import re
from urllib.parse import unquote

import pytest

from db.database import Database
from telephony.secrets import Vault
from telephony.users.sessions import Member
from telephony.voice import phone_link
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import ADA, BOB, SECRET, add_phone, owner_of
from tests.users.world import MINUTE, People

HERE = "/dashboard/phones"
LINK = re.compile(r"http://127.0.0.1:8000(/api/v1/voip/setup/[\w.-]+)")
FORMS = ("", "/status", "/secret", "/link", "/delete")


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await ada.sign_in(ADA)
    return member


async def test_the_sheet_tells_what_to_type(owner: Member, people: People, ada: Visitor) -> None:
    row = await add_phone(people, owner, "desk", media="srtp")
    said = await ada.open(f"{HERE}/{row['id']}")
    for told in ("sip:desk@", "auth_user=desk", "sdes", "Take this", "data:image/svg+xml,"):
        assert told in said
    assert SECRET not in said
    assert unquote(said).count("<svg") > 0


async def test_a_code_that_signs_in_works_for_its_time(
    sqlite: Database, owner: Member, people: People, ada: Visitor, vault: Vault
) -> None:
    row = await add_phone(people, owner, "desk")
    await ada.open(f"{HERE}/{row['id']}")
    said = await ada.send(f"{HERE}/{row['id']}/link")
    assert ada.page.headers["cache-control"] == "no-store"
    assert "Whoever scans it can call at your cost" in said
    (path,) = set(LINK.findall(said))
    configuration = (await ada.client.get(path)).text
    assert "ha1" in configuration
    assert SECRET not in configuration
    link = phone_link.parse(path.rpartition("/")[2])
    assert link is not None
    assert 9 * MINUTE < link.expires_at - owner.last_seen_at <= 11 * MINUTE
    assert "sip_account.link_made" in await ada.open("/dashboard/audit")
    assert path.rpartition("/")[2] not in ada.page.text


async def test_what_shows_a_secret_is_confirmed_first(
    owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    stale = await people.token(owner.user_id, owner.last_seen_at - 11 * MINUTE)
    await ada.open(f"{HERE}/{row['id']}")
    ada.client.cookies.set("session", stale)
    for action in ("secret", "link"):
        said = await ada.form(f"{HERE}/{row['id']}/{action}", {}, 403)
        assert "Confirm that it is you" in said
        await ada.open(f"{HERE}/{row['id']}")


@pytest.mark.parametrize("role", ["billing", "read_only"])
async def test_who_may_not_build_looks_only(
    owner: Member, people: People, bob: Visitor, role: str
) -> None:
    row = await add_phone(people, owner, "desk")
    await people.colleague(owner, role, BOB)
    await bob.sign_in(BOB)
    assert "New SIP account" not in await bob.open(HERE)
    said = await bob.open(f"{HERE}/{row['id']}")
    assert "desk" in said
    assert not [action for action in bob.actions() if action.startswith(HERE)]
    for action in FORMS:
        await bob.open(HERE)
        await bob.form(f"{HERE}/{row['id']}{action}", {"status": "suspended"}, 403)
    await bob.open(f"{HERE}/new", 403)


async def test_another_accounts_phone_is_out_of_reach(
    sqlite: Database, owner: Member, people: People, bob: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    await owner_of(people, BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "There is no SIP account yet" in await bob.open(HERE)
    for name in (row["id"], "desk", "x' OR '1'='1"):
        await bob.open(f"{HERE}/{name}", 404)
        await bob.open(f"{HERE}/{name}/live", 404)
    good = {"codecs": "ulaw", "transport-udp": "on"}
    for action in FORMS:
        await bob.open(HERE)
        await bob.form(f"{HERE}/{row['id']}{action}", {"status": "suspended"} if action == "/status"
                       else good if not action else {}, 404)  # fmt: skip
    assert await sqlite.all("SELECT * FROM sip_account") == [row]


async def test_a_suspended_account_makes_nothing(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    await ada.open(f"{HERE}/{row['id']}")
    await sqlite.write(lambda conn: conn.run("UPDATE account SET status = 'suspended'"
                                             " WHERE id = :id", id=owner.account_id))  # fmt: skip
    for action in ("secret", "link", "delete"):
        await ada.open(f"{HERE}/{row['id']}")
        assert "Contact support" in await ada.form(f"{HERE}/{row['id']}/{action}", {}, 403)
    assert await sqlite.all("SELECT * FROM sip_account") == [row]
