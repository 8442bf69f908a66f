"""What one bind brings, on its way to the sink: batched, and answered only once stored."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from telephony.sms.providers.base import Report, Sink
from telephony.sms.providers.smpp_status import ESME_ROK, ESME_RX_T_APPN

log = logging.getLogger(__name__)

REPORTS_PER_SINK_MAX = 256
REPORTS_HELD_MAX = 2_000
GATHER_SECONDS = 0.002  # for larger batches: a commit for each receipt costs more than that
SINK_PAUSE_SECONDS = 0.2  # after a failure, before the SMSC is asked to repeat

Answer = Callable[[Sequence[int], int], None]  # (sequence numbers of deliver_sm, command_status)


class Inbox:
    """One task per bind; it outlives the link until all it holds is stored."""

    def __init__(self, sink: Sink, answer: Answer) -> None:
        self._sink = sink
        self._answer = answer
        self._held: list[tuple[int | None, Report]] = []
        self._arrived = asyncio.Event()
        self._closed = False
        self._batch_max = REPORTS_PER_SINK_MAX
        self._task: asyncio.Task[None] | None = None

    @property
    def full(self) -> bool:
        """True where the peer should be read no further for now."""
        return len(self._held) >= REPORTS_HELD_MAX

    def start(self) -> None:
        """From here on `close` is needed."""
        self._task = asyncio.create_task(self._run(), name="smpp-inbox")

    def put(self, sequence: int | None, report: Report) -> None:
        """Hold it until the sink has taken it; without a sequence it needs no answer."""
        self._held.append((sequence, report))
        self._arrived.set()

    def close(self) -> None:
        """No more will come; what is held is still stored."""
        self._closed = True
        self._arrived.set()

    async def join(self, seconds: float) -> None:
        """Wait after `close` until all is stored, at most that long; more than one may wait."""
        if self._task is None:
            return
        await asyncio.wait([self._task], timeout=seconds)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        while self._held or not self._closed:
            await self._arrived.wait()
            await asyncio.sleep(GATHER_SECONDS)
            self._arrived.clear()
            while self._held:
                await self._pass_on(self._held[: self._batch_max])

    async def _pass_on(self, batch: list[tuple[int | None, Report]]) -> None:
        status = ESME_ROK
        try:
            await self._sink([report for _, report in batch])
            self._batch_max = min(self._batch_max * 2, REPORTS_PER_SINK_MAX)
        except Exception:
            log.exception("%d reports not stored, asking the SMSC to repeat them", len(batch))
            status = ESME_RX_T_APPN
            # One that can never be stored must not keep all the others back.
            self._batch_max = max(1, len(batch) // 2)
            await asyncio.sleep(SINK_PAUSE_SECONDS)
        del self._held[: len(batch)]
        self._answer([sequence for sequence, _ in batch if sequence is not None], status)
