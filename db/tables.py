"""Imports every module that declares tables, so that the metadata is whole."""

from sqlalchemy import MetaData

from db import (
    accounts,
    call_queue,
    caller_ids,
    calls,
    cdrs,
    chain,
    components,
    deliveries,
    events,
    holds,
    idempotency,
    inbound,
    ledger,
    messages,
    notices,
    numbers,
    pace,
    receipts,
    recordings,
    sip,
    sms_accounts,
    sms_providers,
    sms_replies,
    sms_velocity,
    spending,
    tariffs,
    trunks,
    webhook_endpoints,
)
from db.base import Table

DECLARING = (
    accounts, call_queue, caller_ids, calls, cdrs, chain, components, deliveries, events, holds,
    idempotency, inbound, ledger, messages, notices, numbers, pace, receipts, recordings, sip,
    sms_accounts, sms_providers, sms_replies, sms_velocity, spending, tariffs, trunks,
    webhook_endpoints,
)  # fmt: skip


def metadata() -> MetaData:
    """The schema as the code declares it."""
    return Table.metadata
