"""A process to kill: does one thing to an endpoint, or works on deliveries, until the failpoint
that is armed kills it. Forked from a server that has the imports, since these take longest."""

import asyncio
import multiprocessing

from db import failpoints
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.clock import now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.webhooks import endpoints, replay
from telephony.webhooks.deliver import WebhookWorker
from telephony.webhooks.endpoints import Place
from telephony.webhooks.events import emit
from tests.fixtures_db import until_left

BATCH = 2


def tell(conn: Conn, place: Place) -> None:
    """Two facts in one transaction."""
    for subject in ("msg_a", "msg_b"):
        emit(conn, account_id=place.account_id, mode=place.mode, kind="delivery_report",
             subject=subject, fact="delivered", callback_url=None, payload={},
             now=now())  # fmt: skip


async def act(database: Database, vault: Vault, place: Place, action: str, name: str) -> None:
    """Something that a customer or a worker does."""
    if action == "tell":
        await database.write(tell, place)
    elif action == "rotate":
        await database.write(endpoints.rotate, vault, place, name, now())
    elif action == "range":
        replay.BATCH = BATCH
        await database.write(replay.replay_range, place, name, "all", None, now())
        while await database.write(replay.step, now()):
            pass
    else:
        settings = Settings(bind_host="127.0.0.1", webhook_allow_cidrs=[])
        await WebhookWorker(database, vault, settings).run()


async def main(url: str, key: str, account_id: str, action: str, name: str) -> None:
    """Open the database and act."""
    database = await open_database(url)
    await act(database, Vault(key), Place(account_id, "test"), action, name)


def live(failpoint: str, *order: str) -> None:
    """The process's whole life."""
    failpoints.armed = failpoint
    asyncio.run(main(*order))


def exit_code(failpoint: str, *order: str, seconds: float) -> int | None:
    """How the process ended; None if it had not by then. `order` begins with the database's URL,
    to which nobody else may be connected."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=live, args=(failpoint, *order), daemon=True)
    process.start()
    process.join(seconds)
    code = process.exitcode
    process.kill()
    process.join()
    until_left(order[0])
    return code
