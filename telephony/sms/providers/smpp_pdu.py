"""SMPP 3.4 on the wire: frames, the few PDUs that a transceiver needs, optional parameters (TLV).

Section numbers are those of the SMPP Protocol Specification v3.4, issue 1.2. Whatever arrives,
the decoders raise nothing but `PduError`, and the framer nothing but `FramingError`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

GENERIC_NACK: Final = 0x80000000
SUBMIT_SM: Final = 0x00000004
DELIVER_SM: Final = 0x00000005
UNBIND: Final = 0x00000006
BIND_TRANSCEIVER: Final = 0x00000009
ENQUIRE_LINK: Final = 0x00000015
ALERT_NOTIFICATION: Final = 0x00000102
RESPONSE: Final = 0x80000000  # bit that turns a request's command_id into its response's

INTERFACE_VERSION = 0x34
HEADER_OCTETS = 16
PDU_OCTETS_MAX = 128 * 1024  # twice the longest message_payload; more means that framing is lost
SEQUENCE_MAX = 0x7FFFFFFF

TLV_RECEIPTED_MESSAGE_ID = 0x001E
TLV_NETWORK_ERROR_CODE = 0x0423
TLV_MESSAGE_PAYLOAD = 0x0424
TLV_MESSAGE_STATE = 0x0427

ESM_CLASS_UDHI = 0x40

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")


class PduError(Exception):
    """One PDU cannot be read or written; the link is sound."""


class FramingError(Exception):
    """The length of the next PDU is absurd, so nothing after it can be trusted."""


class Pdu(NamedTuple):
    """Header fields and the body as it came."""

    command_id: int
    status: int
    sequence: int
    body: bytes


class Address(NamedTuple):
    """Type of number, numbering plan and the digits or letters themselves."""

    ton: int
    npi: int
    text: str


@dataclass(frozen=True, slots=True)
class SubmitSm:
    """The fields of submit_sm (4.4.1) that vary; every part asks for a delivery receipt."""

    source: Address
    destination: Address
    esm_class: int
    data_coding: int
    short_message: bytes
    validity_period: str = ""


@dataclass(frozen=True, slots=True)
class DeliverSm:
    """A deliver_sm (4.6.1) without the fields that nothing here asks for."""

    source: Address
    destination: Address
    esm_class: int
    data_coding: int
    short_message: bytes
    tlvs: dict[int, bytes]


class Framer:
    """Cuts a byte stream into PDUs, however the network has cut it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """All PDUs complete by now; FramingError after the sound ones if the rest is lost.

        The caller takes them all before it feeds again.
        """
        data = self._rest + data if self._rest else data
        start, end = 0, len(data)
        while end - start >= HEADER_OCTETS:
            length, command_id, status, sequence = _HEADER.unpack_from(data, start)
            if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                raise FramingError(f"command_length {length}")
            if end - start < length:
                break
            yield Pdu(command_id, status, sequence, data[start + HEADER_OCTETS : start + length])
            start += length
        self._rest = data[start:]


def encode(command_id: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A whole PDU."""
    return _HEADER.pack(HEADER_OCTETS + len(body), command_id, status, sequence) + body


def bind_transceiver_body(system_id: str, password: str, system_type: str) -> bytes:
    """Body of bind_transceiver (4.1.5) with an empty address_range."""
    return b"".join(
        (
            _c_string(system_id),
            _c_string(password),
            _c_string(system_type),
            bytes((INTERFACE_VERSION, 0, 0)),
            b"\0",
        )
    )


def submit_sm_body(message: SubmitSm) -> bytes:
    """Body of submit_sm; PduError if an address or the message does not fit."""
    if len(message.short_message) > 254:
        raise PduError(f"short_message of {len(message.short_message)} octets")
    return b"".join(
        (
            b"\0",  # service_type
            _address(message.source),
            _address(message.destination),
            bytes((message.esm_class, 0, 0)),  # protocol_id, priority_flag
            b"\0",  # schedule_delivery_time
            _c_string(message.validity_period),
            bytes((1, 0, message.data_coding, 0)),  # registered_delivery, replace, coding, default
            bytes((len(message.short_message),)),
            message.short_message,
        )
    )


def decode_deliver_sm(body: bytes) -> DeliverSm:
    """PduError where a mandatory field is cut short; optional parameters are kept raw."""
    try:
        _, at = _read_c_string(body, 0)
        source, at = _read_address(body, at)
        destination, at = _read_address(body, at)
        esm_class = body[at]
        _, at = _read_c_string(body, at + 3)  # schedule_delivery_time
        _, at = _read_c_string(body, at)  # validity_period
        data_coding, length = body[at + 2], body[at + 4]
    except IndexError:
        raise PduError("deliver_sm is cut short") from None
    at += 5
    if at + length > len(body):
        raise PduError(f"sm_length {length} reaches beyond the PDU")
    message = body[at : at + length]
    tlvs = read_tlvs(body, at + length)
    return DeliverSm(source, destination, esm_class, data_coding, message, tlvs)


def decode_message_id(body: bytes) -> str:
    """message_id of submit_sm_resp (4.4.2), with or without its closing NUL."""
    text = body.partition(b"\0")[0].decode("latin-1").strip()
    if not text:
        raise PduError("submit_sm_resp without message_id")
    return text


def read_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """Optional parameters from offset `at`; the first of a tag counts, a torn last one is left."""
    tlvs: dict[int, bytes] = {}
    while at + 4 <= len(body):
        tag, length = _TLV.unpack_from(body, at)
        at += 4
        if at + length > len(body):
            break
        tlvs.setdefault(tag, body[at : at + length])
        at += length
    return tlvs


def _c_string(text: str) -> bytes:
    # A NUL inside would shift every later field: whoever chose the text would write the PDU.
    if "\0" in text or not text.isascii():
        raise PduError("text is not plain ASCII")
    return text.encode("ascii") + b"\0"


def _address(address: Address) -> bytes:
    if len(address.text) > 20:
        raise PduError("address is longer than 20 characters")
    return bytes((address.ton, address.npi)) + _c_string(address.text)


def _read_c_string(body: bytes, at: int) -> tuple[str, int]:
    end = body.find(b"\0", at)
    if end < 0:
        raise PduError("string without its closing NUL")
    return body[at:end].decode("latin-1"), end + 1


def _read_address(body: bytes, at: int) -> tuple[Address, int]:
    ton, npi = body[at], body[at + 1]
    text, at = _read_c_string(body, at + 2)
    return Address(ton, npi, text), at
