"""One bind: submissions go out through a window, receipts and messages come in to the sink."""

import asyncio
from collections.abc import Sequence
from enum import Enum

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import (
    Outcome,
    ProviderError,
    Receipt,
    ReceiptState,
    Sink,
    Submission,
    Submitted,
    reference_of,
)
from telephony.sms.providers.smpp_inbound import inbound_of
from telephony.sms.providers.smpp_inbox import Inbox
from telephony.sms.providers.smpp_link import Link
from telephony.sms.providers.smpp_options import SmppOptions
from telephony.sms.providers.smpp_outbox import Outbox
from telephony.sms.providers.smpp_pdu import Pdu
from telephony.sms.providers.smpp_receipts import is_receipt, normalized, receipt_of
from telephony.sms.providers.smpp_status import ESME_ROK, error_of
from telephony.sms.providers.smpp_window import Window

UNBIND_SECONDS = 1.0
_VERSIONS = {"3.4": 0x34, "5.0": 0x50}


class Direction(Enum):
    """Of a bind, by its command_id."""

    BOTH = wire.BIND_TRANSCEIVER
    OUT = wire.BIND_TRANSMITTER
    IN = wire.BIND_RECEIVER


class Session(Link):
    """`bound` completes once the SMSC takes the bind, or raises ProviderError."""

    def __init__(
        self, options: SmppOptions, direction: Direction, outbox: Outbox, provider: str, sink: Sink
    ) -> None:
        super().__init__(options.enquire_link_seconds, options.response_seconds, outbox.counts)
        self.bound: asyncio.Future[None] = self.loop.create_future()
        self.window = Window(options.window, self.next_sequence)
        self._options = options
        self._direction = direction
        self._outbox = outbox
        self._provider = provider
        self._inbox = Inbox(sink, self._answer_reports)
        self._bound = False
        self._writable = True
        self._draining = False
        self.handlers |= {
            direction.value | wire.RESPONSE: self._on_bind_resp,
            wire.SUBMIT_SM | wire.RESPONSE: self._on_submit_sm_resp,
            wire.DELIVER_SM: self._on_deliver_sm,
        }

    @property
    def up(self) -> bool:
        """True while the bind stands."""
        return self._bound and not self._draining and not self.closed.done()

    @property
    def free(self) -> int:
        """How many submissions it would write now."""
        return self.window.free if self._writable and self.up else 0

    def fill(self) -> None:
        """Write what waits and fits."""
        self._fill()
        self.flush()

    async def close(self) -> None:
        """Wait for open responses and reports, unbind, close; bounded by `drain_seconds`."""
        self._draining = True
        self.reason = "stopped"
        self._leave()
        deadline = self.loop.time() + self._options.drain_seconds
        if not self.closed.done():
            open_batches = self.window.open_batches()
            if open_batches:
                await asyncio.wait(open_batches, timeout=self._options.drain_seconds)
            self.request(wire.UNBIND)
            await asyncio.wait([self.closed], timeout=UNBIND_SECONDS)
        self.end(self.reason)
        self._inbox.close()
        await self._inbox.join(max(deadline - self.loop.time(), UNBIND_SECONDS))

    def pause_writing(self) -> None:
        """Keep submissions back; answers still go out."""
        self._writable = False

    def resume_writing(self) -> None:
        """Go on with the submissions."""
        self._writable = True
        self.fill()

    # ── hooks of the link ─────────────────────────────────────────────────────────────────────

    def on_connected(self) -> None:
        """Bind at once."""
        self._inbox.start()
        options = self._options
        body = wire.bind_body(
            options.system_id, options.password.get_secret_value(), options.system_type,
            _VERSIONS[options.interface_version], options.address_range,
        )  # fmt: skip
        self.request(self._direction.value, body)

    def on_read(self) -> None:
        """Responses have made room in the window."""
        self._fill()

    def on_tick(self, now: float) -> None:
        """Give up the submissions that are without response for too long."""
        late = ProviderError("response_timeout", outcome_unknown=True)
        expired = self.window.expire(now - self._options.response_seconds, late)
        self.counts["response_timeout"] += expired
        self._outbox.expire()
        self.fill()

    def on_nack(self, pdu: Pdu) -> None:
        """A submit_sm that the SMSC could not read was not taken."""
        error = error_of(pdu.status, self._options.errors)
        if self.bound.done():
            self._settle(pdu, error)
        else:
            self._refused(error)

    def on_lost(self) -> None:
        """What was written is unknown from here on; what waits is for the other binds."""
        self._inbox.close()
        self._leave()
        if not self.bound.done():
            self.bound.set_exception(link_down(self.reason))
        self.window.fail(ProviderError("link_lost", self.reason, outcome_unknown=True))

    # ── PDUs ──────────────────────────────────────────────────────────────────────────────────

    def _fill(self) -> None:
        if self._direction is not Direction.IN and self.up:
            entries = self._outbox.take(self.free)
            if entries:
                for pdu in self.window.write(entries, self.loop.time()):
                    self.queue(pdu)
            self._outbox.freed()

    def _leave(self) -> None:
        """The last bind to go has what waits given back."""
        if self in self._outbox.takers:
            self._outbox.takers.remove(self)
            if not self._outbox.takers:
                self._outbox.fail(link_down(self.reason))

    def _on_bind_resp(self, pdu: Pdu) -> None:
        if self.bound.done():
            return
        if pdu.status != ESME_ROK:
            self._refused(error_of(pdu.status, self._options.errors))
            return
        self._bound = True
        self.bound.set_result(None)
        if self._direction is not Direction.IN:
            self._outbox.takers.append(self)
        self.on_read()

    def _refused(self, error: ProviderError) -> None:
        self.bound.set_exception(error)
        self.end(f"bind refused: {error}")

    def _on_submit_sm_resp(self, pdu: Pdu) -> None:
        if pdu.status != ESME_ROK:
            self._settle(pdu, error_of(pdu.status, self._options.errors))
            return
        message_id = wire.decode_message_id(pdu.body)
        if message_id:
            message_id = normalized(message_id, self._options.response_id_base)
        else:
            self.counts["no_message_id"] += 1
        self._settle(pdu, Submitted(message_id))

    def _settle(self, pdu: Pdu, outcome: Outcome) -> None:
        written = self.window.settle(pdu.sequence, outcome)
        if written is None:
            self._settle_late(pdu.sequence, outcome)
        else:
            self._outbox.settled(outcome, self.now - written)

    def _settle_late(self, sequence: int, outcome: Outcome) -> None:
        """Its submitter was told that nobody knows; what is known now goes the way of receipts."""
        self.counts["late_response"] += 1
        entry = self.window.take_late(sequence)
        if entry is None or not isinstance(outcome, Submitted) or not outcome.provider_message_id:
            return
        for part in range(entry.first.part, entry.first.part + entry.parts):
            self._inbox.put(None, self._late_receipt(entry.first, part, outcome))

    def _late_receipt(self, first: Submission, part: int, outcome: Submitted) -> Receipt:
        return Receipt(
            provider=self._provider,
            provider_message_id=outcome.provider_message_id,
            state=ReceiptState.ENROUTE,
            recipient=first.recipient,
            raw="submit_sm_resp after its deadline",
            reference=reference_of(first.message_id, part),
        )

    def _on_deliver_sm(self, pdu: Pdu) -> None:
        message = wire.decode_deliver_sm(pdu.body)
        if is_receipt(message):
            self.counts["receipts"] += 1
            self._inbox.put(pdu.sequence, receipt_of(message, self._provider, self._options))
        else:
            self.counts["inbound"] += 1
            self._inbox.put(pdu.sequence, inbound_of(message, self._provider))
        if self._inbox.full:
            self.read_on(False)

    def _answer_reports(self, sequences: Sequence[int], status: int) -> None:
        command_id = wire.DELIVER_SM | wire.RESPONSE
        for sequence in sequences:
            self.queue(wire.encode(command_id, sequence, b"\0", status))
        self.flush()
        self.read_on(not self._inbox.full)


def link_down(reason: str) -> ProviderError:
    """Nothing was sent."""
    return ProviderError("link_down", reason, retryable=True)
