"""The log of requests, in which one is found by its id."""

import asyncio
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from api.background import Background
from db import request_log
from db.database import Database, DatabaseError
from telephony.clock import SECOND, now
from telephony.request_log import BATCH_MAX, WAITING_MAX, RequestRecorder, look_up
from tests.api.client import BASE
from tests.commands import cli
from tests.factories import customer
from tests.operations.asking import MINE, SETTINGS, TO, headers, logged, only
from tests.patience import PATIENCE_SECONDS


async def test_a_request_is_found_by_its_id(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    who, other = await customer(database), await customer(database)
    answer = await client.post(f"{BASE}/sms/send", json=TO, headers=headers(who))
    refused = await client.post(f"{BASE}/sms/send", json={"to": "+1"}, headers=headers(who))
    assert (answer.status_code, refused.status_code) == (202, 400)
    newest, first = await logged(database, beside)
    assert {name: first[name] for name in ("account_id", "key_id", "mode", "method", "path")} == {
        "account_id": who.account_id, "key_id": who.key_id, "mode": "test", "method": "POST",
        "path": "/api/v1/sms/send",
    }  # fmt: skip
    assert (first["status"], first["code"]) == (202, None)
    assert (newest["status"], newest["code"]) == (400, "validation_error")
    assert 0 < first["latency_us"] < 60 * SECOND
    assert abs(first["at"] - now()) < 60 * SECOND
    assert "Hi!" not in str(first)
    assert first["made"] == [answer.json()["message_id"]]
    assert len(await look_up(database, MINE, who.account_id)) == 2
    assert await look_up(database, MINE, other.account_id) == []
    (row,) = await request_log.page(database, who.account_id, 1)
    assert row["id"] == newest["id"]
    (row,) = await request_log.page(database, who.account_id, 9, newest["id"])
    assert row["id"] == first["id"]


PATHS = [
    ("GET", "/voip/setup/a-secret-token", "/api/v1/voip/setup/{token}"),
    ("DELETE", "/voip/caller-ids/+15551234567", "/api/v1/voip/caller-ids/{number}"),
    ("GET", "/no/such/+15551234567", "/api/v1/no/such/+15…67"),
    ("GET", "/rates/lookup?to=oops", "/api/v1/rates/lookup"),
    ("GET", "/sms/msg_nothing", "/api/v1/sms/msg_nothing"),
    ("GET", "/sms/" + "x" * 300, "/api/v1/sms/" + "x" * 188),
    ("GET", "/sms/a%00b", "/api/v1/sms/ab"),
]


async def test_paths_without_numbers_tokens_and_queries(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    who = await customer(database)
    for at, (method, path, _) in enumerate(PATHS):
        answer = await client.request(method, BASE + path, headers=headers(who, f"r{at}"))
        assert answer.status_code >= 400, (path, answer.text)
    found = [(await logged(database, beside, f"r{at}"))[0]["path"] for at in range(len(PATHS))]
    assert found == [path for _, _, path in PATHS]


async def test_strangers_are_kept_only_where_they_were_refused(
    database: Database, client: httpx.AsyncClient, beside: Background
) -> None:
    await client.get(f"{BASE}/ping", headers=headers(None))
    await client.get("/healthz", headers=headers(None))
    await client.get("/nothing", headers=headers(None))
    assert await logged(database, beside) == []
    await client.get(f"{BASE}/sms", headers=headers(None))
    (row,) = await logged(database, beside)
    assert (row["account_id"], row["status"], row["code"]) == (None, 401, "missing_api_key")


async def test_what_waits_is_bounded_and_written_in_batches(database: Database) -> None:
    recorder = RequestRecorder(database, SETTINGS)
    for at in range(WAITING_MAX + 7):
        note(recorder, f"r{at}")
    assert await recorder.flush() == WAITING_MAX - BATCH_MAX
    rows = await database.all("SELECT request_id FROM request_log ORDER BY id")
    assert [row["request_id"] for row in rows][:2] == ["r7", "r8"]
    assert len(rows) == BATCH_MAX


def note(recorder: RequestRecorder, request_id: str, age_days: int = 0) -> None:
    recorder.note(
        now() - age_days * 86_400 * SECOND, request_id=request_id, account_id=None, mode=None,
        key_id=None, method="GET", path="/", status=404, code="not_found", latency_us=1,
    )  # fmt: skip


async def test_old_requests_are_forgotten(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = RequestRecorder(database, SETTINGS.model_copy(update={"request_log_days": 7}))
    then = (now() - 8 * 86_400 * SECOND) * 1000
    monkeypatch.setattr("db.ids.time.time_ns", lambda: then)
    monkeypatch.setattr("db.ids._last", 0)
    note(recorder, "old")
    monkeypatch.undo()
    note(recorder, "new")
    await recorder.finish()
    assert await recorder.sweep() == 1
    assert await recorder.sweep() == 0
    assert (await only(database, "request_log"))["request_id"] == "new"


async def test_nothing_is_kept_where_nobody_wants_it(database: Database) -> None:
    recorder = RequestRecorder(database, SETTINGS.model_copy(update={"request_log_days": 0}))
    note(recorder, "one")
    assert await recorder.flush() == 0
    assert await database.all("SELECT * FROM request_log") == []


async def test_a_database_that_is_away_stops_no_recorder(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telephony.queue.FAILURE_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr("telephony.request_log.EVERY_SECONDS", 0.01)
    recorder, broken = RequestRecorder(database, SETTINGS), database.write
    failures = 0

    async def write(*args: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures == 1:
            raise DatabaseError("away")
        return await broken(*args)

    monkeypatch.setattr(database, "write", write)
    running = asyncio.create_task(recorder.run())
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await look_up(database, "one"):
            note(recorder, "one")
            await asyncio.sleep(0.01)
    running.cancel()


async def test_the_command_shows_what_became_of_a_request(
    database: Database, database_url: str, client: httpx.AsyncClient, beside: Background,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    who = await customer(database)
    answer = await client.post(f"{BASE}/sms/send", json=TO, headers=headers(who))
    await beside.requests.finish()
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    said = await asyncio.to_thread(shown, MINE)
    for fact in ("POST /api/v1/sms/send", "202", who.account_id, answer.json()["message_id"]):
        assert fact in said
    assert "No request nothing is in the log." in await asyncio.to_thread(shown, "nothing")


def shown(request_id: str) -> str:
    result = CliRunner(env={"COLUMNS": "250"}).invoke(cli, ["request", request_id])
    assert result.exit_code == 0, result.output
    return result.output
