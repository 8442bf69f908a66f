"""A call placed by hand: as the API places it, once, and paid the same."""

import re

import pytest

from db import caller_ids
from db.database import Database
from telephony.clock import now
from telephony.errors import QueueFullError
from telephony.users.sessions import Member
from tests.api.world import assert_books_balance
from tests.dashboard.visitor import Visitor
from tests.dashboard.voice_world import ADA, BOB, HOSTILE, NUMBER, TO, add_phone, owner_of
from tests.users.world import People

HERE = "/dashboard/calls/new"
TEST = f"{HERE}?mode=test"


@pytest.fixture
async def owner(people: People, ada: Visitor) -> Member:
    member = await owner_of(people)
    await add_phone(people, member, "alice", label="Front <desk>")
    await ada.sign_in(ADA)
    return member


async def only_call(database: Database) -> dict[str, object]:
    (row,) = await database.all("SELECT * FROM call")
    return row


async def test_a_call_is_placed_once_and_followed(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    said = await ada.open(TEST)
    assert 'value="alice"' in said
    assert "Front &lt;desk&gt;" in ada.page.text
    before = ada.page
    await ada.send(HERE, 200, 0, **{"from": "alice", "to": "+1 (555) 987-6543", "record": "stereo",
                            "timeout_seconds": "20", "time_limit_seconds": "600"})  # fmt: skip
    row = await only_call(sqlite)
    assert ada.at == f"/dashboard/calls/{row['id']}"
    assert "Queued" in ada.page.text
    assert (row["to_number"], row["sip_account"], row["caller_id"]) == (TO, "alice", NUMBER)
    assert (row["mode"], row["key_id"], row["record"]) == ("test", None, "stereo")
    assert (row["ring_seconds"], row["time_limit_seconds"]) == (20, 600)
    assert str(row["request_id"]).startswith("req_")
    ada.page = before
    await ada.send(HERE, 200, 0, **{"from": "alice", "to": TO})  # a second click
    assert ada.at == "/dashboard/calls"
    await only_call(sqlite)
    assert "call.placed" in await ada.open("/dashboard/audit")
    await assert_books_balance(sqlite)


async def test_a_phone_calls_a_phone_and_a_number_calls_back(
    sqlite: Database, owner: Member, people: People, ada: Visitor
) -> None:
    await add_phone(people, owner, "bob", caller_id="")
    await ada.open(TEST)
    await ada.send(HERE, 200, 0, **{"from": "alice", "to": "sip:bob", "record": "off"})
    row = await only_call(sqlite)
    assert (row["direction"], row["to_number"], row["record"]) == ("internal", "bob", "")
    assert (row["time_limit_seconds"], row["ring_seconds"]) == (14_400, 30)
    await sqlite.write(lambda conn: conn.run("UPDATE sip_account SET caller_id = ''"))
    await ada.open(TEST)
    assert f'value="{NUMBER}"' in ada.page.text
    await ada.send(HERE, 200, 0, **{"from": NUMBER, "to": TO})
    *_, row = await sqlite.all("SELECT * FROM call ORDER BY id")
    assert (row["from_number"], row["sip_account"]) == (NUMBER, None)
    assert row["first_rate"]


WRONG: list[tuple[dict[str, str], int, str]] = [
    ({"to": ""}, 400, 'id="e-to"'),
    ({"to": HOSTILE}, 400, "international format"),
    ({"to": "sip:nobody"}, 404, "no phone nobody"),
    ({"to": "+33123456789"}, 403, "not offered"),
    ({"from": "ghost"}, 400, "not a SIP account of yours"),
    ({"caller_id": "+15550111999"}, 403, "neither a verified number"),
    ({"timeout_seconds": "1"}, 400, 'id="e-timeout_seconds"'),
    ({"time_limit_seconds": "x"}, 400, 'id="e-time_limit_seconds"'),
    ({"mode": "staging"}, 400, ""),
    ({"colour": "red"}, 400, ""),
    ({"form": "x"}, 400, ""),
]


async def test_what_is_wrong_is_said_and_no_call_is_placed(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    for fields, status, told in WRONG:
        await ada.open(TEST)
        said = await ada.send(HERE, status, 0, **{"from": "alice", "to": TO, **fields})
        assert told in said, fields
        assert HOSTILE not in ada.page.text
    assert await sqlite.all("SELECT * FROM call") == []
    await assert_books_balance(sqlite)


async def test_a_refused_form_can_be_sent_again(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await ada.open(TEST)
    said = await ada.send(HERE, 400, 0, **{"from": "alice", "to": "+1", "record": "mixed"})
    assert '<option value="mixed" selected>' in said
    assert '<option value="alice" selected>' in said
    await ada.send(HERE, 200, 0, **{"from": "alice", "to": TO})
    assert (await only_call(sqlite))["to_number"] == TO


async def test_an_empty_wallet_is_told(sqlite: Database, people: People, bob: Visitor) -> None:
    member = await people.owner(BOB, "Poor")
    await add_phone(people, member, "poor", caller_id="")
    await bob.sign_in(BOB)
    await bob.open(HERE)
    await sqlite.write(caller_ids.verify, member.account_id, NUMBER, "test", now())
    said = await bob.send(HERE, 402, 0, **{"from": "poor", "to": TO, "caller_id": NUMBER})
    assert "The SIP wallet, from which calls are paid, does not cover this." in said
    assert "Move money there from the wallet (POST /voip/topup, or the dashboard's page" in said
    assert await sqlite.all("SELECT * FROM call") == []


async def test_live_calls_wait_for_the_identity_check(
    sqlite: Database, people: People, bob: Visitor
) -> None:
    member = await people.owner(BOB, "New")
    await add_phone(people, member, "newphone", caller_id="")
    await bob.sign_in(BOB)
    await bob.open(f"{HERE}?mode=live")
    said = await bob.send(HERE, 403, 0, **{"from": "newphone", "to": TO})
    assert "identity check (KYC)" in said
    assert await sqlite.all("SELECT * FROM call") == []


async def test_without_anything_to_call_from_it_is_said_what_to_do(
    people: People, bob: Visitor
) -> None:
    await people.owner(BOB, "New")
    await bob.sign_in(BOB)
    said = await bob.open(HERE)
    assert "There is nothing to call from" in said
    assert HERE not in bob.actions()


async def test_a_full_queue_takes_no_more(
    sqlite: Database, owner: Member, ada: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise QueueFullError(of="platform")

    monkeypatch.setattr("telephony.backlog.Backlog.take", full)
    await ada.open(TEST)
    await ada.send(HERE, QueueFullError.status, 0, **{"from": "alice", "to": TO})
    assert await sqlite.all("SELECT * FROM call") == []


async def test_numbers_are_offered_as_they_count_in_the_mode(
    sqlite: Database, owner: Member, ada: Visitor
) -> None:
    await sqlite.write(caller_ids.claim, owner.account_id, "+15550111444", now())
    claimed = re.compile(r'<option value="\+15550111444"')
    assert len(claimed.findall(await ada.open(TEST))) == 2
    assert claimed.findall(await ada.open(f"{HERE}?mode=live")) == []
