"""Imports every module that declares tables, so that the metadata is whole."""

from sqlalchemy import MetaData

from db import (
    accounts,
    calls,
    cdrs,
    chain,
    events,
    holds,
    idempotency,
    ledger,
    messages,
    receipts,
    sip,
    spending,
    tariffs,
)
from db.base import Table

DECLARING = (
    accounts, calls, cdrs, chain, events, holds, idempotency, ledger, messages, receipts, sip,
    spending, tariffs,
)  # fmt: skip


def metadata() -> MetaData:
    """The schema as the code declares it."""
    return Table.metadata
