"""One supervised manager link of one AMI user: connects, watches, reconnects, never re-sends."""

import asyncio
import logging
import random
import secrets
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, overload

from telephony.clock import now
from telephony.voice.ami.actions import Action, CoreStatus, ListAction, Login, Ping, SingleAction
from telephony.voice.ami.errors import (
    AmiError,
    AmiLoginRefused,
    AmiNotReady,
    AmiOutcomeUnknown,
    AmiRefused,
)
from telephony.voice.ami.events import AmiEvent, Connected, EventStream, read_event
from telephony.voice.ami.protocol import Counters, Fields, ManagerProtocol

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AmiLimits:
    """Every bound of a link; times in seconds."""

    connect_seconds_max: float = 5
    login_seconds_max: float = 5
    boot_seconds_max: float = 60
    answer_seconds_max: float = 5
    retry_seconds_min: float = 0.2
    retry_seconds_max: float = 15
    login_retry_seconds: float = 30
    ping_seconds: float = 10
    silence_seconds_max: float = 25
    events_max: int = 10_000
    message_bytes_max: int = 256 * 1024
    in_flight_max: int = 4_096


class AmiLink:
    """A link that keeps itself up between `start` and `close`, with one consumer of events.

    An action is written at most once, over the connection that was ready when it was asked
    for; whether it arrived is told by the kind of error alone.
    """

    def __init__(
        self, host: str, port: int, username: str, secret: str, limits: AmiLimits | None = None
    ) -> None:
        self.host = host
        self.port = port
        self.username = username
        self.limits = limits or AmiLimits()
        self.counters = Counters()
        self._secret = secret
        self._stream = EventStream(self.limits.events_max)
        self._slots = asyncio.Semaphore(self.limits.in_flight_max)
        self._protocol: ManagerProtocol | None = None
        self._ready = asyncio.Event()
        self._booted = asyncio.Event()
        self._started = ""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "AmiLink":
        self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def ready(self) -> bool:
        """Whether an action would be sent now: logged in, fully booted, not lost."""
        return self._ready.is_set() and not (self._protocol is None or self._protocol.closed)

    async def wait_ready(self, seconds_max: float) -> None:
        """Return once ready; raises `AmiNotReady` after so many seconds."""
        try:
            async with asyncio.timeout(seconds_max):
                await self._ready.wait()
        except TimeoutError as error:
            raise AmiNotReady(f"AMI user {self.username}: not ready in {seconds_max} s") from error

    def start(self) -> None:
        """Begin to connect in the background; call once, inside the event loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._supervise(), name=f"ami-{self.username}")

    async def close(self) -> None:
        """Drop the connection, end the supervisor and the event stream; nothing is left over."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            # The transport hands its socket back in the next turn of the loop.
            await asyncio.sleep(0)
        self._stream.close()

    def events(self) -> EventStream:
        """The link's only stream, for `async for`; ends after `close`."""
        return self._stream

    @overload
    async def action(
        self, action: ListAction, seconds_max: float | None = None
    ) -> list[AmiEvent]: ...
    @overload
    async def action(self, action: SingleAction, seconds_max: float | None = None) -> Fields: ...
    async def action(
        self, action: Action, seconds_max: float | None = None
    ) -> list[AmiEvent] | Fields:
        """Send once and return the answer's headers (keys in lower case), or a list's events.

        Raises `AmiNotReady` and `AmiValueError` before anything was sent, `AmiRefused` if
        Asterisk declined, and `AmiOutcomeUnknown` if no answer came.
        """
        self._usable()
        async with self._slots:
            protocol = self._usable()
            seconds = self.limits.answer_seconds_max if seconds_max is None else seconds_max
            answer = await protocol.request(action, seconds)
        if isinstance(action, ListAction):
            return [read_event(fields) for fields in answer]
        return answer[0]

    def _usable(self) -> ManagerProtocol:
        if self._protocol is None or not self.ready:
            raise AmiNotReady(f"AMI user {self.username}: not connected")
        return self._protocol

    async def _supervise(self) -> None:
        loop = asyncio.get_running_loop()
        attempt = 0
        while True:
            begun = loop.time()
            reason = await self._reason_of_end()
            if reason is None:
                await asyncio.sleep(self.limits.login_retry_seconds)
                continue
            # Only a link that lasted proves the fault over; one that flaps keeps backing off.
            attempt = 0 if loop.time() - begun > self.limits.retry_seconds_max else attempt + 1
            delay = self._retry_seconds(attempt)
            log.warning("AMI %s down (%s), again in %.1f s", self._place, reason, delay)
            await asyncio.sleep(delay)

    async def _reason_of_end(self) -> str | None:
        """Run one session; why it ended, or None where another try at once makes no sense."""
        try:
            await self._session()
        except AmiLoginRefused as error:
            log.error("AMI %s refused user %s: %s", self._place, self.username, error)
            return None
        except (OSError, AmiError) as error:
            return f"{type(error).__name__}: {error}"
        except Exception:
            # A fault of ours must not leave the platform without its PBX for good.
            log.exception("AMI session of user %s failed", self.username)
            return "internal fault"
        return "connection lost"

    def _retry_seconds(self, attempt: int) -> float:
        ceiling = self.limits.retry_seconds_min * 2.0 ** min(attempt, 32)
        return min(ceiling, self.limits.retry_seconds_max) * random.uniform(0.5, 1.0)

    async def _session(self) -> None:
        protocol = await self._connect()
        try:
            await self._log_in(protocol)
            await self._announce(protocol)
            await self._watch(protocol)
        finally:
            self._ready.clear()
            protocol.close()

    async def _connect(self) -> ManagerProtocol:
        self._booted.clear()
        prefix = f"sv-{secrets.token_hex(4)}-"
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(
            lambda: ManagerProtocol(
                self._on_event, prefix, self.limits.message_bytes_max, self.counters
            ),
            self.host,
            self.port,
        )
        async with asyncio.timeout(self.limits.connect_seconds_max):
            _, self._protocol = await connecting
        return self._protocol

    async def _log_in(self, protocol: ManagerProtocol) -> None:
        login = Login(self.username, self._secret)
        try:
            await protocol.request(login, self.limits.login_seconds_max)
        except AmiRefused as error:
            raise AmiLoginRefused(str(error)) from error

    async def _announce(self, protocol: ManagerProtocol) -> None:
        """Wait for the end of Asterisk's boot, then open for actions and tell the consumer."""
        await self._wait_booted(protocol)
        status = (await protocol.request(CoreStatus(), self.limits.answer_seconds_max))[0]
        started = f"{status.get('corestartupdate')} {status.get('corestartuptime')}"
        restarted = self._started not in ("", started)
        self._started = started
        self.counters.connects += 1
        self._ready.set()
        self._stream.put_marker(Connected("Connected", {}, now(), started, restarted))
        log.info("AMI %s ready for user %s", self._place, self.username)

    async def _wait_booted(self, protocol: ManagerProtocol) -> None:
        booted = asyncio.ensure_future(self._booted.wait())
        try:
            waiting: set[asyncio.Future[Any]] = {booted, protocol.lost}
            seconds = self.limits.boot_seconds_max
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if not booted.done():
                raise AmiNotReady("no FullyBooted; the AMI user needs read=system")
        finally:
            booted.cancel()

    async def _watch(self, protocol: ManagerProtocol) -> None:
        """Ping a silent peer and return when it is lost; raises after too long a silence."""
        loop = asyncio.get_running_loop()
        while not protocol.closed:
            await asyncio.wait({protocol.lost}, timeout=self.limits.ping_seconds)
            silence = loop.time() - protocol.heard_at
            if silence > self.limits.silence_seconds_max:
                raise AmiOutcomeUnknown(f"silent for {silence:.1f} s")
            if not protocol.closed and silence >= self.limits.ping_seconds / 2:
                protocol.post(Ping())

    def _on_event(self, fields: Fields) -> None:
        event = read_event(fields)
        if event.name == "FullyBooted":
            self._booted.set()
        self._stream.put(event)

    @property
    def _place(self) -> str:
        return f"{self.host}:{self.port}"
