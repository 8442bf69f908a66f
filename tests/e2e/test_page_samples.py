"""Every request that the documentation shows, run by a shell against a whole installation: only
the key, and ids that exist, are put in."""

import json
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from api.app import ENDPOINTS
from api.docs import reference
from api.docs.reference import KEY, Operation
from api.docs.values import ID
from telephony.clock import SECOND, now, rfc3339
from tests.e2e.installation import Installation
from tests.fixtures_pbx import eventually

DAY = 86400 * SECOND
TIMED_OUT = 28
"""What curl ends with where it was told to wait no longer."""
Answer = dict[str, Any]


class Reader:
    """Somebody who pastes the samples, and puts in what the answers before told."""

    def __init__(self, here: Installation) -> None:
        self.here = here
        self.reference = reference.build(ENDPOINTS, here.facts["api_url"])
        self.ran: set[str] = set()

    def run(self, operation_id: str, *changes: tuple[str, str]) -> Answer:
        """What the sample prints; a change must have something to change."""
        operation = self.operation(operation_id)
        command = operation.curl.replace(KEY, self.here.facts["test_key"])
        for old, new in changes:
            assert old in command, (old, command)
            command = command.replace(old, new)
        status, printed = shell(command)
        assert status == 0, f"{command}\n{printed}"
        self.ran.add(operation_id)
        if operation.answer is None:
            return {}
        answer: Answer = json.loads(printed)
        assert answer.keys() >= required(operation)
        return answer

    def listen(self, operation_id: str) -> None:
        """A sample that prints until it is ended."""
        command = self.operation(operation_id).curl.replace(KEY, self.here.facts["test_key"])
        assert shell(command, 3)[0] == TIMED_OUT
        self.ran.add(operation_id)

    def operation(self, operation_id: str) -> Operation:
        found = self.reference.find(operation_id)
        assert found, operation_id
        return found


def shell(command: str, seconds: int = 60) -> tuple[int, str]:
    """What curl ends with, and what it printed before that; an error of the API is one of it."""
    command = command.replace("curl ", f"curl -sS --fail-with-body --max-time {seconds} ", 1)
    done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=90, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def required(operation: Operation) -> set[str]:
    return {row.name for row in operation.gives if row.required and "." not in row.name}


@pytest.fixture(scope="module")
def reader(here: Installation) -> Iterator[Reader]:
    """Gives the first phone its own secret back."""
    yield Reader(here)
    phone = here.facts["sip"][0]
    body = {"sip_password": phone["password"], "sip_account": phone["username"]}
    assert here.post("/voip/password", body).json()["applied"]


def test_samples_of_the_platform(reader: Reader) -> None:
    assert reader.run("ping")["pong"] is True
    assert reader.run("status")["components"]
    assert reader.run("status_history")["components"]
    assert reader.run("rates")["data"]
    assert reader.run("rate_of_number")["to"] == "+15551234567"


def test_samples_of_messages(reader: Reader) -> None:
    here = reader.here
    sent = reader.run("send_message")
    reader.run("show_message", (f"msg_{ID}", sent["message_id"]))
    assert reader.run("send_messages")["accepted"] == 2
    body = {"to": "+15551234567", "text": "later", "send_at": rfc3339(now() + DAY)}
    later = here.post("/sms/send", body).json()["message_id"]
    assert reader.run("cancel_message", (f"msg_{ID}", later))["status"] == "canceled"
    listed = reader.run("list_messages")["data"]
    assert sent["message_id"] in {row["message_id"] for row in listed}
    received = reader.run("simulate_inbound")
    inbound = reader.run("list_inbound")["data"]
    assert received["message_id"] in {row["message_id"] for row in inbound}
    assert reader.run("request_sender_id")["sender"] == "ACME"
    assert reader.run("list_sender_ids")["data"]
    reader.run("give_sender_id_up")


def test_samples_of_calls(reader: Reader) -> None:
    here = reader.here
    call_id = reader.run("place_call")["call_id"]
    shown = reader.run("show_call", (f"call_{ID}", call_id))
    assert shown["to"] == "+15559876543"
    here.reached(call_id, "answered")
    reader.run("hang_up_call", (f"call_{ID}", call_id))
    here.reached(call_id, "completed")
    assert call_id in {row["call_id"] for row in reader.run("list_calls")["data"]}
    eventually(
        lambda: call_id in {row["call_id"] for row in reader.run("call_logs")["data"]},
        what="the call in the log",
    )


def test_the_sample_of_a_recording(reader: Reader) -> None:
    here = reader.here
    call_id = here.call("+15559870007", record="mixed")

    def recorded() -> str | None:
        url = here.get(f"/voice/calls/{call_id}").json()["recording_url"]
        return str(url) if url else None

    eventually(recorded, 60, what="a recording")
    link = str(recorded())
    name = link.partition("?")[0].rpartition("/")[2]
    reader.run("recording", (f"call_{ID}", f"{name}?{link.partition('?')[2]}".replace("&", "'&'")))


def test_samples_of_caller_ids(reader: Reader) -> None:
    number = reader.run("verify_caller_id")
    reader.run("tell_code", ("123456", number["code"]))
    shown = {row["number"] for row in reader.run("list_caller_ids")["data"]}
    assert number["number"] in shown
    assert reader.run("remove_caller_id")["deleted"] is True
    assert reader.run("set_caller_id")["applied"] is True


def test_samples_of_phones(reader: Reader) -> None:
    made = reader.run("create_sip_account")
    at = (f"sip_{ID}", made["id"])
    assert reader.run("read_sip_account", at)["username"] == "front-desk"
    assert reader.run("change_sip_account", at)["label"] == "Front desk"
    assert len(reader.run("sip_account_list")["data"]) >= 2
    assert reader.run("phone_setup_sheet", at)["username"] == "front-desk"
    link = reader.run("phone_sign_in_link", at)["provisioning_url"]
    token = re.escape(link.rpartition("/")[2])
    reader.run("phone_configuration", ("q7FvT2mXc9LpRz4W", re.sub(r"\\(.)", r"\1", token)))
    assert reader.run("delete_sip_account", at)["deleted"] is True
    assert reader.run("set_password")["applied"] is True


def test_samples_of_money(reader: Reader) -> None:
    assert reader.run("top_up")["amount"] == 25
    for operation in reader.reference.of("wallet"):
        reader.run(operation.id)


def test_samples_of_webhooks(reader: Reader) -> None:
    made = reader.run("create_webhook")
    at = (f"whe_{ID}", made["id"])
    assert reader.run("change_webhook", at)["enabled"] is True
    assert reader.run("list_webhooks")["data"]
    assert reader.run("rotate_webhook_secret", at)["secret"]
    event_id = reader.run("test_webhook", at)["event_id"]
    event = (f"evt_{ID}", event_id)
    assert reader.run("read_event", event)["id"] == event_id
    assert reader.run("list_events")["data"]
    reader.run("replay_event", event)
    reader.run("replay_to_webhook", at)
    reader.listen("stream_events")
    assert reader.run("delete_webhook", at)["deleted"] is True


def test_nothing_was_left_out(reader: Reader) -> None:
    """Whoever adds an endpoint adds its sample to a test above."""
    if not reader.ran:
        pytest.skip("needs the tests above")
    assert {one.id for one in reader.reference.operations} - reader.ran == set()
