"""One SMPP link below the bind: frames, bad PDUs, enquire_link both ways, unbind, the end.

There is no task per PDU: one timer looks after all deadlines, and all that is to be written after
one read goes out in one write.
"""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import cast

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.smpp_pdu import FramingError, Pdu, PduError
from telephony.sms.providers.smpp_status import ESME_RINVCMDID, ESME_RINVMSGLEN, ESME_ROK

GATHER_SECONDS = 0.001

log = logging.getLogger(__name__)


class Link(asyncio.Protocol):
    """`closed` completes with the reason of the end; subclasses add handlers by command_id."""

    def __init__(
        self, enquire_link_seconds: float, response_seconds: float, counts: Counter[str]
    ) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self.loop.create_future()
        self.counts = counts
        self.handlers: dict[int, Callable[[Pdu], None]] = {
            wire.ENQUIRE_LINK: self._on_enquire_link,
            wire.ENQUIRE_LINK | wire.RESPONSE: self._on_enquire_link_resp,
            wire.UNBIND: self._on_unbind,
            wire.UNBIND | wire.RESPONSE: self._on_unbind_resp,
            wire.GENERIC_NACK: self._on_generic_nack,
            wire.ALERT_NOTIFICATION: lambda pdu: None,  # has no response
        }
        self.reason = "closed by the SMSC"
        self._enquire_link_seconds = enquire_link_seconds
        self._response_seconds = response_seconds
        self._framer = wire.Framer()
        self._transport: asyncio.Transport | None = None
        self._reading = True
        self._out: list[bytes] = []
        self._sequence = 0
        self.now = self.loop.time()  # of the read that is being handled
        self._enquire_at = self.loop.time() + enquire_link_seconds
        self._enquired_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    # ── what a subclass adds ──────────────────────────────────────────────────────────────────

    def on_connected(self) -> None:
        """The socket is there."""

    def on_read(self) -> None:
        """All PDUs of one read have been handled."""

    def on_tick(self, now: float) -> None:
        """A quarter of the shortest deadline has passed; `now` is the loop's time."""

    def on_nack(self, pdu: Pdu) -> None:
        """The SMSC could not read the request of that sequence number."""

    def on_lost(self) -> None:
        """Nothing more will be read or written; `reason` says why."""

    # ── writing ───────────────────────────────────────────────────────────────────────────────

    def next_sequence(self) -> int:
        """1 … 0x7FFFFFFF and round again."""
        self._sequence = self._sequence % wire.SEQUENCE_MAX + 1
        return self._sequence

    def queue(self, pdu: bytes) -> None:
        """Write it with the next `flush`, which follows every read by itself."""
        self._out.append(pdu)

    def answer(self, pdu: Pdu, status: int = ESME_ROK, body: bytes = b"") -> None:
        """Queue the response to a request."""
        self.queue(wire.encode(pdu.command_id | wire.RESPONSE, pdu.sequence, body, status))

    def request(self, command_id: int, body: bytes = b"") -> None:
        """Write a request at once."""
        self.queue(wire.encode(command_id, self.next_sequence(), body))
        self.flush()

    def flush(self) -> None:
        """Write all that is queued; dropped where the link is ending."""
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def read_on(self, wanted: bool) -> None:
        """Stop or go on reading, which in time stops the SMSC from sending."""
        if wanted == self._reading or self._transport is None or self._transport.is_closing():
            return
        self._reading = wanted
        if wanted:
            self._transport.resume_reading()
            if self._enquired_at is not None:
                self._enquired_at = self.loop.time()
        else:
            self._transport.pause_reading()

    def end(self, reason: str) -> None:
        """Close after what is written has gone out."""
        self.reason = reason
        if self._transport is not None:
            self._transport.close()

    def abort(self, reason: str) -> None:
        """Close without waiting for a peer that may be gone."""
        log.warning("SMPP link ended: %s", reason)
        self.reason = reason
        if self._transport is not None:
            self._transport.abort()

    # ── asyncio.Protocol ──────────────────────────────────────────────────────────────────────

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the timer."""
        self._transport = cast(asyncio.Transport, transport)
        # Nagle with the peer's delayed ACK would cost 40 ms on every turn of the window.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tick()
        self.on_connected()

    def data_received(self, data: bytes) -> None:
        """Handle every PDU that is complete, then write all that they led to."""
        self.now = self.loop.time()
        count = 0
        try:
            for pdu in self._framer.feed(data):
                self._receive(pdu)
                count += 1
        except FramingError as error:
            self.counts["framing_lost"] += 1
            self.abort(f"framing lost: {error}")
        self.on_read()
        self.flush()
        if count > 1:
            self._gather()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the subclass first, so that `closed` means that all is settled."""
        if exc is not None:
            self.reason = f"link lost: {exc}"
        if self._timer is not None:
            self._timer.cancel()
        self.on_lost()
        self.closed.set_result(self.reason)

    def _gather(self) -> None:
        """On a busy link many PDUs in one read cost the processor far less than many reads."""
        if self._reading and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
            self.loop.call_later(GATHER_SECONDS, self._read_again)

    def _read_again(self) -> None:
        if self._reading and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # ── PDUs ──────────────────────────────────────────────────────────────────────────────────

    def _receive(self, pdu: Pdu) -> None:
        handler = self.handlers.get(pdu.command_id)
        if handler is None:
            self._refuse(pdu, ESME_RINVCMDID, f"unknown command_id 0x{pdu.command_id:08X}")
            return
        try:
            handler(pdu)
        except PduError as error:
            self._refuse(pdu, ESME_RINVMSGLEN, str(error))

    def _refuse(self, pdu: Pdu, status: int, why: str) -> None:
        self.counts["bad_pdu"] += 1
        log.warning("bad PDU from the SMSC: %s", why)
        if not pdu.command_id & wire.RESPONSE:  # a response is never answered
            self.queue(wire.encode(wire.GENERIC_NACK, pdu.sequence, status=status))

    def _on_enquire_link(self, pdu: Pdu) -> None:
        self.answer(pdu)

    def _on_enquire_link_resp(self, pdu: Pdu) -> None:
        self._enquired_at = None

    def _on_unbind(self, pdu: Pdu) -> None:
        self.answer(pdu)
        self.flush()
        self.end("unbound by the SMSC")

    def _on_unbind_resp(self, pdu: Pdu) -> None:
        self.end(self.reason)

    def _on_generic_nack(self, pdu: Pdu) -> None:
        self.counts["generic_nack"] += 1
        self._enquired_at = None  # whatever it could not read, the SMSC is alive
        self.on_nack(pdu)

    def _tick(self) -> None:
        now = self.loop.time()
        seconds = min(self._response_seconds, self._enquire_link_seconds) / 4
        self._timer = self.loop.call_later(seconds, self._tick)
        if not self._reading:
            return  # the answers may well be there, unread
        self.on_tick(now)
        if self._enquired_at is not None:
            if now - self._enquired_at > self._response_seconds:
                self.abort("enquire_link not answered")
        elif now >= self._enquire_at:
            self._enquired_at = now
            self._enquire_at = now + self._enquire_link_seconds
            self.request(wire.ENQUIRE_LINK)
