"""Each AMI user can do its own work and nothing that would let it do the other's."""

import pytest

from tests.fixtures_pbx import Pbx
from tests.pbx.ami_client import ami_client

DENIED = "Permission denied"
REFUSED = [
    ("calls", "DBPut", {"Family": "ps/aor", "Key": "x", "Val": "{}"}),
    ("calls", "DBDel", {"Family": "ps/aor", "Key": "x"}),
    ("calls", "DBDelTree", {"Family": "ps"}),
    ("calls", "Command", {"Command": "core show version"}),
    ("calls", "UpdateConfig", {"SrcFilename": "manager.conf", "DstFilename": "manager.conf"}),
    ("calls", "GetConfig", {"Filename": "manager.conf"}),
    ("provisioning", "Command", {"Command": "core show version"}),
    ("provisioning", "Redirect", {"Channel": "x", "Context": "connect", "Exten": "s"}),
    ("provisioning", "Setvar", {"Variable": "A", "Value": "1"}),
    ("provisioning", "UpdateConfig", {"SrcFilename": "a.conf", "DstFilename": "a.conf"}),
]


@pytest.mark.parametrize(("user", "action", "headers"), REFUSED)
def test_a_user_may_not(pbx: Pbx, user: str, action: str, headers: dict[str, str]) -> None:
    with pbx.ami(user) as ami:
        answer = ami.send(action, **headers)
    assert answer["Response"] == "Error"
    assert answer["Message"] == DENIED


def test_provisioning_may_not_originate(pbx: Pbx) -> None:
    with pbx.ami("provisioning") as ami:
        answer = ami.send(
            "Originate", Channel="Local/s@simulated-phone", Application="Echo", Async="true"
        )
    assert answer["Message"] == DENIED


def test_calls_cannot_run_a_program(pbx: Pbx) -> None:
    """`Application: System` is refused twice over: by the user's class and by what is loaded."""
    target = pbx.layout.folder / "spool/pwned"
    with pbx.ami() as ami:
        answer = ami.send(
            "Originate",
            Channel="Local/s@simulated-phone/n",
            Application="System",
            Data=f"touch {target}",
            Async="true",
        )
        assert answer["Response"] == "Error"
        assert "blacklisted" in answer["Message"]
    assert not target.exists()


def test_provisioning_cannot_read_the_other_secret(pbx: Pbx) -> None:
    """Class `system` may read configuration files, so this one is closed once it is loaded."""
    with pbx.ami("provisioning") as ami:
        assert ami.send("GetConfig", Filename="pjsip.conf")["Response"] == "Success"
        answer = ami.send("GetConfig", Filename="manager.conf")
    assert answer["Response"] == "Error"
    assert pbx.secrets.ami_calls not in str(answer)


@pytest.mark.parametrize("user", ["calls", "provisioning"])
def test_both_may_report(pbx: Pbx, user: str) -> None:
    with pbx.ami(user) as ami:
        status = ami.send("CoreStatus")
        assert status["Response"] == "Success"
        ami.rows("CoreShowChannels", "CoreShowChannelsComplete")


def test_a_wrong_secret_is_refused(pbx: Pbx) -> None:
    client = ami_client(pbx.settings.ami_host, pbx.settings.ami_port, "calls", "wrong")
    with pytest.raises(AssertionError, match="Authentication failed"), client:
        pass


def test_noisy_events_are_filtered_and_all_have_a_time(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        call = pbx.originate("+15550000002")
        ami.wait("Cdr", UniqueID=call)
        names = {event["Event"] for event in ami.events}
        assert {"Newchannel", "DialBegin", "DialEnd", "Hangup", "OriginateResponse"} <= names
        assert not names & {"Newexten", "DeviceStateChange", "VarSet"}
        # The FullyBooted that greets a new connection is the one without.
        assert all("." in event.get("Timestamp", "") for event in ami.events[1:])


def test_security_events_name_the_account_and_address(pbx: Pbx) -> None:
    with pbx.ami() as ami:
        assert pbx.register("nobody-here", "x" * 12) == 401
        event = ami.wait("InvalidAccountID", AccountID="nobody-here")
        assert event["RemoteAddress"].startswith("IPV4/UDP/127.0.0.1/")
