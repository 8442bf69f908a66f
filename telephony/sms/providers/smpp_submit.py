"""Writes the body of submit_sm (4.4.1) as the options of a provider want it."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from telephony.clock import SECOND, now
from telephony.sms.alphabets import PLAIN, Encoding, encode, language_element
from telephony.sms.providers import smpp_pdu as wire
from telephony.sms.providers.base import ProviderError, Submission, reference_of
from telephony.sms.providers.smpp_options import (
    LongMessages,
    SmppOptions,
    SourceRules,
    Validity,
)
from telephony.sms.providers.smpp_pdu import Address, PduError, tlv

SHORT_CODE_DIGITS_MAX = 8
VALIDITY_SECONDS_MAX = 30 * 24 * 3600  # a relative time counts days within a month
SHORT_MESSAGE_OCTETS_MAX = 254
PARTS_MAX = 255
_CACHED_MAX = 1024


class Written(NamedTuple):
    """What goes out as one submit_sm: so many parts of a batch from the first on, or why not."""

    body: bytes | ProviderError
    first: Submission
    parts: int


class SubmitWriter:
    """Keeps what many messages have in common: a bulk sender repeats all but text and number."""

    def __init__(self, options: SmppOptions) -> None:
        self._options = options
        self._head = lru_cache(_CACHED_MAX)(self._make_head)
        self._middle = lru_cache(_CACHED_MAX)(self._make_middle)
        self._to = bytes((options.destination.ton, options.destination.npi))
        self._plus = options.destination.plus
        self._absolute = options.validity is Validity.ABSOLUTE

    def write(self, batch: Sequence[Submission]) -> Iterator[Written]:
        """The parts in their order; those of a message share one where the payload takes all."""
        if self._options.long_messages is not LongMessages.PAYLOAD:
            for submission in batch:
                yield self._written(submission, submission.text, 1)
            return
        for _, group in groupby(batch, attrgetter("message_id")):
            parts = list(group)
            if [one.part for one in parts] != list(range(1, parts[0].parts + 1)):
                error = ProviderError("not_encodable", "message_payload needs all of the parts")
                yield Written(error, parts[0], len(parts))
            else:
                yield self._written(parts[0], "".join(one.text for one in parts), len(parts))

    def _written(self, first: Submission, text: str, parts: int) -> Written:
        try:
            return Written(self._body(first, text), first, parts)
        except PduError as error:
            return Written(ProviderError("not_encodable", str(error)), first, parts)

    def _body(self, submission: Submission, text: str) -> bytes:
        options, encoding = self._options, submission.encoding
        message, header, more = encode(text, encoding), b"", b""
        if submission.parts > 1 or encoding not in PLAIN:
            header, more = self._joining(submission)
        if header:
            message = bytes((len(header),)) + header + message
        if options.user_message_reference:
            reference = reference_of(submission.message_id, submission.part)
            more += tlv(wire.TLV_USER_MESSAGE_REFERENCE, reference.to_bytes(2))
        if submission.parts > 1 and options.long_messages is LongMessages.PAYLOAD:
            more += tlv(wire.TLV_MESSAGE_PAYLOAD, message)
            message = b""
        elif len(message) > SHORT_MESSAGE_OCTETS_MAX:
            raise PduError(f"short_message of {len(message)} octets")
        at = now() // SECOND if self._absolute else 0
        esm_class = wire.ESM_CLASS_UDHI if header else 0
        middle = self._middle(esm_class, encoding, submission.validity_seconds, at)
        to = submission.recipient if self._plus else submission.recipient.removeprefix("+")
        return b"".join(
            (
                self._head(submission.sender), self._to, wire.address_text(to), middle,
                bytes((len(message),)), message, more,
            )
        )  # fmt: skip

    def _joining(self, submission: Submission) -> tuple[bytes, bytes]:
        """Elements of the user data header, and optional parameters."""
        language = language_element(submission.encoding)
        part, parts = submission.part, submission.parts
        if parts == 1 or self._options.long_messages is LongMessages.PAYLOAD:
            return language, b""
        if not 0 < part <= parts <= PARTS_MAX:
            raise PduError(f"part {part} of {parts}")
        reference = submission.reference & 0xFF
        if self._options.long_messages is LongMessages.UDH:
            # Element 0 (concatenation with an 8-bit reference), its length, its three octets.
            return bytes((0, 3, reference, parts, part)) + language, b""
        return language, b"".join(
            (
                tlv(wire.TLV_SAR_MSG_REF_NUM, bytes((0, reference))),
                tlv(wire.TLV_SAR_TOTAL_SEGMENTS, bytes((parts,))),
                tlv(wire.TLV_SAR_SEGMENT_SEQNUM, bytes((part,))),
            )
        )

    def _make_head(self, sender: str) -> bytes:
        address = address_of(sender, self._options.source)
        return wire.c_string(self._options.service_type) + wire.address_octets(address)

    def _make_middle(
        self, esm_class: int, encoding: Encoding, seconds: int | None, at_seconds: int
    ) -> bytes:
        options = self._options
        codings = options.data_coding
        coding = codings.ucs2 if encoding is Encoding.UCS2 else codings.gsm7
        return b"".join(
            (
                bytes((esm_class, 0, options.priority)),  # protocol_id
                b"\0",  # schedule_delivery_time
                wire.c_string(validity_period(options.validity, seconds, at_seconds)),
                # replace_if_present_flag, and sm_default_msg_id at the end
                bytes((options.registered_delivery, 0, coding, 0)),
            )
        )


def address_of(number: str, rules: SourceRules) -> Address:
    """By the look of a number: E.164 has its plus, digits without one are a short code up to eight
    of them and international beyond, all else is alphanumeric."""
    digits = number.removeprefix("+")
    if not digits.isdigit():
        rule = rules.alphanumeric
    elif number is digits and len(digits) <= SHORT_CODE_DIGITS_MAX:
        rule = rules.short_code
    else:
        rule = rules.international
    return Address(rule.ton, rule.npi, number if rule.plus else digits)


def validity_period(validity: Validity, seconds: int | None, at_seconds: int) -> str:
    """SMPP's time (7.1.1), at most 30 days ahead; "" leaves it to the SMSC.

    `000001020304000R` is in 1 d 2 h 3 min 4 s, `260112201500000+` is 2026-01-12 20:15:00 UTC.
    """
    if seconds is None or validity is Validity.NONE:
        return ""
    span = timedelta(seconds=max(1, min(seconds, VALIDITY_SECONDS_MAX)))
    if validity is Validity.ABSOLUTE:
        moment = datetime.fromtimestamp(at_seconds, UTC) + span
        return f"{moment:%y%m%d%H%M%S}000+"
    minutes, second = divmod(span.seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"0000{span.days:02d}{hour:02d}{minute:02d}{second:02d}000R"
