"""How calls ended, in the customer's words."""

import pytest

from telephony.voice import causes


@pytest.mark.parametrize(
    ("code", "name"),
    [("17", "user_busy"), ("16", "normal_clearing"), ("99", "q850_99"), ("0", "unknown"),
     ("", "unknown"), ("x", "unknown"), ("-1", "unknown")],
)  # fmt: skip
def test_names_of_causes(code: str, name: str) -> None:
    assert causes.cause_name(code) == name


@pytest.mark.parametrize(
    ("dial_status", "status"),
    [("BUSY", "busy"), ("NOANSWER", "no_answer"), ("CANCEL", "canceled"), ("CHANUNAVAIL", "failed"),
     ("CONGESTION", "failed"), ("", "failed")],
)  # fmt: skip
def test_ends_of_a_dialled_call(dial_status: str, status: str) -> None:
    assert causes.unanswered(dial_status) == status


@pytest.mark.parametrize(
    ("disposition", "status", "cause"),
    [("BUSY", "busy", "phone_busy"), ("NO ANSWER", "no_answer", "phone_no_answer"),
     ("ANSWERED", "canceled", "normal_clearing"), ("FAILED", "failed", "phone_rejected")],
)  # fmt: skip
def test_ends_by_the_record_of_a_call_that_dialled_nobody(
    disposition: str, status: str, cause: str
) -> None:
    assert causes.never_dialled(disposition) == (status, cause)
