"""One transceiver bind: submissions go out through a window, receipts come in to the sink."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import Outcome, ProviderError, ReceiptSink, Submitted
from telephony.sms.providers.smpp_inbox import Inbox
from telephony.sms.providers.smpp_link import Link
from telephony.sms.providers.smpp_options import SmppOptions
from telephony.sms.providers.smpp_pdu import Pdu, PduError
from telephony.sms.providers.smpp_receipts import is_receipt, normalized, receipt_of
from telephony.sms.providers.smpp_status import ESME_ROK, ESME_RX_R_APPN, error_of
from telephony.sms.providers.smpp_window import Window

UNBIND_SECONDS = 1.0


class Session(Link):
    """`bound` completes once the SMSC takes the bind, or raises ProviderError."""

    def __init__(
        self, config: SmppOptions, provider: str, sink: ReceiptSink, counts: Counter[str]
    ) -> None:
        super().__init__(config.enquire_link_seconds, config.response_seconds, counts)
        self.bound: asyncio.Future[None] = self.loop.create_future()
        self.window = Window(config.window, self.next_sequence)
        self._config = config
        self._provider = provider
        self._inbox = Inbox(sink, self._answer_receipts)
        self._bound = False
        self._writable = True
        self._draining = False
        self.handlers |= {
            wire.BIND_TRANSCEIVER | wire.RESPONSE: self._on_bind_resp,
            wire.SUBMIT_SM | wire.RESPONSE: self._on_submit_sm_resp,
            wire.DELIVER_SM: self._on_deliver_sm,
        }

    @property
    def up(self) -> bool:
        """True while submissions are written."""
        return self._bound and not self._draining and not self.closed.done()

    async def submit(self, bodies: Sequence[bytes | ProviderError]) -> list[Outcome]:
        """Send bodies of submit_sm through the window; outcomes come in the same order."""
        batch = self.window.push(bodies)
        if self.up:
            self._fill_window()
            self.flush()
        else:
            self.window.fail_waiting(_link_down(self.reason))
        return await batch.done

    async def close(self) -> None:
        """Wait for open responses and receipts, unbind, close; bounded by `drain_seconds`."""
        self._draining = True
        self.reason = "stopped"
        self.window.fail_waiting(_link_down(self.reason))
        deadline = self.loop.time() + self._config.drain_seconds
        if not self.closed.done():
            open_batches = self.window.open_batches()
            if open_batches:
                await asyncio.wait([*open_batches], timeout=self._config.drain_seconds)
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
        self._fill_window()
        self.flush()

    # ── hooks of the link ─────────────────────────────────────────────────────────────────────

    def on_connected(self) -> None:
        """Bind at once."""
        config = self._config
        password = config.password.get_secret_value()
        body = wire.bind_transceiver_body(config.system_id, password, config.system_type)
        self.request(wire.BIND_TRANSCEIVER, body)

    def on_read(self) -> None:
        """Responses have made room in the window."""
        self._fill_window()

    def on_tick(self, now: float) -> None:
        """Give up the submissions that are without response for too long."""
        late = ProviderError("response_timeout", outcome_unknown=True)
        expired = self.window.expire(now - self._config.response_seconds, late)
        if expired:
            self.counts["response_timeout"] += expired
            self._fill_window()
            self.flush()

    def on_nack(self, pdu: Pdu) -> None:
        """A submit_sm that the SMSC could not read was not taken."""
        self.window.settle(pdu.sequence, error_of(pdu.status))

    def on_lost(self) -> None:
        """What was written is unknown from here on, what waited was never sent."""
        self._inbox.close()
        if not self.bound.done():
            self.bound.set_exception(_link_down(self.reason))
        self.window.fail_waiting(_link_down(self.reason))
        self.window.fail_written(ProviderError("link_lost", self.reason, outcome_unknown=True))

    # ── PDUs ──────────────────────────────────────────────────────────────────────────────────

    def _fill_window(self) -> None:
        if self._writable and self.up:
            for pdu in self.window.take(self.loop.time()):
                self.queue(pdu)

    def _on_bind_resp(self, pdu: Pdu) -> None:
        if self.bound.done():
            return
        if pdu.status == ESME_ROK:
            self._bound = True
            self.bound.set_result(None)
            return
        error = error_of(pdu.status)
        self.bound.set_exception(error)
        self.end(f"bind refused: {error}")

    def _on_submit_sm_resp(self, pdu: Pdu) -> None:
        if not self.window.settle(pdu.sequence, self._outcome(pdu)):
            self.counts["late_response"] += 1

    def _outcome(self, pdu: Pdu) -> Outcome:
        if pdu.status != ESME_ROK:
            return error_of(pdu.status)
        try:
            message_id = wire.decode_message_id(pdu.body)
        except PduError:
            self.counts["bad_pdu"] += 1
            # It was taken, but no receipt can ever name it.
            return ProviderError("no_message_id", outcome_unknown=True)
        return Submitted(normalized(message_id, self._config.response_id_base))

    def _on_deliver_sm(self, pdu: Pdu) -> None:
        message = wire.decode_deliver_sm(pdu.body)
        if not is_receipt(message):
            # Nothing here stores inbound messages, and a temporary error would have it repeated.
            self.counts["inbound_refused"] += 1
            self.answer(pdu, ESME_RX_R_APPN, b"\0")
            return
        receipt = receipt_of(message, self._provider, self._config.receipt_id_base)
        self._inbox.put(pdu.sequence, receipt)
        if self._inbox.full:
            self.read_on(False)

    def _answer_receipts(self, sequences: Sequence[int], status: int) -> None:
        command_id = wire.DELIVER_SM | wire.RESPONSE
        for sequence in sequences:
            self.queue(wire.encode(command_id, sequence, b"\0", status))
        self.flush()
        self.read_on(not self._inbox.full)


def _link_down(reason: str) -> ProviderError:
    return ProviderError("link_down", reason, retryable=True)
