"""Forms of phones, calls and numbers as browsers send them become what the API takes."""

import pytest
from pydantic import BaseModel, ValidationError

from api.dashboard.call import CallForm
from api.dashboard.numbers import RuleForm
from api.dashboard.phone_forms import CODECS, TRANSPORTS, NewPhoneForm, PhoneForm
from api.v1.sip_account_forms import SipAccountOptions
from api.v1.sip_accounts import columns_of

PHONE = {"codecs": "ulaw", "transport-udp": "on"}
CALL = {"mode": "test", "form": "form-of-the-test", "to": "+15559876543"}
RULE = {"strategy": "all", "ring_seconds": "25"}


def columns(**fields: str) -> dict[str, object]:
    return columns_of(PhoneForm.model_validate(PHONE | fields))


def complaint(form: type[BaseModel], fields: dict[str, str]) -> str:
    """The first field that is wrong, and why."""
    with pytest.raises(ValidationError) as caught:
        form.model_validate(fields)
    first = caught.value.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def test_words_and_ticks_become_lists() -> None:
    found = columns(codecs=" G722,ulaw ulaw", cidrs="10.0.0.0/8, 192.0.2.9/24")
    assert (found["codecs"], found["transports"]) == ("g722,ulaw", "udp")
    assert found["cidrs"] == "10.0.0.0/8,192.0.2.0/24"
    all_of_them = {f"transport-{one}": "on" for one in TRANSPORTS}
    assert columns(**all_of_them)["transports"] == ",".join(TRANSPORTS)
    assert columns(codecs=",".join(CODECS))["codecs"] == ",".join(CODECS)


def test_what_is_left_empty_is_taken_away_or_stays() -> None:
    found = columns(short_number="", caller_id="", cidrs="", label="")
    assert (found["short_number"], found["cidrs"], found["label"]) == (None, "", "")
    assert "caller_id" not in found  # one cannot be taken away, only changed
    assert columns(caller_id="+1 555 011 1222")["caller_id"] == "+15550111222"
    assert (found["nat"], columns(nat="on")["nat"]) == (False, True)
    assert "status" not in found


def test_a_new_phone_says_besides_what_no_column_is() -> None:
    form = NewPhoneForm.model_validate(PHONE | {"mode": "live", "username": "desk"})
    assert (form.mode, form.username) == ("live", "desk")
    assert set(columns_of(form)) <= set(SipAccountOptions.model_fields)
    assert complaint(NewPhoneForm, PHONE).startswith("mode: ")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"codecs": "ulaw,opus"}, "codecs: Value error, Write some of ulaw"),
        ({"max_contacts": "many"}, "max_contacts: "),
        ({"media": "zrtp"}, "media: "),
        ({"record": "some"}, "record: "),
        ({"label": "x" * 65}, "label: "),
        ({"label": "\0"}, "label: "),
        ({"transport-carrier-pigeon": "on", "colour": "red"}, "colour: "),
    ],
)
def test_what_no_phone_may_be_is_told_by_field(fields: dict[str, str], told: str) -> None:
    assert complaint(PhoneForm, PHONE | fields).startswith(told)


def test_a_call_is_recorded_as_it_is_chosen() -> None:
    for given, meant in (("", None), ("off", False), ("stereo", "stereo"), ("mixed", "mixed")):
        assert CallForm.model_validate(CALL | {"record": given}).record == meant
    assert complaint(CallForm, CALL | {"record": "loud"}).startswith("record")


def test_an_empty_form_of_a_call_has_the_defaults_of_the_api() -> None:
    empty = {"from": "", "caller_id": "", "timeout_seconds": "", "time_limit_seconds": ""}
    form = CallForm.model_validate(CALL | empty)
    assert (form.from_, form.caller_id) == ("", None)
    assert (form.timeout_seconds, form.time_limit_seconds) == (30, 14_400)


def test_a_number_rings_each_phone_once_in_order() -> None:
    form = RuleForm.model_validate(RULE | {"targets": "bob, alice,bob  carol"})
    assert form.targets == ["bob", "alice", "carol"]
    assert RuleForm.model_validate(RULE).targets == []
    assert RuleForm.model_validate(RULE | {"forward_to": "+1 (555) 987-6543"}).forward_to == (
        "+15559876543"
    )
    assert complaint(RuleForm, RULE | {"forward_to": "12"}).startswith("forward_to")
