"""The provider `smpp`: one transceiver bind to an SMSC, kept up for as long as it is started."""

import asyncio
import contextlib
import logging
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import ClassVar, Self

from pydantic import BaseModel

from telephony.settings import Settings
from telephony.sms.alphabets import Encoding, encode
from telephony.sms.providers.base import (
    ROOM_ENOUGH,
    Capabilities,
    Health,
    Outcome,
    ProviderError,
    ReceiptSink,
    Submission,
)
from telephony.sms.providers.smpp_options import SmppOptions, UnknownOutcome
from telephony.sms.providers.smpp_pdu import (
    ESM_CLASS_UDHI,
    Address,
    PduError,
    SubmitSm,
    submit_sm_body,
)
from telephony.sms.providers.smpp_session import Session

log = logging.getLogger(__name__)

SHORT_CODE_DIGITS_MAX = 8
VALIDITY_SECONDS_MAX = 30 * 24 * 3600  # a relative time counts days within a month
_DATA_CODING = {Encoding.GSM7: 0, Encoding.UCS2: 8}


class SmppProvider:
    """Connects, binds, and does both again with growing pauses whenever the link ends."""

    options: ClassVar[type[BaseModel]] = SmppOptions
    capabilities = Capabilities()

    def __init__(self, config: SmppOptions, name: str = "smpp") -> None:
        self.name = name
        self.repeatable = config.unknown_outcome is UnknownOutcome.RESEND
        self.counts: Counter[str] = Counter()  # of what went wrong, by kind
        self._config = config
        self._session: Session | None = None
        self._detail = "not started"
        self._stopping = False
        self._keeper: asyncio.Task[None] | None = None

    @classmethod
    def from_options(cls, name: str, options: Mapping[str, object], settings: Settings) -> Self:
        """ValueError with a line for each mistake in the options."""
        return cls(SmppOptions.from_mapping(options), name)

    async def start(self, sink: ReceiptSink) -> None:
        """Begin to connect; `health` tells when the bind stands."""
        self._stopping = False
        self._keeper = asyncio.create_task(self._keep_up(sink), name="smpp-keeper")

    async def resume(self, open_ids: Sequence[str]) -> None:
        """Nothing: the SMSC keeps its receipts until they are answered."""

    async def room(self) -> int:
        """No limit."""
        return ROOM_ENOUGH

    async def submit(self, batch: Sequence[Submission]) -> list[Outcome]:
        """Through the window of the bind; `link_down` (retryable) while there is none."""
        session = self._session
        if session is None:
            return [ProviderError("link_down", self._detail, retryable=True) for _ in batch]
        return await session.submit([_body(submission) for submission in batch])

    async def stop(self) -> None:
        """Drain, unbind, close; bounded by `drain_seconds` and some."""
        session, self._session = self._session, None
        self._stopping, self._detail = True, "stopped"
        if session is not None:
            await session.close()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    def health(self) -> Health:
        """Up while bound; the detail names the peer, or why there is no bind."""
        session, config = self._session, self._config
        if session is None or not session.up:
            return Health(False, self._detail)
        used = f"window {session.window.in_use}/{config.window}"
        return Health(True, f"bound to {config.host}:{config.port}, {used}")

    def figures(self) -> Mapping[str, float]:
        """What went wrong, by kind."""
        return dict(self.counts)

    async def _keep_up(self, sink: ReceiptSink) -> None:
        config, failures = self._config, 0
        while not self._stopping:
            started = asyncio.get_running_loop().time()
            try:
                self._detail = await self._one_link(sink)
            except (OSError, TimeoutError, ProviderError, PduError) as error:
                self._detail = f"no bind to {config.host}:{config.port}: {str(error) or 'timeout'}"
            if self._stopping:
                break
            stood = asyncio.get_running_loop().time() - started
            failures = 0 if stood > config.reconnect_seconds_max else failures + 1
            pause = min(config.reconnect_seconds_min * 2**failures, config.reconnect_seconds_max)
            log.warning("SMPP: %s; next try within %.1f s", self._detail, pause)
            await asyncio.sleep(random.uniform(pause / 2, pause))

    async def _one_link(self, sink: ReceiptSink) -> str:
        """Connect, bind, wait for the end; returns its reason."""
        config, loop = self._config, asyncio.get_running_loop()
        session: Session | None = None
        try:
            async with asyncio.timeout(config.connect_seconds):
                _, session = await loop.create_connection(
                    lambda: Session(config, self.name, sink, self.counts), config.host, config.port
                )
                await session.bound
            self._session = session
            log.info("SMPP: bound to %s:%d", config.host, config.port)
            reason = await asyncio.shield(session.closed)
            await session.close()  # stores the receipts that it still holds
            return reason
        finally:
            self._session = None
            if session is not None:
                session.end(session.reason)


def address_of(number: str) -> Address:
    """TON and NPI by look: E.164 1/1 without its plus, short code 3/0, else alphanumeric 5/0.

    Digits without a plus are a short code up to eight of them, international beyond.
    """
    if number.startswith("+"):
        return Address(1, 1, number[1:])
    if number.isdigit():
        short = len(number) <= SHORT_CODE_DIGITS_MAX
        return Address(3, 0, number) if short else Address(1, 1, number)
    return Address(5, 0, number)


# A bulk sender repeats its sender, and every second is much like the last.
_sender_address = lru_cache(maxsize=1024)(address_of)


def validity_period(seconds: int) -> str:
    """SMPP's relative time (7.1.1), at most 30 days: `000001020304000R` is 1 d 2 h 3 min 4 s."""
    span = timedelta(seconds=max(1, min(seconds, VALIDITY_SECONDS_MAX)))
    minutes, second = divmod(span.seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"0000{span.days:02d}{hour:02d}{minute:02d}{second:02d}000R"


def submit_sm(submission: Submission) -> SubmitSm:
    """The fields of its submit_sm; parts of several carry a UDH with an 8-bit reference."""
    message = encode(submission.text, submission.encoding)
    esm_class = 0
    if submission.parts > 1:
        if not 0 < submission.part <= submission.parts <= 255:
            raise PduError(f"part {submission.part} of {submission.parts}")
        # Length of the header, element 0 (concatenation), its length, then its three octets.
        header = (5, 0, 3, submission.reference & 0xFF, submission.parts, submission.part)
        message = bytes(header) + message
        esm_class = ESM_CLASS_UDHI
    seconds = submission.validity_seconds
    return SubmitSm(
        source=_sender_address(submission.sender),
        destination=address_of(submission.recipient),
        esm_class=esm_class,
        data_coding=_DATA_CODING[submission.encoding],
        short_message=message,
        validity_period="" if seconds is None else validity_period(seconds),
    )


def _body(submission: Submission) -> bytes | ProviderError:
    try:
        return submit_sm_body(submit_sm(submission))
    except PduError as error:
        return ProviderError("not_encodable", str(error))
