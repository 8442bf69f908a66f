"""Numbers through the pages: what rings when one is called, and what if nobody answers."""

import csv
import io
import re

import pytest

from db.connection import Row
from db.database import Database
from telephony.clock import now
from telephony.settings import Settings
from telephony.users.sessions import Member
from telephony.voice import inbound, numbers
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import ADA, BOB, TO, add_phone, owner_of
from tests.users.world import People

HERE = "/dashboard/numbers"
DID = "+15550222001"
FORM = {"targets": "alice, bob", "strategy": "order", "ring_seconds": "40", "forward_to": TO}
AS_IT_WAS = ("alice", "all", 25, "")


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await add_phone(people, member, "alice")
    await add_phone(people, member, "bob", caller_id="")
    await ada.sign_in(ADA)
    return member


async def own(database: Database, member: Member, *owned: str, mode: str = "test") -> None:
    """Numbers of the account, all of which ring its phone alice."""
    for number in owned:
        await database.write(
            numbers.own, number=number, account_id=member.account_id, mode=mode, strategy="all",
            ring_seconds=25, targets=["alice"], forward_to="", now=now(),
        )  # fmt: skip


async def rule(database: Database, number: str = DID) -> tuple[str, str, int, str]:
    row = await database.one("SELECT * FROM owned_number WHERE number = :number", number=number)
    assert row
    return row["targets"], row["strategy"], row["ring_seconds"], row["forward_to"]


async def test_an_account_without_numbers_is_told_what_to_do(owner: Member, ada: Visitor) -> None:
    assert "Ask support for one" in await ada.open(HERE)
    assert "Nothing is found" in await ada.open(f"{HERE}?search=1")
    await ada.open(f"{HERE}/{DID}", 404)


async def test_another_rule_counts_from_the_next_call_on(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await own(sqlite, owner, DID)
    said = await ada.open(HERE)
    assert "+1 555-022-2001" in said
    assert "All at once, 25 s" in said
    link = re.search(rf'href="({HERE}/[^"]+)"', ada.page.text)
    assert link
    await ada.open(link[1])
    assert "Yours: bob, alice." in ada.page.text
    await ada.send(link[1], 200, 0, **FORM)
    assert ada.page.status_code == 200
    assert await rule(sqlite) == ("alice,bob", "order", 40, TO)
    said = await ada.open(HERE)
    assert "One after the other, 40 s" in said
    assert "+1 555-987-6543" in said
    verdict = await sqlite.write(
        inbound.decide, Settings(), endpoint="_acme", dialled=DID, caller="+493012345678",
        uniqueid="1.1",
    )  # fmt: skip
    assert verdict.variables["SV_LEGS"] == "phones:alice/phones:bob/forward"
    assert "number.rule_changed" in await ada.open("/dashboard/audit")


async def test_what_changes_nothing_is_not_written_down(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await own(sqlite, owner, DID)
    await ada.open(f"{HERE}/{DID}")
    same = {"targets": " alice ,alice", "strategy": "all", "ring_seconds": "25", "forward_to": ""}
    await ada.form(f"{HERE}/{DID}", same)
    assert await rule(sqlite) == AS_IT_WAS
    assert "number.rule_changed" not in await ada.open("/dashboard/audit")


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"targets": "carol"}, 404, "no SIP account carol"),
    ({"targets": "alice " + " ".join(f"p{at}" for at in range(10))}, 400, 'id="e-targets"'),
    ({"strategy": "any"}, 400, 'id="e-strategy"'),
    ({"ring_seconds": "4"}, 400, 'id="e-ring_seconds"'),
    ({"ring_seconds": "121"}, 400, 'id="e-ring_seconds"'),
    ({"forward_to": "home"}, 400, 'id="e-forward_to"'),
]


async def test_what_is_wrong_is_said_and_nothing_changes(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await own(sqlite, owner, DID)
    for fields, status, told in WRONG:
        await ada.open(f"{HERE}/{DID}")
        said = await ada.form(f"{HERE}/{DID}", FORM | fields, status)
        assert told in said, fields
        assert await rule(sqlite) == AS_IT_WAS


async def test_a_number_without_phones_is_forwarded_at_once(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await own(sqlite, owner, DID)
    await ada.open(f"{HERE}/{DID}")
    await ada.form(f"{HERE}/{DID}", FORM | {"targets": ""})
    assert await rule(sqlite) == ("", "order", 40, TO)


async def test_the_list_is_searched_paged_and_exported(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    owned = [f"+155502230{at:02d}" for at in range(27)]
    await own(sqlite, owner, *owned)
    said = await ada.open(HERE)
    shown = re.compile(r">\+1 555-022-30(\d\d)</a>")
    assert [int(one) for one in shown.findall(said)] == list(range(25))
    following = re.search(r'rel="next" href="([^"]+)"', said)
    assert following
    assert shown.findall(await ada.open(f"{HERE}{following[1]}")) == ["25", "26"]
    assert shown.findall(await ada.open(f"{HERE}?search=2230%25")) == []
    assert shown.findall(await ada.open(f"{HERE}?search=3007")) == ["07"]
    assert len(shown.findall(await ada.open(f"{HERE}?search=ALICE"))) == 25
    await ada.open(f"{HERE}.csv")
    rows = list(csv.DictReader(io.StringIO(ada.page.text)))
    assert [row["number"] for row in rows] == owned
    assert {(row["targets"], row["ring_seconds"]) for row in rows} == {("alice", "25")}
    assert len((await ada.open(f"{HERE}.csv?search=3007")).splitlines()) == 2


async def test_a_long_list_is_exported_whole(
    sqlite: Database, owner: Member, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.dashboard.numbers.CSV_ROWS", 2)
    await own(sqlite, owner, *(f"+1555022400{at}" for at in range(5)))
    assert len((await ada.open(f"{HERE}.csv")).splitlines()) == 6


@pytest.mark.parametrize("role", ["billing", "read_only"])
async def test_who_may_not_build_looks_only(
    sqlite: Database, owner: Member, people: People, bob: Visitor, role: str
) -> None:
    await own(sqlite, owner, DID)
    await people.colleague(owner, role, BOB)
    await bob.sign_in(BOB)
    said = await bob.open(f"{HERE}/{DID}")
    assert "disabled" in said
    assert "Save" not in said
    await bob.form(f"{HERE}/{DID}", FORM, 403)
    assert await rule(sqlite) == AS_IT_WAS


async def test_another_accounts_number_is_out_of_reach(
    sqlite: Database, owner: Member, people: People, bob: Visitor
) -> None:
    await own(sqlite, owner, DID)
    await owner_of(people, BOB, "Bob's")
    await bob.sign_in(BOB)
    assert "Ask support for one" in await bob.open(HERE)
    assert len((await bob.open(f"{HERE}.csv")).splitlines()) == 1
    await bob.open(f"{HERE}/{DID}", 404)
    await bob.open(HERE)
    await bob.form(f"{HERE}/{DID}", {**FORM, "targets": ""}, 404)
    assert await rule(sqlite) == AS_IT_WAS


async def test_a_foreign_phone_cannot_be_rung(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    stranger = await owner_of(people, BOB, "Bob's")
    foreign: Row = await add_phone(people, stranger, "stranger")
    await own(sqlite, owner, DID)
    await ada.open(f"{HERE}/{DID}")
    fields = FORM | {"targets": f"alice,{foreign['username']}"}
    assert "no SIP account stranger" in await ada.form(f"{HERE}/{DID}", fields, 404)
    assert await rule(sqlite) == AS_IT_WAS
