"""A real Asterisk starts as its own user, from our configuration alone, beside others."""

import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from telephony.pbx.ready import ports_in_use
from tests.fixtures_pbx import Pbx, pbx_settings, start_pbx, stop_pbx
from tests.pbx.certificate import write_certificate
from tests.pbx.sip_client import SipClient


def mounts() -> list[str]:
    return Path("/proc/self/mounts").read_text().splitlines()


def test_it_runs_as_the_asterisk_user(pbx: Pbx) -> None:
    lines = Path(f"/proc/{pbx.pid}/status").read_text().splitlines()
    status = dict(line.split(":\t", 1) for line in lines)
    assert status["Name"] == "asterisk"
    assert status["Uid"].split() == [str(pbx.layout.uid)] * 4
    assert status["Gid"].split() == [str(pbx.layout.gid)] * 4
    assert status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == 0
    assert pbx.layout.uid != 0


def test_it_sees_its_own_folder_and_nothing_else_of_this_machine(pbx: Pbx) -> None:
    inside = Path(f"/proc/{pbx.pid}/root")
    assert (inside / str(pbx.layout.config).lstrip("/")).exists()
    assert not (inside / str(pbx.settings.var_dir / "secrets.json").lstrip("/")).exists()
    assert not (inside / "root").exists()
    assert not (inside / "home").exists()


def test_nothing_is_mounted_where_others_can_see_it(pbx: Pbx) -> None:
    assert not [line for line in mounts() if str(pbx.settings.var_dir) in line]
    assert str(pbx.settings.var_dir) in Path(f"/proc/{pbx.pid}/mounts").read_text()
    assert list((pbx.layout.folder / "root").iterdir()) == []
    shared = pbx.installation.root / str(pbx.settings.var_dir).lstrip("/")
    assert not shared.exists()


OURS = re.compile(r"\b(WARNING|ERROR)\b")
# What tests provoke: no platform, or one that dies in mid-sentence, nobody registered, hostile
# strings and user names, media in the clear where it must be encrypted, a carrier that does not
# answer or refuses a registration.
PROVOKED = re.compile(
    r"chan_pjsip|res_pjsip\.c|app_dial|res_agi|manager\.c|db\.c|channel\.c|core_unreal"
    r"|Couldn't negotiate stream|ast_expr2|connect,([siT]|_default),1"
    r"|func_hangupcause|outbound_registration|dialplan_functions"
    r"|utils\.c: write\(\) returned error: (Connection reset by peer|Broken pipe)"
)


def test_the_configuration_loads_without_a_complaint(side: Pbx) -> None:
    lines = side.layout.log_file.read_text().splitlines()
    assert [line for line in lines if OURS.search(line)] == []
    assert "FullyBooted" not in side.layout.console_file.read_text()


def test_a_whole_run_of_tests_shows_no_fault_of_the_dialplan(pbx: Pbx) -> None:
    lines = pbx.layout.log_file.read_text().splitlines()
    faults = [line for line in lines if OURS.search(line)]
    assert [line for line in faults if not PROVOKED.search(line)] == []


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pbx]:
    """A second copy, in a folder that only root may enter, with TLS and without a trunk."""
    closed = tmp_path_factory.mktemp("closed")
    closed.chmod(0o700)
    certificate, key = write_certificate(closed)
    settings = pbx_settings(
        closed / "a folder" / "var",
        node="side",
        tls_cert=certificate,
        tls_key=key,
    )
    running = start_pbx(settings)
    yield running
    stop_pbx(running)


def test_two_copies_run_side_by_side(pbx: Pbx, side: Pbx) -> None:
    assert pbx.pid != side.pid
    assert pbx.installation.root == side.installation.root
    side.provision("only-here", "a secret")
    assert side.register("only-here", "a secret") == 200
    assert pbx.register("only-here", "a secret") == 401
    row = side.cdr(side.originate("+15550000002"))
    assert row["sv_cause"] == "17"
    assert pbx.cdrs(row["uniqueid"]) == []


def test_the_node_names_its_channels(side: Pbx) -> None:
    with side.ami() as ami:
        ami.send("Originate", Channel="Local/s@simulated-phone/n", Application="Echo", Async="true")
        assert ami.wait("Newchannel")["Uniqueid"].startswith("side-")
        assert ami.wait("Newchannel")["SystemName"] == "side"


def from_the_carrier(side: Pbx) -> SipClient:
    port = int(side.settings.trunk_host.rpartition(":")[2])
    return side.phone("+15557654321", "", local_port=port)


def test_the_trunk_is_known_by_its_address_and_cannot_dial(side: Pbx) -> None:
    """Nobody answers for the platform here, so nothing is granted."""
    with from_the_carrier(side) as carrier:
        assert carrier.invite("+15550000001") == 503
        assert carrier.challenges == []


@pytest.mark.parametrize("name", ["_default", "anonymous"])
def test_who_only_says_the_trunk_s_name_is_nobody(side: Pbx, name: str) -> None:
    with side.phone(name, "guessed") as stranger:
        assert stranger.invite("+15550000001") == 401
        assert stranger.challenges != []


def test_the_trunk_cannot_register(side: Pbx) -> None:
    with from_the_carrier(side) as carrier:
        assert carrier.register() in (403, 404)


def test_a_trunk_that_is_away_takes_no_call(side: Pbx) -> None:
    row = side.cdr(side.originate("+15550000001", "trunk", ring=1))
    assert row["sv_dialstatus"] in ("CHANUNAVAIL", "NOANSWER")
    assert row["sv_answered"] == ""


@pytest.mark.parametrize("setting", ["sips_port", "wss_port"])
def test_tls_and_secure_websocket_show_the_certificate_of_the_settings(
    side: Pbx, setting: str
) -> None:
    trusting = ssl.create_default_context(cafile=str(side.settings.tls_cert))
    trusting.check_hostname = False
    port = getattr(side.settings, setting)
    assert not side.settings.self_signed_cert.exists()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        trusting.wrap_socket(plain, server_hostname="localhost") as link,
    ):
        assert link.version() in ("TLSv1.2", "TLSv1.3")


MEDIA_AND_BROWSERS = (
    "res_srtp", "res_crypto", "res_rtp_asterisk", "res_http_websocket",
    "res_pjsip_transport_websocket",
)  # fmt: skip


def test_what_encrypted_media_and_browsers_need_is_loaded(pbx: Pbx) -> None:
    with pbx.ami("provisioning") as ami:
        answers = {
            name: ami.send("ModuleCheck", Module=f"{name}.so")["Response"]
            for name in MEDIA_AND_BROWSERS
        }
    assert set(answers.values()) == {"Success"}, answers


def test_it_serves_on_loopback_only(pbx: Pbx) -> None:
    """All but the two sockets by which Asterisk asks name servers."""
    inodes = {
        link.readlink().name.removeprefix("socket:[").rstrip("]")
        for link in Path(f"/proc/{pbx.pid}/fd").iterdir()
        if str(link.readlink()).startswith("socket:[")
    }
    bound = {
        (table, fields[1].split(":")[0])
        for table in ("tcp", "tcp6", "udp", "udp6")
        for fields in map(str.split, Path(f"/proc/net/{table}").read_text().splitlines()[1:])
        if fields[9] in inodes
    }
    assert {("tcp", "0100007F"), ("udp", "0100007F")} <= bound
    assert bound <= {
        ("tcp", "0100007F"),
        ("udp", "0100007F"),
        ("udp", "0" * 8),
        ("udp6", "0" * 32),
    }


def test_a_port_in_use_is_named(pbx: Pbx) -> None:
    port = pbx.settings
    assert ports_in_use(port) == [
        f"SMS_VOIP_SIP_PORT: UDP port {port.sip_port} on 127.0.0.1 is in use",
        f"SMS_VOIP_SIP_PORT: TCP port {port.sip_port} on 127.0.0.1 is in use",
        f"SMS_VOIP_SIPS_PORT: TCP port {port.sips_port} on 127.0.0.1 is in use",
        f"SMS_VOIP_WSS_PORT: TCP port {port.wss_port} on 127.0.0.1 is in use",
        f"SMS_VOIP_AMI_PORT: TCP port {port.ami_port} on 127.0.0.1 is in use",
    ]


def test_free_ports_are_not_named(tmp_path: Path) -> None:
    settings = pbx_settings(tmp_path)
    assert ports_in_use(settings) == []
    with socket.create_server(("127.0.0.1", settings.http_port)):
        assert ports_in_use(settings) == [
            f"SMS_VOIP_HTTP_PORT: TCP port {settings.http_port} on 127.0.0.1 is in use"
        ]
