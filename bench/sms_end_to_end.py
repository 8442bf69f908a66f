"""A message through all its legs: accepted over HTTP, submitted to the SMSC of npm, its receipt,
a signed webhook at a sink. Beside it Kannel under the same load, with its unsigned callbacks."""

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import kannel
from bench.accept import FUNDS, LIMITS
from bench.load import Load, load
from bench.report import Figure, Report
from bench.server import open_shop
from bench.webhooks import Sink, running_sink
from db.connection import Conn
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms import routes
from telephony.sms.providers import configured
from tests.factories import Customer, add_customer
from tests.fixtures_smsc import Smsc, running_smsc

CONNECTIONS = 50
OFFERED_PER_SECOND, CALM_PER_SECOND = 2_000, 500
SECONDS, CALM_SECONDS, WARM_SECONDS = 30, 10, 3
SETTLE_SECONDS = 120
ACCEPT_P99_MS_MAX = 40
BIND_SECONDS = 2.0


def stocked(smsc: Smsc, secret: str) -> Callable[[Conn, Vault, Settings], Customer]:
    """A live customer, and a route to the SMSC."""

    def stock(conn: Conn, vault: Vault, settings: Settings) -> Customer:
        options = (
            f'{{"host": "{smsc.host}", "port": {smsc.port}, "system_id": "bench",'
            f' "window": {kannel.WINDOW}}}'
        )
        configured.add(conn, vault, settings, "smsc", "smpp", options, now())
        routes.add(conn, provider="smsc", mode="live", account_id="", sender="", prefix="1555",
                   priority=0, weight=1)  # fmt: skip
        return add_customer(
            conn, funds=FUNDS, sip_funds=0, mode="live", scopes=("sms:send",), name="Bench",
            webhook_secret_sealed=vault.seal(secret),
        )  # fmt: skip

    return stock


Send = Callable[[str, int, int], Load]
"""Puts load on for some seconds, at a pause in milliseconds; `tag` names the run."""


@dataclass(frozen=True)
class Run:
    """What was accepted, how many were through while the load lasted, and how many in the end."""

    load: Load
    per_second: float
    through: int


def pause_ms(per_second: int) -> int:
    """Between two requests of each connection."""
    return CONNECTIONS * 1000 // per_second


def measure(send: Send, sink: Sink, tag: str, per_second: int, seconds: int) -> Run:
    """One run, until everything that was accepted has come, or no more comes."""
    before, began = len(sink.seen().delivered), time.time_ns() // 1000
    done = send(tag, seconds, pause_ms(per_second))
    ended = time.time_ns() // 1000
    until = time.monotonic() + SETTLE_SECONDS
    came = 0
    while came < done.requests and time.monotonic() < until:
        time.sleep(1)
        came, last = len(sink.seen().delivered) - before, came
        if came == last:
            break
    arrived = [at for at in sink.seen().delivered.values() if began <= at <= ended]
    return Run(done, len(arrived) / ((ended - began) / 1e6), came)


@contextmanager
def ours(smsc: Smsc, sink: Sink, folder: Path) -> Iterator[Send]:
    """The platform, API and workers in one process."""
    shop = asyncio.run(open_shop(folder, stocked(smsc, sink.secret), **LIMITS))
    with shop.serving() as pid:
        time.sleep(BIND_SECONDS)

        def send(tag: str, seconds: int, pause: int) -> Load:
            return load(
                f"{shop.url}/sms/send", shop.customer.key, pid=pid, tag=tag, seconds=seconds,
                connections=CONNECTIONS, pause_ms=pause, callback=sink.url,
            )  # fmt: skip

        yield send


@contextmanager
def theirs(smsc: Smsc, sink: Sink, folder: Path) -> Iterator[Send]:
    """Kannel."""
    with kannel.running(folder, smsc.port) as running:
        time.sleep(BIND_SECONDS)

        def send(tag: str, seconds: int, pause: int) -> Load:
            return running.load(
                tag=tag, connections=CONNECTIONS, seconds=seconds, pause_ms=pause,
                callback=sink.url,
            )  # fmt: skip

        yield send


def series(send: Send, sink: Sink, seconds: int, calm_seconds: int) -> tuple[Run, Run]:
    """The full load and the calm one, after a warm-up."""
    measure(send, sink, "warm", CALM_PER_SECOND, WARM_SECONDS)
    full = measure(send, sink, "full", OFFERED_PER_SECOND, seconds)
    return full, measure(send, sink, "calm", CALM_PER_SECOND, calm_seconds)


def run(
    seconds: int = SECONDS, calm_seconds: int = CALM_SECONDS, beside: bool = True
) -> Report:  # fmt: skip
    """Kannel first, then the platform, each with an SMSC and a sink of its own."""
    found: list[tuple[Run, Run]] = []
    for which in ([theirs] if beside and kannel.there() else []) + [ours]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            smsc = stack.enter_context(contextmanager(running_smsc)())
            smsc.knobs(record=False)
            sink = stack.enter_context(running_sink())
            send = stack.enter_context(which(smsc, sink, folder))
            found.append(series(send, sink, seconds, calm_seconds))
    return Report("sms_end_to_end", "SMS from request to signed webhook", figures(found))


def figures(found: list[tuple[Run, Run]]) -> list[Figure]:
    """The last is the platform's; the one before it Kannel's, if it ran."""
    full, calm = found[-1]
    beside = found[0] if len(found) > 1 else None
    name = "Kannel" if beside else ""
    their = (lambda pick: pick(*beside)) if beside else (lambda pick: None)
    return [
        Figure(f"through all legs, {OFFERED_PER_SECOND:,}/s offered", full.per_second, "/s", name,
               their(lambda full, calm: full.per_second),
               floor=round(beside[0].per_second) if beside else None),
        Figure(f"accepted, {OFFERED_PER_SECOND:,}/s offered", full.load.rate, "/s", name,
               their(lambda full, calm: full.load.rate)),
        Figure(f"p99 of the acceptance, {CALM_PER_SECOND}/s offered", calm.load.p99_ms, "ms", name,
               their(lambda full, calm: calm.load.p99_ms), limit=ACCEPT_P99_MS_MAX),
        Figure("accepted, and never told", full.load.requests - full.through, "", name,
               their(lambda full, calm: float(full.load.requests - full.through))),
        Figure("processor for each", full.load.spent, "µs"),
    ]  # fmt: skip
