"""`POST /voice/call` on a real Asterisk, from a phone to a carrier (both played by SIPp), beside
Originate sent to the same Asterisk by a bare manager client. Each call is answered on both legs and
hung up soon; ours is accepted, paid for, logged and settled besides."""

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.report import Figure, Report
from bench.server import SERVE, UNLIMITED, process
from db import caller_ids
from db.connection import Conn
from db.migrate import upgrade
from db.session import open_database
from telephony.clock import now
from telephony.secrets import Vault, load
from telephony.settings import Settings
from telephony.voice import sip_accounts
from tests.e2e.installation import environment
from tests.factories import Customer, add_customer
from tests.fixtures_pbx import Pbx, eventually, pbx_settings, start_pbx, stop_pbx
from tests.pbx.ami_client import AmiClient, Packet
from tests.pbx.sipp import answering, carrier, sipp
from tests.ports import free_port

ROUNDS, CALLS = 5, 200
CONNECTIONS = 20
RATIO_MIN = 0.9
PHONE, SECRET, CALLER = "bench-phone", "a good long secret", "+15550111222"
LEAVES = "0020"
"""Last digits of a number that answers, and hangs up after 200 ms."""
ROUND_SECONDS_MAX = 300
FUNDS = 1_000_000_000
LIMITS = {
    **UNLIMITED, "originates_per_second": 1_000, "calls_per_second": 10_000,
    "calls_max": 100_000, "rtp_range": "10000-13999",
}  # fmt: skip


@dataclass
class Platform:
    """A PBX with a phone and a carrier, and the customer whose phone it is."""

    pbx: Pbx
    customer: Customer

    @contextmanager
    def serving(self) -> Iterator[None]:
        """With our API and workers; they would hang up what a bare client places."""
        settings = self.pbx.settings
        with process(SERVE, settings.http_port, environment(settings)):
            eventually(self._ready, what="a platform that is ready")
            yield

    def _ready(self) -> bool:
        return httpx.get(f"{self.pbx.settings.api_url}/readyz").status_code == 200

    def ours(self, count: int) -> float:
        """Calls per second from the first request until the last call has ended."""
        began = time.perf_counter()
        asyncio.run(self._place(count))
        eventually(lambda: self._open() == 0, ROUND_SECONDS_MAX, "the end of every call")
        return count / (time.perf_counter() - began)

    async def _place(self, count: int) -> None:
        url = f"{self.pbx.settings.api_url}/api/v1/voice/call"
        room = asyncio.Semaphore(CONNECTIONS)
        key = {"Authorization": f"Bearer {self.customer.key}"}
        async with httpx.AsyncClient(headers=key, timeout=60) as client:

            async def place(number: int) -> None:
                async with room:
                    answer = await client.post(url, json={"to": to(number), "from": PHONE})
                    assert answer.status_code == 202, answer.text

            await asyncio.gather(*map(place, range(count)))

    def _open(self) -> int:
        return self._count("ended_at IS NULL")

    def _count(self, where: str) -> int:
        async def look() -> int:
            database = await open_database(self.pbx.settings.db_url, beside=True)
            try:
                row = await database.one(f"SELECT COUNT(*) AS n FROM call WHERE {where}")
                return int(row["n"]) if row else 0
            finally:
                await database.close()

        return asyncio.run(look())

    def bare(self, count: int, tag: int) -> float:
        """The same of Originate, until the last channel is gone. Asterisk fails some of a burst
        before they have a channel: these are asked for again."""
        with self.pbx.ami() as ami:
            began = time.perf_counter()
            wanted = {f"bare_{tag}_{number}": to(number) for number in range(count)}
            tries = itertools.count()
            for channel_id, number in wanted.items():
                originate(ami, channel_id, number)
            while wanted:
                over = ami.wait_for(lambda packet: ended(packet) in wanted, ROUND_SECONDS_MAX)
                number = wanted.pop(ended(over))
                if over["Event"] != "Hangup":
                    again = f"bare_{tag}_again_{next(tries)}"  # an id may not grow without end
                    wanted[again] = number
                    originate(ami, again, number)
            return count / (time.perf_counter() - began)

    def completed(self) -> int:
        """Calls that were answered on both legs, and whose end was settled."""
        return self._count("status = 'completed' AND billsec > 0")


def to(number: int) -> str:
    """Of that call of a round."""
    return f"+1555{number:03}{LEAVES}"


def ended(packet: Packet) -> str:
    """The channel that an event says is gone, or was never there; empty for any other event."""
    failed = packet.get("Event") == "OriginateResponse" and packet["Response"] == "Failure"
    return packet["Uniqueid"] if failed or packet.get("Event") == "Hangup" else ""


def originate(ami: AmiClient, channel_id: str, number: str) -> None:
    """Ask for a call as the platform does, with what it would have granted."""
    answer = ami.send(
        "Originate", f"SV_LEGS=trunk:default:{number}:{CALLER}", f"SV_TO={number}",
        "SV_SECONDS=60", "SV_RING_SECONDS=30", f"SV_CALLER_ID={CALLER}", "SV_RECORD=",
        Channel=f"PJSIP/{PHONE}", Context="api-call", Exten="s", Priority=1, Async="true",
        ChannelId=channel_id, CallerID=CALLER, Timeout=30_000,
    )  # fmt: skip
    assert answer["Response"] == "Success", answer


def stock(conn: Conn, vault: Vault, settings: Settings) -> Customer:
    """A live customer with a phone."""
    who = add_customer(conn, funds=0, sip_funds=FUNDS, mode="live", name="Bench", country="US",
                       scopes=("voice:call", "voice:read"))  # fmt: skip
    caller_ids.verify(conn, who.account_id, CALLER, "bench", now())
    sip_accounts.create(
        conn, vault, settings.realm, account_id=who.account_id, username=PHONE, secret=SECRET,
        caller_id=CALLER, dial_mode="live", now=now(),
    )  # fmt: skip
    return who


async def stocked(settings: Settings) -> Customer:
    """A new database with that customer."""
    upgrade(settings.db_url)
    database = await open_database(settings.db_url)
    try:
        return await database.write(stock, Vault(load(settings).master_key), settings)
    finally:
        await database.close()


@contextmanager
def platform(folder: Path) -> Iterator[Platform]:
    """All but our process running, the phone registered."""
    settings = pbx_settings(folder / "var", **LIMITS)
    with ExitStack() as stack:
        pbx = start_pbx(settings)
        stack.callback(stop_pbx, pbx)
        customer = asyncio.run(stocked(settings))
        here = Platform(pbx, customer)
        trunk_port, port = int(settings.trunk_host.rpartition(":")[2]), free_port()
        stack.enter_context(sipp(carrier(), trunk_port, folder))
        with here.serving(), pbx.phone(PHONE, SECRET, local_port=port) as phone:
            eventually(lambda: phone.register() == 200, what="a registered phone")
        stack.enter_context(sipp(answering(0), port, folder))
        yield here


def figures(pairs: Sequence[tuple[float, float]]) -> list[Figure]:
    """Medians of the rounds, and of the ratio in each."""
    middle = statistics.median
    return [
        Figure("calls/s, in those of bare Originate", middle([a / b for a, b in pairs]), "",
               floor=RATIO_MIN),
        Figure("calls placed, answered and settled", middle([a for a, _ in pairs]), "/s",
               "bare Originate", middle([b for _, b in pairs])),
    ]  # fmt: skip


def run(rounds: int = ROUNDS, count: int = CALLS) -> Report:
    """On SQLite, with all workers; the first round warms up and is left out."""
    with tempfile.TemporaryDirectory() as folder, platform(Path(folder)) as here:
        pairs = []
        for tag in range(rounds + 1):
            with here.serving():
                ours = here.ours(count)
            pairs.append((ours, here.bare(count, tag)))
        done = here.completed()
        assert done == count * (rounds + 1), f"{done} of {count * (rounds + 1)} calls completed"
    return Report("calls", "Calls through the API, beside bare Originate", figures(pairs[1:]))
