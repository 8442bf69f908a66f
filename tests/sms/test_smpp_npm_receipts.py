"""What a third party's SMSC (the npm package `smpp` run by node) sends: receipts, and a message."""

import asyncio

import pytest

from telephony.sms.providers.base import Inbound, ReceiptState
from telephony.sms.providers.smpp_options import IdBase
from tests.fixtures_smsc import Smsc
from tests.sms.support import Sink, bound, submission, submitted, until


async def test_a_receipt_before_its_response(smsc: Smsc) -> None:
    smsc.knobs(receipt_first=True, response_ms=100)
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        submitting = asyncio.create_task(provider.submit([submission()]))
        [receipt] = await sink.wait_for(1)
        assert not submitting.done()
        [outcome] = await submitting
    assert receipt.provider_message_id == submitted(outcome)


@pytest.mark.parametrize(
    ("response_id", "receipt_id"),
    [("hex", "decimal"), ("decimal", "hex"), ("hex", "hex"), ("plain", "plain")],
)
@pytest.mark.parametrize("style", ["tlv", "text"])
async def test_ids_of_any_base_meet(
    smsc: Smsc, response_id: str, receipt_id: str, style: str
) -> None:
    smsc.knobs(response_id=response_id, receipt_id=receipt_id, receipt_style=style)
    bases = {"hex": IdBase.HEX, "decimal": IdBase.DECIMAL, "plain": IdBase.AS_IS}
    sink = Sink()
    async with bound(
        smsc.port,
        sink,
        response_id_base=bases[response_id],
        receipt_id_base=bases[receipt_id],
    ) as provider:
        [outcome] = await provider.submit([submission()])
        [receipt] = await sink.wait_for(1)
    assert receipt.provider_message_id == submitted(outcome)
    assert receipt.state is ReceiptState.DELIVERED


@pytest.mark.parametrize(
    ("stat", "state"),
    [("UNDELIV", "undelivered"), ("EXPIRED", "expired"), ("ENROUTE", "enroute")],
)
async def test_states(smsc: Smsc, stat: str, state: str) -> None:
    smsc.knobs(receipt=stat)
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        await provider.submit([submission()])
        [receipt] = await sink.wait_for(1)
    assert receipt.state == state


async def test_a_receipt_is_answered_only_after_it_is_stored(smsc: Smsc) -> None:
    sink = Sink()
    sink.gate.clear()
    async with bound(smsc.port, sink) as provider:
        await provider.submit([submission()])
        await until(lambda: smsc.counts["receipts"] == 1)
        await asyncio.sleep(0.05)
        assert smsc.counts["receipt_answers"] == {}
        sink.gate.set()
        await until(lambda: smsc.counts["receipt_answers"] == {"0": 1})


async def test_a_receipt_that_was_not_stored_is_repeated(smsc: Smsc) -> None:
    sink = Sink(failures=1)
    async with bound(smsc.port, sink) as provider:
        [outcome] = await provider.submit([submission()])
        [receipt] = await sink.wait_for(1)
        await until(lambda: smsc.counts["receipt_answers"] == {"100": 1, "0": 1})
    assert receipt.provider_message_id == submitted(outcome)


async def test_a_message_from_a_phone_is_handed_over_and_answered_once_stored(smsc: Smsc) -> None:
    sink = Sink()
    sink.gate.clear()
    async with bound(smsc.port, sink) as provider:
        smsc.deliver(
            source_addr_ton=1, source_addr="15550109999", destination_addr="12345",
            data_coding=0, short_message="STOP @ 5 €",
        )  # fmt: skip
        await until(lambda: smsc.counts["receipts"] == 1)
        await asyncio.sleep(0.05)
        assert smsc.counts["receipt_answers"] == {}
        sink.gate.set()
        await until(lambda: smsc.counts["receipt_answers"] == {"0": 1})
        submitted((await provider.submit([submission()]))[0])
        await sink.wait_for(1)
        assert provider.figures()["inbound"] == 1
    assert sink.calls[0] == [Inbound("smpp", "+15550109999", "12345", "STOP @ 5 €")]
