"""The link to a third party's SMSC (the npm package `smpp` run by node): bound, lost, ended."""

import asyncio

import pytest

from telephony.settings import Settings
from telephony.sms.providers import smpp_options
from telephony.sms.providers.registry import build
from telephony.sms.providers.smpp import SmppProvider
from tests.fixtures_smsc import Smsc
from tests.sms.support import Sink, bound, config, refused, submission, submitted, until


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
    sink, provider = Sink(), build("smpp", "smpp", smpp_options.from_settings(settings), settings)
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
        smpp_options.from_settings(Settings(smpp_host=""))


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


async def test_enquire_link_both_ways(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink(), enquire_link_seconds=0.05) as provider:
        await until(lambda: smsc.counts["enquires"] >= 3)
        smsc.enquire()
        submitted((await provider.submit([submission()]))[0])
    assert smsc.counts["binds"] == 1


async def test_an_unbind_by_the_smsc_is_answered_and_the_bind_renewed(smsc: Smsc) -> None:
    async with bound(smsc.port, Sink()) as provider:
        smsc.unbind()
        await until(lambda: smsc.counts["binds"] == 2 and provider.health().up)
        [outcome] = await provider.submit([submission()])
        submitted(outcome)


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
