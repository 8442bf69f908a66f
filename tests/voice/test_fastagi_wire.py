"""The text of FastAGI: headers read, commands written."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telephony.voice.fastagi import AgiError, AgiHeaderError, AgiRequest, AgiVerdict
from telephony.voice.fastagi.wire import (
    COMMAND_BYTES_MAX,
    parse_header,
    set_variable,
    verdict_commands,
)
from tests.voice.agi_peer import HEADER

REQUEST = AgiRequest({"agi_uniqueid": "pbx1-1.1"})


def as_asterisk_reads(line: str) -> list[str]:
    """The words of a command by the rules of res_agi: quotes group, a backslash escapes."""
    words: list[str] = []
    word: str | None = None
    quoted = escaped = False
    for char in line:
        if escaped:
            word, escaped = (word or "") + char, False
        elif char == "\\":
            escaped = True
        elif char == '"':
            quoted, word = not quoted, word or ""
        elif char == " " and not quoted:
            words, word = [*words, *([word] if word is not None else [])], None
        else:
            word = (word or "") + char
    return [*words, *([word] if word is not None else [])]


def test_a_header_is_read() -> None:
    request = parse_header((HEADER.format(uniqueid="pbx1-1.1") + "\n").encode())
    assert request.uniqueid == "pbx1-1.1"
    assert request.script == "authorize"
    assert request.arguments == ("pbx1-1.1", "alice", "+4319999")


def test_arguments_end_at_the_first_that_is_missing() -> None:
    fields = {"agi_uniqueid": "1", "agi_arg_1": "", "agi_arg_2": "b", "agi_arg_4": "d"}
    assert AgiRequest(fields).arguments == ("", "b")
    assert AgiRequest({"agi_uniqueid": "1"}).arguments == ()
    assert AgiRequest({"agi_uniqueid": "1"}).script == ""


def test_a_name_that_is_no_utf8_is_still_a_request() -> None:
    request = parse_header(b"agi_uniqueid: 1\nagi_calleridname: M\xfcller\n\n")
    assert request.fields["agi_calleridname"] == "M\ufffdller"


@pytest.mark.parametrize(
    "header",
    [
        b"\n\n",
        b"agi_network: yes\n\n",
        b"agi_uniqueid:\n\n",
        b"agi_uniqueid: 1\nagi_uniqueid: 1\n\n",
        b"agi_uniqueid: 1\nHost: x\n\n",
        b"agi_uniqueid: 1\nagi_x\n\n",
    ],
)
def test_what_is_no_header(header: bytes) -> None:
    with pytest.raises(AgiHeaderError):
        parse_header(header)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(header: bytes) -> None:
    with suppress(AgiHeaderError):
        assert parse_header(header).uniqueid


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=200))
def test_a_value_arrives_as_it_was(value: str) -> None:
    line = set_variable("SV_TO", value).decode()
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert as_asterisk_reads(line[:-1]) == ["SET", "VARIABLE", "SV_TO", value]


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\x00", "\x7f", "\t"])
def test_no_control_character(value: str) -> None:
    with pytest.raises(AgiError, match="control"):
        set_variable("SV_TO", value)


@pytest.mark.parametrize("name", ["", "A B", 'A"', "A(b)", "A\n", "1A", "Ä", "A" * 81])
def test_only_plain_names(name: str) -> None:
    with pytest.raises(AgiError):
        set_variable(name, "x")


def test_a_command_has_its_limit_in_bytes() -> None:
    room = COMMAND_BYTES_MAX - len('SET VARIABLE V ""\n')
    assert len(set_variable("V", "x" * room)) == COMMAND_BYTES_MAX
    with pytest.raises(AgiError, match="too long"):
        set_variable("V", "x" * (room + 1))
    with pytest.raises(AgiError, match="too long"):
        set_variable("V", "é" * (room // 2 + 1))


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(AgiError):
        set_variable("V", "\ud800")


def test_variables_keep_their_order_and_the_grant_is_last() -> None:
    verdict = AgiVerdict(True, {"B": "1", "A": "2"})
    assert verdict_commands(REQUEST, verdict) == [
        b'SET VARIABLE B "1"\n',
        b'SET VARIABLE A "2"\n',
        b'SET VARIABLE SV_GRANT "pbx1-1.1"\n',
    ]


def test_no_grant_without_one() -> None:
    assert verdict_commands(REQUEST, AgiVerdict(False, {"SV_CAUSE": "21"})) == [
        b'SET VARIABLE SV_CAUSE "21"\n'
    ]


@pytest.mark.parametrize("granted", [True, False])
def test_a_handler_cannot_set_the_grant_itself(granted: bool) -> None:
    with pytest.raises(AgiError, match="SV_GRANT"):
        verdict_commands(REQUEST, AgiVerdict(granted, {"SV_GRANT": "pbx1-1.1"}))
