"""`sms-voip provider …`, `sms-route …`, `sender …`, beside a platform that holds the database."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db import sms_accounts, sms_providers
from db.database import Database
from tests.commands import cli
from tests.factories import Customer, customer
from tests.fixtures_smsc import Smsc

Run = Callable[..., str]


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, name="Acme", mode="live")


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; what it printed. Its exit status must be `status`."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))

    def command(*words: str, status: int = 0) -> str:
        result = CliRunner(env={"COLUMNS": "250"}).invoke(cli, list(words))
        assert result.exit_code == status, (result.output, result.exception)
        return re.sub(r"\s+", " ", result.output)

    return command


async def test_a_provider_is_added_tried_and_removed(
    database: Database, run: Run, smsc: Smsc, tmp_path: Path
) -> None:
    options = tmp_path / "north.json"
    options.write_text(json.dumps({
        "host": smsc.host, "port": smsc.port, "system_id": "platform", "password": "hush",
    }))  # fmt: skip
    add = ("provider", "add", "north", "--kind", "smpp", "--options", f"@{options}")
    assert await asyncio.to_thread(run, *add) == "north carries gsm7, ucs2. "
    listed = await asyncio.to_thread(run, "provider", "list")
    assert "north" in listed
    assert str(smsc.port) in listed
    assert "hush" not in listed
    trial = ("provider", "test", "north", "--to", "+15551234567", "--seconds", "10")
    said = await asyncio.to_thread(run, *trial)
    for step in ("link: bound", "capabilities: gsm7, ucs2", "submitted: Submitted", "delivered"):
        assert step in said, said
    for word, status in (("disable", "disabled"), ("enable", "active")):
        await asyncio.to_thread(run, "provider", word, "north")
        assert f"{status} " in await asyncio.to_thread(run, "provider", "list")
        assert "no provider" in await asyncio.to_thread(run, "provider", word, "x", status=1)
    await asyncio.to_thread(run, "provider", "remove", "north")
    assert "no provider north" in await asyncio.to_thread(run, *trial, status=1)
    assert await database.write(sms_providers.active) == []


async def test_a_provider_that_is_not_there(run: Run, database: Database) -> None:
    options = json.dumps({"host": "127.0.0.1", "port": 1, "system_id": "x", "password": "hush"})
    await asyncio.to_thread(run, "provider", "add", "dead", "--kind", "smpp", "--options", options)
    trial = ("provider", "test", "dead", "--to", "+15551234567", "--seconds", "0.5")
    assert "no link: " in await asyncio.to_thread(run, *trial, status=1)
    wrong = options.replace("1,", "0,")
    said = await asyncio.to_thread(
        run, "provider", "add", "bad", "--kind", "smpp", "--options", wrong, status=1
    )
    assert said.startswith("Refused: port")
    assert "hush" not in said


async def test_routes_are_added_listed_and_removed(
    database: Database, who: Customer, run: Run
) -> None:
    url = '{"url": "https://example.com/send"}'
    await asyncio.to_thread(run, "provider", "add", "web", "--kind", "http", "--options", url)
    add = ("sms-route", "add", "web", "--prefix", "49", "--account", "Acme", "--weight", "3")
    route_id = (await asyncio.to_thread(run, *add)).strip()
    (row,) = await database.write(sms_providers.routes)
    assert (row["id"], row["account_id"], row["prefix"]) == (route_id, who.account_id, "49")
    assert route_id in await asyncio.to_thread(run, "sms-route", "list")
    for words, said in (
        (("web", "--mode", "test"), "sandbox"), (("gone",), "add it first"),
        (("web", "--prefix", "+49"), "without its plus"), (("web", "--account", "x"), "0 accounts"),
    ):  # fmt: skip
        assert said in await asyncio.to_thread(run, "sms-route", "add", *words, status=1)
    change = ("sms-route", "change", route_id)
    await asyncio.to_thread(run, *change, "--priority", "4", "--weight", "9")
    (changed,) = await database.write(sms_providers.routes)
    assert changed == row | {"priority": 4, "weight": 9}
    said = await asyncio.to_thread(run, *change, "--provider", "gone", status=1)
    assert "add it first" in said
    await asyncio.to_thread(run, "sms-route", "remove", route_id)
    assert "no route" in await asyncio.to_thread(run, *change, "--weight", "1", status=1)
    assert "no route" in await asyncio.to_thread(run, "sms-route", "remove", route_id, status=1)


async def test_sender_ids_are_decided(database: Database, who: Customer, run: Run) -> None:
    await asyncio.to_thread(run, "sender", "request", "Acme", "ACME")
    assert "3 to 11" in await asyncio.to_thread(run, "sender", "request", "Acme", "A", status=1)
    assert "never asked" in await asyncio.to_thread(
        run, "sender", "approve", "Acme", "OTHER", status=1
    )
    await asyncio.to_thread(run, "sender", "approve", "Acme", "ACME")
    assert await database.write(sms_accounts.sender_status, who.account_id, "ACME") == "approved"
    await asyncio.to_thread(run, "sender", "default", "Acme", "ACME")
    row = await database.write(sms_accounts.settings_of, who.account_id)
    assert row is not None
    assert row["default_sender"] == "ACME"
    await asyncio.to_thread(run, "sender", "refuse", "Acme", "ACME", "--note", "not yours")
    assert await asyncio.to_thread(run, "sender", "list", "Acme") == "ACME refused not yours "
    acts = await database.all("SELECT action FROM audit_log ORDER BY seq")
    assert [row["action"] for row in acts] == [
        "sender.requested", "sender.approved", "messages.set", "sender.refused",
    ]  # fmt: skip
    said = await asyncio.to_thread(run, "sender", "default", "Acme", "OTHER", status=1)
    assert "approved sender id" in said


async def test_what_an_account_has_set(database: Database, who: Customer, run: Run) -> None:
    async def after(*words: str) -> tuple[bool | None, int | None]:
        await asyncio.to_thread(run, "account", "sms", "Acme", *words)
        row = await database.write(sms_accounts.settings_of, who.account_id) or {}
        smart = row.get("smart_encoding")
        return None if smart is None else bool(smart), row.get("per_minute")

    assert await after() == (None, None)
    assert await after("--smart-encoding", "on", "--per-minute", "30") == (True, 30)
    await after("--per-second", "20")
    row = await database.write(sms_accounts.settings_of, who.account_id)
    assert row is not None
    assert row["per_second"] == 20
    await asyncio.to_thread(run, "account", "sms", "Acme", "--per-second", "10001", status=2)
    assert await after("--per-minute", "0") == (True, 0)
    assert await after("--smart-encoding", "off") == (False, 0)
    assert await after("--smart-encoding", "none", "--per-minute", "none") == (None, None)
    for wrong in ("-1", "many", "1000001"):
        await asyncio.to_thread(run, "account", "sms", "Acme", "--per-minute", wrong, status=2)
    said = await asyncio.to_thread(run, "account", "sms", "Nobody", status=1)
    assert "0 accounts" in said
    assert await after() == (None, None)


async def test_what_answers_keywords(database: Database, who: Customer, run: Run) -> None:
    reply = ("account", "reply", "Acme")
    await asyncio.to_thread(run, *reply, "stop", "No more.")
    await asyncio.to_thread(run, *reply, "help", "Call us.", "--number", "12345")
    assert await asyncio.to_thread(run, "account", "replies", "Acme") == (
        "any stop No more. 12345 help Call us. "
    )
    await asyncio.to_thread(run, *reply, "stop", "")
    assert await asyncio.to_thread(run, "account", "replies", "Acme") == "12345 help Call us. "
    assert "keyword" in await asyncio.to_thread(run, *reply, "help", "Help", status=1)
    await asyncio.to_thread(run, *reply, "hello", "Hi!", status=2)
