"""What an operator may write, and what the platform says of mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from telephony.settings import Settings
from telephony.sms.alphabets import PLAIN, Encoding
from telephony.sms.providers.registry import build
from telephony.sms.providers.smpp import SmppProvider
from telephony.sms.providers.smpp_options import SmppOptions, Treatment, from_settings

LEAST: dict[str, Any] = {"host": "smsc.example", "system_id": "me"}
FULL = LEAST | {
    "port": 3550,
    "tls": {"server_name": "a.example", "ca_file": "/etc/smsc.pem"},
    "password": "longer than eight octets",
    "interface_version": "5.0",
    "bind": "transmitter_receiver",
    "binds": 4,
    "messages_per_second": 12.5,
    "source": {"alphanumeric": {"ton": 5, "npi": 1}},
    "destination": {"ton": 0, "npi": 1, "plus": True},
    "encodings": ["gsm7", "ucs2", "gsm7_tr"],
    "data_coding": {"gsm7": 1},
    "long_messages": "sar",
    "validity": "absolute",
    "unknown_outcome": "resend",
    "errors": {"0x0400": {"treat": "throttle"}, "1025": {"treat": "fail", "code": "no_credit"}},
}


def test_the_least_and_all_of_it() -> None:
    least = SmppOptions.from_mapping(LEAST)
    assert (least.port, least.window, least.tls, least.encodings) == (2775, 50, None, PLAIN)
    full = SmppOptions.from_mapping(json.loads(json.dumps(FULL)))
    assert full.tls is not None
    assert full.tls.ca_file == Path("/etc/smsc.pem")
    assert (full.source.alphanumeric.npi, full.source.international.ton) == (1, 1)
    assert (full.data_coding.gsm7, full.data_coding.ucs2) == (1, 8)
    assert full.errors[0x400].treat is Treatment.THROTTLE
    assert full.errors[1025].code == "no_credit"


def test_each_option_is_in_the_documentation() -> None:
    page = (Path(__file__).parents[2] / "docs/smpp.md").read_text()
    assert [name for name in SmppOptions.model_fields if f"`{name}`" not in page] == []
    example = page.split("```json")[1].split("```")[0]
    assert SmppOptions.from_mapping(json.loads(example)).binds == 2


def test_it_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SmppOptions.from_mapping(LEAST).window = 3  # type: ignore[misc]


def test_a_provider_says_what_its_options_make_of_it() -> None:
    cautious = SmppProvider(SmppOptions.from_mapping(LEAST), "one")
    assert (cautious.name, cautious.repeatable) == ("one", False)
    assert cautious.capabilities.inbound
    bold = build("smpp", "two", FULL, Settings())
    assert (bold.name, bold.repeatable) == ("two", True)
    assert bold.capabilities.encodings == {*PLAIN, Encoding.GSM7_TURKISH}
    assert "not" in bold.health().detail or bold.health().detail == "stopped"


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        ({}, ["host: Field required", "system_id: Field required"]),
        (LEAST | {"hots": "x"}, ["hots: Extra inputs are not permitted"]),
        (LEAST | {"port": 0}, ["port: Input should be greater than or equal to 1"]),
        (LEAST | {"bind": "both"}, ["bind: Input should be 'transceiver' or"]),
        (LEAST | {"errors": {"full": {"treat": "retry"}}}, ["write a command_status as 0x0400"]),
        (LEAST | {"errors": {"0x58": {"treat": "wait"}}}, ["errors.0x58.treat: Input should be"]),
        (LEAST | {"source": {"short_code": {"ton": 300}}}, ["source.short_code.ton: "]),
        (LEAST | {"reconnect_seconds_min": 50}, ["reconnect_seconds_min is above"]),
        (LEAST | {"password": "gehéim"}, ["must be ASCII"]),
        (LEAST | {"window": 0, "binds": 99}, ["window: ", "binds: "]),
    ],
)
def test_each_mistake_has_a_line_and_no_secret_is_repeated(
    options: dict[str, Any], lines: list[str]
) -> None:
    with pytest.raises(ValueError, match=": ") as caught:
        SmppOptions.from_mapping({"password": "hunter2"} | options)
    text = str(caught.value)
    assert not isinstance(caught.value, ValidationError)
    for line in lines:
        assert line in text
    assert "hunter2" not in text
    assert "gehéim" not in text
    assert "hunter2" not in repr(SmppOptions.from_mapping(LEAST | {"password": "hunter2"}))


def test_settings_name_the_usual_ones_and_a_text_the_rest() -> None:
    more = '{"binds": 2, "tls": {}, "window": 9}'
    settings = Settings(
        smpp_host="h", smpp_system_id="me", smpp_window=3, smpp_options=more, smpp_port=2776
    )
    options = SmppOptions.from_mapping(from_settings(settings))
    assert (options.host, options.port, options.binds, options.window) == ("h", 2776, 2, 9)
    assert options.tls is not None


@pytest.mark.parametrize(("text", "why"), [("{", "no JSON"), ("[1]", "must be a JSON object")])
def test_a_bad_text_is_told_by_its_setting(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"SMS_VOIP_SMPP_OPTIONS .*{why}"):
        from_settings(Settings(smpp_host="h", smpp_options=text))
