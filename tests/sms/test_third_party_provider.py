"""A provider of a package that is not ours, installed by pip, serves with no change to us."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from db import sms_providers
from db.connection import Conn
from db.database import Database
from telephony.clock import now
from telephony.errors import ValidationFailedError
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.carriers import Carriers
from telephony.sms.drafts import Draft
from telephony.sms.providers import configured
from telephony.sms.send import send
from tests.factories import Customer, customer
from tests.sms.sending import history, message, wallet

PACKAGE = Path(__file__).parent / "pigeon"
LIVE = Settings()
PRICE = 7_000


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip installed the package; a copy is built, since building writes beside the source."""
    folder = tmp_path_factory.mktemp("third-party")
    source = shutil.copytree(PACKAGE, folder / "source")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation",
         "--disable-pip-version-check", "--target", str(folder / "site"), str(source)],
        check=True,
    )  # fmt: skip
    return folder / "site"


@pytest.fixture
def vault(site: Path, monkeypatch: pytest.MonkeyPatch) -> Vault:
    monkeypatch.syspath_prepend(str(site))
    return Vault(Fernet.generate_key().decode())


async def add(database: Database, vault: Vault, name: str, **options: Any) -> None:
    await database.write(
        configured.add, vault, LIVE, name, "pigeon", json.dumps(options, default=str), now()
    )


async def route(database: Database, provider: str, **facts: Any) -> None:
    plain: dict[str, Any] = {
        "mode": "live", "prefix": "", "account_id": "", "sender": "", "priority": 0, "weight": 1,
    }  # fmt: skip
    await database.write(lambda conn: routes.add(conn, provider=provider, **(plain | facts)))


async def submit(database: Database, who: Customer, to: str, text: str = "coo") -> str:
    def deed(conn: Conn) -> str:
        return send(
            conn, LIVE, account_id=who.account_id, mode="live", key_id=who.key_id,
            draft=Draft(to, text), now=now(),
        ).message_id  # fmt: skip

    return await database.write(deed)


@asynccontextmanager
async def carrying(database: Database, vault: Vault) -> AsyncIterator[Carriers]:
    carriers = Carriers(database, LIVE, vault)
    task = asyncio.create_task(carriers.run())
    try:
        yield carriers
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.05)


async def ends(database: Database, message_id: str, status: str) -> dict[str, Any]:
    async def ended() -> bool:
        return bool((await message(database, message_id))["status"] == status)

    await until(ended)
    return await message(database, message_id)


async def test_it_serves_messages(database: Database, vault: Vault, tmp_path: Path) -> None:
    """Two of one kind, added while the platform runs; a route decides between them, and what one
    refuses goes to the other."""
    who = await customer(database, funds="1", mode="live")
    folders = {name: tmp_path / name for name in ("north", "south")}
    async with carrying(database, vault) as carriers:
        for name, folder in folders.items():
            folder.mkdir()
            await add(database, vault, name, folder=folder, ring="r1", afraid_of="+15550")
        await add(database, vault, "south", folder=folders["south"], ring="r2")  # braver now
        await route(database, "north", prefix="1555")
        await route(database, "south", prefix="1555", priority=1)

        async def both() -> bool:
            health = carriers.health()
            return all(name in health and health[name].up for name in folders)

        await until(both)
        first = await submit(database, who, "+15551230001", "a" * 200)
        second = await submit(database, who, "+15550230002")
        assert (await ends(database, first, "delivered"))["provider"] == "north"
        moved = await ends(database, second, "delivered")
        assert (moved["provider"], moved["tried"]) == ("south", "north")
    texts = [json.loads(path.read_text())["text"] for path in sorted(folders["north"].iterdir())]
    assert texts == ["a" * 153, "a" * 47]
    assert len(list(folders["south"].iterdir())) == 1
    assert await history(database, second) == [
        "queued", "sending", "queued", "sending", "sent", "delivered",
    ]  # fmt: skip
    assert await wallet(database, who) == (1_000_000 - 3 * PRICE, 0)


async def test_options_are_checked_and_sealed(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    with pytest.raises(ValidationFailedError, match="wings: Extra inputs") as caught:
        await add(database, vault, "loft", folder=tmp_path, wings=2, ring="secret")
    assert "secret" not in str(caught.value)
    for kind, options, said in (
        ("crow", "{}", "installed: .*pigeon"), ("pigeon", "[]", "JSON object"),
        ("pigeon", "{", "no JSON"), ("pigeon", "{}", "folder: Field required"),
    ):  # fmt: skip
        with pytest.raises(ValidationFailedError, match=said):
            await database.write(configured.add, vault, LIVE, "loft", kind, options, now())
    for name in ("sandbox", "smpp", "", "a b"):
        with pytest.raises(ValidationFailedError, match="cannot be its name"):
            await add(database, vault, name, folder=tmp_path)
    await add(database, vault, "loft", folder=tmp_path, ring="secret")
    (row,) = await database.write(sms_providers.active)
    assert "secret" not in json.dumps(row)
    assert json.loads(vault.open(row["options_sealed"]))["ring"] == "secret"


async def test_a_removed_one_carries_nothing_more(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    who = await customer(database, funds="1", mode="live")
    await add(database, vault, "loft", folder=tmp_path)
    await route(database, "loft")
    async with carrying(database, vault) as carriers:
        await ends(database, await submit(database, who, "+15551230001"), "delivered")
        await database.write(configured.remove, "loft", now())

        async def gone() -> bool:
            return "loft" not in carriers.health()

        await until(gone)
    assert await database.write(sms_providers.routes) == []
    with pytest.raises(ValueError, match="no provider loft"):
        await database.write(configured.remove, "loft", now())
    with pytest.raises(ValueError, match="add it first"):
        await route(database, "loft")


async def test_one_whose_package_is_gone_is_down_and_harms_nobody(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    await add(database, vault, "loft", folder=tmp_path)
    await database.write(lambda conn: conn.run("UPDATE sms_provider SET kind = 'dodo'"))
    async with carrying(database, vault) as carriers:

        async def told() -> bool:
            return "loft" in carriers.health()

        await until(told)
        assert not carriers.health()["loft"].up
        assert "dodo" in carriers.health()["loft"].detail
        assert carriers.health()["sandbox"].up


async def test_test_messages_never_leave_the_sandbox(
    database: Database, vault: Vault, tmp_path: Path
) -> None:
    await add(database, vault, "loft", folder=tmp_path)
    with pytest.raises(ValueError, match="sandbox"):
        await route(database, "loft", mode="test")
