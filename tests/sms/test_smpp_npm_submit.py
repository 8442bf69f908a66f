"""Messages to a third party's SMSC (the npm package `smpp` run by node): sent, or refused."""

import asyncio
from datetime import UTC, datetime

import pytest

from telephony.clock import SECOND
from telephony.sms.providers.base import ReceiptState
from tests.fixtures_smsc import Smsc
from tests.sms.support import Sink, bound, parts_of, refused, submission, submitted


async def test_a_message_and_its_receipt(smsc: Smsc) -> None:
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        [outcome] = await provider.submit([submission("Grüße: 5 € {ok}")])
        [receipt] = await sink.wait_for(1)
    assert receipt.provider == "smpp"
    assert receipt.provider_message_id == submitted(outcome)
    assert receipt.state is ReceiptState.DELIVERED
    assert receipt.error_code == "000"
    assert receipt.recipient == "+15550109999"
    done = datetime(2026, 1, 12, 20, 16, tzinfo=UTC)
    assert receipt.at == int(done.timestamp()) * SECOND
    [seen] = smsc.submits
    assert seen["text"] == "Grüße: 5 € {ok}"
    assert (seen["source"], seen["source_ton"], seen["source_npi"]) == ("ACME", 5, 0)
    assert (seen["destination"], seen["dest_ton"], seen["dest_npi"]) == ("15550109999", 1, 1)
    assert (seen["data_coding"], seen["registered_delivery"], seen["esm_class"]) == (0, 1, 0)


@pytest.mark.parametrize(
    ("text", "coding", "parts"), [("{a}" * 150, 0, 5), ("жизнь 😀 " * 30, 8, 5)]
)
async def test_long_messages_arrive_whole(smsc: Smsc, text: str, coding: int, parts: int) -> None:
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        batch = parts_of(text, reference=0x5A)
        outcomes = await provider.submit(batch)
        receipts = await sink.wait_for(parts)
    assert len({submitted(outcome) for outcome in outcomes}) == parts == len(receipts)
    seen = smsc.submits
    assert "".join(pdu["text"] for pdu in seen) == text
    assert [pdu["udh"] for pdu in seen] == [[f"00035a{parts:02x}{n + 1:02x}"] for n in range(parts)]
    assert {(pdu["esm_class"], pdu["data_coding"]) for pdu in seen} == {(0x40, coding)}
    assert {pdu["registered_delivery"] for pdu in seen} == {1}


async def test_a_batch_larger_than_the_window_keeps_its_order(smsc: Smsc) -> None:
    sink = Sink()
    async with bound(smsc.port, sink, window=7) as provider:
        texts = [f"number {n}" for n in range(100)]
        outcomes = await provider.submit([submission(text) for text in texts])
        await sink.wait_for(100)
    ids = [submitted(outcome) for outcome in outcomes]
    assert [pdu["text"] for pdu in smsc.submits] == texts
    assert ids == sorted(ids, key=int)
    assert {receipt.provider_message_id for receipt in sink.receipts} == set(ids)


async def test_one_bad_message_does_not_harm_its_batch(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink()) as provider:
        outcomes = await provider.submit(
            [submission("one"), submission(sender="Café"), submission("three")]
        )
    submitted(outcomes[0])
    submitted(outcomes[2])
    error = refused(outcomes[1])
    assert error.code == "not_encodable"
    assert not error.retryable
    assert [pdu["text"] for pdu in smsc.submits] == ["one", "three"]


async def test_overlapping_calls_share_the_bind(smsc: Smsc) -> None:
    smsc.knobs(response_ms=30)
    async with bound(smsc.port, Sink(), window=4) as provider:
        calls = [provider.submit([submission(f"call {n}")] * 3) for n in range(10)]
        results = await asyncio.gather(*calls)
    ids = [submitted(outcome) for outcomes in results for outcome in outcomes]
    assert len(set(ids)) == 30


async def test_throttling_is_told_and_passes(smsc: Smsc) -> None:
    smsc.knobs(throttle=2)
    async with bound(smsc.port, Sink()) as provider:
        outcomes = await provider.submit([submission()] * 3)
    for outcome in outcomes[:2]:
        error = refused(outcome)
        assert (error.code, error.throttled, error.retryable) == ("smsc_throttled", True, True)
        assert error.detail == "command_status 0x00000058"
    submitted(outcomes[2])


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (0x0B, "invalid_recipient", False),
        (0x08, "smsc_system_error", True),
        (0x14, "smsc_queue_full", True),
        (0x45, "submit_failed", False),
        (0x0400, "smsc_error", False),  # an operator's own
    ],
)
async def test_a_refusal_by_its_status(smsc: Smsc, status: int, code: str, retryable: bool) -> None:
    smsc.knobs(status=status)
    async with bound(smsc.port, Sink()) as provider:
        error = refused((await provider.submit([submission()]))[0])
    assert (error.code, error.retryable, error.outcome_unknown) == (code, retryable, False)


async def test_generic_nack_is_a_refusal_and_the_link_stays(smsc: Smsc) -> None:
    smsc.knobs(nack=1)
    async with bound(smsc.port, Sink()) as provider:
        first, second = await provider.submit([submission(), submission()])
    assert refused(first).code == "invalid_command_length"
    submitted(second)
    assert smsc.counts["binds"] == 1
