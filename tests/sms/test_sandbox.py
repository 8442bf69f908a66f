"""The sandbox provider: endings by number, and receipts that outlive the process."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from telephony import clock
from telephony.settings import Settings
from telephony.sms.providers import sandbox
from telephony.sms.providers.base import Provider, ReceiptState
from telephony.sms.providers.registry import build, kinds
from telephony.sms.providers.sandbox import SandboxProvider
from tests.sms.support import Sink, refused, submission, submitted, until


@pytest.fixture
async def sink() -> Sink:
    return Sink()


@pytest.fixture
async def provider(sink: Sink) -> AsyncIterator[SandboxProvider]:
    provider = SandboxProvider()
    await provider.start(sink)
    yield provider
    await provider.stop()


async def send(provider: Provider, digits: str) -> str:
    [outcome] = await provider.submit([submission(recipient=f"+1555010{digits}")])
    return submitted(outcome)


async def test_0001_is_delivered_at_once(provider: SandboxProvider, sink: Sink) -> None:
    provider_message_id = await send(provider, "0001")
    [receipt] = await sink.wait_for(1)
    assert receipt.provider == "sandbox"
    assert receipt.provider_message_id == provider_message_id
    assert receipt.state is ReceiptState.DELIVERED
    assert receipt.error_code == ""
    assert receipt.at is not None
    assert abs(clock.now() - receipt.at) < clock.SECOND


@pytest.mark.parametrize(
    ("digits", "state", "seconds"),
    [
        ("0001", "delivered", 0),
        ("0002", "undelivered", 1),
        ("0004", "expired", 1),
        ("0005", "delivered", 30),
        ("0010", "delivered", 1),  # refused at the door, not here
        ("9999", "delivered", 1),
    ],
)
async def test_the_id_tells_state_and_time(
    provider: SandboxProvider, digits: str, state: str, seconds: int
) -> None:
    before = clock.now()
    provider_message_id = await send(provider, digits)
    name, said_state, due, message_id, part = provider_message_id.split(".")
    assert (name, said_state, message_id, part) == ("sandbox", state, "msg_1", "1")
    late = int(due) - before - seconds * clock.SECOND
    assert 0 <= late < clock.SECOND


async def test_0003_fails_at_submission(provider: SandboxProvider) -> None:
    [outcome] = await provider.submit([submission(recipient="+15550100003")])
    error = refused(outcome)
    assert (error.code, error.retryable, error.outcome_unknown) == (
        "sandbox_rejected",
        False,
        False,
    )


async def test_0006_is_throttled_at_its_first_attempt_only(
    provider: SandboxProvider, sink: Sink
) -> None:
    first = submission(recipient="+15550100006")
    error = refused((await provider.submit([first]))[0])
    assert error.throttled
    assert error.retryable
    again = submission(recipient="+15550100006", attempt=2)
    provider_message_id = submitted((await provider.submit([again]))[0])
    assert provider_message_id.startswith("sandbox.delivered.")


async def test_outcomes_keep_the_order_of_the_batch(provider: SandboxProvider) -> None:
    numbers = ["0001", "0003", "9999", "0006", "0002"]
    batch = [submission(recipient=f"+1555010{digits}") for digits in numbers]
    outcomes = await provider.submit(batch)
    assert [type(outcome).__name__ for outcome in outcomes] == [
        "Submitted",
        "ProviderError",
        "Submitted",
        "ProviderError",
        "Submitted",
    ]


async def test_each_part_has_an_id_and_a_receipt_of_its_own(
    provider: SandboxProvider, sink: Sink
) -> None:
    batch = [submission(recipient="+15550100001", part=part, parts=3) for part in (1, 2, 3)]
    ids = [submitted(outcome) for outcome in await provider.submit(batch)]
    assert len(set(ids)) == 3
    assert sorted(r.provider_message_id for r in await sink.wait_for(3)) == sorted(ids)


async def test_failures_name_a_cause(provider: SandboxProvider, sink: Sink) -> None:
    due = clock.now()
    await provider.resume([f"sandbox.undelivered.{due}.m.1", f"sandbox.expired.{due}.m.2"])
    receipts = await sink.wait_for(2)
    assert {(r.state, r.error_code) for r in receipts} == {
        (ReceiptState.UNDELIVERED, "absent_subscriber"),
        (ReceiptState.EXPIRED, "validity_expired"),
    }


async def test_receipts_survive_a_restart() -> None:
    lost = Sink()
    first = SandboxProvider()
    await first.start(lost)
    waiting = await send(first, "9999")
    await first.stop()
    assert lost.receipts == []

    sink, second = Sink(), SandboxProvider()
    await second.start(sink)
    try:
        await second.resume([waiting])
        [receipt] = await sink.wait_for(1)
        assert receipt.provider_message_id == waiting
        assert receipt.at == int(waiting.split(".")[2])
    finally:
        await second.stop()


async def test_resume_takes_an_id_once_and_leaves_what_it_cannot_read(
    provider: SandboxProvider, sink: Sink
) -> None:
    good = f"sandbox.delivered.{clock.now() + clock.SECOND // 10}.msg_9.1"
    strange = ["", "42", "sandbox.delivered.soon.m.1", "sandbox.lost.1.m.1", "smpp.delivered.1.m.1"]
    await provider.resume([good, good, *strange, "sandbox.delivered." + "9" * 5000 + ".m.1"])
    await sink.wait_for(1)
    await asyncio.sleep(0.05)
    assert [receipt.provider_message_id for receipt in sink.receipts] == [good]


async def test_a_sooner_receipt_overtakes_a_later_one(
    provider: SandboxProvider, sink: Sink
) -> None:
    await send(provider, "0005")
    sooner = await send(provider, "0001")
    [receipt] = await sink.wait_for(1)
    assert receipt.provider_message_id == sooner
    assert provider.health().detail == "1 receipts to come"


async def test_receipts_are_repeated_when_the_sink_fails(
    monkeypatch: pytest.MonkeyPatch, provider: SandboxProvider, sink: Sink
) -> None:
    monkeypatch.setattr(sandbox, "SINK_RETRY_SECONDS", 0.01)
    sink.failures = 2
    provider_message_id = await send(provider, "0001")
    [receipt] = await sink.wait_for(1)
    assert receipt.provider_message_id == provider_message_id


async def test_receipts_due_together_come_in_one_call(
    provider: SandboxProvider, sink: Sink
) -> None:
    batch = [submission(recipient="+15550100001", message_id=f"m{n}") for n in range(50)]
    await provider.submit(batch)
    await sink.wait_for(50)
    assert len(sink.calls) == 1


async def test_health_follows_start_and_stop() -> None:
    provider = SandboxProvider()
    assert not provider.health().up
    await provider.start(Sink())
    assert provider.health().up
    await provider.stop()
    assert not provider.health().up
    await provider.stop()  # twice does no harm


async def test_the_registry_knows_both_and_names_them_for_a_stranger() -> None:
    assert {"sandbox", "smpp"} <= set(kinds())
    assert isinstance(build("sandbox", "play", {}, Settings()), SandboxProvider)
    with pytest.raises(LookupError, match=r"pigeon.*sandbox, smpp"):
        build("pigeon", "p", {}, Settings())


async def test_a_stopped_provider_announces_nothing(sink: Sink) -> None:
    provider = SandboxProvider()
    await provider.start(sink)
    await provider.stop()
    await send(provider, "0001")
    await asyncio.sleep(0.05)
    assert sink.receipts == []
    await provider.start(sink)
    await until(lambda: len(sink.receipts) == 1)
    await provider.stop()
