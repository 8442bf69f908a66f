"""`sms-voip trunk …`, `route …`, `number …`, and who may call where, beside a running platform."""

import asyncio
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands.arguments import actor
from db import numbers
from db.database import Database
from telephony import secrets
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.commands import cli
from tests.factories import Customer, customer
from tests.pbx.registrar import registrar
from tests.ports import free_port
from tests.voice.calling import add_phone

Run = Callable[..., str]


@pytest.fixture
async def who(database: Database) -> Customer:
    owner = await customer(database, sip_funds="10", name="Acme", mode="live", country="US")
    await add_phone(database, owner)
    await add_phone(database, owner, "bob", "")
    return owner


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a command; what it printed. Its exit status must be `status`."""
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    def command(line: str, status: int = 0, typed: str = "") -> str:
        result = CliRunner().invoke(cli, line.split(), input=typed)
        assert result.exit_code == status, (result.output, result.exception)
        return re.sub(r"[\s│]+", " ", result.output)

    return command


async def test_a_carrier_is_added_routed_shown_and_removed(database: Database, run: Run) -> None:
    def story() -> None:
        run("trunk add acme sip.example.net --port 5080 --transport tls --capacity 30"
            " --caller-id-format digits --cidr 192.0.2.0/24 --codecs alaw,g722")  # fmt: skip
        run("trunk add other 192.0.2.7")
        run("route add +4930 acme --priority 1 --weight 5 --strip 2 --prepend 0")
        run("route add all other")
        said = run("trunk list")
        assert "acme sip.example.net:5080 tls by address digits 0 of 30 active" in said
        said = run("route list")
        assert "all other 10 1 0" in said
        assert "4930 acme 1 5 2 0" in said
        assert run("trunk add acme 192.0.2.8", 1).startswith("Refused: There is a trunk acme")
        assert run("route add 44 nobody", 1) == "Refused: There is no trunk nobody. "
        run("route remove 4930 acme")
        assert run("route remove 4930 acme", 1).startswith("Refused: Prefix 4930 does not lead")
        run("trunk remove other")
        run("trunk disable acme")
        assert "0 of 30 disabled" in run("trunk list")
        run("trunk enable acme")
        assert "0 of 30 active" in run("trunk list")
        assert run("trunk disable nobody", 1) == "Refused: There is no trunk nobody. "

    await asyncio.to_thread(story)
    acts = await database.all("SELECT actor, action, subject FROM audit_log ORDER BY seq")
    assert {row["actor"] for row in acts} == {actor()}
    assert [f"{row['action']} {row['subject']}" for row in acts] == [
        "trunk.added acme", "trunk.added other", "route.added 4930 to acme",
        "route.added all to other", "route.removed 4930 to acme", "trunk.removed other",
        "trunk.disabled acme", "trunk.active acme",
    ]  # fmt: skip
    (row,) = await database.all("SELECT * FROM trunk")
    assert (row["name"], row["cidrs"], row["codecs"]) == ("acme", "192.0.2.0/24", "alaw,g722")
    assert await database.all("SELECT * FROM trunk_route") == []


async def test_a_secret_is_asked_for_and_sealed(
    database: Database, run: Run, tmp_path: Path
) -> None:
    line = "trunk add reg sip.example.net --username me --register"
    said = await asyncio.to_thread(run, line, typed="the-carrier-s-secret\n")
    assert "the-carrier" not in said
    (row,) = await database.all("SELECT * FROM trunk")
    assert "the-carrier" not in str(row)
    vault = Vault(secrets.load(Settings(var_dir=tmp_path)).master_key)
    assert vault.open(row["secret_sealed"]) == "the-carrier-s-secret"
    assert row["registers"]


async def test_a_carrier_is_asked_now(run: Run, database: Database) -> None:
    def story() -> None:
        port = free_port()
        run(f"trunk add here 127.0.0.1 --port {port}")
        with registrar(port):
            assert re.search(r" answered 200 after \d+\.\d ms", run("trunk test here"))
        assert "does not answer" in run("trunk test here", 1)
        run("trunk test nobody", 1)

    await asyncio.to_thread(story)


async def test_what_answers_and_is_not_sip(run: Run, database: Database) -> None:
    def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            run(f"trunk add web 127.0.0.1 --port {port} --transport tcp")
            assert "does not answer" in run("trunk test web", 1)

    await asyncio.to_thread(story)


async def test_numbers_of_accounts(database: Database, who: Customer, run: Run) -> None:
    def story() -> None:
        run("number add +15550100200 Acme --ring alice --ring bob --strategy order"
            " --ring-seconds 15 --forward +15559876543")  # fmt: skip
        said = run("number list")
        assert "+15550100200 Acme live alice,bob (order, 15 s) +15559876543" in said
        assert run("number add +15550100200 Acme", 1) == "Refused: +15550100200 is owned already. "
        for wrong in ("--ring mallory", "--ring-seconds 1", "--forward 12"):
            assert run(f"number add +15550100201 Acme {wrong}", 1).startswith("Refused: ")
        assert run("number add 12 Acme", 1).startswith("Refused: ")
        run("number remove +15550100200")
        assert run("number remove +15550100200", 1) == "Refused: Nobody owns +15550100200. "

    await asyncio.to_thread(story)
    assert await database.all("SELECT * FROM owned_number") == []


async def test_who_may_call_where(database: Database, who: Customer, run: Run) -> None:
    def story() -> None:
        run("account block Acme +4")
        run("account allow Acme 4930")
        assert run("account block Acme 12a", 1).startswith("Refused: ")

    await asyncio.to_thread(story)
    may = {
        number: await database.write(numbers.allows, who.account_id, prefixes)
        for number, prefixes in {"49": ["4", "49"], "4930": ["4", "49", "493", "4930"],
                                 "1": ["1"]}.items()
    }  # fmt: skip
    assert may == {"49": False, "4930": True, "1": True}
