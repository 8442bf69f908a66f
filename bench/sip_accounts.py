"""New secrets of phones: how soon a real Asterisk refuses the old one, with few accounts and with
very many, while all workers run; and how long the first load of very many takes."""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from bench.report import Figure, Report
from db import accounts, components
from db.connection import Conn
from db.database import Database
from db.migrate import upgrade
from db.session import open_database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.voice import sip_accounts
from telephony.worker import Worker
from tests.fixtures_pbx import Pbx, pbx_settings, start_pbx, stop_pbx

FEW, MANY = 100, 100_000
PER_CUSTOMER = 1_000
PER_DEED = 250
ROUNDS = 10
ROTATIONS_PER_ROUND = 100
ROTATIONS_WHILE_LOADING = 40
MILLISECONDS_MAX = 50
RATIO_MAX = 1.2
LOAD_SECONDS_MAX = 1_800
LOOK_SECONDS = 0.25
REFUSED_SECONDS_MAX = 30
SAY_SECONDS = 5
FIRST, SECOND = "the first good secret", "the second good secret"

say = Console(stderr=True).print


@dataclass
class Platform:
    """A PBX, a database with so many accounts, and all workers."""

    size: int
    pbx: Pbx
    db: Database
    chance: random.Random
    milliseconds: list[float] = field(default_factory=list)
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        """As the worker has it."""
        return Vault(self.pbx.secrets.master_key)

    async def fill(self) -> None:
        """Every account, in the database alone."""
        node, realm = self.pbx.settings.node, self.pbx.settings.realm
        await self.db.write(components.introduce, node, "pbx", now())
        for first in range(0, self.size, PER_DEED):
            if first % 20_000 == 0:
                say(f"{self.size:,} accounts: {first:,} are in the database")
            await self.db.write(add, self.vault, realm, first, min(PER_DEED, self.size - first))

    async def waiting(self) -> int:
        """How many the PBX has not been told of."""
        row = await self.db.one("SELECT COUNT(*) AS n FROM sip_account_node WHERE behind")
        return int(row["n"]) if row else 0

    async def rotate(self, number: int) -> float:
        """Milliseconds from the commit of a new secret until the PBX refuses the old one and
        takes the new one."""
        name = f"phone-{number}"
        old = self.changed.get(name, FIRST)
        new = SECOND if old == FIRST else FIRST
        self.changed[name] = new
        realm = self.pbx.settings.realm
        await self.db.write(
            sip_accounts.set_secret, self.vault, realm, customer_of(number), name, new, now()
        )
        began = time.perf_counter()
        await asyncio.to_thread(self._refused, name, old, new)
        return (time.perf_counter() - began) * 1000

    def _refused(self, name: str, old: str, new: str) -> None:
        until = time.monotonic() + REFUSED_SECONDS_MAX
        with self.pbx.phone(name, old) as before, self.pbx.phone(name, new) as after:
            while after.register() != 200:
                assert time.monotonic() < until, f"{name}: the new secret is refused for too long"
            assert before.register() == 401, f"{name}: the old secret is still good"


def customer_of(number: int) -> str:
    """The account whose phone it is."""
    return f"acc_bench{number // PER_CUSTOMER}"


def add(conn: Conn, vault: Vault, realm: str, first: int, count: int) -> None:
    """Some accounts, and their customer before the first of them."""
    at = now()
    for number in range(first, first + count):
        account_id = customer_of(number)
        if number % PER_CUSTOMER == 0:
            accounts.add_account(conn, at, id=account_id, name=account_id, currency="USD")
        sip_accounts.create(
            conn, vault, realm, account_id=account_id, username=f"phone-{number}", secret=FIRST,
            caller_id="+15550111222", dial_mode="test", now=at,
        )  # fmt: skip


@asynccontextmanager
async def platform(folder: Path, size: int) -> AsyncIterator[Platform]:
    """A running PBX beside a database of its own, without workers."""
    await asyncio.to_thread(folder.mkdir)
    pbx = await asyncio.to_thread(start_pbx, pbx_settings(folder / "var"))
    url = f"sqlite:///{folder}/bench.db"
    upgrade(url)
    db = await open_database(url)
    try:
        yield Platform(size, pbx, db, random.Random(size))
    finally:
        await db.close()
        await asyncio.to_thread(stop_pbx, pbx)


@asynccontextmanager
async def working(here: Platform) -> AsyncIterator[None]:
    """All workers, as `sms-voip serve` runs them."""
    worker = asyncio.create_task(Worker(here.db, here.pbx.settings, here.pbx.secrets).run())
    try:
        yield
        assert not worker.done(), "the workers ended"
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def load(here: Platform) -> tuple[float, list[float]]:
    """Seconds until the PBX knows everyone, and the milliseconds of rotations meanwhile."""
    began = told = time.perf_counter()
    taken: list[float] = []
    while left := await here.waiting():
        seconds = time.perf_counter() - began
        assert seconds < LOAD_SECONDS_MAX, f"{left:,} accounts are left"
        if seconds > told - began + SAY_SECONDS:
            told = began + seconds
            say(f"{here.size:,} accounts: {left:,} are left after {seconds:.0f} s")
        if here.size == MANY and len(taken) < ROTATIONS_WHILE_LOADING:
            taken.append(await here.rotate(here.chance.randrange(here.size)))
        await asyncio.sleep(LOOK_SECONDS)
    return time.perf_counter() - began, taken


async def measure(folder: Path) -> list[Figure]:
    """Load both, then rotate in both, taking turns."""
    async with AsyncExitStack() as stack:
        few = await stack.enter_async_context(platform(folder / "few", FEW))
        many = await stack.enter_async_context(platform(folder / "many", MANY))
        loads = []
        for here in (few, many):
            await here.fill()
            await stack.enter_async_context(working(here))
            loads.append(await load(here))
        for turn in range(ROUNDS):
            for here in (few, many):
                for _ in range(ROTATIONS_PER_ROUND):
                    taken = await here.rotate(here.chance.randrange(here.size))
                    here.milliseconds.append(taken)
                say(f"round {turn + 1} of {ROUNDS}: {here.size:,} accounts, p99 so far "
                    f"{p99(here.milliseconds):.1f} ms")  # fmt: skip
    return figures(few.milliseconds, many.milliseconds, *loads[1])


def p99(values: list[float]) -> float:
    """The value that one in a hundred exceeds."""
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def figures(
    few: list[float], many: list[float], seconds: float, while_loading: list[float]
) -> list[Figure]:
    """Times are from the commit to the refusal of the old secret."""
    baseline, ratio = f"{FEW} accounts", p99(many) / p99(few)
    return [
        Figure(f"new secret in force, {MANY:,} accounts, median", statistics.median(many), "ms",
               baseline, statistics.median(few)),
        Figure(f"new secret in force, {MANY:,} accounts, p99", p99(many), "ms",
               baseline, p99(few), MILLISECONDS_MAX),
        Figure(f"p99 with {MANY:,} accounts, in p99 with {FEW}", ratio, "×", limit=RATIO_MAX),
        Figure(f"first load of {MANY:,} accounts", seconds, "s"),
        Figure("new secret in force meanwhile, median", statistics.median(while_loading), "ms"),
        Figure("new secret in force meanwhile, the slowest", max(while_loading), "ms"),
    ]  # fmt: skip


def run() -> Report:
    """The figures on SQLite and a real Asterisk for each size."""
    with tempfile.TemporaryDirectory() as folder:
        return Report("sip_accounts", "SIP accounts", asyncio.run(measure(Path(folder))))
