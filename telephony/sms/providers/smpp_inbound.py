"""Reads messages from phones (deliver_sm that is no receipt), as far as phones and SMSCs agree."""

from typing import NamedTuple

from telephony.sms.alphabets import BASIC, ESCAPE, SHIFTED, Encoding
from telephony.sms.providers.base import Inbound
from telephony.sms.providers.smpp_pdu import (
    ESM_CLASS_UDHI,
    TLV_MESSAGE_PAYLOAD,
    TLV_SAR_MSG_REF_NUM,
    TLV_SAR_SEGMENT_SEQNUM,
    TLV_SAR_TOTAL_SEGMENTS,
    Address,
    DeliverSm,
    printable,
)

SHORT_CODE_DIGITS_MAX = 8
_TON_INTERNATIONAL, _TON_UNKNOWN = 1, 0
_ELEMENT_8_BIT, _ELEMENT_16_BIT, _ELEMENT_SINGLE_SHIFT = 0x00, 0x08, 0x24
_LANGUAGES = {1: Encoding.GSM7_TURKISH, 2: Encoding.GSM7_SPANISH, 3: Encoding.GSM7_PORTUGUESE}
_EXTENSIONS = {
    encoding: {code: char for char, code in table.items()} for encoding, table in SHIFTED.items()
}


class _Place(NamedTuple):
    reference: int = 0
    part: int = 1
    parts: int = 1


def inbound_of(message: DeliverSm, provider: str) -> Inbound:
    """Nothing in it is refused: what cannot be read is passed on as hexadecimal digits."""
    octets = message.short_message or message.tlvs.get(TLV_MESSAGE_PAYLOAD, b"")
    elements: dict[int, bytes] = {}
    if message.esm_class & ESM_CLASS_UDHI and octets and octets[0] < len(octets):
        elements = _elements(octets[1 : octets[0] + 1])
        octets = octets[octets[0] + 1 :]
    place = _place(elements) or _sar(message.tlvs) or _Place()
    return Inbound(
        provider=provider,
        sender=number_of(message.source),
        recipient=number_of(message.destination),
        text=_text(octets, message.data_coding, elements.get(_ELEMENT_SINGLE_SHIFT, b"")),
        reference=place.reference,
        part=place.part,
        parts=place.parts,
    )


def number_of(address: Address) -> str:
    """E.164 with its plus where the digits are international; else as it came."""
    digits = address.text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return printable(address.text)
    long = address.ton == _TON_UNKNOWN and len(digits) > SHORT_CODE_DIGITS_MAX
    international = digits is not address.text or address.ton == _TON_INTERNATIONAL or long
    return f"+{digits}" if international else digits


def _text(octets: bytes, data_coding: int, language: bytes) -> str:
    kind = _alphabet(data_coding)
    if kind == "gsm7":
        table = _LANGUAGES.get(language[0], Encoding.GSM7) if language else Encoding.GSM7
        return _gsm7(octets, _EXTENSIONS[table])
    if kind == "ucs2":
        # Half a surrogate pair stays: the other half is in the next part. Half a unit goes.
        return printable(octets[: len(octets) & ~1].decode("utf-16-be", "surrogatepass"))
    if kind == "latin1":
        return printable(octets.decode("latin-1"))
    return octets.hex()


def _alphabet(data_coding: int) -> str:
    """SMPP 5.2.19, with the groups of 3GPP TS 23.038 that it points to."""
    if data_coding in (1, 3):  # ASCII is a part of Latin 1
        return "latin1"
    if data_coding < 0x10:
        return {0: "gsm7", 8: "ucs2"}.get(data_coding, "binary")
    if data_coding < 0x80 and not data_coding & 0x20:  # general, not compressed
        return ("gsm7", "binary", "ucs2", "binary")[data_coding >> 2 & 3]
    if data_coding >= 0xF0:
        return "binary" if data_coding & 4 else "gsm7"
    return {0xC: "gsm7", 0xD: "gsm7", 0xE: "ucs2"}.get(data_coding >> 4, "binary")


def _gsm7(octets: bytes, extension: dict[int, str]) -> str:
    """One septet per octet; an escape before an unknown code stands for a blank."""
    text, escaped = [], False
    for octet in octets:
        if escaped:
            text.append(extension.get(octet & 0x7F) or BASIC[octet & 0x7F])
            escaped = False
        elif octet == ord(ESCAPE):
            escaped = True
        else:
            text.append(BASIC[octet & 0x7F])
    return "".join(text)


def _elements(header: bytes) -> dict[int, bytes]:
    """Elements of a user data header; a torn last one is left."""
    elements: dict[int, bytes] = {}
    at = 0
    while at + 2 <= len(header):
        end = at + 2 + header[at + 1]
        if end <= len(header):
            elements.setdefault(header[at], header[at + 2 : end])
        at = end
    return elements


def _place(elements: dict[int, bytes]) -> _Place | None:
    for element, octets in ((_ELEMENT_8_BIT, 3), (_ELEMENT_16_BIT, 4)):
        value = elements.get(element, b"")
        if len(value) == octets:
            return _sound(int.from_bytes(value[:-2]), value[-1], value[-2])
    return None


def _sar(tlvs: dict[int, bytes]) -> _Place | None:
    tags = (TLV_SAR_MSG_REF_NUM, TLV_SAR_SEGMENT_SEQNUM, TLV_SAR_TOTAL_SEGMENTS)
    reference, part, parts = (tlvs.get(tag, b"") for tag in tags)
    if len(reference) != 2 or len(part) != 1 or len(parts) != 1:
        return None
    return _sound(int.from_bytes(reference), part[0], parts[0])


def _sound(reference: int, part: int, parts: int) -> _Place | None:
    return _Place(reference, part, parts) if 1 <= part <= parts else None
