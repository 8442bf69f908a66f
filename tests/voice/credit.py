"""Customers, prices and calls for the tests of credit control, on a real PBX and a real worker."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from cryptography.fernet import Fernet

from db import audit, caller_ids, ledger
from db.connection import Conn
from db.database import Database
from telephony.billing import wallets
from telephony.billing.rating import Rate, call_cost
from telephony.clock import SECOND, now
from telephony.errors import InsufficientFundsError
from telephony.money import Micros
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import sip_accounts
from telephony.voice.place import CALL_SECONDS_MAX, Placed, Wish, place
from telephony.worker import Worker
from tests.factories import Customer, customer, rate, seed_platform
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS

NUMBER = "+15550111222"
SECRET = "a good long secret"
SLICE_SECONDS = 4
ENDS = ("completed", "busy", "no_answer", "failed", "canceled")
# What a minute costs is odd on purpose: no second of it is a whole number of millionths.
STEPS = {
    "1/1": rate("1201", voice_per_minute=12_347, voice_initial_seconds=1,
                voice_increment_seconds=1),
    "6/6": rate("1202", voice_per_minute=12_347, voice_initial_seconds=6,
                voice_increment_seconds=6),
    "3/1": rate("1203", voice_per_minute=12_347, voice_initial_seconds=3,
                voice_increment_seconds=1, voice_connect_fee=5_001),
    "30/6": rate("1204", voice_per_minute=12_347, voice_initial_seconds=30,
                 voice_increment_seconds=6, voice_connect_fee=5_001),
    "60/60": rate("1205", voice_per_minute=12_347, voice_connect_fee=5_001),
    "10 free": rate("1206", voice_per_minute=12_347, voice_initial_seconds=6,
                    voice_increment_seconds=6, voice_connect_fee=5_001, voice_free_seconds=10),
}  # fmt: skip
_names = count(1)


def number(steps: str) -> str:
    """A number that answers at once and is billed in these steps."""
    return f"+{STEPS[steps]['prefix']}5550001"


def rate_of(steps: str) -> Rate:
    """The rate of `number(steps)`."""
    facts = {name: STEPS[steps][name] for name in Rate.__dataclass_fields__ if name in STEPS[steps]}
    return Rate(**{"currency": "USD", **facts})


def price(steps: str, seconds: int, calls: int = 1) -> Micros:
    """What that much talk costs, spread over so many calls of equal length."""
    return calls * call_cost(rate_of(steps), seconds // calls)


@dataclass
class Credit:
    """A database with prices, and customers with exact funds."""

    database: Database
    settings: Settings
    vault: Vault

    async def customer(self, funds: Micros, mode: str = "test") -> Customer:
        """A customer with so many millionths in the SIP wallet, and one phone."""
        await self.database.write(seed_platform, tuple(STEPS.values()))
        who = await customer(self.database, funds="0", mode=mode, country="US")
        if funds:
            await self.top_up(who, funds)
        await self.database.write(self._add_phone, who)
        return who

    def _add_phone(self, conn: Conn, who: Customer) -> None:
        caller_ids.verify(conn, who.account_id, NUMBER, "test", now())
        sip_accounts.create(
            conn, self.vault, self.settings.realm, account_id=who.account_id,
            username=f"credit-{next(_names)}", secret=SECRET, caller_id=NUMBER,
            dial_mode=who.mode, now=now(),
        )  # fmt: skip

    async def top_up(self, who: Customer, amount: Micros) -> None:
        """Put money into the SIP wallet."""

        def deed(conn: Conn) -> None:
            at, name = now(), f"{who.account_id}:{next(_names)}"
            for move in (wallets.fund, wallets.top_up_sip):
                move(conn, who.account_id, who.mode, amount, reference=f"{move.__name__}:{name}",
                     actor="test", now=at)  # fmt: skip

        await self.database.write(deed)

    async def place(
        self, who: Customer, steps: str, limit: int = CALL_SECONDS_MAX, at: int | None = None
    ) -> Placed:
        """Queue a call of the API to a number that is billed so, or to `sip:…`."""
        to = number(steps) if steps in STEPS else steps
        wish = Wish(to=to, ring_seconds=10, time_limit_seconds=limit)
        return await self.database.write(
            place, self.settings, account_id=who.account_id, mode=who.mode, key_id=who.key_id,
            wish=wish, now=now() if at is None else at,
        )  # fmt: skip

    async def place_many(self, who: Customer, steps: str, calls: int) -> list[str]:
        """Queue so many calls at once; the ids of those that were not refused for lack of funds."""
        outcomes = await asyncio.gather(
            *(self.place(who, steps) for _ in range(calls)), return_exceptions=True
        )
        placed = [one for one in outcomes if isinstance(one, Placed)]
        refused = [one for one in outcomes if isinstance(one, InsufficientFundsError)]
        assert len(placed) + len(refused) == calls, outcomes
        return [one.call_id for one in placed]

    async def phone_of(self, who: Customer) -> str:
        """The username of the customer's phone, once the PBX knows it."""
        sql = ("SELECT s.username FROM sip_account s JOIN sip_account_node n"
               " ON n.sip_account_id = s.id WHERE s.account_id = :id AND NOT n.behind")  # fmt: skip
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await self.database.all(sql, id=who.account_id)):
                await asyncio.sleep(0.05)
        return str(found[0]["username"])

    async def call(self, call_id: str) -> dict[str, Any]:
        """A call as it is stored."""
        row = await self.database.one("SELECT * FROM call WHERE id = :id", id=call_id)
        assert row is not None
        return row

    async def calls_of(self, who: Customer) -> list[dict[str, Any]]:
        """Every call of a customer."""
        sql = "SELECT * FROM call WHERE account_id = :id ORDER BY id"
        return await self.database.all(sql, id=who.account_id)

    async def until(
        self, call_id: str, seconds: float = PATIENCE_SECONDS, **facts: Any
    ) -> dict[str, Any]:
        """Wait until the call has these facts; it."""
        try:
            async with asyncio.timeout(seconds):
                while (row := await self.call(call_id)) | facts != row:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError((facts, row)) from None
        return row

    async def ended(self, call_id: str, seconds: float = 2 * PATIENCE_SECONDS) -> dict[str, Any]:
        """The call once it is over and paid, with its books in order."""
        async with asyncio.timeout(seconds):
            while (row := await self.call(call_id))["status"] not in ENDS:
                await asyncio.sleep(0.1)
        (hold,) = await self.database.all("SELECT * FROM hold WHERE reference = :id", id=call_id)
        assert (hold["state"], hold["captured"]) == (
            "captured" if row["cost"] else "released", row["cost"],
        )  # fmt: skip
        assert hold["amount"] == call_cost(Rate.from_text(row["rate"]), row["granted_seconds"])
        return row

    async def wallet(self, who: Customer) -> tuple[Micros, Micros]:
        """(balance, held) of the SIP wallet, with the ledger's promises kept."""
        drift = await self.database.write(audit.drift)
        assert not any(drift.values()), drift
        pot = (await ledger.balances(self.database, who.account_id, who.mode))["sip"]
        return pot["balance"], pot["held"]


def credit(database: Database, slice_seconds: int = SLICE_SECONDS) -> Credit:
    """Without a PBX."""
    settings = Settings(call_slice_seconds=slice_seconds, trunk_host="127.0.0.1:5070")
    return Credit(database, settings, Vault(Fernet.generate_key().decode()))


def on_pbx(pbx: Pbx, database: Database, slice_seconds: int = SLICE_SECONDS) -> Credit:
    """With the run's Asterisk."""
    settings = pbx.settings.model_copy(update={"call_slice_seconds": slice_seconds})
    return Credit(database, settings, Vault(pbx.secrets.master_key))


@asynccontextmanager
async def working(pbx: Pbx, what: Credit) -> AsyncIterator[None]:
    """Runs the whole worker until left; a worker that failed is an error."""
    worker = asyncio.create_task(Worker(what.database, what.settings, pbx.secrets).run())
    try:
        yield
        assert not worker.done(), "the worker ended"
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


def talk(row: dict[str, Any]) -> float:
    """Seconds from the answer to the end of a call, as the PBX measured them."""
    return float(row["ended_at"] - row["answered_at"]) / SECOND


def total(rows: Iterable[dict[str, Any]], column: str) -> int:
    return sum(int(row[column]) for row in rows)
