"""kill -9 of Asterisk in mid-call: it comes back by itself, and nothing is lost or paid twice."""

import json
import time

import pytest

from telephony.secrets import Vault, load
from telephony.voice.astdb import FAMILIES, astdb_rows
from tests.e2e.conftest import SinkThread
from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

BACK_SECONDS = 10


def astdb(here: Installation) -> dict[tuple[str, str], str]:
    """The SIP rows of the PBX: (family, key) → value."""
    with here.ami("provisioning") as ami:
        rows = [row for family in FAMILIES
                for row in ami.rows("DBGetTree", "DBGetTreeComplete", Family=family)]  # fmt: skip
    return {(row["Key"].rpartition("/")[0].strip("/"), row["Key"].rpartition("/")[2]): row["Val"]
            for row in rows}  # fmt: skip


def truth(here: Installation) -> dict[tuple[str, str], str]:
    """What AstDB must hold, by the database."""
    vault = Vault(load(here.settings).master_key)
    return {
        (family, row["username"]): value
        for row in here.rows("SELECT * FROM sip_account")
        for family, value in astdb_rows(row, vault, here.settings).items()
    }


def kill_and_register(here: Installation) -> float:
    """kill -9; the seconds until a phone registers again."""
    phone = here.facts["sip"][0]
    at = time.monotonic()
    killed = here.kill("asterisk")
    eventually(lambda: here.registers(phone["username"], phone["password"]), BACK_SECONDS, "200")
    took = time.monotonic() - at
    assert here.pid_of("asterisk") != killed
    return took


def test_an_open_call_is_closed_as_lost_and_settled_once(
    here: Installation, sink: SinkThread, capsys: pytest.CaptureFixture[str]
) -> None:
    talking = here.call("+15550200001", callback_url=sink.url)
    ringing = here.call("+15550200006", callback_url=sink.url)
    here.reached(talking, "answered")
    here.reached(ringing, "ringing")
    heard_seconds = time.time() - here.row(talking)["answered_at"] / 1e6
    took = kill_and_register(here)
    with capsys.disabled():
        print(f"\n  Asterisk killed: a phone registered again after {took:.1f} s")
    lost = here.reached(talking, "completed")
    unheard = here.reached(ringing, "failed")
    assert lost["hangup_cause"] == unheard["hangup_cause"] == "pbx_lost"
    assert 1 <= lost["billsec"] <= heard_seconds + 1
    assert (lost["cost"], unheard["cost"], unheard["billsec"]) == (12_000, 0, 0)
    for call_id, state in ((talking, "captured"), (ringing, "released")):
        (hold,) = here.rows("SELECT * FROM hold WHERE reference = :id", id=call_id)
        assert hold["state"] == state
        sink.wait(event="call_completed", call_id=call_id)
        told = [event["event"] for event in sink.of(call_id)]
        assert told.count("call_completed") == 1
    assert len(here.rows("SELECT 1 FROM journal WHERE reference = :r", r=f"charge:{talking}")) == 1
    here.wait_operational()
    status = here.get(f"/voice/calls/{talking}").json()
    assert (status["status"], status["hangup_cause"]) == ("completed", "pbx_lost")


def test_accounts_are_repaired_both_ways(here: Installation) -> None:
    eventually(lambda: astdb(here) == truth(here), 10, "equal accounts")
    first, second = (phone["username"] for phone in here.facts["sip"])
    kept = truth(here)
    stranger = {"auth_type": "userpass", "username": "mallory", "password": "let-me-in-please"}
    tampered = json.loads(kept["ps/auth", second]) | {"password_digest": "MD5:" + "0" * 32}
    with here.ami("provisioning") as ami:
        for family in FAMILIES:
            ami.send("DBDel", Family=family, Key=first)
        ami.send("DBPut", Family="ps/auth", Key="mallory", Val=json.dumps(stranger))
        ami.send("DBPut", Family="ps/auth", Key=second, Val=json.dumps(tampered))
    found = astdb(here)
    assert ("ps/auth", "mallory") in found
    assert ("ps/endpoint", first) not in found
    # AstDB commits once a second, and the tampering must outlive the kill.
    on_disk = here.var / "asterisk/db/astdb.sqlite3"
    eventually(lambda: any(b"let-me-in-please" in file.read_bytes()
                           for file in on_disk.parent.glob("astdb*")), what="a commit")  # fmt: skip
    kill_and_register(here)
    eventually(lambda: astdb(here) == truth(here) == kept, 10, "equal accounts")
    for phone in here.facts["sip"]:
        assert here.register(phone["username"], phone["password"]) == 200


def test_calls_go_on_after_more_kills(here: Installation, sink: SinkThread) -> None:
    kill_and_register(here)
    here.wait_operational()
    call_id = here.call("+15550200001", callback_url=sink.url, time_limit_seconds=1)
    row = here.reached(call_id, "completed")
    assert (row["hangup_cause"], row["billsec"]) == ("time_limit", 1)
