"""`sms-voip cdr`: old record files are read once more, and what fits nowhere is shown."""

import asyncio
import gzip
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import mendable
from db import components
from db.connection import Conn
from db.database import Database
from telephony.voice.cdr_replay import replay
from telephony.voice.cdrs import CdrTail, Outcome
from telephony.worker import report
from tests.commands import cli
from tests.factories import Customer, customer
from tests.voice.calling import add_phone, call, dialing, placed, sip_wallet, told
from tests.voice.test_cdrs import MINUTE, NODE, append, buried, kept, line


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="5", country="US")
    await add_phone(database, owner)
    return owner


@pytest.fixture
async def call_id(database: Database, who: Customer) -> str:
    """A call that the PBX has been told to place."""
    found = (await placed(database, who)).call_id
    await dialing(database, found, 1_700_000_000_000_000)
    return found


@pytest.fixture
def old(tmp_path: Path, call_id: str) -> Path:
    """A record of the call and one of its second leg, a stranger's, and rubbish."""
    path = tmp_path / "cdr.jsonl.7"
    leg = line(f"{call_id};2", linkedid=call_id)
    append(path, line(call_id), leg, line("stranger", src="=2+3", dst="[red]x"), b"{torn\n")
    return path


FOUND = {Outcome.matched: 2, Outcome.stray: 1, Outcome.unreadable: 1}


async def test_a_file_ends_its_calls_and_the_second_time_changes_nothing(
    database: Database, who: Customer, call_id: str, old: Path
) -> None:
    reached: list[int] = []
    assert await replay(database, old, NODE, reached.append) == FOUND
    assert reached[-1] == old.stat().st_size
    ended = await call(database, call_id)
    assert (ended["status"], ended["billsec"], ended["cost"]) == ("completed", 3, MINUTE)
    events, letters = await told(database, call_id), await buried(database)
    again = await replay(database, old, NODE, reached.append)
    assert again == {Outcome.known: 3, Outcome.unreadable: 1}
    assert await call(database, call_id) == ended
    assert (await told(database, call_id), await buried(database)) == (events, letters)
    assert len(await kept(database)) == 3
    assert await sip_wallet(database, who) == (5_000_000 - MINUTE, 0)


async def test_what_the_tail_has_read_is_known(database: Database, call_id: str, old: Path) -> None:
    """The tail's position stays where it is, so that the file which is written is read on."""
    tail = CdrTail(database, old, NODE)
    await tail.catch_up()
    found = await replay(database, old, NODE, lambda _: None)
    assert found == {Outcome.known: 3, Outcome.unreadable: 1}
    append(old, line("later"))
    await tail.catch_up()
    assert "later" in await kept(database)
    assert len(await buried(database)) == 1


async def test_a_compressed_file(database: Database, call_id: str, old: Path) -> None:
    packed = old.with_suffix(".gz")
    packed.write_bytes(gzip.compress(old.read_bytes()))
    assert await replay(database, packed, NODE, lambda _: None) == FOUND
    assert (await call(database, call_id))["cost"] == MINUTE


async def test_many_lines_are_many_commits(database: Database, tmp_path: Path) -> None:
    path, reached = tmp_path / "big", list[int]()
    append(path, *(line(f"c-{at:04}") for at in range(1_001)))
    found = await replay(database, path, NODE, reached.append)
    assert found == {Outcome.stray: 1_001}
    assert len(reached) == 6
    assert reached == sorted(reached)


async def cdr(*words: str) -> Result:
    """The command with its output; it has an event loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli, ["cdr", *words]))


@pytest.fixture
def typed(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command finds the test's database, which somebody else has open."""
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")


def table(result: Result) -> dict[str, str]:
    assert result.exit_code == 0, result.output
    rows = [line.split("│")[1:3] for line in result.output.splitlines() if line.startswith("│")]
    return {name.strip(): count.strip() for name, count in rows}


@pytest.mark.usefixtures("typed")
async def test_the_command(database: Database, call_id: str, old: Path) -> None:
    first = await cdr("replay", str(old), "--node", NODE)
    assert table(first) == {
        "new, of a call": "2", "new, of no call": "1", "known before": "0", "unreadable": "1",
    }  # fmt: skip
    again = table(await cdr("replay", str(old)))
    assert (again["known before"], again["new, of a call"]) == ("3", "0")
    assert (await call(database, call_id))["cost"] == MINUTE
    orphans = (await cdr("orphans")).output
    assert "stranger" in orphans
    assert "[red]x" in orphans, "what a caller sent is text and no markup"
    assert call_id not in orphans
    unreadable = (await cdr("unreadable", "--limit", "1")).output
    assert "{torn" in unreadable
    assert "JSONDecodeError" in unreadable


@pytest.mark.usefixtures("typed")
async def test_a_damaged_file_says_so(database: Database, old: Path) -> None:
    packed = old.with_suffix(".gz")
    packed.write_bytes(gzip.compress(old.read_bytes() * 99)[:-20])
    result = await cdr("replay", str(packed))
    assert result.exception
    assert mendable(result.exception), result.exception
    assert "is damaged" in str(result.exception)


def an_hour_passes(conn: Conn) -> None:
    conn.run("UPDATE cdr SET read_at = read_at - 3601000000")
    conn.run("UPDATE dead_letter SET at = at - 3601000000")


async def records(database: Database) -> tuple[str, str]:
    """What `/status` shows of the records from now on."""
    await database.write(report, [])
    (part,) = [one for one in await components.every(database) if one["name"] == "records"]
    return part["status"], part["detail"]


async def test_the_status_tells_of_what_fits_nowhere(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "cdr.jsonl"
    tail = CdrTail(database, file, NODE)
    none = "in the last hour 0 matched no call, 0 could not be read"
    assert await records(database) == ("operational", none)
    append(file, line("stranger"))
    await tail.catch_up()
    stray = none.replace("0 matched", "1 matched")
    assert await records(database) == ("operational", stray)
    append(file, b"{torn\n")
    await tail.catch_up()
    assert await records(database) == ("degraded", stray.replace("0 could", "1 could"))
    await database.write(an_hour_passes)
    assert await records(database) == ("operational", none)
