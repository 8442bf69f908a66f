"""How money, times, phone numbers and counts are written on pages; each in one way only."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import phonenumbers
from markupsafe import Markup, escape

from telephony.clock import SECOND, Instant, rfc3339
from telephony.money import MICROS, Micros

NONE = "–"
MICROS_SUFFIX = "_micros"
MONEY_ENDS = (MICROS_SUFFIX, "_day_max", "_month_max")
TIME_END = "_at"
MINUTE_SECONDS, HOUR_SECONDS, DAY_SECONDS = 60, 3600, 86400


def money(amount: Micros | None, currency: str) -> str:
    """`1234500000` → `1,234.50 USD`, with more decimals only where they are not zero."""
    if amount is None:
        return NONE
    sign = "−" if amount < 0 else ""
    whole, rest = divmod(abs(amount), MICROS)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole:,}.{decimals} {currency}"


def plain(amount: Micros | None) -> str:
    """`1234500000` → `1234.50`, as a form takes it; empty for none."""
    return "" if amount is None else money(amount, "").strip().replace(",", "").replace("−", "-")


def phone(number: str | None) -> str:
    """`+15550111222` → `+1 555-011-1222`; a user or sender name stays as it is."""
    if not number or not number.startswith("+"):
        return number or NONE
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def time(at: Instant | None) -> Markup:
    """`23 Nov 2026, 10:05:07 UTC` in a <time> that a program can read, too."""
    if at is None:
        return Markup(NONE)
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    text = f"{moment.day} {moment:%b %Y, %H:%M:%S} UTC"
    return Markup('<time datetime="{}">{}</time>').format(rfc3339(at), text)


def date(at: Instant | None) -> Markup:
    """`23 Nov 2026`, the day in UTC."""
    if at is None:
        return Markup(NONE)
    moment = datetime.fromtimestamp(at // SECOND, UTC)
    text = f"{moment.day} {moment:%b %Y}"
    return Markup('<time datetime="{}">{}</time>').format(f"{moment:%Y-%m-%d}", text)


def duration(seconds: float | None) -> str:
    """`75` → `1:15`, `3675` → `1:01:15`."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(int(seconds), MINUTE_SECONDS)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def span(seconds: float) -> str:
    """About how long in one unit: `45 s`, `12 min`, `3 h`, `9 d`."""
    for unit, size in (("d", DAY_SECONDS), ("h", HOUR_SECONDS), ("min", MINUTE_SECONDS)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def count(number: int | None) -> str:
    """`1234567` → `1,234,567`."""
    return NONE if number is None else f"{number:,}"


def percent(part: int, whole: int) -> str:
    """`2` of `3` → `66.7 %`; a dash where there is nothing to divide by."""
    if not whole:
        return NONE
    return f"{(Decimal(100) * part / whole).quantize(Decimal('0.1'))} %"


def size(count_of_bytes: int) -> str:
    """`1536` → `1.5 KiB`."""
    amount, unit = float(count_of_bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.1f}".removesuffix(".0") + f" {unit}"


def words(code: str) -> Markup:
    """`no_answer` → `No answer`, for states and kinds."""
    return escape(code.replace("_", " ").capitalize())


def ticks(text: str) -> Markup:
    """A sentence with code between backticks, as HTML."""
    parts = [
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part)
        for at, part in enumerate(text.split("`"))
    ]
    return Markup("").join(parts)


def changes(before: str, after: str, currency: str) -> list[tuple[Markup, Markup]]:
    """What an act changed, from its JSON objects: each fact's name, and what it was and is.
    Amounts are in the currency."""
    old, new = json.loads(before), json.loads(after)
    found = []
    for name in dict.fromkeys((*old, *new)):
        told = _fact(name, new.get(name), currency)
        if name in old:
            told = Markup("{} → {}").format(_fact(name, old[name], currency), told)
        found.append((words(name.removesuffix(MICROS_SUFFIX)), told))
    return found


def _fact(name: str, fact: object, currency: str) -> Markup:
    """By its name, as the columns are called: `spend_day_max` is money, `expires_at` an instant."""
    match fact:
        case _ if fact in (None, "", [], {}):
            return Markup(NONE)
        case bool():
            return Markup("yes" if fact else "no")
        case int() if name.endswith(MONEY_ENDS):
            return escape(money(fact, currency))
        case int() if name.endswith(TIME_END):
            return time(fact)
        case str() if fact.startswith("+"):
            return escape(phone(fact))
        case str() | int():
            return escape(fact)
    return escape(json.dumps(fact, ensure_ascii=False))


FILTERS: dict[str, Any] = {
    "money": money, "plain": plain, "phone": phone, "time": time, "date": date,
    "duration": duration, "span": span, "count_of": count, "size": size, "words": words,
    "ticks": ticks, "changes": changes,
}  # fmt: skip
