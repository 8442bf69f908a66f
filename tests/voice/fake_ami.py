"""A manager interface on a socket that can be made to show faults a real Asterisk hides."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from telephony.voice.ami import AmiLimits, AmiLink, Originate
from tests.patience import PATIENCE_SECONDS

Headers = dict[str, str]
Answer = Callable[[Headers], str | None]

LIMITS = AmiLimits(
    connect_seconds_max=1,
    login_seconds_max=1,
    boot_seconds_max=1,
    answer_seconds_max=0.5,
    retry_seconds_min=0.01,
    retry_seconds_max=0.05,
    login_retry_seconds=0.2,
    ping_seconds=5,
    silence_seconds_max=20,
)

CALL = Originate(
    channel="Local/s@simulated-phone/n",
    context="api-call",
    exten="s",
    priority=1,
    channel_id="call-1",
    caller_id="+436601234567",
    timeout_ms=45_000,
    account="acct-7",
    variables={"SV_ROUTE": "phone", "SV_TO": "alice", "SV_SECONDS": "60"},
)


def block(*lines: str) -> str:
    return "\r\n".join(lines) + "\r\n\r\n"


def success(action: Headers, *more: str) -> str:
    return block("Response: Success", f"ActionID: {action['actionid']}", *more)


def error(action: Headers, message: str) -> str:
    return block("Response: Error", f"ActionID: {action['actionid']}", f"Message: {message}")


def event(name: str, *lines: str) -> str:
    return block(f"Event: {name}", *lines)


def rows(action: Headers, name: str, *keys: str) -> str:
    """A list answer as Asterisk gives it: start, one event per row, Complete."""
    answer_id = f"ActionID: {action['actionid']}"
    start = block("Response: Success", answer_id, "EventList: start", "Message: will follow")
    middle = "".join(event(name, answer_id, f"Key: {key}") for key in keys)
    end = event(f"{name}Complete", answer_id, "EventList: Complete", f"ListItems: {len(keys)}")
    return start + middle + end


def silent(_: Headers) -> None:
    """An answer that never comes."""


class Session:
    """One accepted connection and the actions that it brought."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.actions: list[Headers] = []
        self.ended = asyncio.Event()

    def send(self, text: str | bytes) -> None:
        self.writer.write(text.encode() if isinstance(text, str) else text)

    async def send_slowly(self, data: bytes, size: int = 1) -> None:
        """Every `size` bytes as a read of its own at the other end."""
        for start in range(0, len(data), size):
            self.writer.write(data[start : start + size])
            await asyncio.sleep(0.001)

    def drop(self) -> None:
        self.writer.transport.abort()

    async def read_action(self) -> Headers | None:
        """As Asterisk reads: LF ends a line, an empty line ends the action."""
        headers: Headers = {}
        while line := await self.reader.readline():
            text = line.decode().rstrip("\r\n")
            if not text:
                return headers
            name, _, value = text.partition(": ")
            key = name.lower()
            headers[key] = f"{headers[key]}|{value}" if key in headers else value
        return None


class FakeAmi:
    """Logs any user in with `secret`, answers Success to all, unless `answers` says otherwise."""

    def __init__(self) -> None:
        self.secret = "right"
        self.boots_at_once = True
        self.started = ("2026-01-01", "10:00:00")
        self.sessions: list[Session] = []
        self.answers: dict[str, Answer] = {
            "Login": self._login,
            "CoreStatus": lambda action: success(
                action,
                f"CoreStartupDate: {self.started[0]}",
                f"CoreStartupTime: {self.started[1]}",
            ),
        }
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Also ends the live sessions."""
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        for session in self.sessions:
            session.drop()
        await asyncio.gather(*(session.ended.wait() for session in self.sessions))

    @property
    def last(self) -> Session:
        return self.sessions[-1]

    def names(self) -> list[str]:
        """All actions of all sessions, in order."""
        return [action["action"] for session in self.sessions for action in session.actions]

    async def wait_for(self, name: str, count: int = 1) -> Headers:
        """The newest action of that name, once so many came."""
        await until(lambda: self.names().count(name) >= count)
        found = [a for s in self.sessions for a in s.actions if a["action"] == name]
        return found[-1]

    def link(self, limits: AmiLimits = LIMITS, secret: str = "right") -> AmiLink:
        return AmiLink("127.0.0.1", self.port, "calls", secret, limits)

    @asynccontextmanager
    async def ready(self, limits: AmiLimits = LIMITS) -> AsyncIterator[AmiLink]:
        """A link that is up, past the events of its connection."""
        async with self.link(limits) as link:
            await link.wait_ready(2)
            async for seen in link.events():
                if seen.name == "Connected":
                    break
            yield link

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        self.sessions.append(session)
        session.send("Asterisk Call Manager/11.0.0\r\n")
        with suppress(OSError):
            while action := await session.read_action():
                session.actions.append(action)
                answer = self.answers.get(action["action"], success)(action)
                if answer is not None:
                    session.send(answer)
        session.drop()
        session.ended.set()

    def _login(self, action: Headers) -> str:
        if action["secret"] != self.secret:
            return error(action, "Authentication failed")
        booted = event("FullyBooted", "Status: Fully Booted") if self.boots_at_once else ""
        return success(action, "Message: Authentication accepted") + booted


@asynccontextmanager
async def fake_ami() -> AsyncIterator[FakeAmi]:
    server = FakeAmi()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> None:
    """Poll until true, or fail."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)
