"""The kill switch and messages: nothing live is accepted, what is queued waits and goes later."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from db.database import Database
from telephony import outgoing
from telephony.clock import now
from telephony.errors import OutgoingStoppedError
from telephony.sms.dispatch import Dispatcher
from tests.commands import cli
from tests.factories import ACTOR, Customer, customer
from tests.sms.sending import Told, by_part, history, queue, wallet

FUNDS = 1_000_000


@pytest.fixture
async def who(database: Database) -> Customer:
    return await customer(database, funds="1", mode="live")


async def test_live_messages_are_refused_and_queued_ones_wait(
    database: Database, who: Customer
) -> None:
    message_id = await queue(database, who)
    held = (await wallet(database, who))[1]
    await database.write(outgoing.stop, ACTOR, now(), "messages", "the carrier asked")
    provider = Told(by_part)
    for _ in range(2):
        assert await Dispatcher(database, provider).step() == 0
    assert provider.submitted == []
    assert await history(database, message_id) == ["queued"]
    with pytest.raises(OutgoingStoppedError) as caught:
        await queue(database, who)
    assert (caught.value.status, caught.value.retry_after_seconds) == (503, 60)
    assert await wallet(database, who) == (FUNDS, held)
    await database.write(outgoing.resume, ACTOR, now(), "messages")
    assert await Dispatcher(database, provider).step() == 1
    assert await history(database, message_id) == ["queued", "sending", "sent"]


async def test_play_money_and_stopped_calls_hold_up_nothing(
    database: Database, who: Customer
) -> None:
    player = await customer(database, name="Player")
    await database.write(outgoing.stop, ACTOR, now(), "calls", "only these")
    assert await queue(database, who)
    await database.write(outgoing.stop, ACTOR, now(), "messages", "and those")
    assert await queue(database, player)


async def test_the_command_works_beside_a_platform(
    database: Database, database_url: str, who: Customer, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("SMS_VOIP_DATABASE_URL", database_url)
    monkeypatch.setenv("SMS_VOIP_VAR_DIR", str(tmp_path))

    async def run(*words: str, status: int = 0) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, cli, ["outgoing", *words])
        assert result.exit_code == status, (result.output, result.exception)
        return " ".join(result.output.split())

    assert await run("show") == "Nothing is stopped."
    assert await run("stop", "messages", "--reason", "a [leak]") == "Nothing of it leaves any more."
    with pytest.raises(OutgoingStoppedError):
        await queue(database, who)
    assert await run("stop", "messages", "--reason", "again") == "It was stopped before."
    assert await run("stop", "calls", "--reason", "all", "--hang-up") == (
        "Nothing of it leaves any more."
    )
    assert "Give a reason" in await run("stop", "calls", "--reason", " ", status=1)
    said = await run("show")
    assert "messages since" in said
    assert "a [leak]" in said
    assert await run("resume", "messages") == "They leave again."
    assert await run("resume", "messages") == "They were not stopped."
    assert await queue(database, who)
