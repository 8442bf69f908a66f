"""Requests that several processes count together in a Redis, and what they do without it."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import redis
from starlette.types import ASGIApp

from api import rate_limit
from api.app import create_app
from db.database import Database
from telephony.secrets import Vault
from telephony.settings import Settings
from tests.api.client import URL, Api, good, problem
from tests.factories import customer
from tests.patience import PATIENCE_SECONDS
from tests.ports import free_port

START_SECONDS = 20


class RedisServer:
    """A server of this test, on loopback; nothing of it is kept."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program, "the tests need a Redis: apt-get install redis-server"
        self.port = free_port()
        self._folder = folder
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        command = [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.DEVNULL)
        until = time.monotonic() + START_SECONDS
        while not self._answers():
            assert time.monotonic() < until, f"no Redis in {START_SECONDS} s"
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()

    def freeze(self, frozen: bool) -> None:
        """Let it take connections and answer nothing, or go on."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP if frozen else signal.SIGCONT)

    def keys(self) -> list[bytes]:
        with redis.Redis(port=self.port) as client:
            return sorted(client.scan_iter())

    def _answers(self) -> bool:
        try:
            with redis.Redis(port=self.port) as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def make(sqlite: Database, vault: Vault, store: RedisServer) -> Callable[[], ASGIApp]:
    """One process's application, which allows six requests in a minute."""
    settings = Settings(
        requests_per_minute=6, public_requests_per_minute=6, rate_limit_url=store.url
    )
    return lambda: create_app(settings, sqlite, vault)


def door(app: ASGIApp, key: str | None = None) -> Api:
    transport = httpx.ASGITransport(app)
    return Api(httpx.AsyncClient(transport=transport, base_url=URL), key)


async def test_two_processes_count_together(
    sqlite: Database, store: RedisServer, make: Callable[[], ASGIApp]
) -> None:
    who = await customer(sqlite)
    one, other = door(make(), who.key), door(make(), who.key)
    for at in range(6):
        answer = await (one, other)[at % 2].get("/ping")
        assert good(answer)["pong"]
        assert answer.headers["x-ratelimit-remaining"] == str(5 - at)
    for each in (one, other):
        refused = await each.get("/ping")
        problem(refused, 429, "rate_limited")
        assert 1 <= int(refused.headers["retry-after"]) <= 10
    for _ in range(6):
        good(await door(make()).get("/status"))
    problem(await door(make()).get("/status"), 429, "rate_limited")
    keys = store.keys()
    assert len(keys) == 2
    assert all(key.startswith(b"sms-voip:") for key in keys)
    assert not any(who.key.encode() in key for key in keys)


async def test_without_the_store_each_process_counts_alone(
    sqlite: Database, store: RedisServer, make: Callable[[], ASGIApp],
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    monkeypatch.setattr(rate_limit, "STORE_RETRY_SECONDS", 0.2)
    who = await customer(sqlite)
    one, other = door(make(), who.key), door(make(), who.key)
    good(await one.get("/ping"))
    store.stop()
    for each in (one, other):
        for _ in range(6):
            good(await each.get("/ping"))
        problem(await each.get("/ping"), 429, "rate_limited")
    assert "each process counts alone" in caplog.text
    store.start()
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not store.keys():  # it is asked again, and has forgotten what was
            await one.get("/ping")
            await asyncio.sleep(0.05)


async def test_a_store_that_hangs_is_not_waited_for(
    sqlite: Database, store: RedisServer, make: Callable[[], ASGIApp]
) -> None:
    app, who = make(), await customer(sqlite)
    good(await door(app, who.key).get("/ping"))
    store.freeze(True)
    began = time.monotonic()
    for _ in range(6):
        good(await door(app, who.key).get("/ping"))
    taken = time.monotonic() - began
    store.freeze(False)
    assert taken < 3, "a request waits a quarter of a second, the ones after it not at all"


def test_without_its_package_a_sentence_says_what_to_do() -> None:
    program = (
        "import sys; sys.modules['redis'] = sys.modules['redis.asyncio'] = None\n"
        "from api import rate_limit; from telephony.settings import Settings\n"
        "rate_limit.RateLimits(Settings())\n"
        "try: rate_limit.RateLimits(Settings(rate_limit_url='redis://127.0.0.1/0'))\n"
        "except rate_limit.StoreMissingError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert "pip install 'throttled-py[redis]'" in done.stdout, done.stderr
