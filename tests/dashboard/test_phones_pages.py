"""SIP accounts through the pages: found, made, changed, set up, taken away; out of reach for
others."""

import csv
import io
import re

import pytest

from db.connection import Row
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.users.sessions import Member
from telephony.voice import sip_accounts
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import (
    ADA,
    BOB,
    HOSTILE,
    NUMBER,
    OTHER_NUMBER,
    add_phone,
    owner_of,
    register,
)
from tests.users.world import People

HERE = "/dashboard/phones"
FORM = {"mode": "test", "codecs": "g722, ulaw", "media": "srtp", "max_contacts": "2", "record": "",
        "transport-tls": "on", "transport-udp": "on", "nat": "on"}  # fmt: skip
SECRET = re.compile(r'id="new-secret"[^>]*>([^<]+)<')


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    """Ada, who is signed in."""
    member = await owner_of(people)
    await ada.sign_in(ADA)
    return member


async def made(ada: Visitor, status: int = 200, **fields: str) -> str:
    await ada.open(f"{HERE}/new")
    given = {**FORM, **{name.replace("_", "-") if name.startswith("transport") else name: value
                        for name, value in fields.items()}}  # fmt: skip
    return await ada.form(f"{HERE}/new", given, status)


async def phone(database: Database, username: str) -> Row:
    row = await database.one("SELECT * FROM sip_account WHERE username = :name", name=username)
    assert row is not None
    return row


async def test_an_empty_list_says_what_to_do(owner: Member, ada: Visitor) -> None:
    said = await ada.open(HERE)
    assert "There is no SIP account yet" in said
    assert f'href="{HERE}/new"' in said
    assert "Nothing is found" in await ada.open(f"{HERE}?search=nobody")


async def test_a_phone_is_made_and_its_secret_shown_once(
    sqlite: Database, owner: Member, ada: Visitor, vault: Vault
) -> None:
    said = await made(ada, username="desk", label="Front desk", short_number="201",
                      cidrs="10.0.0.0/8, 192.0.2.7/24")  # fmt: skip
    (secret,) = SECRET.findall(said)
    assert ada.page.headers["cache-control"] == "no-store"
    row = await phone(sqlite, "desk")
    digests = sip_accounts.digests("desk", Settings().realm, secret)
    assert vault.open(row["digests_sealed"]) == digests
    assert (row["codecs"], row["transports"], row["media"]) == ("g722,ulaw", "udp,tls", "srtp")
    assert (row["short_number"], row["cidrs"]) == ("201", "10.0.0.0/8,192.0.2.0/24")
    assert (row["label"], row["max_contacts"], row["nat"]) == ("Front desk", 2, True)
    assert (row["caller_id"], row["dial_mode"]) == (NUMBER, "test")
    for path in (HERE, f"{HERE}/{row['id']}", "/dashboard/audit"):
        assert secret not in await ada.open(path)
    assert "sip_account.created" in ada.page.text


async def test_a_name_is_made_where_none_is_given(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await made(ada, mode="live")
    (row,) = await sqlite.all("SELECT * FROM sip_account")
    assert re.fullmatch(r"sip-\w{8}", row["username"])
    assert row["dial_mode"] == "live"


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"username": "Not A Name"}, "username", "2 to 32 of a-z"),
    ({"codecs": "opus"}, "codecs", "the best one first"),
    ({"codecs": ""}, "codecs", "the best one first"),
    ({"cidrs": "10.0.0.0/99"}, "cidrs", "Write a network such as"),
    ({"short_number": "0"}, "short_number", "2 to 6 digits"),
    ({"short_number": "112"}, "short_number", "emergency number"),
    ({"max_contacts": "11"}, "max_contacts", "less than or equal to 10"),
    ({"caller_id": "12"}, "caller_id", "international format"),
    ({"mode": "staging"}, "mode", "test or live"),
]


async def test_what_is_wrong_is_said_and_nothing_is_made(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    for fields, field, told in WRONG:
        said = await made(ada, 400, label="<b>kept</b>", **fields)
        assert told in said, fields
        assert f'id="e-{field}"' in ada.page.text
        assert 'value="&lt;b&gt;kept' in ada.page.text
    assert await sqlite.all("SELECT * FROM sip_account") == []


async def test_a_phone_without_any_transport_is_refused(owner: Member, ada: Visitor) -> None:
    await ada.open(f"{HERE}/new")
    fields = {name: value for name, value in FORM.items() if not name.startswith("transport")}
    assert "Tick at least one way" in await ada.form(f"{HERE}/new", fields, 400)


async def test_a_taken_name_and_a_foreign_number_are_refused(
    owner: Member, people: People, ada: Visitor
) -> None:
    await add_phone(people, owner, "desk")
    assert "is taken" in await made(ada, 409, username="desk")
    assert "not a verified number" in await made(ada, 403, caller_id=OTHER_NUMBER)


async def test_live_phones_wait_for_the_identity_check(people: People, bob: Visitor) -> None:
    await people.owner(BOB, "New")
    await bob.sign_in(BOB)
    assert "identity check (KYC)" in await made(bob, 403, mode="live")
    await made(bob, mode="test")


async def test_the_list_is_searched_and_paged(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    for at in range(27):
        await add_phone(people, owner, f"phone{at:02d}", label=HOSTILE if at == 3 else "")
    said = await ada.open(HERE)
    assert "27 in all" in said
    shown = [f"phone{at:02d}" for at in range(26, 1, -1)]
    assert re.findall(r"phone\d\d(?=</span></a>)", said) == shown
    following = re.search(r'rel="next" href="([^"]+)"', said)
    assert following
    rest = await ada.open(f"{HERE}{following[1]}")
    assert re.findall(r"phone\d\d(?=</span></a>)", rest) == ["phone01", "phone00"]
    assert "First page" in rest
    await ada.open(f"{HERE}?search=script")
    assert "phone03" in ada.page.text
    assert HOSTILE not in ada.page.text
    assert "phone04" not in ada.page.text


async def test_the_list_as_csv(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    await add_phone(people, owner, "desk", label="=1+1")
    await add_phone(people, owner, "hall", status="suspended")
    await register(sqlite, "desk", "Snom", "Linphone")
    await ada.open(f"{HERE}.csv")
    assert ada.page.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(ada.page.text)))
    assert [(row["username"], row["registered"], row["status"]) for row in rows] == [
        ("hall", "0", "suspended"), ("desk", "2", "active"),
    ]  # fmt: skip
    assert rows[1]["label"] == "'=1+1"
    await ada.open(f"{HERE}.csv?search=hall")
    assert "desk" not in ada.page.text


async def test_who_is_registered_is_told_live(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    before = await ada.open(f"{HERE}/live")
    assert ada.page.headers["content-type"].startswith("text/event-stream")
    assert "Not registered" in before
    await register(sqlite, "desk", HOSTILE)
    for path in (f"{HERE}/live", f"{HERE}/{row['id']}/live", HERE, f"{HERE}/{row['id']}"):
        said = await ada.open(path)
        assert "Not registered" not in said
        assert "198.51.100.1:5062" in said
        assert "&lt;script&gt;" in ada.page.text
        assert HOSTILE not in ada.page.text
    await register(sqlite, "desk")
    assert "Not registered" in await ada.open(f"{HERE}/{row['id']}/live")


async def test_options_are_changed(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk", label="Old", short_number="201")
    path = f"{HERE}/{row['id']}"
    said = await ada.open(path)
    assert 'value="ulaw, alaw"' in said
    fields = {name: value for name, value in FORM.items() if name not in ("mode", "nat")}
    await ada.form(path, fields | {"label": "New", "short_number": "", "record": "all"})
    assert ada.at == path
    now = await phone(sqlite, "desk")
    assert (now["label"], now["short_number"], now["record"], now["nat"]) == ("New", None, "all", 0)
    assert (now["caller_id"], now["status"], now["codecs"]) == (NUMBER, "active", "g722,ulaw")
    assert now["generation"] > row["generation"]
    assert "sip_account.changed" in await ada.open("/dashboard/audit")
    await ada.open(path)
    said = await ada.form(path, fields | {"codecs": "opus", "label": "Newer"}, 400)
    assert 'value="Newer"' in said
    assert (await phone(sqlite, "desk"))["label"] == "New"


async def test_another_secret_puts_the_first_out_of_use(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    await ada.open(f"{HERE}/{row['id']}")
    said = await ada.send(f"{HERE}/{row['id']}/secret")
    assert len(SECRET.findall(said)[0]) == 24
    assert "works no more" in said
    assert (await phone(sqlite, "desk"))["digests_sealed"] != row["digests_sealed"]


async def test_a_phone_is_suspended_and_let_work_again(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    path = f"{HERE}/{row['id']}"
    for status in ("suspended", "active"):
        await ada.open(path)
        await ada.send(f"{path}/status")
        assert (await phone(sqlite, "desk"))["status"] == status
    assert "Not registered" in ada.page.text


async def test_a_phone_is_deleted(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    row = await add_phone(people, owner, "desk")
    await ada.open(f"{HERE}/{row['id']}")
    await ada.send(f"{HERE}/{row['id']}/delete")
    assert ada.at == HERE
    assert "There is no SIP account yet" in ada.page.text
    await ada.open(f"{HERE}/{row['id']}", 404)
