"""`sms-voip tariff`, as somebody types it."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from db.database import Database
from telephony import seed
from telephony.billing.decks.reader import ILLUSTRATIVE
from telephony.clock import now
from tests.commands import cli
from tests.factories import customer

HEAD = "prefix,country,iso,route,sms_per_segment,voice_per_minute,voice_connect_fee,"
HEAD += "voice_initial_seconds,voice_increment_seconds"
LINE = "49,Germany,DE,gold,0.001,0.010,0,1,1"


@pytest.fixture
async def seeded(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Database:
    """With the public list; the command runs beside whoever has the database open."""
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    await database.write(seed.seed_platform, now())
    return database


async def tariff(*words: str) -> Result:
    """The command with its output; it has an event loop of its own, so it runs in a thread."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli, ["tariff", *words]))


async def test_a_list_goes_in_and_out(seeded: Database, tmp_path: Path) -> None:
    path = tmp_path / "deck.csv"
    path.write_text(f"{HEAD}\n{LINE}\n")
    words = ("import", str(path), "--name", "own", "--valid-from")
    dry = await tariff(*words, "now", "--currency", "USD", "--dry-run")
    assert "1 rates of own would be imported" in dry.output
    assert "own" not in (await tariff("list")).output
    done = await tariff(*words, "2026-01-01", "--currency", "USD")
    assert done.exit_code == 0
    assert "49 Germany" in done.output
    assert "1 rates of own are in force from 2026-01-01T00:00:00Z" in done.output
    shown = (await tariff("list")).output
    (own,) = [line for line in shown.splitlines() if " own " in line]
    assert "2026-01-01T00:00:00Z" in own
    (standard,) = [line for line in shown.splitlines() if " standard " in line]
    assert "the beginning" in standard
    out = await tariff("export", "--name", "own")
    assert out.output.splitlines() == [
        f"{HEAD},voice_free_seconds",
        "49,Germany,DE,gold,0.001000,0.010000,0.000000,1,1,0",
    ]
    before = await tariff("export", "--name", "own", "--at", "2025-12-31T23:59:59Z")
    assert before.exit_code == 1
    assert "no price list own that is in force at that time" in before.output


async def test_what_changes_is_shown(seeded: Database, tmp_path: Path) -> None:
    text = ILLUSTRATIVE.read_text().replace(
        "1,United States,US,standard,0.006", "1,United States,US,standard,0.007"
    )
    path = tmp_path / "deck.csv"
    path.write_text(text)
    result = await tariff("import", str(path), "--name", "standard", "--valid-from", "now")
    assert "1 United States: sms_per_segment 0.006000 → 0.007000" in result.output


async def test_every_fault_is_a_line(seeded: Database, tmp_path: Path) -> None:
    path = tmp_path / "deck.csv"
    path.write_text("\n".join([HEAD, LINE, "x", LINE, *["[red]"] * 1_000]))
    result = await tariff("import", str(path), "--name", "standard", "--valid-from", "now")
    assert result.exit_code == 1
    told = result.output.splitlines()
    assert "line 3: 1 fields instead of 9" in told
    assert "line 4: prefix: 49 is on line 2 already" in told
    assert "and 2 more" in told
    assert "deck.csv has 1002 faults; nothing was imported" in told
    wrong = await tariff("import", str(path), "--name", "standard", "--valid-from", "soon")
    assert wrong.exit_code == 2
    assert "--valid-from" in wrong.output


async def test_an_account_gets_a_list_and_rates_of_its_own(
    seeded: Database, tmp_path: Path
) -> None:
    who = await customer(seeded, name="Ada")
    path = tmp_path / "deck.csv"
    path.write_text(f"{HEAD}\n{LINE}\n")
    for name, currency in (("dollars", "USD"), ("euros", "EUR")):
        await tariff("import", str(path), "--name", name, "--valid-from", "now",
                     "--currency", currency)  # fmt: skip
    assert (await tariff("assign", "Ada", "--name", "dollars")).exit_code == 0
    for words, told in (
        (("assign", "Ada", "--name", "euros"), "euros is in EUR, the account in USD"),
        (("assign", "Ada", "--name", "none"), "there is no price list none"),
        (("assign", "Eve", "--name", "dollars"), "0 accounts have the id or name Eve"),
        (("override", "Eve", str(path)), "0 accounts have"),
    ):
        refused = await tariff(*words)
        assert refused.exit_code == 1
        assert told in refused.output
    assert (await tariff("override", who.account_id, str(path))).exit_code == 0
    row = await seeded.one(
        "SELECT a.tariff_id, t.name, r.prefix FROM account a JOIN tariff t"
        " ON t.id = a.tariff_id JOIN account_rate r ON r.account_id = a.id"
    )
    assert row is not None
    assert (row["name"], row["prefix"]) == ("dollars", "49")
    path.write_text(HEAD)
    await tariff("override", "Ada", str(path))
    assert await seeded.all("SELECT * FROM account_rate") == []


async def test_a_database_that_is_not_there_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path / "var"))
    result = await tariff("list")
    assert "The database is not ready" in str(result.exception)
    assert not (tmp_path / "var").exists()
