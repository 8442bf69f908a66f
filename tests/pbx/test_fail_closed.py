"""A phone's call goes out only where the platform granted it; every doubt ends it undialled."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fixtures_pbx import Pbx
from tests.pbx.agi_server import AgiConnection, Answer, agi_server, granting, refusing
from tests.pbx.sip_client import SipClient

SECRET = "a secret of a dialling phone"


@contextmanager
def dialling(pbx: Pbx, username: str = "dials") -> Iterator[SipClient]:
    pbx.provision(username, SECRET)
    with pbx.phone(username, SECRET) as phone:
        yield phone


def status_of(pbx: Pbx, answer: Answer, dialled: str = "+15550000001") -> int:
    """What a phone is told when the platform answers so; the call must not reach Dial."""
    with dialling(pbx) as phone, pbx.ami() as ami, agi_server(pbx.settings.agi_port, answer):
        status = phone.invite(dialled)
        ami.wait("Cdr", AccountCode="dials")
        assert not [event for event in ami.events if event.get("Event") == "DialBegin"]
    return status


def test_a_granted_call_is_dialled_and_cut_at_the_end_of_the_grant(pbx: Pbx) -> None:
    with dialling(pbx) as phone:
        with agi_server(pbx.settings.agi_port, granting(SV_SECONDS="2")) as headers:
            assert phone.invite("00155500001") == 200
        # The platform is gone now, and the call ends all the same.
        answered = time.time()
        assert phone.serve("BYE", 4) - answered == pytest.approx(2, abs=0.3)
    (header,) = headers
    assert header["agi_network_script"] == "authorize"
    assert header["agi_arg_1"] == header["agi_uniqueid"]
    assert (header["agi_arg_2"], header["agi_arg_3"]) == ("dials", "00155500001")
    row = pbx.cdr(header["agi_uniqueid"])
    assert row["sv_dialstatus"] == "ANSWER"
    assert row["accountcode"] == "dials"
    assert (row["src"], row["dst"]) == ("+15550111222", "+15550000001")
    assert float(row["end"]) - float(row["sv_answered"]) == pytest.approx(2, abs=0.1)


def test_the_phone_hangs_up(pbx: Pbx) -> None:
    with (
        dialling(pbx) as phone,
        agi_server(pbx.settings.agi_port, granting()) as headers,
    ):
        assert phone.invite("+15550000001") == 200
        time.sleep(0.5)
        assert phone.bye() == 200
    row = pbx.cdr(headers[0]["agi_uniqueid"])
    assert (row["sv_dialstatus"], row["sv_cause"]) == ("ANSWER", "16")
    assert float(row["end"]) - float(row["sv_answered"]) == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize(
    ("last", "status", "cause"), [("0002", 486, "17"), ("0003", 480, "19"), ("0005", 404, "1")]
)
def test_the_phone_is_told_why_nobody_answers(pbx: Pbx, last: str, status: int, cause: str) -> None:
    grant = granting(SV_LEGS=f"simulated:1555000{last}", SV_RING_SECONDS="1")
    with dialling(pbx) as phone, agi_server(pbx.settings.agi_port, grant) as headers:
        assert phone.invite("123") == status
    row = pbx.cdr(headers[0]["agi_uniqueid"])
    assert row["hangupcause"] == row["sv_cause"] == cause


@pytest.mark.parametrize(
    ("cause", "status"), [("21", 403), ("1", 404), ("nonsense", 503), ("", 503), ("999", 503)]
)
def test_a_refusal_gives_its_cause(pbx: Pbx, cause: str, status: int) -> None:
    assert status_of(pbx, refusing(cause)) == status


def test_no_platform_at_all(pbx: Pbx) -> None:
    with dialling(pbx) as phone, pbx.ami() as ami:
        assert phone.invite("+15550000001") == 503
        event = ami.wait("Cdr", AccountCode="dials")
        assert event["Hangupcause"] == "42"
        assert not [event for event in ami.events if event.get("Event") == "DialBegin"]


def test_a_platform_that_dies_after_the_header(pbx: Pbx) -> None:
    """AGISTATUS is SUCCESS then, so it proves nothing."""
    assert status_of(pbx, lambda connection: connection.link.close()) == 503


def test_a_platform_that_dies_before_the_grant(pbx: Pbx) -> None:
    def half(connection: AgiConnection) -> None:
        connection.set("SV_TO", "+15550000001")
        connection.set("SV_LEGS", "simulated:15550000001")

    assert status_of(pbx, half) == 503


def test_a_silent_platform_holds_the_phone_ten_seconds_at_most(pbx: Pbx) -> None:
    started = time.monotonic()

    def silent(connection: AgiConnection) -> None:
        connection.link.settimeout(15)
        connection.link.recv(1)

    with dialling(pbx) as phone, agi_server(pbx.settings.agi_port, silent):
        phone.patience_seconds = 12
        assert phone.invite("+15550000001") >= 400
    assert 9 < time.monotonic() - started < 11.5


@pytest.mark.parametrize("grant", ["", "1", "pbx1-1700000000.1", "*", '" | "1" = "1'])
def test_a_grant_for_another_call(pbx: Pbx, grant: str) -> None:
    assert status_of(pbx, granting(SV_GRANT=grant)) == 503


def test_a_grant_with_something_added(pbx: Pbx) -> None:
    def answer(connection: AgiConnection) -> None:
        granting(SV_GRANT=connection.header["agi_uniqueid"] + "&")(connection)

    assert status_of(pbx, answer) == 503


def test_inherited_variables_grant_nothing(pbx: Pbx) -> None:
    """The endpoint itself sets a complete grant, as an earlier leg might have."""
    values = ["SV_LEGS=simulated:15550000001", "SV_TO=+15550000001", "SV_CALLER_ID=+1555"]
    values += ["SV_SECONDS=60", "SV_RING_SECONDS=5", "SV_GRANT=${UNIQUEID}"]
    for value in values:
        pbx.provision("inherits", SECRET, set_var=value)
    with pbx.phone("inherits", SECRET) as phone:
        assert phone.invite("+15550000001") == 503
        with agi_server(pbx.settings.agi_port, granting(SV_TO="")) as headers:
            assert phone.invite("+15550000001") >= 400
    assert pbx.cdr(headers[0]["agi_uniqueid"])["sv_dialstatus"] == "REFUSED"


INJECTED = ["500%26PJSIP%2Ftrunk%2F1900", "1%2F2", "a%2Cb", "1%29%3A1", "%22%3D%22", "1%5C2"]


@pytest.mark.parametrize("dialled", INJECTED)
def test_a_dialled_string_with_anything_odd(pbx: Pbx, dialled: str) -> None:
    """Not even the platform is asked about it."""
    with (
        dialling(pbx) as phone,
        pbx.ami() as ami,
        agi_server(pbx.settings.agi_port, granting()) as headers,
    ):
        assert phone.invite(dialled) in (404, 484)
        assert headers == []
        assert not [event for event in ami.events if event.get("Event") == "DialBegin"]


BAD_VALUES = {
    "SV_TO": [
        "+1555&PJSIP/trunk/1900",
        "+15550000001/n",
        "15550000001",
        "++15550000001",
        "+1",
        "+1234567890123456",
        "",
        "+1555,30,g",
        "+15550000001)",
    ],
    "SV_LEGS": [
        "",
        "local:15550000001",
        "simulated:15550000001 ",
        "simulated:+15550000001",
        "simulated:1",
        "simulated:",
        "PJSIP/trunk",
        "trunk:default",
        "trunk:default:",
        "trunk::+15550000001:",
        "trunk:default:+1555a:+1555",
        "trunk:default:1:+1555",
        "trunk:default:+1234567890123456789012345:+1555",
        "trunk:_default:+15550000001:+1555",
        "trunk:a,b:+15550000001:",
        "phones:",
        "phones:_default",
        "phones:bob&PJSIP",
        "phones:+bob",
        "phones:inherits++bob",
        "/simulated:15550000001",
        "busy:1",
    ],
    "SV_SECONDS": ["", "0", "-1", "1e9", "86401", "30:60", "99999999999999999999"],
    "SV_RING_SECONDS": ["", "0", "601", "5,g", "x"],
    "SV_CALLER_ID": ['"><sip:x', "+1555&", "+1,2"],
    "SV_RECORD": ["yes", "Stereo", "stereo,", "mixed;", "../x", "0"],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_VALUES.items() for value in values]
)
def test_a_bad_grant_is_refused(pbx: Pbx, name: str, value: str) -> None:
    with (
        dialling(pbx) as phone,
        agi_server(pbx.settings.agi_port, granting(**{name: value})) as headers,
    ):
        assert phone.invite("+15550000001") >= 400
    row = pbx.cdr(headers[0]["agi_uniqueid"])
    assert (row["sv_dialstatus"], row["dstchannel"], row["sv_answered"]) == ("REFUSED", "", "")


@pytest.mark.parametrize("to", ["", "a&PJSIP/b", "bob/sip:x@127.0.0.1", "+1@_default", "b"])
def test_a_bad_user_name_is_refused(pbx: Pbx, to: str) -> None:
    row = pbx.cdr(pbx.originate(to, "phone"))
    assert (row["sv_dialstatus"], row["dstchannel"]) == ("REFUSED", "")


@pytest.mark.parametrize("to", ["_default", "check", "record", "h", "T", "s", "i"])
def test_no_user_name_is_a_place_in_the_dialplan(pbx: Pbx, to: str) -> None:
    row = pbx.cdr(pbx.originate(to, "phone", first="Local/15550000001@simulated-carrier/n"))
    assert (row["sv_answered"], row["dstchannel"]) == ("", "")


def test_an_api_call_without_its_variables_dials_nothing(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        ami.send(
            "Originate",
            Channel="Local/s@simulated-phone/n",
            Context="api-call",
            Exten="s",
            Priority=1,
            Async="true",
            ChannelId="bare-call",
        )
    row = pbx.cdr("bare-call")
    assert (row["sv_dialstatus"], row["hangupcause"]) == ("REFUSED", "50")


@pytest.mark.parametrize("module", ["res_pjsip_refer", "app_system", "func_shell", "app_originate"])
def test_what_could_lead_a_call_or_a_command_elsewhere_is_not_loaded(pbx: Pbx, module: str) -> None:
    with pbx.ami("provisioning") as ami:
        assert ami.send("ModuleCheck", Module=f"{module}.so")["Response"] == "Error"
        assert ami.send("ModuleCheck", Module="app_dial.so")["Response"] == "Success"
