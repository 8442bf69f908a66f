"""Log lines: one JSON object each, with the request id, without what no log may hold."""

import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from telephony import logs

log = logging.getLogger("tests.some.module")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    hooks = sys.excepthook, threading.excepthook
    yield
    root.handlers[:], root.level = handlers, level
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(False)


def lines(said: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in said.splitlines()]


def test_each_line_is_an_object_with_the_facts_of_its_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("json", "INFO")
    with logs.bound(request_id="req_1"):
        log.info("%d of %d", 1, 2, extra={"n": 3})
    log.warning("later")
    log.debug("left out")
    first, second = lines(capsys.readouterr().err)
    assert first["time"].endswith("Z")
    del first["time"], second["time"]
    assert first == {
        "message": "1 of 2", "level": "info", "logger": "tests.some.module", "n": 3,
        "request_id": "req_1",
    }  # fmt: skip
    assert second == {"message": "later", "level": "warning", "logger": "tests.some.module"}


def test_tracebacks_warnings_and_the_end_of_a_process_are_lines_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("json", "INFO")
    try:
        raise ValueError("no good\nat all")
    except ValueError as error:
        log.exception("it failed")
        sys.excepthook(type(error), error, error.__traceback__)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    thread = threading.Thread(target=lambda: 1 // 0)
    thread.start()
    thread.join()
    failed, ended, warned, in_thread = lines(capsys.readouterr().err)
    assert failed["exception"].endswith("ValueError: no good\nat all")
    assert (ended["message"], ended["level"]) == ("the process ends", "critical")
    assert "DeprecationWarning: old" in warned["message"]
    assert "ZeroDivisionError" in in_thread["exception"]


def test_lines_for_people_are_readable_and_hide_as_much(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("console", "INFO")
    secret = "sk_test_abcdefghijklmnopqrstuvwxyz"
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("call of %s", "+15551234567")
    said = capsys.readouterr().err
    assert "call of +15…67" in said
    assert "Traceback" in said
    assert "raise ValueError(secret)" in said
    assert "ValueError: sk_test_…" in said


class Wish(BaseModel):
    text: int


def quoted_by_pydantic() -> str:
    try:
        Wish.model_validate({"text": "a text\nof a customer"})
    except ValidationError as error:
        return str(error)
    raise AssertionError


HIDDEN = [
    ("key sk_live_0123456789abcdefABCDEF", "key sk_live_…"),
    ("secret whsec_ab+/c=", "secret whsec_…"),
    ("postgresql://me:hidden@host/db", "postgresql://…@host/db"),
    ("{'password': 'hidden', 'n': 1}", "{'password': '…', 'n': 1}"),
    ("Secret: hidden", "Secret: …"),
    ("sip_password=hidden next", "sip_password=… next"),
    ("from +15551234567, to 15551234567.", "from +15…67, to 15…67."),
    ("dup\nDETAIL:  Key (to_number)=(1) exists.", "dup\nDETAIL: …"),
]
KEPT = [
    "AMI 127.0.0.1:5038 down, again in 1.5 s",
    "call call_01jd4w9k3m5n7p9r1t3v5x7z9b vanished",
    "channel 1764000000.1234567890 hung up",
    "at 2026-11-23T10:12:00.858848Z pid 123456",
    "0x00000058 of 1764000000123456",
]


@pytest.mark.parametrize(("text", "shown"), HIDDEN)
def test_what_no_log_may_hold_is_cut(text: str, shown: str) -> None:
    assert logs.redacted(text) == shown


@pytest.mark.parametrize("text", KEPT)
def test_what_support_looks_for_stays(text: str) -> None:
    assert logs.redacted(text) == text


def test_what_pydantic_quotes_is_cut() -> None:
    said = quoted_by_pydantic()
    assert "a text" in said
    assert "customer" not in logs.redacted(said)
    assert "Input should be a valid integer" in logs.redacted(said)
