"""What a command_status means for the dispatcher: one table (SMPP v3.4, section 5.1.3)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from telephony.sms.providers.base import ProviderError
from telephony.sms.providers.smpp_options import ErrorRule, Treatment

ESME_ROK: Final = 0x00
ESME_RINVMSGLEN: Final = 0x01
ESME_RINVCMDID: Final = 0x03
ESME_RX_T_APPN: Final = 0x64  # temporary: repeat it
ESME_RX_R_APPN: Final = 0x66  # permanent: do not


class _Meaning(NamedTuple):
    code: str
    retryable: bool = False
    throttled: bool = False


_MEANINGS = {
    0x01: _Meaning("invalid_message_length"),
    0x02: _Meaning("invalid_command_length"),
    0x03: _Meaning("invalid_command_id"),
    0x04: _Meaning("wrong_bind_state", retryable=True),
    0x05: _Meaning("already_bound", retryable=True),
    0x06: _Meaning("invalid_priority"),
    0x07: _Meaning("invalid_registered_delivery"),
    0x08: _Meaning("smsc_system_error", retryable=True),
    0x0A: _Meaning("invalid_sender"),
    0x0B: _Meaning("invalid_recipient"),
    0x0C: _Meaning("invalid_message_id"),
    0x0D: _Meaning("bind_failed", retryable=True),
    0x0E: _Meaning("invalid_password", retryable=True),
    0x0F: _Meaning("invalid_system_id", retryable=True),
    0x14: _Meaning("smsc_queue_full", retryable=True, throttled=True),
    0x15: _Meaning("invalid_service_type"),
    0x33: _Meaning("invalid_destination_count"),
    0x40: _Meaning("invalid_destination_flag"),
    0x42: _Meaning("invalid_submit"),
    0x43: _Meaning("invalid_esm_class"),
    0x44: _Meaning("cannot_submit_to_list"),
    0x45: _Meaning("submit_failed"),
    0x48: _Meaning("invalid_sender_ton"),
    0x49: _Meaning("invalid_sender_npi"),
    0x50: _Meaning("invalid_recipient_ton"),
    0x51: _Meaning("invalid_recipient_npi"),
    0x53: _Meaning("invalid_system_type"),
    0x54: _Meaning("invalid_replace_flag"),
    0x55: _Meaning("invalid_message_count"),
    0x58: _Meaning("smsc_throttled", retryable=True, throttled=True),
    0x61: _Meaning("invalid_scheduled_time"),
    0x62: _Meaning("invalid_validity_period"),
    0x63: _Meaning("invalid_predefined_message"),
    0x64: _Meaning("receiver_temporary_error", retryable=True),
    0x65: _Meaning("receiver_permanent_error"),
    0x66: _Meaning("receiver_rejected"),
    0x67: _Meaning("query_failed"),
    0xC0: _Meaning("invalid_optional_part"),
    0xC1: _Meaning("optional_parameter_not_allowed"),
    0xC2: _Meaning("invalid_parameter_length"),
    0xC3: _Meaning("missing_optional_parameter"),
    0xC4: _Meaning("invalid_optional_parameter_value"),
    0xFE: _Meaning("delivery_failure"),
    0xFF: _Meaning("smsc_unknown_error", retryable=True),
}


def error_of(status: int, rules: Mapping[int, ErrorRule]) -> ProviderError:
    """By the provider's own rules, then by the table; one that both lack is permanent.

    The status stands in `detail`.
    """
    meaning = _MEANINGS.get(status, _Meaning("smsc_error"))
    rule = rules.get(status)
    if rule is not None:
        retried = rule.treat is not Treatment.FAIL
        throttled = rule.treat is Treatment.THROTTLE
        meaning = _Meaning(rule.code or meaning.code, retried, throttled)
    return ProviderError(
        meaning.code,
        f"command_status 0x{status:08X}",
        retryable=meaning.retryable,
        throttled=meaning.throttled,
    )
