"""SIGTERM: what was begun ends well, and what was claimed is somebody else's at once."""

import asyncio
import signal

import httpx
from aiohttp import web

from db import components, deliveries, events
from db.connection import Conn
from db.database import Database
from db.session import open_database
from telephony.clock import now
from telephony.secrets import Vault, load
from telephony.settings import Settings
from telephony.webhooks.deliver import LEASE_SECONDS
from telephony.webhooks.signing import new_secret
from tests.api.world import add_phone
from tests.factories import customer
from tests.operations.conftest import Start
from tests.operations.processes import START_SECONDS, Process
from tests.webhooks.sinks import Sink, eventually, running_sink

GOES_ON_SECONDS = LEASE_SECONDS + 20
"""As a rule at once; on a busy machine the lease has been seen to end first."""
"""Far less than any lease."""


async def test_a_slow_request_is_answered_and_no_other_is_taken(
    database_url: str, settings: Settings, start: Start
) -> None:
    """A secret that no PBX takes is answered after 2 s."""
    database = await open_database(database_url)
    who = await customer(database)
    await database.write(components.introduce, "pbx1", "pbx", now())
    await add_phone(database, Vault(load(settings).master_key), who)
    await database.close()
    process = await asyncio.to_thread(start, settings)
    async with httpx.AsyncClient(base_url=f"{process.url}/api/v1", timeout=10) as client:
        ready = await client.get(f"{process.url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["missing"] == {"pbx:pbx1": "a manager link is down"}
        slow = asyncio.create_task(client.post(
            "/voip/password", json={"sip_password": "a better secret than that"},
            headers={"Authorization": f"Bearer {who.key}"},
        ))  # fmt: skip
        await asyncio.sleep(0.7)
        assert not slow.done()
        process.tell()
        await eventually(lambda: refuses(process))
        assert not slow.done()
        answer = await slow
    assert (answer.status_code, answer.json()["applied"]) == (202, False)
    assert await asyncio.to_thread(process.ended) == 0
    assert process.lines()[-1]["message"] == "stopped"


def refuses(process: Process) -> bool:
    try:
        httpx.get(f"{process.url}/healthz", timeout=1)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False
    return False


async def test_another_process_takes_over(
    postgres_url: str, settings_of_two: tuple[Settings, Settings], start: Start
) -> None:
    first, second = settings_of_two
    database = await open_database(postgres_url)
    who = await customer(database)
    one, two = start(first, "--no-api", name="one"), start(second, "--no-api", name="two")
    for process in (one, two):
        await eventually(lambda: "AMI" in process.said(), seconds=START_SECONDS)  # noqa: B023
    async with running_sink() as sink:
        sink.answers["/hook"] = never
        sealed = Vault(load(first).master_key).seal(new_secret())
        two.tell(signal.SIGSTOP)
        await database.write(_deliver, who.account_id, sealed, f"{sink.url}/hook")
        await eventually(lambda: len(sink.received) == 1, seconds=GOES_ON_SECONDS)
        two.tell(signal.SIGCONT)
        sink.answers["/hook"] = 200
        one.tell()
        assert await asyncio.to_thread(one.ended) == 0
        await eventually(lambda: len(sink.received) == 2, seconds=GOES_ON_SECONDS)
        await _all_delivered(database, sink)
    await database.close()


async def never() -> web.Response:
    await asyncio.sleep(60)
    return web.Response()


def _deliver(conn: Conn, account_id: str, sealed: str, url: str) -> None:
    conn.run("UPDATE account SET webhook_secret_sealed = :sealed", sealed=sealed)
    events.add(
        conn, id="evt_1", account_id=account_id, mode="test", type="delivery_report",
        subject="msg_1", fact="", payload="{}", created_at=now(),
    )  # fmt: skip
    deliveries.add(conn, "evt_1", account_id, now(), url=url)


async def _all_delivered(database: Database, sink: Sink) -> None:
    for _ in range(100):
        rows = await database.all("SELECT state FROM delivery")
        if [row["state"] for row in rows] == ["delivered"]:
            break
        await asyncio.sleep(0.1)
    assert [row["state"] for row in rows] == ["delivered"]
    first, second = sink.received
    assert first.event_id == second.event_id


async def test_whoever_listens_does_not_hold_it_up(
    database_url: str, settings: Settings, start: Start
) -> None:
    database = await open_database(database_url)
    who = await customer(database)
    await database.close()
    patient = settings.model_copy(update={"stop_seconds": 60})
    process = await asyncio.to_thread(start, patient)
    async with (
        httpx.AsyncClient(timeout=30) as client,
        client.stream(
            "GET", f"{process.url}/api/v1/events/stream",
            headers={"Authorization": f"Bearer {who.key}"},
        ) as stream,
    ):  # fmt: skip
        lines = stream.aiter_lines()
        assert await anext(lines) == ": listening"
        process.tell()
        assert [line async for line in lines if line] == []
    assert await asyncio.to_thread(process.ended) == 0
