"""One TCP connection to Asterisk's manager: panoramisk 1.4 as codec, cured of its faults.

What is cured here, each with a test: a character split across reads, a repeated header, a
message without end, a raising handler, actions that stay registered after their time-out,
list actions that wait for ever on an error, events swallowed by their action, actions sent
again after a reconnect, and a `close` that waits for a peer that no longer reads.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from panoramisk import actions as codec
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from telephony.voice.ami.actions import Action, ListAction
from telephony.voice.ami.errors import AmiNotReady, AmiOutcomeUnknown, AmiRefused, AmiValueError
from telephony.voice.ami.values import Headers, check_line

log = logging.getLogger(__name__)

BLANK_LINE = b"\r\n\r\n"
SINGLE_VALUED = frozenset({"event", "response", "actionid"})

Fields = Mapping[str, str]

# panoramisk has no annotations; these three give its constructors types.
parse: Callable[[str], Message | None] = Message.from_line
new_message: Callable[[Mapping[str, str]], Message] = Message
new_action: Callable[[Headers], codec.Action] = codec.Action


@dataclass
class Counters:
    """What went wrong on a link so far, for its metrics."""

    connects: int = 0
    messages_oversized: int = 0
    messages_unreadable: int = 0
    answers_late: int = 0


class ManagerProtocol(AMIProtocol):
    """Sends typed actions, resolves their answers and hands every event to `on_event`."""

    def __init__(
        self,
        on_event: Callable[[Fields], None],
        id_prefix: str,
        message_bytes_max: int,
        counters: Counters,
    ) -> None:
        self.on_event = on_event
        self.id_prefix = id_prefix
        self.message_bytes_max = message_bytes_max
        self.counters = counters
        self.encoding = "utf-8"
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard_at = 0.0
        self.responses: dict[str, codec.Action] = {}
        self.closed = False
        self._rest = b""
        self._skipping = False
        self._sent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by asyncio once the peer accepted."""
        super().connection_made(transport)  # type: ignore[no-untyped-call]
        self.heard_at = asyncio.get_running_loop().time()

    def connection_lost(self, _: object) -> None:
        """Called by asyncio, and by panoramisk on a `Shutdown` event."""
        self.close()

    def close(self) -> None:
        """Drop the connection; every action that awaits its answer has an unknown outcome.

        The base class would wait until a peer that no longer reads took all bytes, and
        keep the unanswered actions to send them again over the next connection.
        """
        self.closed = True
        for action in list(self.responses.values()):
            if not action.future.done():
                action.future.set_result(None)
        self.responses.clear()
        self.transport.abort()
        if not self.lost.done():
            self.lost.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Cut at blank lines before decoding, so no character is ever torn by a read."""
        self.heard_at = asyncio.get_running_loop().time()
        *blocks, self._rest = (self._rest + data).split(BLANK_LINE)
        for block in blocks:
            if self._skipping:
                self._skipping = False
            else:
                self._read(block)
        if len(self._rest) > self.message_bytes_max:
            self.counters.messages_oversized += not self._skipping
            self._skipping = True
            self._rest = self._rest[-len(BLANK_LINE) + 1 :]

    def handle_message(self, message: Message) -> None:
        """Give an answer to its action and everything else to `on_event`."""
        action = self.responses.get(message.id or "")
        is_event = "event" in message
        if is_event and (action is None or not action.as_list):
            self._event(message)
        elif action is None:
            self.counters.answers_late += 1
        else:
            super().handle_message(message)  # type: ignore[no-untyped-call]
            if not message.success and not action.future.done():
                self.forget(action)
                action.future.set_result([message])

    def post(self, action: Action) -> codec.Action:
        """Write one action; its future gives a message, a list of them, or None if lost."""
        self._sent += 1
        action_id = action.given_id() or f"{self.id_prefix}{self._sent}"
        if action_id in self.responses:
            raise AmiValueError("an action of this ActionID awaits its answer")
        check_line("ActionID", action_id)
        headers = {"Action": action.name, "ActionID": action_id, **action.headers()}
        sent = new_action(headers)
        self.send(sent, isinstance(action, ListAction))  # type: ignore[no-untyped-call]
        return sent

    def forget(self, sent: codec.Action) -> None:
        """Stop waiting: a late answer is then counted and dropped."""
        self.responses.pop(sent.id, None)
        self.responses.pop(sent.action_id, None)

    async def request(self, action: Action, seconds_max: float) -> list[Fields]:
        """Send and await the answer, for a list its events without the last.

        Raises `AmiNotReady`, `AmiValueError`, `AmiRefused` or `AmiOutcomeUnknown`.
        """
        if self.closed:
            raise AmiNotReady(f"{action.name}: the link is lost")
        sent = self.post(action)
        try:
            async with asyncio.timeout(seconds_max):
                answer = await sent.future
        except TimeoutError as error:
            raise AmiOutcomeUnknown(f"{action.name}: no answer in {seconds_max} s") from error
        finally:
            self.forget(sent)
        if answer is None:
            raise AmiOutcomeUnknown(f"{action.name}: the link was lost")
        return _result(action, answer if isinstance(answer, list) else [answer])

    def _read(self, block: bytes) -> None:
        """Parse and dispatch; whatever goes wrong with one message, the link goes on."""
        try:
            text = block.decode(self.encoding, "replace").strip("\r\n")
            message = parse(text)
            if message is not None:
                self.handle_message(new_message(_flat(message)))
        except Exception:
            self.counters.messages_unreadable += 1
            log.exception("a manager message of %d bytes was left out", len(block))

    def _event(self, message: Message) -> None:
        action_id = message.action_id or ""
        if action_id.startswith(self.id_prefix):
            self.counters.answers_late += 1
        else:
            self.on_event(_lower(message))
        if message["event"].lower() == "shutdown":
            self.connection_lost(None)


def _flat(message: Message) -> dict[str, str]:
    """Repeated headers come as lists, which panoramisk itself then trips over."""
    flat = {}
    for key, value in message.items():
        if isinstance(value, list):
            value = value[0] if key.lower() in SINGLE_VALUED else "\n".join(value)
        flat[key] = value
    return flat


def _lower(message: Message) -> Fields:
    # `content` is panoramisk's own, for the output of commands, which nobody here may send.
    return {key.lower(): value for key, value in message.items() if key != "content"}


def _result(action: Action, answer: list[Message]) -> list[Fields]:
    first = answer[0]
    if not first.success:
        reason = str(first.message)
        if isinstance(action, ListAction) and reason in action.nothing:
            return []
        raise AmiRefused(reason)
    if isinstance(action, ListAction):
        answer = answer[1:-1]
    return [_lower(message) for message in answer]
