"""Reads delivery receipts as SMSCs really write them: TLVs first, then text in any shape.

The text of appendix B of SMPP v3.4 is only a suggestion (`id:1 sub:001 dlvrd:001 submit date:…
done date:… stat:DELIVRD err:000 text:…`): fields are missing, moved or spelt otherwise.
"""

import contextlib
import re
from datetime import UTC, datetime
from functools import lru_cache

from telephony.clock import SECOND, Instant
from telephony.sms.providers.base import Receipt, ReceiptState
from telephony.sms.providers.smpp_options import IdBase, SmppOptions
from telephony.sms.providers.smpp_pdu import (
    ESM_CLASS_UDHI,
    TLV_MESSAGE_PAYLOAD,
    TLV_MESSAGE_STATE,
    TLV_NETWORK_ERROR_CODE,
    TLV_RECEIPTED_MESSAGE_ID,
    TLV_USER_MESSAGE_REFERENCE,
    DeliverSm,
    PduError,
    printable,
)

TEXT_CHARACTERS_MAX = 1_000  # a receipt has some 120
ID_CHARACTERS_MAX = 255

_ESM_CLASS_TYPE = 0x3C
_ESM_CLASS_RECEIPTS = (0x04, 0x20)  # delivery receipt, intermediate notification

_BY_NUMBER = {  # message_state, section 5.2.28; 0 and 9 are from version 5.0
    0: ReceiptState.ENROUTE,
    1: ReceiptState.ENROUTE,
    2: ReceiptState.DELIVERED,
    3: ReceiptState.EXPIRED,
    4: ReceiptState.UNDELIVERED,
    5: ReceiptState.UNDELIVERED,
    6: ReceiptState.ENROUTE,
    8: ReceiptState.UNDELIVERED,
    9: ReceiptState.UNDELIVERED,
}
_BY_WORD = {  # the first five letters tell them apart in every spelling seen
    "SCHED": ReceiptState.ENROUTE,
    "ENROU": ReceiptState.ENROUTE,
    "BUFFE": ReceiptState.ENROUTE,
    "ACCEP": ReceiptState.ENROUTE,
    "DELIV": ReceiptState.DELIVERED,
    "EXPIR": ReceiptState.EXPIRED,
    "DELET": ReceiptState.UNDELIVERED,
    "UNDEL": ReceiptState.UNDELIVERED,
    "REJEC": ReceiptState.UNDELIVERED,
    "FAILE": ReceiptState.UNDELIVERED,
    "SKIPP": ReceiptState.UNDELIVERED,
}

# As the specification suggests it, which most write: one look instead of two.
_USUAL = re.compile(
    r"id:(\S+) sub:\S* dlvrd:\S* submit date:\S* done date:(\d+) stat:(\w+) err:(\w*)(?: text:|$)",
    re.IGNORECASE,
)
# `text:` comes last and repeats what the customer wrote, which may well look like fields.
_TEXT = re.compile(r"(?:^|\s)text\s*:", re.IGNORECASE)
_FIELD = re.compile(
    r"(?:^|[\s,;|])(id|done[ _]?date|stat(?:us)?|err(?:or)?)\s?:"
    r"(?:\s(?!\w+(?:[ _]date)?\s?:))?"  # a blank before the value, unless a field follows
    r"([^\s,;|]*)",
    re.IGNORECASE,
)
_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,64})")
_DECIMAL = re.compile(r"[0-9]{1,64}")
_DIGITS = range(7, 16)


def is_receipt(message: DeliverSm) -> bool:
    """By esm_class, or by the TLV that only receipts carry where an SMSC forgets the bit."""
    by_class = message.esm_class & _ESM_CLASS_TYPE in _ESM_CLASS_RECEIPTS
    return by_class or TLV_RECEIPTED_MESSAGE_ID in message.tlvs


def receipt_of(message: DeliverSm, provider: str, options: SmppOptions) -> Receipt:
    """PduError where no message id can be found; all else that is missing stays empty."""
    text, tlvs = _text(message), message.tlvs
    message_id, done, stat, err = _fields(text)
    message_id = _tlv_id(tlvs) or message_id
    if not message_id or len(message_id) > ID_CHARACTERS_MAX:
        raise PduError("receipt without message id")
    # Where we send none, it is somebody else's.
    echoed = options.user_message_reference and tlvs.get(TLV_USER_MESSAGE_REFERENCE)
    return Receipt(
        provider,
        normalized(message_id, options.receipt_id_base),
        _state(tlvs.get(TLV_MESSAGE_STATE, b""), stat),
        err or _network_error(tlvs),
        _instant(done),
        _number(message.source.text),
        _TEXT.split(text, maxsplit=1)[0],  # a text is kept with its message alone
        int.from_bytes(echoed) if echoed and len(echoed) == 2 else None,
    )


def normalized(message_id: str, base: IdBase) -> str:
    """One spelling per id: numbers as decimal without leading zeros, `as_is` untouched.

    An id that is not a number of that base loses only leading zeros and case.
    """
    if base is IdBase.AS_IS:
        return message_id
    if base is IdBase.HEX and (match := _HEX.fullmatch(message_id)):
        return str(int(match[1], 16))
    if base is IdBase.DECIMAL and _DECIMAL.fullmatch(message_id):
        return str(int(message_id))
    return message_id.lower().lstrip("0") or "0"


def _text(message: DeliverSm) -> str:
    octets = message.short_message or message.tlvs.get(TLV_MESSAGE_PAYLOAD, b"")
    if message.esm_class & ESM_CLASS_UDHI and octets:
        octets = octets[octets[0] + 1 :]
    if message.data_coding == 8:
        return printable(octets.decode("utf-16-be", "replace"))[:TEXT_CHARACTERS_MAX]
    return printable(octets.decode("latin-1"))[:TEXT_CHARACTERS_MAX]


def _fields(text: str) -> tuple[str, str, str, str]:
    """The first value of id, done date, stat and err, by the first letters of their names."""
    usual = _USUAL.match(text)
    if usual:
        message_id, done, stat, err = usual.groups()
        return message_id, done, stat, err
    cut = _TEXT.search(text)
    fields: dict[str, str] = {}
    for name, value in _FIELD.findall(text[: cut.start()] if cut else text):
        fields.setdefault(name[:2].lower(), value)
    message_id, done, stat, err = (fields.get(name, "") for name in ("id", "do", "st", "er"))
    return message_id, done, stat, err


def _tlv_id(tlvs: dict[int, bytes]) -> str:
    value = tlvs.get(TLV_RECEIPTED_MESSAGE_ID)
    return value.partition(b"\0")[0].decode("latin-1").strip() if value else ""


def _number(text: str) -> str:
    digits = text.removeprefix("+")
    known = len(digits) in _DIGITS and digits.isascii() and digits.isdigit()
    return f"+{digits}" if known else ""


def _state(tlv: bytes, word: str) -> ReceiptState:
    if len(tlv) == 1 and tlv[0] in _BY_NUMBER:
        return _BY_NUMBER[tlv[0]]
    return _BY_WORD.get(word[:5].upper(), ReceiptState.UNKNOWN)


def _network_error(tlvs: dict[int, bytes]) -> str:
    value = tlvs.get(TLV_NETWORK_ERROR_CODE, b"")
    return str(int.from_bytes(value[1:])) if len(value) == 3 else ""


@lru_cache(maxsize=64)  # receipts of one minute share it
def _instant(digits: str) -> Instant | None:
    """YYMMDDhhmm with or without ss, or with YYYY; the time zone is not told, so it is read as UTC.

    Twelve digits are YYMMDDhhmmss unless that is no date: 2026… has no 26th month.
    """
    if not (digits.isascii() and digits.isdigit()):
        return None
    for whole in ("20" + digits, digits):
        if len(whole) not in (12, 14):
            continue
        month, day, hour, minute = (int(whole[at : at + 2]) for at in (4, 6, 8, 10))
        with contextlib.suppress(ValueError):
            moment = datetime(int(whole[:4]), month, day, hour, minute, int(whole[12:] or 0))
            return int(moment.replace(tzinfo=UTC).timestamp()) * SECOND
    return None
