"""Reads a price list from CSV."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from telephony.money import to_micros

ILLUSTRATIVE = Path(__file__).with_name("illustrative.csv")
"""A row for every country calling code, with prices that are plainly made up."""

PRICES = ("sms_per_segment", "voice_per_minute", "voice_connect_fee")
SECONDS = ("voice_initial_seconds", "voice_increment_seconds")


def read(lines: Iterable[str]) -> list[dict[str, Any]]:
    """Rows for `db.tariffs.add_tariff`; ValueError names the line and the column."""
    return [_row(number, row) for number, row in enumerate(csv.DictReader(lines), 2)]


def _row(number: int, row: dict[str, str]) -> dict[str, Any]:
    try:
        prices = {name: to_micros(row[name]) for name in PRICES}
        seconds = {name: int(row[name]) for name in SECONDS}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"line {number}: {error}") from error
    return {**row, **prices, **seconds}
