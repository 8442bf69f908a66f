"""Runs the API, the workers, or both in this process."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from api.app import create_app
from api.background import Background
from api.commands.exporter import exported
from api.health import Links
from db.database import DatabaseError
from db.session import open_database
from db.wakeups import Wakeups
from telephony import logs
from telephony.billing.wallets import chain_journals
from telephony.gauges import watch_loop
from telephony.secrets import Vault, load
from telephony.settings import Settings
from telephony.traces import traced
from telephony.worker import Worker

try:
    import uvloop
except ImportError:  # there is none for Windows and PyPy
    _LOOP: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
else:
    _LOOP = uvloop.new_event_loop

COLLECT_AFTER = 20_000
"""New objects between two looks for cycles; Python's own is 700."""

log = logging.getLogger(__name__)


def serve(settings: Settings, *, api: bool, workers: bool) -> None:
    """Run until SIGTERM or SIGINT. On SQLite one process does both, since only one may write."""
    logs.configure(settings.log_format, settings.log_level)
    with exported(settings), traced(settings), asyncio.Runner(loop_factory=_LOOP) as runner:
        runner.run(_serve(settings, api, workers))


def main() -> None:
    """What `sms-voip serve` does, without what only the other commands need: that would take a
    sixth of the memory."""
    os.umask(0o077)
    try:
        serve(Settings(), api=True, workers=True)
    except (DatabaseError, OSError) as error:
        raise SystemExit(str(error)) from error


async def _serve(settings: Settings, api: bool, workers: bool) -> None:
    secrets = load(settings)
    db = await open_database(settings.db_url)
    try:
        await db.write(chain_journals, settings.ledger_hash_chain)
        running: list[Coroutine[Any, Any, None]] = [watch_loop()]
        worker = Worker(db, settings, secrets) if workers else None
        background = None
        if api:
            links: Links = worker.missing if worker else dict[str, str]
            background = Background(db, settings, links)
            app = create_app(settings, db, Vault(secrets.master_key), background=background)
            running += [_api(settings, app, db.wakeups), background.run()]
        if worker:
            running.append(worker.run())
        spare_the_collector()
        await _until_told(running)
        if background:
            await background.requests.finish()
        log.info("stopped")
    finally:
        await db.close()


def spare_the_collector() -> None:
    """What lives as long as the process is not looked through again and again, and cycles, which
    are few, are looked for seldom: a full round takes tens of milliseconds at the worst time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


async def _until_told(running: list[Coroutine[Any, Any, None]]) -> None:
    """Run all until a signal comes or one fails; then cancel the rest and wait for them."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    tasks = {asyncio.create_task(one) for one in running}
    waiter = asyncio.create_task(told.wait())
    done, _ = await asyncio.wait({*tasks, waiter}, return_when=asyncio.FIRST_COMPLETED)
    for task in {*tasks, waiter}:
        task.cancel()
    await asyncio.gather(*tasks, waiter, return_exceptions=True)
    for task in done - {waiter}:
        task.result()


async def _api(settings: Settings, app: ASGIApp, wakeups: Wakeups) -> None:
    config = uvicorn.Config(
        app, host=settings.bind_host, port=settings.http_port, log_config=None, access_log=False,
        lifespan="off", timeout_graceful_shutdown=settings.stop_seconds, server_header=False,
        proxy_headers=False,  # it would believe the leftmost address, which clients write
    )  # fmt: skip
    server = _Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        wakeups.stop()  # streams would hold the server up
        with suppress(TimeoutError):
            async with asyncio.timeout(settings.stop_seconds + 1):
                await serving
        raise


class _Server(uvicorn.Server):
    """Signals are handled for the whole process, not by the web server alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them to `_until_told`."""
        yield


if __name__ == "__main__":
    main()
