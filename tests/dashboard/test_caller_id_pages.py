"""Caller ids through the pages: a code is spoken, told back, and the number counts."""

import csv
import io
import re
from html import unescape

import pytest

from db import caller_ids
from db.connection import Conn
from db.database import Database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from telephony.voice.caller_ids import TRIES_MAX, VALID_SECONDS, code_of
from tests.api.world import assert_books_balance
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import ADA, BOB, NUMBER, add_phone, owner_of
from tests.users.world import URL, People

HERE = "/dashboard/caller-ids"
TEST = f"{HERE}?mode=test"
MINE = "+15550700001"
CODE = re.compile(r'<strong class="mono">(\d{6})</strong>')


@pytest.fixture
def settings() -> Settings:
    """With a trunk, for live calls."""
    return Settings(public_url=URL, trunk_host="127.0.0.1:5070")


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await ada.sign_in(ADA)
    return member


async def states(database: Database) -> list[tuple[str, bool, bool]]:
    """Number, verified for real, claimed in test mode."""
    rows = await database.all("SELECT * FROM caller_id ORDER BY number")
    return [(row["number"], row["verified_at"] is not None, row["claimed_at"] is not None)
            for row in rows]  # fmt: skip


async def begun(ada: Visitor, mode: str = "test", status: int = 200) -> str:
    await ada.open(f"{HERE}?mode={mode}")
    return await ada.send(f"{HERE}/verify", status, number="+1 (555) 070-0001")


async def test_test_mode_shows_the_code_and_the_number_counts_there(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    said = await begun(ada)
    (code,) = CODE.findall(said)
    assert "+1 555-070-0001 is being called" in said
    assert "Pending" in said
    said = await ada.send(f"{HERE}/code", code=code)
    assert (ada.at, ada.page.url.params["mode"]) == (HERE, "test")
    assert said.count("Verified") == 2
    assert await states(sqlite) == [(NUMBER, True, False), (MINE, False, True)]
    assert "+1 555-070-0001" not in await ada.open(f"{HERE}?mode=live")
    assert "counts already" in await begun(ada)
    for action in ("caller_id.called", "caller_id.verified"):
        assert action in await ada.open("/dashboard/audit")
    assert code not in ada.page.text
    await assert_books_balance(sqlite)


async def test_live_mode_keeps_the_code_to_the_call(
    sqlite: Database, owner: Member, ada: Visitor, vault: Vault
) -> None:
    said = await begun(ada, "live")
    assert "is being called" in said
    assert CODE.findall(said) == []
    (call,) = await sqlite.all("SELECT id FROM call")
    code = code_of(vault, call["id"])
    assert code not in ada.page.text
    await ada.send(f"{HERE}/code", code=code)
    assert await states(sqlite) == [(NUMBER, True, False), (MINE, True, False)]


async def test_a_wrong_code_counts_as_a_try(sqlite: Database, owner: Member, ada: Visitor) -> None:
    (code,) = CODE.findall(await begun(ada))
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for left in range(TRIES_MAX - 1, -1, -1):
        said = await ada.send(f"{HERE}/code", 400, code=wrong)
        assert f"{left} tries are left" in said
        assert 'id="e-code"' in said
    assert "Have a new one spoken" in await ada.send(f"{HERE}/code", 400, code=code)
    assert await states(sqlite) == [(NUMBER, True, False)]


async def test_an_old_code_does_not_count(sqlite: Database, owner: Member, ada: Visitor) -> None:
    (code,) = CODE.findall(await begun(ada))
    await sqlite.write(lambda conn: conn.run(
        "UPDATE caller_id_check SET expires_at = expires_at - :t", t=VALID_SECONDS * SECOND
    ))  # fmt: skip
    await ada.send(f"{HERE}/code", 400, code=code)
    assert await states(sqlite) == [(NUMBER, True, False)]


async def test_nobody_is_called_again_and_again(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await begun(ada)
    assert "was called just now" in await begun(ada, status=429)
    assert len(await sqlite.all("SELECT * FROM call")) == 1


@pytest.mark.parametrize("number", ["", "12", "<b>1</b>"])
async def test_what_is_no_number_is_refused(
    sqlite: Database, owner: Member, ada: Visitor, number: str
) -> None:
    await ada.open(TEST)
    said = await ada.send(f"{HERE}/verify", 400, number=number)
    assert "international format" in said
    assert "<b>1" not in ada.page.text
    assert await sqlite.all("SELECT * FROM call") == []


async def test_a_number_is_given_up_unless_a_phone_shows_it(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "alice")
    await ada.open(f"{HERE}?mode=live")
    said = await ada.send(f"{HERE}/remove", 409)
    assert "Verified" in said
    await sqlite.write(lambda conn: conn.run("UPDATE sip_account SET caller_id = ''"
                                             " WHERE id = :id", id=row["id"]))  # fmt: skip
    await ada.send(f"{HERE}/remove")
    assert "No number is verified" in ada.page.text
    assert await states(sqlite) == []
    assert "caller_id.removed" in await ada.open("/dashboard/audit")


async def test_an_owned_number_counts_without_a_code(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await sqlite.write(lambda conn: conn.run(
        "INSERT INTO owned_number (number, account_id, mode, strategy, ring_seconds, targets,"
        " forward_to, created_at) VALUES (:number, :id, 'test', 'all', 25, '', '', 1)",
        number=MINE, id=owner.account_id,
    ))  # fmt: skip
    said = await ada.open(TEST)
    assert "Owned" in said
    assert ada.actions().count(f"{HERE}/remove") == 1


@pytest.mark.parametrize("role", ["billing", "read_only"])
async def test_who_may_not_build_looks_only(
    sqlite: Database, owner: Member, people: People, bob: Visitor, role: str
) -> None:
    await people.colleague(owner, role, BOB)
    await bob.sign_in(BOB)
    assert "+1 555-011-1222" in await bob.open(TEST)
    assert not [action for action in bob.actions() if action.startswith(HERE)]
    for action in ("verify", "code", "remove"):
        await bob.open(TEST)
        fields = {"mode": "test", "number": MINE, "code": "123456"}
        await bob.form(f"{HERE}/{action}", fields, 403)
    assert await sqlite.all("SELECT * FROM call") == []


async def test_a_long_list_has_pages_a_search_and_a_file(
    sqlite: Database, owner: Member, people: People, ada: Visitor, bob: Visitor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    many = [f"+155507001{at:02}" for at in range(27)]

    def fill(conn: Conn) -> None:
        for number in many:
            caller_ids.claim(conn, owner.account_id, number, now())

    await sqlite.write(fill)
    monkeypatch.setattr("api.dashboard.caller_ids.CSV_ROWS", 2)
    found = f"{TEST}&search=%2B1+(555)+070"
    shown = re.compile(r">\+1 555-070-01(\d\d)<")
    assert [int(one) for one in shown.findall(await ada.open(found))] == list(range(25))
    following = re.search(r'rel="next" href="([^"]+)"', ada.page.text)
    assert following
    assert shown.findall(await ada.open(f"{HERE}{unescape(following[1])}")) == ["25", "26"]
    assert "Nothing is found" in await ada.open(f"{TEST}&search=999999")
    await ada.open(f"{HERE}.csv?mode=test&search=555070")
    rows = list(csv.DictReader(io.StringIO(ada.page.text)))
    assert [(row["number"], row["status"]) for row in rows] == [(one, "verified") for one in many]
    assert "01" not in shown.findall(await ada.open(f"{HERE}?mode=live"))
    await owner_of(people, BOB, "Bob's")
    await bob.sign_in(BOB)
    assert len((await bob.open(f"{HERE}.csv?mode=test")).splitlines()) == 2  # his own


async def test_another_accounts_code_is_worth_nothing(
    sqlite: Database, owner: Member, people: People, ada: Visitor, bob: Visitor, vault: Vault
) -> None:
    await begun(ada)
    (call,) = await sqlite.all("SELECT id FROM call")
    await owner_of(people, BOB, "Bob's")
    await bob.sign_in(BOB)
    await bob.open(TEST)
    fields = {"mode": "test", "number": MINE}
    await bob.form(f"{HERE}/code", fields | {"code": code_of(vault, call["id"])}, 400)
    await bob.open(TEST)
    await bob.form(f"{HERE}/remove", fields, 404)
    assert len(await sqlite.all("SELECT * FROM caller_id_check")) == 1
