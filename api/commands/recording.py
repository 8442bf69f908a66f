"""`sms-voip account recording`: which calls of a customer are recorded, and for how long they are
kept."""

from enum import StrEnum
from typing import Annotated

import typer

from api.commands.deeds import one_account, write
from api.commands.options import console, settings
from db import accounts
from db.connection import Conn, Row

DAYS_MAX = 3650


class Record(StrEnum):
    """`none` leaves it to the SIP accounts and to the calls themselves."""

    none = "none"
    outbound = "outbound"
    inbound = "inbound"
    all = "all"


Days = Annotated[
    int | None, typer.Option(min=0, max=DAYS_MAX, help="Kept for; 0: as the settings say.")
]


def set_recording(
    name: Annotated[str, typer.Argument(help="Id or name of the account.")],
    record: Annotated[Record | None, typer.Option(help="Calls to record.")] = None,
    days: Days = None,
) -> None:
    """Say which calls of an account are recorded, and for how many days recordings from now on
    are kept. What is not given stays as it is."""
    row = write(lambda conn: _set(conn, name, record, days))
    kept = row["recording_days"] or settings().recording_days
    told = row["record"] or "none, unless a SIP account or call says so"
    console.print(f"{row['name']}: records {told}; kept for {kept} days.", markup=False)


def _set(conn: Conn, name: str, record: Record | None, days: int | None) -> Row:
    account_id = one_account(conn, name)["id"]
    if record is not None:
        accounts.change(conn, account_id, record="" if record == Record.none else record)
    if days is not None:
        accounts.change(conn, account_id, recording_days=days or None)
    return accounts.account(conn, account_id)
