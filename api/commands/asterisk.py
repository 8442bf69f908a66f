"""Runs Asterisk alone, where the platform's other parts have processes or containers of their
own."""

import asyncio
import signal
from contextlib import suppress

from rich.console import Console

from api.commands.options import console, settings
from telephony.pbx.find import find
from telephony.pbx.render import render
from telephony.pbx.supervise import LocalAsterisk
from telephony.secrets import load
from telephony.settings import Settings


def asterisk() -> None:
    """Run Asterisk alone; the other parts run elsewhere."""
    asyncio.run(_until_told(settings(), console))


async def _until_told(settings: Settings, console: Console) -> None:
    """Until SIGTERM or SIGINT; it is started again when it dies."""
    running = asyncio.create_task(_run(settings, console))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with suppress(asyncio.CancelledError):
        await running


async def _run(settings: Settings, console: Console) -> None:
    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    secrets = load(settings)
    installation = await find(settings, say)
    layout = render(settings, secrets, installation)
    asterisk = LocalAsterisk(settings, secrets, installation, layout, say)
    await asterisk.start()
    say(f"Asterisk {installation.version} is ready, pid {asterisk.pid}")
    try:
        await asyncio.Event().wait()
    finally:
        await asterisk.stop()
