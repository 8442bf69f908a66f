"""Every call leaves exactly one record under its id, and that record tells what happened."""

import time
from pathlib import Path

import pytest

from tests.fixtures_pbx import Cdr, Pbx, eventually
from tests.pbx.sipp import answering, refusing

FIELDS = (
    "uniqueid linkedid sequence accountcode channel dstchannel src dst lastapp start answer end"
    " duration billsec disposition hangupcause sv_first sv_answered sv_dialstatus sv_cause sv_sip"
    " sv_trunk sv_phone sv_more"
)


def talked(row: Cdr) -> float:
    """Seconds between the callee's answer and the end."""
    return seconds(row, "sv_answered", "end")


def seconds(row: Cdr, since: str, until: str) -> float:
    return float(row[until]) - float(row[since])


def outcome(row: Cdr) -> tuple[str, str, str, bool]:
    return row["sv_dialstatus"], row["sv_cause"], row["sv_sip"], bool(row["sv_answered"])


def test_the_simulated_carrier_answers_as_the_number_says(pbx: Pbx) -> None:
    calls = {
        last: pbx.originate(f"+1555000{last}", ring=2 if last == "0003" else 6, seconds=4)
        for last in ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "4711")
    }
    rows = {last: pbx.cdr(call, 12) for last, call in calls.items()}
    assert {last: outcome(row) for last, row in rows.items()} == {
        "0001": ("ANSWER", "16", "", True),
        "0002": ("BUSY", "17", "", False),
        "0003": ("NOANSWER", "19", "", False),
        "0004": ("CHANUNAVAIL", "21", "", False),
        "0005": ("CHANUNAVAIL", "1", "", False),
        "0006": ("NOANSWER", "19", "", False),
        "0007": ("ANSWER", "16", "", True),
        "4711": ("ANSWER", "16", "", True),
    }
    assert talked(rows["0001"]) == pytest.approx(4, abs=0.3)
    assert talked(rows["0007"]) == pytest.approx(3, abs=0.3)
    assert seconds(rows["0001"], "sv_first", "sv_answered") == pytest.approx(0, abs=0.3)
    assert seconds(rows["4711"], "sv_first", "sv_answered") == pytest.approx(2, abs=0.7)
    assert seconds(rows["0003"], "sv_first", "end") == pytest.approx(2, abs=0.3)


def test_a_record_has_all_fields_of_the_contract(pbx: Pbx) -> None:
    row = pbx.cdr(call := pbx.originate("+15550000002"))
    assert list(row) == FIELDS.split()
    assert row["uniqueid"] == row["linkedid"] == call
    assert row["src"] == "+15550111222"
    assert row["dst"] == "+15550000002"
    assert isinstance(row["sequence"], int)
    times = [float(row[name]) for name in ("start", "answer", "end")]
    assert times == sorted(times)
    assert time.time() - 20 < times[0] < times[2] < time.time() + 1
    assert all(len(row[name].partition(".")[2]) == 6 for name in ("start", "answer", "end"))
    assert row["hangupcause"] == "17"


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("486", ("BUSY", "17", "486", False)),
        ("503", ("CONGESTION", "34", "503", False)),
        ("404", ("CHANUNAVAIL", "1", "404", False)),
        ("403", ("CHANUNAVAIL", "21", "403", False)),
        ("480", ("NOANSWER", "19", "480", False)),
    ],
)
def test_a_carrier_refuses(pbx: Pbx, status: str, wanted: tuple[str, str, str, bool]) -> None:
    call = pbx.originate(f"+15559990{status}", "trunk")
    row = pbx.cdr(call)
    assert (outcome(row), row["sv_trunk"]) == (wanted, "default")
    assert pbx.cdrs(call)[0]["dstchannel"].startswith("PJSIP/_default-")


def test_a_carrier_answers_and_the_grant_ends_the_call(pbx: Pbx) -> None:
    row = pbx.cdr(pbx.originate("+15559990001", "trunk", seconds=2))
    assert outcome(row) == ("ANSWER", "16", "200", True)
    assert talked(row) == pytest.approx(2, abs=0.3)


def test_a_carrier_never_answers(pbx: Pbx) -> None:
    row = pbx.cdr(pbx.originate("+15559990180", "trunk", ring=1))
    assert outcome(row) == ("NOANSWER", "19", "", False)


def test_call_back_rings_the_first_number_through_the_trunk(pbx: Pbx) -> None:
    call = pbx.originate("+15550000001", first="PJSIP/+15559990700@_default", seconds=1)
    row = pbx.cdr(call)
    assert outcome(row)[0] == "ANSWER"
    assert seconds(row, "start", "answer") == pytest.approx(0.7, abs=0.3)
    assert talked(row) == pytest.approx(1, abs=0.3)


def test_a_real_phone_first_then_a_real_phone(pbx: Pbx, tmp_path: Path) -> None:
    with (
        pbx.sipp_phone("rec-first", answering(), tmp_path),
        pbx.sipp_phone("rec-second", answering(400), tmp_path),
    ):
        call = pbx.originate("rec-second", "phone", "PJSIP/rec-first", seconds=1)
        row = pbx.cdr(call)
    assert outcome(row) == ("ANSWER", "16", "200", True)
    assert row["channel"].startswith("PJSIP/rec-first-")
    assert row["dstchannel"].startswith("PJSIP/rec-second-")
    assert row["accountcode"] == "rec-first"
    assert talked(row) == pytest.approx(1, abs=0.3)


def test_a_phone_that_is_not_registered(pbx: Pbx) -> None:
    pbx.provision("rec-away", "a secret")
    row = pbx.cdr(pbx.originate("rec-away", "phone"))
    assert outcome(row) == ("CHANUNAVAIL", "20", "", False)
    with pbx.ami() as ami:
        call = pbx.originate("+15550000001", first="PJSIP/rec-away")
        answer = ami.wait_for(lambda event: event.get("Event") == "OriginateResponse")
    assert (answer["Response"], answer["Reason"]) == ("Failure", "0")
    # No channel was made, so there is no record: the platform closes such a call by the event.
    assert pbx.cdrs(call) == []


def test_the_first_phone_never_answers(pbx: Pbx, tmp_path: Path) -> None:
    with pbx.sipp_phone("rec-busy", refusing("486 Busy Here"), tmp_path):
        row = pbx.cdr(pbx.originate("+15550000001", first="PJSIP/rec-busy"))
    assert outcome(row) == ("", "", "", False)
    assert row["disposition"] in ("BUSY", "FAILED", "NO ANSWER")
    assert row["answer"] == "0.000000"


def test_the_platform_hangs_up_in_mid_talk(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        call = pbx.originate("+15550000001")
        ami.wait("BridgeEnter", Uniqueid=call)
        time.sleep(0.5)
        assert ami.send("Hangup", Channel=call)["Response"] == "Success"
    row = pbx.cdr(call)
    assert outcome(row) == ("ANSWER", "16", "", True)
    assert talked(row) == pytest.approx(0.5, abs=0.3)


def test_the_platform_hangs_up_while_it_rings(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        call = pbx.originate("+15550000003")
        ami.wait("DialBegin", DestLinkedid=call, DialString="15550000003@simulated-carrier/n")
        assert ami.send("Hangup", Channel=call)["Response"] == "Success"
    assert outcome(pbx.cdr(call)) == ("CANCEL", "16", "", False)


def test_absolute_timeout_lengthens_and_shortens_a_grant(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        longer = pbx.originate("+15550000001", seconds=1)
        shorter = pbx.originate("+15550000001", seconds=60)
        for call in (longer, shorter):
            ami.wait("BridgeEnter", Uniqueid=call)
        assert ami.send("AbsoluteTimeout", Channel=longer, Timeout=2)["Response"] == "Success"
        assert ami.send("AbsoluteTimeout", Channel=shorter, Timeout=1)["Response"] == "Success"
    assert talked(pbx.cdr(longer)) == pytest.approx(2, abs=0.3)
    assert talked(pbx.cdr(shorter)) == pytest.approx(1, abs=0.3)


def test_a_hostile_caller_name_cannot_break_a_line(pbx: Pbx) -> None:
    name = '"},{"uniqueid":"forged\\\\u0000","x":"\\'
    with pbx.ami() as ami:
        answer = ami.send(
            "Originate",
            Channel="Local/15550000001@simulated-carrier/n",
            Application="Milliwatt",
            Async="true",
            ChannelId="hostile-name",
            CallerID=f"{name} <\"+1'555\\{{}}>",
            Account='a"\\,}{',
        )
        assert answer["Response"] == "Success"
        ami.wait_for(lambda event: event.get("Event") == "OriginateResponse")
        ami.send("Hangup", Channel="hostile-name")
    pbx.cdr("hostile-name")
    assert eventually(pbx.all_cdrs)
    assert not any("forged" in row["uniqueid"] for row in pbx.all_cdrs())
