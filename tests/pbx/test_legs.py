"""Legs are tried in turn: the next carrier where one could not, the next phone where one did
not answer; one record of many ends the call."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures_pbx import Cdr, Pbx
from tests.pbx.sipp import answering, refusing
from tests.ports import free_port

ANSWERS = "trunk:default:+15559990001:+15550111222"
TO = "+15559990001"


def carrier(status: object) -> str:
    return f"trunk:default:+15559990{status}:15550111222"


def outcome(row: Cdr) -> tuple[str, str, str, str]:
    return row["sv_dialstatus"], row["sv_cause"], row["sv_sip"], row["sv_trunk"]


@pytest.fixture
def nowhere(pbx: Pbx) -> Iterator[str]:
    """A carrier that nobody answers for."""
    with pbx.ami("provisioning") as ami:
        endpoint = '{"aors":"_nowhere","context":"from-trunk","allow":"ulaw","identify_by":"ip"}'
        aor = f'{{"contact":"sip:127.0.0.1:{free_port()}"}}'
        for family, value in (("aor", aor), ("endpoint", endpoint)):
            ami.send("DBPut", Family=f"ps/{family}", Key="_nowhere", Val=value)
        yield "trunk:nowhere:+15559990001:"
        for family in ("endpoint", "aor"):
            ami.send("DBDel", Family=f"ps/{family}", Key="_nowhere")


def test_which_answers_of_a_carrier_lead_to_the_next(pbx: Pbx, nowhere: str) -> None:
    tried = {
        "503": carrier(503),
        "unknown": "trunk:no-such:+15559990001:",
        "timeout": nowhere,
        "486": carrier(486),
        "404": carrier(404),
        "403": carrier(403),
        "480": carrier(480),
    }
    calls = {
        name: pbx.originate(TO, legs=f"{leg}/{ANSWERS}", seconds=1, ring=12)
        for name, leg in tried.items()
    }
    rows = {name: pbx.cdr(call, 20) for name, call in calls.items()}
    answered = ("ANSWER", "16", "200", "default")
    assert {name: outcome(row) for name, row in rows.items()} == {
        "503": answered,
        "unknown": answered,
        "timeout": answered,
        "486": ("BUSY", "17", "486", "default"),
        "404": ("CHANUNAVAIL", "1", "404", "default"),
        "403": ("CHANUNAVAIL", "21", "403", "default"),
        "480": ("NOANSWER", "19", "480", "default"),
    }
    for name, call in calls.items():
        records = pbx.cdrs(call)
        assert [row["sv_more"] for row in records][-1] == ""
        assert [row["sv_more"] for row in records][:-1] == ["1"] * (len(records) - 1)
        assert len({row["sequence"] for row in records}) == len(records)
        assert {row["dst"] for row in records} == {TO}, name
    (first, last) = pbx.cdrs(calls["503"])
    assert first["dstchannel"] != last["dstchannel"]
    assert (last["linkedid"], first["sv_answered"]) == (calls["503"], "")


def test_the_last_carrier_s_answer_is_the_call_s(pbx: Pbx) -> None:
    row = pbx.cdr(pbx.originate(TO, legs=f"trunk:no-such:+1555:/{carrier(503)}"))
    assert outcome(row) == ("CONGESTION", "34", "503", "default")


def test_the_grant_and_its_limit_are_those_of_the_leg_that_answered(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        call = pbx.originate(TO, legs=f"{carrier(503)}/{ANSWERS}", seconds=1)
        ami.wait("BridgeEnter", Uniqueid=call)
        answer = ami.send("Getvar", Channel=call, Variable="CDR(sv_answered)")
        assert time.time() - 3 < float(answer["Value"]) < time.time() + 1
        assert ami.send("AbsoluteTimeout", Channel=call, Timeout=2)["Response"] == "Success"
    row = pbx.cdr(call)
    assert float(row["end"]) - float(row["sv_answered"]) == pytest.approx(2, abs=0.3)
    assert row["sv_cause"] == "16"


def test_a_leg_that_rings_out_keeps_no_cause_of_the_one_before(pbx: Pbx) -> None:
    row = pbx.cdr(pbx.originate(TO, legs=f"{carrier(503)}/{carrier('180')}", ring=1), 8)
    assert outcome(row) == ("NOANSWER", "19", "", "default")


def test_a_caller_who_leaves_between_two_legs_leaves_one_end(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        call = pbx.originate(TO, legs=f"{carrier(503)}/{carrier('180')}")
        ami.wait("DialState", Uniqueid=call, DialStatus="RINGING")
        ami.send("Hangup", Channel=call)
    assert outcome(pbx.cdr(call)) == ("CANCEL", "16", "", "default")


@pytest.mark.parametrize(
    ("legs", "wanted"),
    [
        ("phones:leg-busy/phones:leg-here", ("ANSWER", "leg-here")),
        ("phones:leg-busy+leg-here", ("ANSWER", "leg-here")),
        ("phones:leg-away/phones:leg-here", ("ANSWER", "leg-here")),
        ("phones:leg-away+leg-here", ("ANSWER", "leg-here")),
        ("phones:leg-busy/busy", ("BUSY", "")),
        ("phones:leg-away/busy", ("CHANUNAVAIL", "")),
    ],
)
def test_phones_one_after_the_other_and_all_at_once(
    pbx: Pbx, phones: None, legs: str, wanted: tuple[str, str]
) -> None:
    row = pbx.cdr(pbx.originate("+15550100100", legs=legs, seconds=1), 8)
    assert (row["sv_dialstatus"], row["sv_phone"]) == wanted
    assert row["hangupcause"] == ("16" if wanted[1] else "17")


@pytest.fixture(scope="module")
def phones(pbx: Pbx, tmp_path_factory: pytest.TempPathFactory) -> object:
    folder: Path = tmp_path_factory.mktemp("phones")
    pbx.provision("leg-away", "a secret")
    here = pbx.sipp_phone("leg-here", answering(), folder)
    busy = pbx.sipp_phone("leg-busy", refusing("486 Busy Here"), folder)
    with here, busy:
        yield


def test_every_contact_of_a_phone_rings(pbx: Pbx, tmp_path: Path) -> None:
    """Two phones of one account; the first is busy, and the other answers."""
    with (
        pbx.sipp_phone("leg-twice", refusing("486 Busy Here"), tmp_path),
        pbx.sipp_phone("leg-twice", answering(), tmp_path),
    ):
        rows = [pbx.cdr(pbx.originate("leg-twice", "phone", seconds=1)) for _ in range(2)]
    assert [row["sv_phone"] for row in rows] == ["leg-twice"] * 2


ODD = ["x&PJSIP/+19001234567", "x,1,g", "x)", "$x"]


@pytest.mark.parametrize("user", ODD)
def test_a_contact_cannot_add_a_leg_to_dial(pbx: Pbx, user: str, tmp_path: Path) -> None:
    """What a phone registers is a stranger's text; nobody else is dialled by it."""
    options = {"contact": "127.0.0.1:9", "contact_user": user}
    with (
        pbx.sipp_phone("leg-odd", answering(), tmp_path),
        pbx.phone("leg-odd", "a-phone-of-sipp", **options) as phone,
    ):
        assert phone.register() in (200, 400)
        call = pbx.originate("leg-odd", "phone", seconds=1, ring=2)
        pbx.cdr(call, 10)
    dialled = [row["dstchannel"] for row in pbx.cdrs(call) if row["dstchannel"]]
    assert dialled
    assert all(name.startswith("PJSIP/leg-odd") for name in dialled)
