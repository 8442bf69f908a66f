"""A result of any length as CSV (RFC 4180): written while it is read, page by page."""

import asyncio
import csv
import io
import json
import re
from collections.abc import AsyncIterator, Callable, Iterable
from decimal import Decimal
from typing import Any

from pydantic import BaseModel
from starlette.responses import StreamingResponse

from db.connection import Row

MEDIA_TYPE = "text/csv"
JSON = "application/json"
NUMBER = re.compile(r"\+[0-9]+")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def wanted(accept: str) -> bool:
    """Whether an Accept header names CSV, and does not like JSON better."""
    weights = dict(map(_weight, accept.lower().split(",")))
    return weights.get(MEDIA_TYPE, 0) > weights.get(JSON, 0)


def _weight(item: str) -> tuple[str, float]:
    """`text/csv;q=0.5` → (`text/csv`, 0.5); what cannot be read weighs nothing."""
    media_type, *parameters = (part.strip() for part in item.split(";"))
    written = next((part[2:] for part in parameters if part.startswith("q=")), "1")
    return media_type, float(written) if re.fullmatch(r"[01](\.[0-9]{0,3})?", written) else 0


def response(
    name: str, columns: type[BaseModel], pages: AsyncIterator[list[Row]],
    shown: Callable[[Row], BaseModel],
) -> StreamingResponse:  # fmt: skip
    """A file to download: a line of the model's names, then a line for every row."""
    heading = [field.alias or field_name for field_name, field in columns.model_fields.items()]

    async def lines() -> AsyncIterator[str]:
        yield _written([heading])
        async for rows in pages:
            yield await asyncio.to_thread(_page, rows, shown)

    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(lines(), 200, headers, f"{MEDIA_TYPE}; charset=utf-8")


def _page(rows: list[Row], shown: Callable[[Row], BaseModel]) -> str:
    return _written(_cells(shown(row)) for row in rows)


def _cells(row: BaseModel) -> list[str]:
    # A Decimal spells out what JSON writes as `1e-6`.
    values = json.loads(row.model_dump_json(by_alias=True), parse_float=Decimal)
    return [_cell(value) for value in values.values()]


def _cell(value: Any) -> str:
    """Text that a spreadsheet would run as a formula gets an apostrophe; a phone number is left
    as it is, since all that a spreadsheet can do to one is to drop its plus sign."""
    if not isinstance(value, str):  # an amount may be below zero
        return "" if value is None else str(value)
    return f"'{value}" if value.startswith(FORMULA) and not NUMBER.fullmatch(value) else value


def _written(rows: Iterable[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
