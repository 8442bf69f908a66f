"""`sms-voip listen` and the stream behind it: events of a key as they happen, forwarded, signed,
replayed; without an endpoint, and also from another process."""

import asyncio
import io
import os
import pty
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from rich.console import Console
from standardwebhooks.webhooks import Webhook

from api.app import create_app
from api.commands.event_source import EventSource, Happened, RefusedError
from api.commands.listen import listen_for
from api.v1 import event_stream
from db import accounts
from db.connection import Conn
from db.database import Database
from db.ids import millis_of, new_id
from db.session import open_database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks.events import emit
from telephony.webhooks.signing import new_secret, verify
from tests.factories import Customer, customer
from tests.webhooks.sinks import Sink, eventually, running_sink

WAIT_SECONDS = 30.0


@asynccontextmanager
async def served(database: Database, settings: Settings, vault: Vault) -> AsyncIterator[str]:
    """The application behind a real server; its URL."""
    app = create_app(settings, database, vault)
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started, WAIT_SECONDS)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def url(database: Database, settings: Settings, vault: Vault) -> AsyncIterator[str]:
    async with served(database, settings, vault) as running:
        yield running


@pytest.fixture
async def sink() -> AsyncIterator[Sink]:
    async with running_sink() as running:
        yield running


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database)


def tell(conn: Conn, who: Customer, subject: str, mode: str = "test") -> None:
    emit(conn, account_id=who.account_id, mode=mode, kind="wallet_low", subject=subject,
         fact="", callback_url=None, payload={"wallet": subject}, now=now())  # fmt: skip


class Listening:
    """A running listener: what it printed, and keys for it."""

    def __init__(self, url: str, key: str, forward: str) -> None:
        self.secret = new_secret()
        self._out = io.StringIO()
        self._reads, self._keys = os.pipe()
        console = Console(file=self._out, width=1000)
        self.task = asyncio.create_task(
            listen_for(url, key, forward, self.secret, console, self._reads)
        )

    @property
    def said(self) -> str:
        return self._out.getvalue()

    def press(self, keys: str) -> None:
        os.write(self._keys, keys.encode())

    async def says(self, text: str) -> None:
        def said() -> bool:
            if self.task.done():
                self.task.result()
            return text in self.said

        await eventually(said, WAIT_SECONDS)

    async def end(self) -> None:
        self.task.cancel()
        with suppress(asyncio.CancelledError, RefusedError):
            await self.task
        for fd in (self._reads, self._keys):
            os.close(fd)


@pytest.fixture
async def listening(url: str, who: Customer, sink: Sink) -> AsyncIterator[Callable[[], Listening]]:
    made: list[Listening] = []

    def start() -> Listening:
        made.append(Listening(url, who.key, f"{sink.url}/hook"))
        return made[-1]

    yield start
    for one in made:
        await one.end()


async def test_events_are_forwarded_signed_printed_and_replayed(
    database: Database, who: Customer, sink: Sink, listening: Callable[[], Listening]
) -> None:
    other = await customer(database, name="Other")
    await database.write(tell, who, "before")
    here = listening()
    await here.says("Listening")
    for subject in ("a", "b"):
        await database.write(tell, other, f"other_{subject}")
        await database.write(tell, who, f"live_{subject}", "live")
        await database.write(tell, who, subject)
    await eventually(lambda: len(sink.received) == 2, WAIT_SECONDS)
    assert [one.json["wallet"] for one in sink.received] == ["a", "b"]
    for one in sink.received:
        assert Webhook(here.secret).verify(one.body, one.headers) == one.json
        assert verify(here.secret, one.headers["X-Signature"], one.body, time.time())
    await here.says("#2 ")
    assert f"wallet_low {sink.received[0].event_id} → 200 OK in " in here.said
    sink.answers["/hook"] = 500
    here.press("r")
    await eventually(lambda: len(sink.received) == 3, WAIT_SECONDS)
    here.press("1\n9\n")
    await eventually(lambda: len(sink.received) == 4, WAIT_SECONDS)
    ids = [one.event_id for one in sink.received]
    assert ids == [ids[0], ids[1], ids[1], ids[0]]
    await here.says("500 Internal Server Error")
    await here.says("There is no such event")
    here.press("q")
    await asyncio.wait_for(here.task, WAIT_SECONDS)
    assert await database.all("SELECT * FROM delivery") == []


async def test_it_hears_what_other_processes_tell(
    postgres_url: str, settings: Settings, vault: Vault, sink: Sink,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(event_stream, "LOOK_SECONDS", 3600.0)
    one, two = await open_database(postgres_url), await open_database(postgres_url)
    try:
        who = await customer(one)
        async with served(one, settings, vault) as url:
            here = Listening(url, who.key, f"{sink.url}/hook")
            await here.says("Listening")
            await asyncio.sleep(0.2)
            await two.write(tell, who, "from afar")
            await eventually(lambda: len(sink.received) == 1, WAIT_SECONDS)
            await here.end()
    finally:
        await one.close()
        await two.close()


async def test_a_broken_connection_loses_nothing_and_repeats_nothing(
    database: Database, settings: Settings, vault: Vault, who: Customer, url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", 0.3)
    monkeypatch.setattr("api.commands.event_source.RETRY_SECONDS", 0.05)
    heard: list[Happened] = []
    said: list[str] = []

    async def hear() -> None:
        async for one in EventSource(url, who.key, said.append).events():
            heard.append(one)

    task = asyncio.create_task(hear())
    await eventually(lambda: "Listening" in said, WAIT_SECONDS)
    for number in range(12):
        await database.write(tell, who, f"{number}")
        await asyncio.sleep(0.1)
    await eventually(lambda: len(heard) == 12, WAIT_SECONDS)
    await eventually(lambda: said.count("Listening") > 2, WAIT_SECONDS)
    task.cancel()
    assert len({one.id for one in heard}) == len(heard) == 12


async def test_a_revoked_key_hears_no_more(
    database: Database, who: Customer, listening: Callable[[], Listening], sink: Sink
) -> None:
    here = listening()
    await here.says("Listening")
    await database.write(lambda conn: accounts.change_key(conn, who.key_id, revoked_at=now()))
    await database.write(tell, who, "secret")
    with pytest.raises(RefusedError, match="revoked"):
        await asyncio.wait_for(here.task, WAIT_SECONDS)
    assert sink.received == []


async def test_listeners_of_an_account_are_bounded(
    who: Customer, url: str, listening: Callable[[], Listening],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(event_stream, "LISTENERS_OF_ACCOUNT_MAX", 1)
    first, second = listening(), listening()
    await eventually(
        lambda: "As many listen" in first.said + second.said, WAIT_SECONDS
    )  # fmt: skip


async def test_a_slow_commit_is_heard_all_the_same(database: Database, who: Customer) -> None:
    """Its event has an older id than one that was told."""
    tail = event_stream.Tail(database, who.account_id, "test", now() // 1000)
    late = new_id("evt")
    await database.write(tell, who, "quick")
    assert len(await tail.look(now())) == 1

    def commit_late(conn: Conn) -> None:
        conn.run("UPDATE event SET id = :late WHERE subject = 'slow'", late=late)

    await database.write(tell, who, "slow")
    await database.write(commit_late)
    assert [row["id"] for row in await tail.look(now())] == [late]
    assert await tail.look(now()) == []
    assert await tail.look(now() + 10_000_000) == []


def test_the_time_of_an_id() -> None:
    assert abs(millis_of(new_id("evt")) - now() // 1000) < 1000


async def test_the_command_on_a_terminal(
    sqlite: Database, settings: Settings, vault: Vault, sink: Sink
) -> None:
    """As a developer runs it: keys are heard without Enter, and the terminal is given back."""
    who = await customer(sqlite)
    async with served(sqlite, settings, vault) as url:
        main, terminal = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api.cli", "listen", "--forward", f"{sink.url}/hook",
            "--api-url", url, stdin=terminal, stdout=terminal, stderr=terminal,
            env=os.environ | {"SMS_VOIP_KEY": who.key}, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        os.close(terminal)
        said = await reading(main, "Listening")
        await sqlite.write(tell, who, "a")
        said += await reading(main, "200 OK")
        os.write(main, b"r")
        await eventually(lambda: len(sink.received) == 2, WAIT_SECONDS)
        os.write(main, b"q")
        assert await asyncio.wait_for(process.wait(), WAIT_SECONDS) == 0
        os.close(main)
    assert "whsec_" in said
    assert len({one.event_id for one in sink.received}) == 1


async def reading(main: int, text: str) -> str:
    """What the terminal shows, until it shows this."""
    said = ""
    async with asyncio.timeout(WAIT_SECONDS * 2):
        while text not in said:
            chunk: Any = await asyncio.to_thread(os.read, main, 4096)
            said += chunk.decode()
    return said
