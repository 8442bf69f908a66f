"""Imports every module that declares tables, so that the metadata is whole."""

from sqlalchemy import MetaData

from db import (
    accounts,
    calls,
    cdrs,
    events,
    holds,
    idempotency,
    ledger,
    messages,
    receipts,
    sip,
    tariffs,
)
from db.base import Table

DECLARING = (
    accounts, calls, cdrs, events, holds, idempotency, ledger, messages, receipts, sip, tariffs,
)  # fmt: skip


def metadata() -> MetaData:
    """The schema as the code declares it."""
    return Table.metadata
