"""How a call ended, in the customer's words: from Dial's status, Q.850 and SIP."""

from db.calls import CallStatus

CAUSES = {
    1: "unallocated_number", 3: "no_route", 16: "normal_clearing", 17: "user_busy",
    18: "no_user_response", 19: "no_answer", 20: "subscriber_absent", 21: "call_rejected",
    22: "number_changed", 26: "answered_elsewhere", 27: "destination_out_of_order",
    28: "invalid_number_format", 29: "facility_rejected", 31: "normal_unspecified",
    34: "no_circuit_available", 38: "network_out_of_order", 41: "temporary_failure",
    42: "congestion", 50: "facility_not_subscribed", 57: "not_authorized",
    58: "channel_unavailable", 65: "not_implemented", 88: "incompatible_destination",
    102: "recovery_on_timer_expiry", 111: "protocol_error", 127: "interworking",
}  # fmt: skip
_BY_DIAL_STATUS = {
    "BUSY": CallStatus.busy,
    "NOANSWER": CallStatus.no_answer,
    "CANCEL": CallStatus.canceled,
}
_PHONE_REJECTED = (CallStatus.failed, "phone_rejected")
_PHONE_NO_ANSWER = (CallStatus.no_answer, "phone_no_answer")
_BY_FIRST_LEG = {
    "17": (CallStatus.busy, "phone_busy"),
    **dict.fromkeys(("", "0", "16", "18", "19"), _PHONE_NO_ANSWER),
}
PHONE_NOT_REGISTERED = (CallStatus.failed, "phone_not_registered")
NO_CHANNEL = (CallStatus.failed, CAUSES[34])


def cause_name(code: str) -> str:
    """`"17"` → `user_busy`; a code without a name keeps its number."""
    if not code.isdigit() or code == "0":
        return "unknown"
    return CAUSES.get(int(code), f"q850_{code}")


def unanswered(dial_status: str) -> CallStatus:
    """The end of a call that was dialled and not answered."""
    return _BY_DIAL_STATUS.get(dial_status, CallStatus.failed)


_BY_DISPOSITION = {
    "BUSY": (CallStatus.busy, "phone_busy"),
    "NO ANSWER": _PHONE_NO_ANSWER,
    "ANSWERED": (CallStatus.canceled, "normal_clearing"),
}


def never_dialled(disposition: str) -> tuple[CallStatus, str]:
    """The end of a call of which only the first leg was tried, from the record's disposition."""
    return _BY_DISPOSITION.get(disposition, _PHONE_REJECTED)


def first_leg(code: str) -> tuple[CallStatus, str]:
    """The end of a call whose first leg hung up before it answered, from its Q.850 cause."""
    return _BY_FIRST_LEG.get(code, _PHONE_REJECTED)
