"""The provider against a third party's SMSC: the npm package `smpp` run by node."""

import asyncio
from datetime import UTC, datetime

import pytest

from telephony.clock import SECOND
from telephony.settings import Settings
from telephony.sms.providers.base import ReceiptState
from telephony.sms.providers.registry import load
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_receipts import IdBase
from tests.fixtures_smsc import Smsc
from tests.sms.support import Sink, bound, config, parts_of, refused, submission, submitted, until


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


async def test_a_lost_link_is_unknown_and_receipts_come_after_the_reconnect(smsc: Smsc) -> None:
    smsc.knobs(receipt_ms=150)
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        before = await provider.submit([submission(f"before {n}") for n in range(4)])
        smsc.knobs(drop_at=1)
        lost = await provider.submit([submission(f"lost {n}") for n in range(6)])
        errors = [refused(outcome) for outcome in lost]
        assert {(error.code, error.outcome_unknown) for error in errors} == {("link_lost", True)}
        assert not any(error.retryable for error in errors)
        await until(lambda: provider.health().up)
        after = await provider.submit([submission("after")])
        known = {submitted(outcome) for outcome in [*before, *after]}
        # Those of unknown outcome may have been taken too, and then have receipts as well.
        await until(lambda: {receipt.provider_message_id for receipt in sink.receipts} >= known)
    assert smsc.counts["binds"] == 2
    texts = [pdu["text"] for pdu in smsc.submits]
    assert len(texts) == len(set(texts))  # nothing was sent twice


async def test_drops_all_the_time_lose_no_outcome_and_send_nothing_twice(smsc: Smsc) -> None:
    fates: dict[str, str] = {}
    async with bound(smsc.port, Sink(), window=10) as provider:
        for number in range(6):
            smsc.knobs(drop_at=7)
            batch = [submission(f"{number} {n}") for n in range(20)]
            outcomes = await provider.submit(batch)
            for sent, outcome in zip(batch, outcomes, strict=True):
                fates[sent.text] = getattr(outcome, "code", "submitted")
            await until(lambda: provider.health().up)
    texts = [pdu["text"] for pdu in smsc.submits]
    assert len(texts) == len(set(texts))
    by_fate = {
        fate: {text for text, its in fates.items() if its == fate}
        for fate in ("submitted", "link_lost", "link_down")
    }
    assert sum(map(len, by_fate.values())) == 120
    # The reset may overtake answers that are under way, so those may be unknown to us.
    assert by_fate["submitted"] <= set(texts) <= by_fate["submitted"] | by_fate["link_lost"]
    assert not by_fate["link_down"] & set(texts)
    assert all(len(by_fate[fate]) >= 6 for fate in ("link_lost", "link_down"))
    assert smsc.counts["drops"] == 6


async def test_stop_waits_for_responses_and_unbinds(smsc: Smsc) -> None:
    smsc.knobs(response_ms=200)
    sink = Sink()
    provider = SmppProvider(config(smsc.port))
    await provider.start(sink)
    await until(lambda: provider.health().up)
    submitting = asyncio.create_task(provider.submit([submission()]))
    await until(lambda: smsc.counts["submits"] == 1)
    await provider.stop()
    [outcome] = await submitting
    submitted(outcome)
    assert smsc.counts["unbinds"] == 1
    assert not provider.health().up
    error = refused((await provider.submit([submission()]))[0])
    assert (error.code, error.retryable) == ("link_down", True)
    await provider.stop()


async def test_an_unbind_by_the_smsc_is_answered_and_the_bind_renewed(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink()) as provider:
        smsc.unbind()
        await until(lambda: smsc.counts["binds"] == 2 and provider.health().up)
        [outcome] = await provider.submit([submission()])
        submitted(outcome)


async def test_enquire_link_both_ways(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink(), enquire_link_seconds=0.05) as provider:
        await until(lambda: smsc.counts["enquires"] >= 3)
        smsc.enquire()
        submitted((await provider.submit([submission()]))[0])
    assert smsc.counts["binds"] == 1


async def test_a_refused_bind_is_told_and_tried_again(smsc: Smsc) -> None:
    provider = SmppProvider(config(smsc.port, password="wrong"))
    await provider.start(Sink())
    try:
        await until(lambda: "bind_failed" in provider.health().detail)
        assert not provider.health().up
        error = refused((await provider.submit([submission()]))[0])
        assert error.code == "link_down"
        assert "bind_failed" in error.detail
    finally:
        await provider.stop()


async def test_inbound_messages_are_refused_for_now_and_harm_nothing(smsc: Smsc) -> None:
    sink = Sink()
    async with bound(smsc.port, sink) as provider:
        smsc.deliver(source_addr="15550109999", destination_addr="ACME", short_message="STOP")
        await until(lambda: smsc.counts["receipt_answers"] == {"102": 1})
        submitted((await provider.submit([submission()]))[0])
        await sink.wait_for(1)
    assert provider.counts["inbound_refused"] == 1


async def test_the_provider_from_settings(smsc: Smsc) -> None:
    settings = Settings(
        smpp_host=smsc.host,
        smpp_port=smsc.port,
        smpp_system_id="platform",
        smpp_window=3,
        smpp_response_id_base="hex",
        smpp_receipt_id_base="decimal",
    )
    smsc.knobs(response_id="hex", receipt_id="decimal")
    sink, provider = Sink(), load("smpp", settings)
    await provider.start(sink)
    try:
        await until(lambda: provider.health().up)
        assert provider.health().detail == f"bound to 127.0.0.1:{smsc.port}, window 0/3"
        await provider.resume(["1001"])
        [outcome] = await provider.submit([submission()])
        [receipt] = await sink.wait_for(1)
    finally:
        await provider.stop()
    assert receipt.provider_message_id == submitted(outcome)


def test_without_a_host_there_is_no_smpp() -> None:
    with pytest.raises(ValueError, match="SMS_VOIP_SMPP_HOST"):
        load("smpp", Settings(smpp_host=""))
