"""Many live calls with mixed outcomes through a carrier of SIPp's, and the sums that must hold."""

import asyncio
import os
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from api.app import create_app
from db.connection import Row
from db.database import Database
from telephony.billing.rating import Rate, call_cost
from telephony.clock import SECOND
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.voice.ami import AmiEvent, AmiLink, CoreShowChannels
from telephony.webhooks.signing import new_secret
from tests.api.client import Api, good
from tests.api.world import client_of
from tests.factories import Customer
from tests.fixtures_pbx import Cdr, Pbx
from tests.patience import PATIENCE_SECONDS
from tests.pbx.sipp import invites
from tests.voice.real_ami import user
from tests.voice.real_pbx import ENDS, Voice, working
from tests.voice.test_calls_trunk import phone
from tests.webhooks.sinks import Sink, running_sink

FULL = os.environ.get("SOAK") == "full"
"""`SOAK=full` runs these tests at their full size; else they are a sample of it."""
AT_ONCE = 30
"""Calls that live at the same time: the audio of both legs must fit the PBX's 100 ports."""
FUNDS = "50"
END_SECONDS = 90
RANG, ANSWERED, DONE = "call_ringing", "call_answered", "call_completed"
REFUSED, NO_ANSWER, TALKED = (DONE,), (RANG, DONE), (RANG, ANSWERED, DONE)


@dataclass(frozen=True)
class Kind:
    """How the carrier takes a number with these last digits, and what must come of it."""

    digits: str
    status: str
    cause: str
    events: tuple[str, ...]
    sip_code: int | None = None
    asked: dict[str, Any] = field(default_factory=dict)
    hung_up: bool = False
    """By the customer, while it rings."""


KINDS = (
    Kind("1234", "completed", "time_limit", TALKED, 200, {"time_limit_seconds": 1}),
    Kind("0700", "completed", "time_limit", TALKED, 200, {"time_limit_seconds": 2}),
    Kind("0486", "busy", "user_busy", REFUSED, 486),
    Kind("0503", "failed", "no_circuit_available", REFUSED, 503),
    Kind("0404", "failed", "unallocated_number", REFUSED, 404),
    Kind("0180", "no_answer", "no_answer", NO_ANSWER, None, {"timeout_seconds": 5}),
)
HUNG_UP = Kind(
    "0180", "canceled", "hangup_requested", NO_ANSWER, None, {"timeout_seconds": 10}, hung_up=True
)


@dataclass
class Soak:
    """A customer whose every call has a number of its own, and what became of each."""

    voice: Voice
    who: Customer
    sink: Sink
    door: Api
    mixed: tuple[Kind, ...] = KINDS
    kinds: dict[str, Kind] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    before: Counter[str] = field(default_factory=Counter)
    """What the carrier had been asked for when this began."""

    async def run(self, count: int) -> None:
        """Place so many calls, a bounded number at a time, and wait until all have ended."""
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(self._call(room, at) for at in range(count)))
        await self._told(count)

    async def _call(self, room: asyncio.Semaphore, at: int) -> None:
        kind = self.mixed[at % len(self.mixed)]
        number, url = f"+1555{at:03d}{kind.digits}", f"{self.sink.url}/{kind.digits}"
        async with room:
            body = {"to": number, "callback_url": url, **kind.asked}
            call_id = good(await self.door.post("/voice/call", body), 202)["call_id"]
            self.kinds[call_id], self.numbers[call_id] = kind, number
            if kind.hung_up:
                await self._hang_up(call_id)
            await self.voice.reached(call_id, *ENDS, seconds=END_SECONDS)

    async def _hang_up(self, call_id: str) -> None:
        """Once it rings, unless that was never heard of."""
        row = await self.voice.reached(call_id, "ringing", *ENDS, seconds=END_SECONDS)
        if row["status"] == "ringing":
            answer = await self.door.post(f"/voice/calls/{call_id}/hangup")
            assert answer.status_code in (202, 409), answer.text

    async def _told(self, count: int) -> None:
        """Until the last call's last event has been delivered."""
        async with asyncio.timeout(END_SECONDS):
            while len(self._completed()) < count:
                await asyncio.sleep(0.1)

    def _completed(self) -> set[str]:
        told = (one.json for one in self.sink.received)
        return {body["call_id"] for body in told if body["event"] == DONE}

    async def rows(self) -> list[Row]:
        """Every call that there is."""
        return await self.voice.database.all("SELECT * FROM call ORDER BY id")

    def heard(self) -> Counter[tuple[str, str]]:
        """How often each event of each call came to the customer."""
        told = (one.json for one in self.sink.received)
        return Counter((body["call_id"], body["event"]) for body in told)

    def invited(self) -> Counter[str]:
        """How often the carrier was asked for each number since this began."""
        every = self.asked() - self.before
        return Counter({number: every[number] for number in self.numbers.values()})

    def asked(self) -> Counter[str]:
        """How often the carrier has been asked for each number by any test."""
        folder, trunk = self.voice.settings.var_dir.parent, self.voice.settings.trunk_host
        return invites(int(trunk.rpartition(":")[2]), folder)


@asynccontextmanager
async def soaking(
    pbx: Pbx, database: Database, settings: Settings, folder: Path
) -> AsyncIterator[Soak]:
    """A worker, a phone that answers every first leg, a customer with money, and a sink."""
    vault = Vault(pbx.secrets.master_key)
    async with (
        running_sink() as sink,
        client_of(create_app(settings, database, vault)) as client,
        working(pbx, database, settings) as voice,
    ):
        who = await voice.customer(
            sip_funds=FUNDS, mode="live", webhook_secret_sealed=vault.seal(new_secret()),
            calls_max=1_000, calls_per_second=1_000,
        )  # fmt: skip
        async with phone(voice, voice.phones[0], folder):
            soak = Soak(voice, who, sink, Api(client, who.key))
            soak.before = soak.asked()
            yield soak


async def no_channel_is_left(soak: Soak) -> None:
    """Asterisk has none of these calls any more, a moment after the last one ended."""
    async with user(soak.voice.pbx, "calls") as link:
        await link.wait_ready(10)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await _channels(link, soak):
                await asyncio.sleep(0.1)


async def _channels(link: AmiLink, soak: Soak) -> list[AmiEvent]:
    every = await link.action(CoreShowChannels())
    return [one for one in every if one.fields["linkedid"] in soak.kinds]


async def the_money_adds_up(soak: Soak, rows: Iterable[Row]) -> int:
    """One settlement a call, at its own talk time; nothing is held. How many paid."""
    database = soak.voice.database
    holds = await database.all("SELECT * FROM hold")
    by_call = {hold["reference"]: hold for hold in holds}
    assert len(holds) == len(by_call) == len(soak.kinds)
    paid = total = 0
    for row in rows:
        hold, rate = by_call[row["id"]], Rate.from_text(row["rate"])
        assert hold["state"] == ("captured" if row["cost"] else "released"), row
        assert hold["captured"] == row["cost"] == call_cost(rate, row["billsec"]), row
        paid, total = paid + bool(row["cost"]), total + row["cost"]
    assert await soak.voice.wallet(soak.who) == (int(FUNDS) * 1_000_000 - total, 0)
    return paid


async def the_records_agree(soak: Soak, rows: Iterable[Row]) -> None:
    """What is charged as talk is what the PBX recorded as talk, and no record is left over."""
    database = soak.voice.database
    strays = await database.all("SELECT linkedid FROM cdr WHERE call_id IS NULL")
    assert not {row["linkedid"] for row in strays} & set(soak.kinds)
    answered: dict[str, list[Cdr]] = defaultdict(list)
    for one in await asyncio.to_thread(soak.voice.pbx.all_cdrs):
        if one["sv_answered"]:
            answered[one["uniqueid"]].append(one)
    for row in rows:
        found = answered[row["channel_id"]]
        assert len(found) == (row["status"] == "completed"), (row, found)
        for one in found:
            talked = float(one["end"]) - float(one["sv_answered"])
            assert abs(talked - row["billsec"]) < 1, (row, one)
        assert row["status"] != "completed" or row["ended_at"] - row["answered_at"] > SECOND / 2
