"""Money is an integer of millionths of the currency's unit; JSON shows a decimal number."""

from decimal import ROUND_CEILING, Decimal, InvalidOperation

MICROS = 1_000_000
Micros = int


def to_json(amount: Micros) -> int | float:
    """`6000` → `0.006`. A float holds every amount below nine milliards to the millionth."""
    whole, rest = divmod(amount, MICROS)
    return whole if rest == 0 else float(Decimal(amount) / MICROS)


def to_micros(amount: Decimal | int | str) -> Micros:
    """`"0.006"` → 6000; ValueError below a millionth, rather than rounding a payment."""
    try:
        micros = Decimal(amount) * MICROS
    except InvalidOperation as error:
        raise ValueError(f"{amount!r} is not an amount") from error
    if micros != micros.to_integral_value():
        raise ValueError("an amount has at most six decimals")
    return int(micros)


def share(price: Micros, part: int, whole: int) -> Micros:
    """`price × part ÷ whole`, rounded up to a millionth."""
    return int((Decimal(price * part) / whole).to_integral_value(ROUND_CEILING))


def shown(amount: Micros, currency: str) -> str:
    """`25.00 USD`, with more decimals only where they are not zero."""
    text = f"{Decimal(amount) / MICROS:.6f}".rstrip("0")
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(2, '0')} {currency}"
