"""Money is an integer of millionths of the currency's unit; JSON shows a decimal number."""

from decimal import Decimal, InvalidOperation

MICROS = 1_000_000
AMOUNT_MAX = 1_000_000_000
"""In units; its millionths fit a float exactly, and the sum of many fits the database."""
Micros = int


def to_json(amount: Micros) -> int | float:
    """`6000` → `0.006`. A float holds every amount below nine milliards to the millionth."""
    whole, rest = divmod(amount, MICROS)
    return whole if rest == 0 else amount / MICROS


def to_micros(amount: Decimal | int | str) -> Micros:
    """`"0.006"` → 6000; ValueError below a millionth, rather than rounding a payment."""
    try:
        exact = Decimal(amount)
    except InvalidOperation as error:
        raise ValueError(f"{amount!r} is not an amount") from error
    if not exact.is_finite() or abs(exact) > AMOUNT_MAX:
        raise ValueError(f"an amount is at most {AMOUNT_MAX}")
    if exact != exact.quantize(Decimal("0.000001")):
        raise ValueError("an amount has at most six decimals")
    return int(exact * MICROS)


def share(price: Micros, part: int, whole: int) -> Micros:
    """`price × part ÷ whole`, rounded up to a millionth."""
    return -(-price * part // whole)


def shown(amount: Micros, currency: str) -> str:
    """`25.00 USD`, with more decimals only where they are not zero."""
    text = f"{Decimal(amount) / MICROS:.6f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')} {currency}"
