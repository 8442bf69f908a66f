"""Imports every module that declares tables, so that the metadata is whole."""

from sqlalchemy import MetaData

from db import (
    account_search,
    accounts,
    audit_log,
    call_queue,
    caller_ids,
    calls,
    cdrs,
    chain,
    components,
    credentials,
    deliveries,
    events,
    first_steps,
    holds,
    idempotency,
    identity,
    inbound,
    incidents,
    ledger,
    mail,
    messages,
    notices,
    numbers,
    one_use_tokens,
    pace,
    receipts,
    recordings,
    request_log,
    search,
    sessions,
    sign_in_failures,
    sip,
    sip_contacts,
    sip_nodes,
    sms_accounts,
    sms_providers,
    sms_replies,
    sms_velocity,
    spending,
    stored_files,
    tariffs,
    tickets,
    traffic,
    trunks,
    users,
    webhook_endpoints,
)
from db.base import Table

DECLARING = (
    account_search, accounts, audit_log, call_queue, caller_ids, calls, cdrs, chain, components,
    credentials, deliveries, events, first_steps, holds, idempotency, identity, inbound, incidents,
    ledger, mail, messages, notices, numbers, one_use_tokens, pace, receipts, recordings,
    request_log, search, sessions, sign_in_failures, sip, sip_contacts, sip_nodes, sms_accounts,
    sms_providers, sms_replies, sms_velocity, spending, stored_files, tariffs, tickets, traffic,
    trunks, users, webhook_endpoints,
)  # fmt: skip


def metadata() -> MetaData:
    """The schema as the code declares it."""
    return Table.metadata
