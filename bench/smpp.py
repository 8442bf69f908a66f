"""SMS through a third party's SMSC: how many a second, and what one costs the processor."""

import asyncio
import socket
import statistics
import struct
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import contextmanager
from typing import NamedTuple, cast

import uvloop

from bench.report import Figure, Report
from telephony.sms.alphabets import Encoding
from telephony.sms.providers.base import Report as Told
from telephony.sms.providers.base import Submission, Submitted
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_options import SmppOptions
from tests.fixtures_smsc import Smsc, running_smsc

MESSAGES = 20_000
BATCH = 100
BATCHES_AT_ONCE = 4
WINDOW = 200
ROUNDS = 7
MICROSECONDS_MAX = 30  # 10,000 messages a second at 30 % of a core
TEXT = "Your code is 123456. It is valid for ten minutes."


class Run(NamedTuple):
    """Microseconds of the processor for one message with its receipt, and messages per second."""

    spent: float
    rate: float


def submissions(start: int) -> list[Submission]:
    """One batch, each to a number of its own."""
    return [
        Submission(
            message_id=f"msg_{number}", part=1, parts=1, sender="ACME",
            recipient=f"+1555{number:07d}", text=TEXT, encoding=Encoding.GSM7, reference=7,
            attempt=1, validity_seconds=86_400,
        )
        for number in range(start, start + BATCH)
    ]  # fmt: skip


class Receipts:
    """Counts what comes; `done` completes with the last."""

    def __init__(self) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._missing = MESSAGES

    async def __call__(self, reports: Sequence[Told]) -> None:
        self.take(len(reports))

    def take(self, count: int) -> None:
        """So many more."""
        self._missing -= count
        if not self._missing:
            self.done.set_result(None)


async def by_provider(smsc: Smsc) -> Run:
    """The platform's provider, as the dispatcher uses it."""
    options = SmppOptions(host=smsc.host, port=smsc.port, system_id="bench", window=WINDOW)
    provider, receipts = SmppProvider(options), Receipts()
    batches = [submissions(start) for start in range(0, MESSAGES, BATCH)]
    await provider.start(receipts)
    await provider.room()  # the bind stands

    async def work() -> None:
        while batches:
            for outcome in await provider.submit(batches.pop()):
                assert isinstance(outcome, Submitted), outcome

    async def all_of_it() -> None:
        await asyncio.gather(*(work() for _ in range(BATCHES_AT_ONCE)), receipts.done)

    run = await timed(all_of_it)
    await provider.stop()
    return run


class Bare(asyncio.Protocol):
    """The least that any client on asyncio must do: cut the stream, answer, keep the window full.

    It encodes no text, reads no receipt, and hands nothing to anybody.
    """

    def __init__(self, pdu: bytes, receipts: Receipts) -> None:
        self._pdu = pdu
        self._receipts = receipts
        self._rest = b""
        self._sequence = 1
        self.left = MESSAGES

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.transport = cast(asyncio.Transport, transport)

    def write(self, count: int) -> list[bytes]:
        """So many submit_sm."""
        count = min(count, self.left)
        self.left -= count
        head, body = self._pdu[:12], self._pdu[16:]
        first = self._sequence + 1
        self._sequence += count
        return [head + n.to_bytes(4) + body for n in range(first, first + count)]

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, free, answers = 0, 0, []
        while len(data) - at >= 16:
            length, command, _, sequence = struct.unpack_from(">IIII", data, at)
            if len(data) - at < length:
                break
            if command == 5:
                answers.append(struct.pack(">IIIIB", 17, 0x80000005, 0, sequence, 0))
            elif command in (0x80000004, 0x80000009):
                free += WINDOW if command == 0x80000009 else 1
            at += length
        self._rest = data[at:]
        self.transport.write(b"".join(answers + self.write(free)))
        if answers:
            self._receipts.take(len(answers))


async def by_bare_session(smsc: Smsc) -> Run:
    """The baseline."""
    body = (
        b"\0\x05\0ACME\0\x01\x0115550000000\0\0\0\0\0" + b"000001000000000R\0" + b"\1\0\0\0"
        + bytes((len(TEXT),)) + TEXT.encode()
    )  # fmt: skip
    pdu = struct.pack(">IIII", 16 + len(body), 4, 0, 0) + body
    receipts, loop = Receipts(), asyncio.get_running_loop()

    async def all_of_it() -> None:
        transport, _ = await loop.create_connection(
            lambda: Bare(pdu, receipts), smsc.host, smsc.port
        )
        bind = b"bench\0\0\0\x34\0\0\0"
        transport.write(struct.pack(">IIII", 16 + len(bind), 9, 0, 1) + bind)
        await receipts.done
        transport.close()

    return await timed(all_of_it)


async def timed(work: Callable[[], Awaitable[None]]) -> Run:
    """Of this process alone: the SMSC is another."""
    spent, began = time.process_time(), time.perf_counter()
    await work()
    spent, passed = time.process_time() - spent, time.perf_counter() - began
    return Run(spent / MESSAGES * 1e6, MESSAGES / passed)


def run() -> Report:
    """Both take turns with one SMSC. The least time of the processor counts, as others' work on
    the machine only adds to it (to the caches that it takes away), and the highest rate."""
    ours: list[Run] = []
    bare: list[Run] = []
    with contextmanager(running_smsc)() as smsc:
        smsc.knobs(record=False)
        for _ in range(ROUNDS):
            ours.append(uvloop.run(by_provider(smsc)))
            bare.append(uvloop.run(by_bare_session(smsc)))
    name = "bare asyncio session"
    return Report("smpp", "SMS through the SMSC of npm, each with its receipt", [
        Figure("message, processor of the client", min(run.spent for run in ours), "µs",
               name, min(run.spent for run in bare), MICROSECONDS_MAX),
        Figure("message in the median round", statistics.median(run.spent for run in ours), "µs",
               name, statistics.median(run.spent for run in bare)),
        Figure("messages per second, clock", max(run.rate for run in ours), "/s",
               name, max(run.rate for run in bare)),
    ])  # fmt: skip
