"""A whole business day in one process that may die in it: requests, dispatch, receipts, a call.

`python -m tests.money.shop` reads one JSON object a line, forks a child that lives the day with a
failpoint armed, and answers with the child's exit status. Forking saves the imports each time.
"""

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from api.app import create_app
from api.v1 import applied
from db import call_queue, failpoints
from db.calls import CallStatus
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.billing import holds
from telephony.clock import SECOND, now
from telephony.secrets import Vault
from telephony.settings import Settings
from telephony.sms.dispatch import Dispatcher
from telephony.sms.providers.sandbox import SandboxProvider
from telephony.voice.settle import End, finish
from tests.api.client import Api
from tests.api.world import client_of

MESSAGES = {
    "at once": {"to": "+15550000001", "text": "a"},
    "to another": {"to": "+15550010001", "text": "a"},
    "refused": {"to": "+15550000003", "text": "a"},
    "two parts": {"to": "+15550000001", "text": "a" * 161},
}
ENDED = {"delivered", "undelivered", "failed", "expired"}
DAY_SECONDS_MAX = 30
applied.APPLIED_SECONDS_MAX = 0.1
"""Nobody applies anything in this shop."""


async def day(url: str, vault: str, key: str, told: Path) -> None:
    """Live it, and note every answer that a customer got before going on."""
    db = await open_database(url)
    app = create_app(Settings(), db, Vault(vault))
    async with client_of(app) as client, asyncio.timeout(DAY_SECONDS_MAX):
        door = Api(client, key)
        await _ask(told, door, "top up", "/voip/topup", {"amount": 1})
        for name, body in MESSAGES.items():
            await _ask(told, door, name, "/sms/send", body)
        batch = {"messages": [MESSAGES["at once"]]}
        await _ask(told, door, "batch", "/sms/batch", batch)
        await _ask(told, door, "password", "/voip/password", {})
        call = await _ask(told, door, "call", "/voice/call", {"to": "+15551234567"})
        await _carry(db)
        await db.write(call_queue.claim, "pbx1", now(), 10)
        await db.write(settle_call, call["call_id"])
        await db.write(holds.expire_due, now(), 10)
    await db.close()


async def _ask(told: Path, door: Api, name: str, path: str, body: object) -> dict[str, Any]:
    response = await door.post(path, body, idempotency_key=name)
    assert response.is_success, response.text
    with told.open("a") as lines:
        lines.write(json.dumps([name, response.json()]) + "\n")
    answer: dict[str, Any] = response.json()
    return answer


async def _carry(db: Database) -> None:
    """Dispatch until every message has ended."""
    worker = asyncio.create_task(Dispatcher(db, SandboxProvider()).run())
    while {row["status"] for row in await db.all("SELECT status FROM message")} - ENDED:
        assert not worker.done(), worker
        await asyncio.sleep(0.02)
    worker.cancel()
    with suppress(asyncio.CancelledError):
        await worker


def settle_call(conn: Conn, call_id: str) -> bool:
    """The call was answered and lasted 30 seconds."""
    call = conn.one('SELECT * FROM "call" WHERE id = :id', id=call_id)
    assert call is not None
    answered_at = call["started_at"]
    ended_at = answered_at + 30 * SECOND
    return finish(conn, call, End(CallStatus.completed, "normal_clearing", ended_at, answered_at))


def _live(order: dict[str, str]) -> int:
    """Fork; the child's exit status, negative where a signal ended it."""
    child = os.fork()
    if child == 0:
        failpoints.armed = order["failpoint"]
        try:
            asyncio.run(day(order["url"], order["vault"], order["key"], Path(order["told"])))
        except BaseException as error:
            print(f"the day ended with {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(_live(json.loads(line)), flush=True)
