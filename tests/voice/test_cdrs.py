"""The tail of the PBX's record file: nothing is lost, nothing counts twice, nothing blocks it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from db import cdrs
from db.connection import Row
from db.database import Database
from telephony.voice import cdr_file as reading
from telephony.voice.cdr_file import read_chunk
from telephony.voice.cdrs import CdrTail
from tests.factories import Customer, customer
from tests.voice.calling import add_phone, call, dialing, placed, sip_wallet, told

NODE = "pbx1"
MINUTE = 12_000


def line(uniqueid: str, **changes: Any) -> bytes:
    """A record as Asterisk writes it, of a call that talked 3 s."""
    record = {
        "uniqueid": uniqueid, "linkedid": uniqueid, "sequence": 0, "accountcode": "acc",
        "channel": "c", "dstchannel": "d", "src": "s", "dst": "+1", "lastapp": "Dial",
        "start": "1700000000.000000", "answer": "1700000001.000000", "end": "1700000006.000000",
        "duration": 6, "billsec": 5, "disposition": "ANSWERED", "hangupcause": "16",
        "sv_answered": "1700000003.000000", "sv_dialstatus": "ANSWER", "sv_cause": "16",
        "sv_sip": "200",
    }  # fmt: skip
    return json.dumps(record | changes).encode() + b"\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "cdr-custom"
    folder.mkdir()
    return folder / "cdr.jsonl"


@pytest.fixture
def tail(database: Database, file: Path) -> CdrTail:
    return CdrTail(database, file, NODE)


def append(file: Path, *lines: bytes) -> None:
    with file.open("ab") as writing:
        writing.write(b"".join(lines))


async def kept(database: Database) -> list[str]:
    """Uniqueids of the records in the database."""
    rows = await database.all("SELECT uniqueid FROM cdr ORDER BY uniqueid")
    return [row["uniqueid"] for row in rows]


async def buried(database: Database) -> list[Row]:
    return await database.all("SELECT * FROM dead_letter ORDER BY id")


async def test_no_file_and_no_folder_yet(database: Database, tail: CdrTail, file: Path) -> None:
    assert await tail.step() == 0
    file.parent.rmdir()
    assert await tail.step() == 0
    assert await kept(database) == []


async def test_a_torn_last_line_is_waited_for(
    database: Database, tail: CdrTail, file: Path
) -> None:
    whole = line("c-2")
    append(file, line("c-1"), whole[:40])
    await tail.catch_up()
    assert await kept(database) == ["c-1"]
    append(file, whole[40:-1])
    assert await tail.step() == 0
    append(file, b"\n")
    await tail.catch_up()
    assert await kept(database) == ["c-1", "c-2"]
    assert await buried(database) == []


async def test_a_renamed_file_is_read_to_its_end_before_the_new_one(
    database: Database, tail: CdrTail, file: Path
) -> None:
    append(file, line("c-1"))
    await tail.catch_up()
    append(file, line("c-2"))
    file.rename(file.with_name("cdr.jsonl.1"))
    append(file, line("c-3"))
    await tail.catch_up()
    assert await kept(database) == ["c-1", "c-2", "c-3"]


async def test_two_rotations_while_nobody_looked(
    database: Database, tail: CdrTail, file: Path
) -> None:
    append(file, line("c-1"))
    await tail.catch_up()
    append(file, line("c-2"))
    file.rename(file.with_name("cdr.jsonl.2"))
    append(file, line("c-3"))
    file.rename(file.with_name("cdr.jsonl.1"))
    append(file, line("c-4"))
    await tail.catch_up()
    assert await kept(database) == ["c-1", "c-2", "c-3", "c-4"]


async def test_rotations_before_the_first_look(
    database: Database, tail: CdrTail, file: Path
) -> None:
    append(file, line("c-1"))
    file.rename(file.with_name("cdr.jsonl.1"))
    append(file, line("c-2"))
    await tail.catch_up()
    assert await kept(database) == ["c-1", "c-2"]
    assert await tail.step() == 0


async def test_a_compressed_file_is_none_of_ours(
    database: Database, tail: CdrTail, file: Path
) -> None:
    file.with_name("cdr.jsonl.1.gz").write_bytes(b"\x1f\x8b rubbish\n")
    append(file, line("c-1"))
    await tail.catch_up()
    assert (await kept(database), await buried(database)) == (["c-1"], [])


async def test_a_truncated_file_is_read_from_its_start(
    database: Database, tail: CdrTail, file: Path
) -> None:
    append(file, line("c-1"), line("c-2"))
    await tail.catch_up()
    file.write_bytes(line("c-3"))
    await tail.catch_up()
    assert await kept(database) == ["c-1", "c-2", "c-3"]


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5", country="US")
    await add_phone(database, owner)
    return owner


async def dialled(database: Database, who: Customer) -> str:
    call_id = (await placed(database, who)).call_id
    await dialing(database, call_id, 1_700_000_000_000_000)
    return call_id


async def test_a_file_that_is_read_again_doubles_nothing(
    database: Database, tail: CdrTail, file: Path, who: Customer
) -> None:
    call_id = await dialled(database, who)
    append(file, line(call_id), line(f"{call_id};1", linkedid=call_id), line("stranger"))
    await tail.catch_up()
    ended = await call(database, call_id)
    assert (ended["status"], ended["billsec"], ended["cost"]) == ("completed", 3, MINUTE)
    events = await told(database, call_id)
    await database.write(lambda conn: conn.run("DELETE FROM cdr_position"))
    await tail.catch_up()
    assert await call(database, call_id) == ended
    assert await told(database, call_id) == events
    assert len(await kept(database)) == 3
    assert await sip_wallet(database, who) == (5_000_000 - MINUTE, 0)


async def test_a_record_belongs_to_its_call_and_a_stranger_is_kept(
    database: Database, tail: CdrTail, file: Path, who: Customer
) -> None:
    call_id = await dialled(database, who)
    append(file, line("elsewhere"), line(f"{call_id};2", linkedid=call_id))
    await tail.catch_up()
    rows = await database.all("SELECT uniqueid, call_id, raw FROM cdr ORDER BY uniqueid")
    assert {row["uniqueid"]: row["call_id"] for row in rows} == {
        f"{call_id};2": call_id, "elsewhere": None,
    }  # fmt: skip
    # Only the record of its own channel ends a call.
    assert (await call(database, call_id))["status"] == "dialing"
    assert json.loads(rows[0]["raw"])["linkedid"] == call_id


async def test_the_position_is_committed_with_the_rows(
    database: Database, tail: CdrTail, file: Path, who: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deed that dies after the rows and before the position leaves neither."""
    call_id = await dialled(database, who)
    append(file, line(call_id))

    def dies(*_: object) -> None:
        raise RuntimeError("killed here")

    with monkeypatch.context() as patched:
        patched.setattr(cdrs, "set_position", dies)
        with pytest.raises(RuntimeError, match="killed here"):
            await tail.step()
    assert await kept(database) == []
    assert (await call(database, call_id))["status"] == "dialing"
    assert await sip_wallet(database, who) == (5_000_000, await held(database))
    await tail.catch_up()
    assert await kept(database) == [call_id]
    assert (await call(database, call_id))["cost"] == MINUTE


async def held(database: Database) -> int:
    (row,) = await database.all("SELECT SUM(amount) AS held FROM hold WHERE state = 'open'")
    return int(row["held"])


GARBAGE = [
    b"not json", b"[1, 2]", b"7", b'"text"', b"null", b"{}", b"\xff\xfe\x00", b"\x00" * 80,
    b"[" * 5000, line("x", sequence="no")[:-1], line("x", end="yesterday")[:-1],
    line("x", end="9" * 30)[:-1], line("x", sequence=10**30)[:-1], line("x\u0000y")[:-1],
    line("")[:-1], line("x", sv_answered="-5.0")[:-1], line("\ud800")[:-1],
    line("x", linkedid="two words")[:-1], line("x", sv_answered="9" * 30)[:-1], b"",
]  # fmt: skip


async def test_garbage_goes_aside_and_the_others_go_on(
    database: Database, tail: CdrTail, file: Path, who: Customer
) -> None:
    call_id = await dialled(database, who)
    append(file, line("c-1"), *(bad + b"\n" for bad in GARBAGE), line(call_id))
    await tail.catch_up()
    assert {"c-1", call_id} <= set(await kept(database))
    assert (await call(database, call_id))["cost"] == MINUTE
    rows = await buried(database)
    assert len(rows) == len(GARBAGE)
    assert {row["source"] for row in rows} == {f"cdr:{NODE}"}
    assert all(row["error"] for row in rows)
    assert "not json" in {row["raw"] for row in rows}


async def test_the_same_garbage_is_kept_once(database: Database, tail: CdrTail, file: Path) -> None:
    append(file, b"{torn\n", b"{torn\n", b"{torn off\n")
    await tail.catch_up()
    await database.write(lambda conn: conn.run("DELETE FROM cdr_position"))
    await tail.catch_up()
    assert sorted(row["raw"] for row in await buried(database)) == ["{torn", "{torn off"]


async def test_a_strange_cause_ends_a_call_all_the_same(
    database: Database, tail: CdrTail, file: Path, who: Customer
) -> None:
    call_id = await dialled(database, who)
    append(file, line(call_id, sv_cause="\u00b2", sv_sip="abc"))
    await tail.catch_up()
    ended = await call(database, call_id)
    assert (ended["hangup_cause"], ended["sip_code"], ended["cost"]) == ("unknown", None, MINUTE)
    assert await buried(database) == []


async def test_a_line_without_end_does_not_stop_the_tail(
    database: Database, tail: CdrTail, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "CHUNK_BYTES", 4096)
    absurd = " ".join(map(str, range(2_000))).encode()
    append(file, absurd, b"\n", line("c-1"))
    await tail.catch_up()
    assert await kept(database) == ["c-1"]
    assert sum(len(row["raw"]) for row in await buried(database)) == len(absurd)


async def test_ten_thousand_records_are_caught_up_with(
    database: Database, tail: CdrTail, file: Path
) -> None:
    append(file, *(line(f"c-{at:05}") for at in range(10_000)))
    began = time.monotonic()
    await tail.catch_up()
    took = time.monotonic() - began
    (row,) = await database.all("SELECT COUNT(*) AS kept FROM cdr")
    assert row["kept"] == 10_000
    print(f"\n  10,000 records in {took:.1f} s")
    assert took < 30


async def test_each_node_has_its_own_position(
    database: Database, tail: CdrTail, file: Path, tmp_path: Path
) -> None:
    other_file = tmp_path / "other" / "cdr.jsonl"
    other_file.parent.mkdir()
    other = CdrTail(database, other_file, "pbx2")
    append(file, line("same"))
    append(other_file, line("same"), line("c-2"))
    await tail.catch_up()
    await other.catch_up()
    assert await kept(database) == ["c-2", "same", "same"]
    assert (await tail.step(), await other.step()) == (0, 0)


def test_the_last_record_is_never_read_twice(file: Path) -> None:
    append(file, line("c-1"))
    first = read_chunk(file, 0, 0)
    assert first is not None
    assert read_chunk(file, first.inode, first.end) is None
