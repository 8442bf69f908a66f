"""How a call ends whose first leg does not answer: its events come in no fixed order."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from db import sip_contacts
from db.connection import Conn
from db.database import Database
from telephony.billing import rating
from telephony.clock import SECOND, now
from telephony.voice import sip_accounts
from telephony.voice.ami import AmiEvent
from telephony.voice.call_events import apply
from telephony.voice.caller_ids import CODE_SPEAKER
from telephony.voice.cdrs import HANGUP_SECONDS, CdrTail
from telephony.voice.originate import SIMULATED_PHONE
from tests.db.rows import START, add_call
from tests.factories import customer
from tests.voice.calling import add_phone
from tests.voice.test_cdrs import line


def event(name: str, **fields: str) -> AmiEvent:
    return AmiEvent(name, fields, now())


async def dialling(database: Database, mode: str, **more: Any) -> str:
    who = await customer(database, mode=mode)
    rate = rating.free("USD").to_text()
    facts: dict[str, Any] = {"status": "dialing", "first_leg": "PJSIP/alice", "rate": rate,
             "sip_account": "alice", "node": "pbx1", "started_at": START,
             "last_seen_at": START} | more  # fmt: skip
    return await database.write(lambda conn: add_call(conn, who, **facts))


async def end_of(database: Database, call_id: str) -> tuple[str, str | None]:
    row = await database.one("SELECT status, hangup_cause FROM call WHERE id = :id", id=call_id)
    assert row is not None
    return row["status"], row["hangup_cause"]


@pytest.mark.parametrize("mode", ["live", "test"])
@pytest.mark.parametrize("first", ["DialEnd", "OriginateResponse"])
async def test_a_busy_phone_is_busy_whatever_is_heard_first(
    database: Database, first: str, mode: str
) -> None:
    call_id = await dialling(database, mode)
    events = {
        "DialEnd": event("DialEnd", destuniqueid=call_id, dialstatus="BUSY"),
        "OriginateResponse": event(
            "OriginateResponse", actionid=call_id, uniqueid=call_id, response="Failure", reason="0"
        ),
    }
    (second,) = events.keys() - {first}
    ring = event("Newchannel", uniqueid=call_id)
    assert await database.write(apply, [ring, events[first], events[second]]) == []
    assert await end_of(database, call_id) == ("busy", "phone_busy")


def no_channel(call_id: str) -> AmiEvent:
    return event(
        "OriginateResponse", actionid=call_id, uniqueid=call_id, response="Failure", reason="0"
    )


@pytest.mark.parametrize("mode", ["live", "test"])
async def test_a_phone_that_had_no_channel_is_not_registered(database: Database, mode: str) -> None:
    call_id = await dialling(database, mode)
    absent = no_channel(call_id)
    again = await database.write(apply, [absent])
    assert [call["first_leg"] for call in again] == ([SIMULATED_PHONE] if mode == "test" else [])
    assert await database.write(apply, [absent]) == []  # nor does the simulated phone answer
    assert await end_of(database, call_id) == ("failed", "phone_not_registered")


@pytest.mark.parametrize(
    ("node", "expires_in", "cause"),
    [
        ("pbx1", 60 * SECOND, "no_circuit_available"),
        ("pbx1", None, "no_circuit_available"),
        ("pbx1", -SECOND, "phone_not_registered"),
        ("pbx2", 60 * SECOND, "phone_not_registered"),
    ],
)
async def test_a_pbx_without_a_channel_for_a_registered_phone_says_so(
    database: Database, node: str, expires_in: int | None, cause: str
) -> None:
    who, at = await customer(database), now()
    await add_phone(database, who, "alice")
    expires_at = None if expires_in is None else at + expires_in

    def register(conn: Conn) -> None:
        sip_contacts.put(
            conn, sip_account_id=sip_accounts.pick(conn, who.account_id, "alice")["id"],
            node=node, uri="sip:alice@192.0.2.1", address="", user_agent="",
            registered_at=at - SECOND, expires_at=expires_at,
        )  # fmt: skip

    await database.write(register)
    call_id = await dialling(database, "live")
    assert await database.write(apply, [no_channel(call_id)]) == []
    assert await end_of(database, call_id) == ("failed", cause)


async def test_so_it_does_where_no_phone_is_rung(database: Database) -> None:
    speaker = {"first_leg": CODE_SPEAKER, "sip_account": None}
    call_id = await dialling(database, "live", **speaker)
    assert await database.write(apply, [no_channel(call_id)]) == []
    assert await end_of(database, call_id) == ("failed", "no_circuit_available")


@pytest.mark.parametrize(
    ("cause", "end"),
    [
        ("21", ("failed", "phone_rejected")),
        ("19", ("no_answer", "phone_no_answer")),
        ("0", ("no_answer", "phone_no_answer")),
        ("17", ("busy", "phone_busy")),
        ("1", ("failed", "phone_rejected")),
    ],
)
async def test_the_cause_tells_a_phone_that_declines_from_one_that_rings(
    database: Database, cause: str, end: tuple[str, str]
) -> None:
    call_id = await dialling(database, "live")
    told = [
        event("Newchannel", uniqueid=call_id),
        event("DialEnd", destuniqueid=call_id, dialstatus="NOANSWER"),
        event("Hangup", uniqueid=call_id, channelstate="5", cause=cause),
        event("Hangup", uniqueid=call_id, channelstate="5", cause="16"),
    ]
    assert await database.write(apply, told) == []
    assert await end_of(database, call_id) == end


async def test_a_first_leg_that_answered_is_left_to_its_record(database: Database) -> None:
    call_id = await dialling(database, "live")
    over = event("Hangup", uniqueid=call_id, channelstate="6", cause="21")
    assert await database.write(apply, [over]) == []
    assert await end_of(database, call_id) == ("dialing", None)


UNANSWERED = {"disposition": "NO ANSWER", "sv_answered": "", "sv_dialstatus": "", "sv_cause": ""}
AFTER = ("failed", "phone_rejected")


async def test_a_record_that_tells_less_waits_for_the_hang_up(
    database: Database, tmp_path: Path
) -> None:
    """The record of a phone that declines says that nobody answered."""
    call_id, other = await dialling(database, "live"), await dialling(database, "live")
    file = tmp_path / "cdr.jsonl"
    records = line("first"), line(call_id, **UNANSWERED), line(other, **UNANSWERED), line("last")
    file.write_bytes(b"".join(records))
    tail = CdrTail(database, file, "pbx1")
    assert [await tail.step(), await tail.step()] == [1, 0]
    declined = event("Hangup", uniqueid=call_id, cause="21", channelstate="5")
    await database.write(apply, [event("Newchannel", uniqueid=call_id), declined])
    assert [await tail.step(), await tail.step()] == [1, 0]
    await database.write(apply, [event("Hangup", uniqueid=other, cause="21", channelstate="5")])
    assert [await tail.step(), await tail.step()] == [2, 0]
    assert [await end_of(database, one) for one in (call_id, other)] == [AFTER, AFTER]


async def test_it_does_not_wait_for_ever(database: Database, tmp_path: Path) -> None:
    call_id = await dialling(database, "live")
    file = tmp_path / "cdr.jsonl"
    file.write_bytes(line(call_id, **UNANSWERED) + line("last"))
    tail = CdrTail(database, file, "pbx1")
    assert await tail.step() == 0
    await asyncio.sleep(HANGUP_SECONDS)
    assert [await tail.step(), await tail.step()] == [2, 0]
    assert await end_of(database, call_id) == ("no_answer", "phone_no_answer")
