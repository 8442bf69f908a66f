"""The whole worker on the run's real Asterisk, and a customer whose calls it carries."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from unittest.mock import patch

import pytest

from db import caller_ids
from db.connection import Conn, Row
from db.database import Database
from db.session import open_database
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice import reconcile, sip_accounts
from telephony.voice.originate import SIMULATED_PHONE
from telephony.voice.place import Placed, Wish, place
from telephony.worker import Worker
from tests.factories import Customer, customer, rate, seed_platform
from tests.fixtures_pbx import Pbx
from tests.patience import PATIENCE_SECONDS
from tests.voice.calling import NUMBER, call, sip_wallet, timeline

BOTH = ["sqlite", "postgres"]
SECRET = "a good long secret"
ENDS = ("completed", "busy", "no_answer", "failed", "canceled")
PER_SECOND = (rate("1555", voice_initial_seconds=1, voice_increment_seconds=1),)
_names = count(1)


@dataclass
class Voice:
    """A worker that runs, and what a test asks of it."""

    pbx: Pbx
    database: Database
    settings: Settings
    phones: list[str] = field(default_factory=list)

    @property
    def vault(self) -> Vault:
        """As the worker has it."""
        return Vault(self.pbx.secrets.master_key)

    async def customer(self, sip_funds: str = "5", phones: int = 1, **facts: Any) -> Customer:
        """A customer with so many phones, whose names no other test uses."""
        who = await customer(self.database, sip_funds=sip_funds, country="US", **facts)
        self.phones = [f"voice-{next(_names)}" for _ in range(phones)]
        await self.database.write(self._add_phones, who)
        await self._provisioned()
        return who

    def _add_phones(self, conn: Conn, who: Customer) -> None:
        caller_ids.verify(conn, who.account_id, NUMBER, "test", now())
        for name in self.phones:
            sip_accounts.create(
                conn, self.vault, self.settings.realm, account_id=who.account_id, username=name,
                secret=SECRET, caller_id=NUMBER, dial_mode=who.mode, now=now(),
            )  # fmt: skip

    async def _provisioned(self) -> None:
        sql = (
            "SELECT COUNT(*) AS found FROM sip_account s JOIN sip_account_node n"
            " ON n.sip_account_id = s.id AND NOT n.behind WHERE s.username IN :names"
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.database.all(sql, names=self.phones))[0]["found"] < len(self.phones):
                await asyncio.sleep(0.02)

    async def place(self, who: Customer, to: str, **wish: Any) -> str:
        """Queue a call of the API; its id. `simulated=True`: a simulated phone rings first."""
        first = wish.pop("simulated", False)
        placed: Placed = await self.database.write(
            _place, self.settings, who, Wish(to=to, **{"ring_seconds": 5, **wish}), first
        )
        return placed.call_id

    async def status(self, call_id: str) -> str:
        return str((await call(self.database, call_id))["status"])

    async def reached(
        self, call_id: str, *statuses: str, seconds: float = PATIENCE_SECONDS
    ) -> dict[str, Any]:
        """Wait until a call has one of the statuses; its row."""
        async with asyncio.timeout(seconds):
            while (row := await call(self.database, call_id))["status"] not in statuses:
                await asyncio.sleep(0.03)
        return row

    async def ended(self, call_id: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Wait for the end of a call; its row, with money and events in order."""
        row = await self.reached(call_id, *ENDS, seconds=seconds)
        (hold,) = await self.database.all("SELECT * FROM hold WHERE reference = :id", id=call_id)
        assert hold["state"] == ("captured" if row["cost"] else "released")
        assert hold["captured"] == row["cost"]
        return row

    async def outcome(self, call_id: str) -> tuple[str, str, list[str], int, int]:
        """Status, cause, events, talk seconds and cost of an ended call."""
        row = await self.ended(call_id)
        events = [event["event"] for event in await self.told(call_id)]
        return row["status"], row["hangup_cause"], events, row["billsec"], row["cost"]

    async def only_call(self, who: Customer) -> dict[str, Any]:
        """The only call of a customer, as soon as there is one."""
        sql = "SELECT * FROM call WHERE account_id = :id"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (rows := await self.database.all(sql, id=who.account_id)):
                await asyncio.sleep(0.02)
        (row,) = rows
        return row

    async def records(self, call_id: str) -> list[Row]:
        """Those records of the call's own channel that no other follows."""
        channel = (await call(self.database, call_id))["channel_id"]
        rows = await self.database.all("SELECT * FROM cdr WHERE uniqueid = :id", id=channel)
        return [row for row in rows if json.loads(row["raw"])["sv_more"] == ""]

    async def told(self, call_id: str) -> list[dict[str, Any]]:
        """The events of a call in order."""
        sql = "SELECT type, payload FROM event WHERE subject = :id ORDER BY id"
        rows = await self.database.all(sql, id=call_id)
        return [{"event": row["type"], **json.loads(row["payload"])} for row in rows]

    async def timeline(self, call_id: str) -> list[str]:
        return await timeline(self.database, call_id)

    async def wallet(self, who: Customer) -> tuple[int, int]:
        """(balance, held) of the SIP wallet, with the books in order."""
        return await sip_wallet(self.database, who)


def _place(conn: Conn, settings: Settings, who: Customer, wish: Wish, simulated: bool) -> Placed:
    placed = place(
        conn, settings, account_id=who.account_id, mode=who.mode, key_id=who.key_id, wish=wish,
        now=now(),
    )  # fmt: skip
    if simulated:
        conn.run("UPDATE call SET first_leg = :leg WHERE id = :id", leg=SIMULATED_PHONE,
                 id=placed.call_id)  # fmt: skip
    return placed


@asynccontextmanager
async def working(pbx: Pbx, database: Database, settings: Settings) -> AsyncIterator[Voice]:
    """Runs the worker until left; a worker that failed is an error."""
    worker = asyncio.create_task(Worker(database, settings, pbx.secrets).run())
    try:
        yield Voice(pbx, database, settings)
        assert not worker.done(), "the worker ended"
    finally:
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker


async def per_second_tariff(database: Database) -> None:
    """Billing by the second; call it before the first customer is made."""
    await database.write(seed_platform, PER_SECOND)


def quick_reconciler() -> Any:
    """Looks ten times as often, and loses patience ten times as fast."""
    return patch.multiple(
        reconcile, EVERY_SECONDS=0.3, GRACE_SECONDS=1, RECORD_SECONDS=0.3, QUEUED_SECONDS_MAX=2
    )


def seconds_between(row: dict[str, Any], since: str, until: str) -> float:
    return float(row[until] - row[since]) / SECOND


@pytest.fixture
async def voice(pbx: Pbx, request: pytest.FixtureRequest) -> AsyncIterator[Voice]:
    """A worker on SQLite; `@pytest.mark.parametrize("voice", BOTH, indirect=True)` for both."""
    url = request.getfixturevalue(f"{getattr(request, 'param', 'sqlite')}_url")
    database = await open_database(url)
    async with working(pbx, database, pbx.settings) as running:
        yield running
    await database.close()
