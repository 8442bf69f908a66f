"""The sanitizer: no value becomes a line, an action, a variable or a pattern of its own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.voice.ami import (
    AbsoluteTimeout,
    Action,
    AmiValueError,
    DBDel,
    DBGet,
    DBGetTree,
    DBPut,
    Hangup,
    Originate,
    PJSIPShowEndpoint,
    Redirect,
    SetVar,
)
from telephony.voice.ami.actions import Login
from telephony.voice.ami.values import LINE_BYTES_MAX, check_headers, check_line

CALL = Originate("PJSIP/alice", "api-call", "s", 1, "call-1")
CONTROLS = [chr(code) for code in (*range(0x20), 0x7F)]


def refused(action: Action) -> bool:
    try:
        action.headers()
    except AmiValueError:
        return True
    return False


@pytest.mark.parametrize("control", CONTROLS, ids=lambda c: f"{ord(c):02x}")
def test_no_control_character_in_any_value(control: str) -> None:
    bad = f"a{control}b"
    actions = [
        DBPut(bad, "k", "v"),
        DBPut("f", bad, "v"),
        DBPut("f", "k", bad),
        DBDel("f", bad),
        DBGet(bad, "k"),
        DBGetTree(bad),
        Hangup(bad),
        SetVar("c", "V", bad),
        SetVar("c", bad, "v"),
        Redirect("c", bad, "s"),
        Redirect("c", "x", bad),
        AbsoluteTimeout(bad, 1),
        PJSIPShowEndpoint(bad),
        Login(bad, "s"),
        Login("u", bad),
        replace(CALL, channel=f"PJSIP/{bad}"),
        replace(CALL, context=bad),
        replace(CALL, exten=bad),
        replace(CALL, channel_id=bad),
        replace(CALL, caller_id=bad),
        replace(CALL, caller_name=bad),
        replace(CALL, account=bad),
        replace(CALL, variables={"V": bad}),
        replace(CALL, variables={bad: "v"}),
    ]
    assert [action for action in actions if not refused(action)] == []


@given(st.text())
def test_a_value_that_passes_is_one_line(value: str) -> None:
    try:
        line = check_line("Val", value)
    except AmiValueError:
        return
    assert not set(line) & set(CONTROLS)
    assert len(f"Val: {line}\r\n".encode()) <= LINE_BYTES_MAX


def test_a_line_is_at_most_1024_bytes_with_its_end() -> None:
    room = LINE_BYTES_MAX - len("Val: \r\n")
    check_line("Val", "x" * room)
    check_line("Val", "é" * (room // 2))
    with pytest.raises(AmiValueError, match="1025 bytes"):
        check_line("Val", "x" * (room + 1))
    with pytest.raises(AmiValueError, match="at most 1024"):
        check_line("Val", "é" * (room // 2 + 1))


def test_a_lone_surrogate_is_refused_and_not_logged_by_panoramisk_with_its_action() -> None:
    with pytest.raises(AmiValueError, match="Unicode"):
        check_line("Val", "\ud800")


def test_no_more_headers_than_asterisk_keeps() -> None:
    """Found by trying: 119 variables pass, 120 are "Too many lines in message"."""
    assert not refused(replace(CALL, variables={f"V{n}": "x" for n in range(119)}))
    assert refused(replace(CALL, variables={f"V{n}": "x" for n in range(120)}))
    with pytest.raises(AmiValueError, match="127 headers"):
        check_headers({"Variable": ["x"] * 127})


@pytest.mark.parametrize("value", ["a,SV_GRANT=x", ",", "1,2"])
def test_no_comma_in_a_variable_of_originate(value: str) -> None:
    assert refused(replace(CALL, variables={"SV_TO": value}))


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=B", "SHELL(id)", "A,B", "Ä", "A" * 81])
def test_only_plain_variable_names(name: str) -> None:
    assert refused(replace(CALL, variables={name: "x"}))
    assert refused(SetVar("c", name, "x"))


@pytest.mark.parametrize("name", ["SV_TO", "__INHERITED", "a1"])
def test_plain_variable_names_pass(name: str) -> None:
    assert replace(CALL, variables={name: "x"}).headers()["Variable"] == [f"{name}=x"]


@pytest.mark.parametrize(
    "channel",
    [
        "PJSIP/alice",
        "PJSIP/+436601234567@trunk",
        "Local/s@simulated-phone/n",
        "Local/436601234567@simulated-carrier/n",
    ],
)
def test_channels_of_the_contract_pass(channel: str) -> None:
    assert replace(CALL, channel=channel).headers()["Channel"] == channel


@pytest.mark.parametrize(
    "channel",
    [
        "",
        "alice",
        "SIP/alice",
        "PJSIP/",
        "PJSIP/500&PJSIP/trunk/1900",
        "PJSIP/a,b",
        "PJSIP/a b",
        "PJSIP/${SHELL(id)}",
        "System/reboot",
        "PJSIP/" + "a" * 201,
    ],
)
def test_other_channels_are_not_dialled(channel: str) -> None:
    assert refused(replace(CALL, channel=channel))


@pytest.mark.parametrize("channel", ["", " ", "/.*/", "/^PJSIP/"])
def test_one_channel_is_named_exactly(channel: str) -> None:
    """Hangup takes /…/ as a pattern for many channels; Setvar without one sets a global."""
    for action in (
        Hangup(channel),
        SetVar(channel, "V", "x"),
        Redirect(channel, "c", "s"),
        AbsoluteTimeout(channel, 1),
    ):
        assert refused(action)


@pytest.mark.parametrize(
    "action",
    [
        DBPut("", "k", "v"),
        DBPut("f", "", "v"),
        DBDel("f", ""),
        DBDel("", "k"),
        DBGetTree(""),
        PJSIPShowEndpoint(""),
        replace(CALL, channel_id=""),
        replace(CALL, channel_id="x" * 150),
        replace(CALL, context=""),
        replace(CALL, exten=""),
    ],
)
def test_what_may_not_be_empty_or_too_long(action: Action) -> None:
    assert refused(action)


@pytest.mark.parametrize("forged", ['x" <1>', "<+43>", 'a"b', "a\\", "x>"])
def test_caller_id_parts_cannot_forge_each_other(forged: str) -> None:
    assert refused(replace(CALL, caller_id=forged))
    assert refused(replace(CALL, caller_name=forged))


def test_caller_id_is_built() -> None:
    named = replace(CALL, caller_id="+43660", caller_name="Jörg 漢字")
    assert named.headers()["CallerID"] == '"Jörg 漢字" <+43660>'
    assert "CallerID" not in CALL.headers()


def test_a_login_hides_its_secret() -> None:
    assert "hunter2" not in repr(Login("u", "hunter2"))
