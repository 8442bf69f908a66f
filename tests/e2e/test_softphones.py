"""Real softphones of Debian's, set up with nothing but the sheet: they register, call and are
called, and both sides are heard."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from telephony.voice.phone_setup import SECRET as PLACE
from telephony.voice.softphone import Softphone
from tests.e2e.baresip import Baresip, baresip
from tests.e2e.installation import Installation
from tests.e2e.linphone import linphone, without_certificate
from tests.fixtures_pbx import eventually
from tests.ports import free_port

ECHO = "+15559871234"
HEARD_SECONDS_MIN = 0.5
LOUD_PACKETS_MIN = 20
TALK_SECONDS = 1.5
# What is encrypted goes by TLS alone: keys in the clear would protect nothing.
KINDS = [("rtp", "udp"), ("rtp", "tcp"), ("rtp", "tls"), ("srtp", "tls"), ("webrtc", "tls")]
Sheet = dict[str, Any]


def account(here: Installation, name: str, **options: Any) -> str:
    """A new SIP account that the PBX knows; its secret."""
    made = here.post("/voip/accounts", {"username": name, **options})
    assert made.status_code == 201, made.text
    return str(made.json()["sip_password"])


def sheet(here: Installation, name: str) -> Sheet:
    answer = here.get(f"/voip/accounts/{name}/setup")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def rtp_ports() -> str:
    first = free_port() // 2 * 2
    return f"{first}-{first + 20}"


def user_agents(here: Installation, name: str) -> list[str]:
    """Of the phones that the PBX has registered as that account."""
    with here.ami("provisioning") as ami:
        rows = ami.rows("DBGetTree", "DBGetTreeComplete", Family="registrar/contact")
    contacts = [
        json.loads(row["Val"]) for row in rows if row["Key"].split("/")[-1].startswith(name)
    ]
    return [contact["user_agent"] for contact in contacts]


def heard(phone: Baresip) -> Callable[[], bool]:
    return lambda: phone.heard_seconds() > HEARD_SECONDS_MIN


def test_baresip_registers_and_calls_as_the_sheet_says(here: Installation, tmp_path: Path) -> None:
    """The far end echoes, so what is heard is what was said."""

    def play(kind: tuple[str, str]) -> None:
        media, transport = kind
        name = f"bare-{media}-{transport}"
        secret = account(here, name, media=media)
        printed = sheet(here, name)
        line = printed["baresip"][transport].replace(PLACE, secret)
        certificate = tmp_path / f"{name}.crt"
        certificate.write_text(printed["certificate"])
        with baresip(tmp_path / name, line, certificate, free_port(), rtp_ports()) as phone:
            phone.registered()
            phone.do("dial", ECHO)
            phone.wait("CALL_ESTABLISHED")
            eventually(heard(phone), 10, f"its own voice at {name}; {phone.said()}")
            phone.do("hangup")
            phone.wait("CALL_CLOSED")

        eventually(lambda: logged(here, name), 10, f"the record of {name}")

    with ThreadPoolExecutor(len(KINDS)) as pool:
        list(pool.map(play, KINDS))


def logged(here: Installation, name: str) -> bool:
    rows = here.get(f"/voip/logs?sip_account={name}").json()["data"]
    return [(row["status"], row["to"], row["billsec"] > 0) for row in rows] == [
        ("answered", ECHO, True)
    ]


def test_baresip_is_called_and_both_hear_each_other(here: Installation, tmp_path: Path) -> None:
    """A phone on pyVoIP first, then baresip by its name."""
    secret = account(here, "bare-called")
    first = here.facts["sip"][1]
    line = sheet(here, "bare-called")["baresip"]["udp"].replace(PLACE, secret)
    other = Softphone(first["server"], first["username"], first["password"])
    certificate = Path(here.facts["tls"]["certificate"])
    with baresip(tmp_path / "phone", line, certificate, free_port(), rtp_ports()) as phone:
        phone.registered()
        other.register()
        try:
            call_id = here.call("sip:bare-called", **{"from": first["username"]})
            talk = other.answer()
            phone.wait("CALL_INCOMING")
            phone.do("accept")
            phone.wait("CALL_ESTABLISHED")
            here.reached(call_id, "answered")
            talk.speak(TALK_SECONDS)
            eventually(heard(phone), 10, f"the voice of pyVoIP; {phone.said()}")
            assert talk.heard.loud > LOUD_PACKETS_MIN
            phone.do("hangup")
            talk.ended(10)
        finally:
            other.stop()
    assert here.reached(call_id, "completed")["billsec"] >= 1


@pytest.mark.parametrize("transport", ["udp", "tls"])
def test_linphone_is_signed_in_by_the_link_of_its_qr_code(
    here: Installation, tmp_path: Path, transport: str
) -> None:
    """The secret is neither typed nor sent: the link gives Linphone the digest."""
    name = f"lin-{transport}"
    account(here, name, transports=[transport])
    made = here.post(f"/voip/accounts/{name}/setup", {})
    assert made.status_code == 200, made.text
    certificate = Path(here.facts["tls"]["certificate"])
    with linphone(tmp_path, made.json()["provisioning_url"], certificate) as phone:

        def registered() -> bool:
            without_certificate(phone)
            return bool(user_agents(here, name))

        eventually(registered, 15, f"a registration of {name}")
        (agent,) = user_agents(here, name)
    assert agent.startswith("Linphone")
