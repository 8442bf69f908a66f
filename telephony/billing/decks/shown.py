"""What a version of a price list changes, in words."""

from db.tariffs import PRICES
from telephony.billing.decks.changes import Change
from telephony.billing.decks.files import decimal
from telephony.billing.decks.reader import RateRow


def told(change: Change) -> str:
    """`49 Germany: sms_per_segment 0.006000 → 0.007000`, without what stays."""
    old, new = change.old, change.new
    if old is None or new is None:
        return f"{change.prefix} {(old or new or {})['country']}"
    moved = [
        f"{name} {_cell(name, old)} → {_cell(name, new)}" for name in old if old[name] != new[name]
    ]
    return f"{change.prefix} {new['country']}: {', '.join(moved)}"


def _cell(name: str, row: RateRow) -> str:
    return decimal(row[name]) if name in PRICES else str(row[name])
