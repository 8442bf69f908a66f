"""What an HTTP provider sends by itself: receipts and messages from phones, as JSON that options
describe, proved by a secret."""

import hashlib
import hmac
from collections.abc import Mapping

from telephony.sms.providers.base import Inbound, Receipt, ReceiptState, Report
from telephony.sms.providers.http_options import HttpInbound, at, found

NUMBER_DIGITS = range(7, 16)
NAME_CHARACTERS_MAX = 32
ID_CHARACTERS_MAX = 255
REPORTS_MAX = 1000


def proved(options: HttpInbound, headers: Mapping[str, str], body: bytes) -> bool:
    """True if whoever sent the body knows the secret."""
    given = headers.get(options.header, "").strip().encode("latin-1", "replace")
    secret = options.secret.get_secret_value().encode()
    if options.proof == "token":
        return hmac.compare_digest(given.removeprefix(b"Bearer "), secret)
    wanted = hmac.digest(secret, body, hashlib.sha256).hex().encode()
    return hmac.compare_digest(given.removeprefix(b"sha256=").lower(), wanted)


def reports(
    provider: str, options: HttpInbound, states: Mapping[str, ReceiptState], body: object
) -> list[Report]:
    """What a body tells; a status that `states` has not is no news. ValueError with a sentence
    where something is missing."""
    items = at(body, options.items_path) if options.items_path else body
    listed = items if isinstance(items, list) else [items]
    if len(listed) > REPORTS_MAX:
        raise ValueError(f"at most {REPORTS_MAX} reports come at once")
    told = [_report(provider, options, states, item) for item in listed]
    return [report for report in told if report is not None]


def _report(
    provider: str, options: HttpInbound, states: Mapping[str, ReceiptState], item: object
) -> Report | None:
    name = _short(item, options.id_path, ID_CHARACTERS_MAX)
    status = found(item, options.status_path)
    if not status:
        return _message(provider, options, name, item)
    if not name:
        raise ValueError(f"a receipt has the id of its message at {options.id_path}")
    if status not in states:
        return None
    error = _short(item, options.error_path, NAME_CHARACTERS_MAX)
    return Receipt(provider, name, states[status], error)


def _message(provider: str, options: HttpInbound, name: str, item: object) -> Inbound:
    sender = _short(item, options.from_path, NAME_CHARACTERS_MAX)
    recipient = _short(item, options.to_path, NAME_CHARACTERS_MAX)
    text = found(item, options.text_path)
    if not (sender and recipient and text):
        places = f"{options.from_path}, {options.to_path} and {options.text_path}"
        raise ValueError(f"a message has {places}, a receipt {options.status_path}")
    return Inbound(provider, _number(sender), _number(recipient), text, provider_message_id=name)


def _short(item: object, path: str, characters_max: int) -> str:
    text = found(item, path)
    if len(text) > characters_max or not text.isprintable():
        raise ValueError(f"{path} is too long, or has a character that cannot be used")
    return text


def _number(text: str) -> str:
    """E.164 with its plus; short codes and names stay as they are."""
    digits = text.removeprefix("+")
    known = len(digits) in NUMBER_DIGITS and digits.isascii() and digits.isdigit()
    return f"+{digits}" if known else text
