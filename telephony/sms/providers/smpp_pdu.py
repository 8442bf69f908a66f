"""SMPP 3.4 on the wire: frames, the few PDUs that a client needs, optional parameters (TLV).

Section numbers are those of the SMPP Protocol Specification v3.4, issue 1.2. Whatever arrives,
the decoders raise nothing but `PduError`, and the framer nothing but `FramingError`.
"""

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

GENERIC_NACK: Final = 0x80000000
BIND_RECEIVER: Final = 0x00000001
BIND_TRANSMITTER: Final = 0x00000002
SUBMIT_SM: Final = 0x00000004
DELIVER_SM: Final = 0x00000005
UNBIND: Final = 0x00000006
BIND_TRANSCEIVER: Final = 0x00000009
ENQUIRE_LINK: Final = 0x00000015
ALERT_NOTIFICATION: Final = 0x00000102
RESPONSE: Final = 0x80000000  # bit that turns a request's command_id into its response's

HEADER_OCTETS = 16
PDU_OCTETS_MAX = 128 * 1024  # twice the longest message_payload; more means that framing is lost
SEQUENCE_MAX = 0x7FFFFFFF
ADDRESS_CHARACTERS_MAX = 20

TLV_RECEIPTED_MESSAGE_ID = 0x001E
TLV_USER_MESSAGE_REFERENCE = 0x0204
TLV_SAR_MSG_REF_NUM = 0x020C
TLV_SAR_TOTAL_SEGMENTS = 0x020E
TLV_SAR_SEGMENT_SEQNUM = 0x020F
TLV_NETWORK_ERROR_CODE = 0x0423
TLV_MESSAGE_PAYLOAD = 0x0424
TLV_MESSAGE_STATE = 0x0427

ESM_CLASS_UDHI = 0x40  # the message begins with a user data header

_HEADER = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")
_new = tuple.__new__


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


class DeliverSm(NamedTuple):
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
        self._rest = bytearray()  # the beginning of a PDU
        self._needed = HEADER_OCTETS  # octets of it that there must be before it is looked at

    def feed(self, data: bytes) -> Iterator[Pdu]:
        """All PDUs complete by now; FramingError after the sound ones if the rest is lost.

        The caller takes them all before it feeds again.
        """
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return
            data = bytes(self._rest)
        start, end, needed = 0, len(data), HEADER_OCTETS
        while end - start >= HEADER_OCTETS:
            length, command_id, status, sequence = _HEADER.unpack_from(data, start)
            if not HEADER_OCTETS <= length <= PDU_OCTETS_MAX:
                raise FramingError(f"command_length {length}")
            if end - start < length:
                needed = length
                break
            body = data[start + HEADER_OCTETS : start + length]
            # As Pdu(…) does, in half the time, and there is one for every PDU.
            yield _new(Pdu, (command_id, status, sequence, body))
            start += length
        self._rest = bytearray(data[start:])
        self._needed = needed


def encode(command_id: int, sequence: int, body: bytes = b"", status: int = 0) -> bytes:
    """A whole PDU."""
    return _HEADER.pack(HEADER_OCTETS + len(body), command_id, status, sequence) + body


def bind_body(
    system_id: str, password: str, system_type: str, interface_version: int, address_range: str
) -> bytes:
    """Body of any of the three binds (4.1); type and plan of the range are left unknown."""
    texts = c_string(system_id) + c_string(password) + c_string(system_type)
    return texts + bytes((interface_version, 0, 0)) + c_string(address_range)


def decode_deliver_sm(body: bytes) -> DeliverSm:
    """PduError where a mandatory field is cut short; optional parameters are kept raw."""
    try:
        at = body.index(0) + 1  # after service_type
        source, at = _read_address(body, at)
        destination, at = _read_address(body, at)
        esm_class = body[at]
        at = body.index(0, at + 3) + 1  # schedule_delivery_time
        at = body.index(0, at) + 1  # validity_period
        data_coding, length = body[at + 2], body[at + 4]
    except (IndexError, ValueError):
        raise PduError("deliver_sm is cut short") from None
    at += 5
    end = at + length
    if end > len(body):
        raise PduError(f"sm_length {length} reaches beyond the PDU")
    tlvs = read_tlvs(body, end)
    return DeliverSm(source, destination, esm_class, data_coding, body[at:end], tlvs)


def decode_message_id(body: bytes) -> str:
    """message_id of submit_sm_resp (4.4.2), its closing NUL or not; "" if it has none."""
    return body.partition(b"\0")[0].decode("latin-1").strip()


def read_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """Optional parameters from offset `at`; the first of a tag counts, a torn last one is left."""
    tlvs: dict[int, bytes] = {}
    end = len(body)
    while at + 4 <= end:
        tag, length = _TLV.unpack_from(body, at)
        at += 4
        if at + length > end:
            break
        tlvs.setdefault(tag, body[at : at + length])
        at += length
    return tlvs


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return _TLV.pack(tag, len(value)) + value


def c_string(text: str) -> bytes:
    """With its closing NUL; PduError for what is not plain ASCII."""
    # A NUL inside would shift every later field: whoever chose the text would write the PDU.
    if "\0" in text or not text.isascii():
        raise PduError("text is not plain ASCII")
    return text.encode("ascii") + b"\0"


def address_octets(address: Address) -> bytes:
    """TON, NPI and the text; PduError if it does not fit."""
    return bytes((address.ton, address.npi)) + address_text(address.text)


def address_text(text: str) -> bytes:
    """The last field of an address."""
    if len(text) > ADDRESS_CHARACTERS_MAX:
        raise PduError(f"address is longer than {ADDRESS_CHARACTERS_MAX} characters")
    return c_string(text)


def printable(text: str) -> str:
    """Without NUL, which no database stores in a text."""
    return text.replace("\0", "�")


def _read_address(body: bytes, at: int) -> tuple[Address, int]:
    end = body.index(0, at + 2)
    text = body[at + 2 : end].decode("latin-1")
    return _new(Address, (body[at], body[at + 1], text)), end + 1
