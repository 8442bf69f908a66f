"""`sms-voip listen`: a developer's machine gets the events of a key as if it had an endpoint."""

import asyncio
import os
import sys
import termios
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Annotated

import aiohttp
import typer
from rich.console import Console
from rich.text import Text

from api.commands.event_source import EventSource, Happened, RefusedError
from api.commands.options import console as terminal
from telephony import clock
from telephony.clock import SECOND
from telephony.webhooks.attempt import Attempt, post
from telephony.webhooks.egress import POST_SECONDS_MAX
from telephony.webhooks.signing import new_secret, sign

KEPT_MAX = 1000
"""Events that can be replayed by their number."""
HELP = "Keys: r replays the last event, a number and Enter that one, q ends."


class Listener:
    """Forwards each event, signed, to one URL; prints what came of it under a number."""

    def __init__(self, forward: str, secret: str, console: Console) -> None:
        self._forward, self._secret, self._console = forward, secret, console
        self._kept: deque[tuple[int, Happened]] = deque(maxlen=KEPT_MAX)
        self._queue: asyncio.Queue[tuple[int, Happened]] = asyncio.Queue()
        self._typed = ""
        self.ended = asyncio.Event()

    async def run(self, source: EventSource) -> None:
        """Until `q` is typed; RefusedError where the key may not listen."""
        timeout = aiohttp.ClientTimeout(total=POST_SECONDS_MAX)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            tasks = [
                asyncio.create_task(one)
                for one in (self._hear(source), self._send(session), self._end())
            ]
            done, left = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
            for task in done:
                task.result()

    async def _hear(self, source: EventSource) -> None:
        number = 0
        async for one in source.events():
            number += 1
            self._kept.append((number, one))
            self._queue.put_nowait((number, one))

    async def _send(self, session: aiohttp.ClientSession) -> None:
        while True:
            number, one = await self._queue.get()
            at = clock.now()
            headers = {"Content-Type": "application/json"} | sign(
                self._secret, one.id, one.body, at // SECOND
            )
            made = await post(session, self._forward, headers, one.body, at)
            self._console.print(_line(number, one, made), soft_wrap=True)

    async def _end(self) -> None:
        await self.ended.wait()

    def typed(self, text: str) -> None:
        """Keys that were pressed."""
        for key in text:
            if key == "q":
                self.ended.set()
            elif key == "r":
                self._replay(None)
            elif key.isdigit():
                self._typed += key
            elif key in "\r\n" and self._typed:
                self._replay(int(self._typed))
                self._typed = ""

    def _replay(self, number: int | None) -> None:
        wanted = [one for one in self._kept if number in (None, one[0])]
        if wanted:
            self._queue.put_nowait(wanted[-1])
        else:
            self._console.print("There is no such event to replay.", style="yellow")


def _line(number: int, one: Happened, made: Attempt) -> Text:
    """`#3 20:15:00 delivery_report evt_… → 200 OK in 12 ms`."""
    if made.status_code is None:
        outcome = made.error
    else:
        known = made.status_code in {int(status) for status in HTTPStatus}
        phrase = HTTPStatus(made.status_code).phrase if known else ""
        outcome = f"{made.status_code} {phrase} in {made.latency_us / 1000:.0f} ms"
    time_of_day = clock.rfc3339(made.at)[11:19]
    return Text.assemble(
        (f"#{number} ", "bold"), (f"{time_of_day} ", "dim"), (f"{one.type} ", "cyan"), one.id,
        " → ", (outcome, "green" if made.accepted else "red"),
    )  # fmt: skip


@contextmanager
def keys(listener: Listener, fd: int) -> Iterator[None]:
    """Hand the listener what is typed, key by key on a terminal, else as it comes from a pipe."""
    loop, before = asyncio.get_running_loop(), None
    if os.isatty(fd):
        before = termios.tcgetattr(fd)
        tty.setcbreak(fd)

    def read() -> None:
        text = os.read(fd, 1024).decode(errors="replace")
        if text:
            listener.typed(text)
        else:
            loop.remove_reader(fd)

    with suppress(PermissionError):  # a file: nobody types there
        loop.add_reader(fd, read)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        if before:
            termios.tcsetattr(fd, termios.TCSADRAIN, before)


async def listen_for(
    api_url: str, key: str, forward: str, secret: str, console: Console, fd: int
) -> None:
    """Forward until `q` is typed on `fd`."""
    console.print(f"Events go to {forward}, signed with {secret}", markup=False, soft_wrap=True)
    console.print(HELP)

    def report(said: str) -> None:
        console.print(said, style="dim", markup=False, soft_wrap=True)

    listener = Listener(forward, secret, console)
    with keys(listener, fd):
        await listener.run(EventSource(api_url, key, report))


def listen(
    forward: Annotated[str, typer.Option(help="Where events go: a URL on this machine.")],
    key: Annotated[str, typer.Option(
        envvar="SMS_VOIP_KEY", help="API key with the scope webhooks:manage.", show_envvar=True)],
    api_url: Annotated[str, typer.Option(help="The platform.")] = "http://127.0.0.1:8000",
    secret: Annotated[str, typer.Option(
        help="Webhook secret to sign with; one is made if none is given.")] = "",
) -> None:  # fmt: skip
    """Receive the events of a key as they happen, and forward each, signed, to this machine."""
    try:
        asyncio.run(
            listen_for(api_url, key, forward, secret or new_secret(), terminal, sys.stdin.fileno())
        )
    except RefusedError as refused:
        terminal.print(str(refused), style="red", markup=False)
        raise SystemExit(1) from refused
    except KeyboardInterrupt:
        return
