"""Amounts that people type into forms."""

from decimal import Decimal

from telephony.money import Micros, to_micros
from telephony.users.problems import bad

CAP_MAX = 10**15
LIMIT_MAX = 1_000_000


def amount_of(text: str, field: str = "amount") -> Micros:
    """`25.50` → 25500000, also below zero; ValidationFailedError of the field."""
    try:
        return to_micros(Decimal(text.strip().replace("−", "-")))
    except (ArithmeticError, ValueError) as error:
        raise bad(field, "invalid", "Write an amount such as 25.50.") from error


def cap_of(text: str, field: str) -> Micros | None:
    """The same for the most that may be spent; None where nothing is written."""
    if not text.strip():
        return None
    found = amount_of(text, field)
    if not 0 <= found <= CAP_MAX:
        raise bad(field, "invalid", "Write an amount such as 25.50.")
    return found


def limit_of(text: str, field: str) -> int | None:
    """A whole number above 0; None where nothing is written."""
    digits = text.strip()
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit() and 0 < int(digits[:9]) < LIMIT_MAX):
        raise bad(field, "invalid", "Write a whole number such as 10.")
    return int(digits)
