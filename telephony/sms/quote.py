"""What a text would need and cost, told while it is written; nothing is promised or held."""

from dataclasses import dataclass

from db.connection import Conn
from telephony.billing import rating
from telephony.clock import Instant
from telephony.money import Micros
from telephony.settings import Settings
from telephony.sms.alphabets import PLAIN, Encoding, units
from telephony.sms.drafts import as_sent, sender_of
from telephony.sms.routes import ways
from telephony.sms.segments import limits


@dataclass(frozen=True)
class Quote:
    """`used` of the last part and `room` of each are septets or UTF-16 code units; `cost` is None
    where the number has no price, or none is given yet."""

    encoding: Encoding
    parts: int
    parts_max: int
    used: int
    room: int
    smart_encoded: bool
    cost: Micros | None


def quote(
    conn: Conn, settings: Settings, *, account_id: str, mode: str, to: str, sender: str, text: str,
    now: Instant,
) -> Quote:  # fmt: skip
    """As `send` would cut and price it; `to` is E.164, or empty while it is not known."""
    who = sender_of(conn, settings, account_id, mode, "")
    asked = sender or who.default_sender
    route = ways(conn, settings, mode=mode, account_id=account_id, messages=[(asked, to)])
    found = route(asked, to) if to else []
    sent, cut = as_sent(text, who.smart_encoding, found[0].encodings if found else PLAIN)
    rate = rating.rates_for(conn, account_id, {to}, now).get(to) if to else None
    alone, joined = limits(cut.encoding)
    return Quote(
        cut.encoding, cut.count, settings.sms_parts_max, units(cut.parts[-1], cut.encoding),
        alone if cut.count == 1 else joined, sent != text,
        rate.sms_per_segment * cut.count if rate else None,
    )  # fmt: skip
