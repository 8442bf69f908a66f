"""Plays the tour in a terminal: each step with what happened and how long it took."""

import asyncio
import inspect
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import aiohttp
from rich.console import Console

from api.commands.options import console, settings
from api.commands.running import running
from api.commands.sink import Sink
from api.commands.tour import STEPS, StepFailed, Tour
from telephony.pbx.confine import DIE_WITH_PARENT
from telephony.settings import Settings
from telephony.voice.softphone import RegistrationRefused

START_SECONDS_MAX = 150
STEP_SECONDS_MAX = 60
FAILURES = (StepFailed, RegistrationRefused, TimeoutError, OSError, aiohttp.ClientError)

Step = Callable[[Tour], Coroutine[Any, Any, str]]


def demo() -> None:
    """Play the whole main job with two softphones; exit status 1 if a step fails."""
    with platform(settings(), console) as facts:
        if not asyncio.run(_tour(facts, console)):
            raise SystemExit(1)


@contextmanager
def platform(settings: Settings, console: Console) -> Iterator[dict[str, Any]]:
    """The facts of the running platform; starts one for as long as it is needed."""
    facts = running(settings)
    if facts:
        yield facts
        return
    console.print("Nothing is running here yet: starting it for the tour.", highlight=False)
    command = [*DIE_WITH_PARENT, sys.executable, "-m", "api.cli", "up"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            until = time.monotonic() + START_SECONDS_MAX
            while not (facts := running(settings)):
                if process.poll() is not None or time.monotonic() > until:
                    raise StepFailed("the platform did not start; its last lines are above")
                time.sleep(0.1)
            yield facts
        finally:
            process.terminate()


async def _tour(facts: dict[str, Any], console: Console) -> bool:
    headers = {"Authorization": f"Bearer {facts['test_key']}"}
    async with (
        Sink(facts["webhook_secret"]) as sink,
        aiohttp.ClientSession(headers=headers) as http,
    ):
        tour = Tour(facts, http, sink)
        console.print()
        try:
            for step in STEPS:
                if not await _play(step, tour, console):
                    return False
        finally:
            await tour.close()
    console.print("\nAll of it works.", style="bold green")
    return True


async def _play(step: Step, tour: Tour, console: Console) -> bool:
    began = time.monotonic()
    title = (inspect.getdoc(step) or "").partition("\n")[0]
    try:
        async with asyncio.timeout(STEP_SECONDS_MAX):
            came, mark, style = await step(tour), "✓", "green"
    except FAILURES as error:
        came, mark, style = f"{error or type(error).__name__}", "✗", "red"
    took = time.monotonic() - began
    console.print(f"{mark} {title}", style=style, markup=False, highlight=False, soft_wrap=True)
    told = f"  {came}  [{took:.2f} s]"
    console.print(told, markup=False, highlight=False, soft_wrap=True)
    return mark == "✓"
