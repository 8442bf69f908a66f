"""Arguments and options that several commands take, and who gives the command."""

import getpass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from telephony.audit import Actor
from telephony.money import Micros, to_micros


class Mode(StrEnum):
    """Real money, or play money."""

    live = "live"
    test = "test"


def amount(text: str) -> Micros:
    """From units, such as 25.50."""
    return to_micros(Decimal(text))


def _cap(text: str) -> Micros | str:
    return NONE if text == NONE else to_micros(Decimal(text))


def _limit(text: str) -> int | str:
    if text != NONE and not 0 < int(text) < LIMIT_MAX:
        raise ValueError(f"a limit is above 0 and below {LIMIT_MAX}")
    return NONE if text == NONE else int(text)


NONE = "none"
LIMIT_MAX = 1_000_000
Account = Annotated[str, typer.Argument(help="Id or name of the account.")]
Reason = Annotated[str, typer.Option(help="Kept with the journal for ever.")]
AMOUNT: Any = typer.Argument(parser=amount, metavar="AMOUNT", help="In units, such as 25.50.")
CAP: Any = typer.Option(parser=_cap, metavar="AMOUNT|none", help="In units, or none.")
CALLS: Any = typer.Option(parser=_limit, metavar="CALLS|none", help="none: as by the settings.")
PER_MINUTE: Any = typer.Option(
    parser=_limit, metavar="REQUESTS|none", help="A minute; none: as by the settings."
)
BURST: Any = typer.Option(
    parser=_limit, metavar="REQUESTS|none", help="At once; none: as many as in a minute."
)


def given(**caps: int | str | None) -> dict[str, int | None]:
    """The columns to set: an option that was not given is None, and stays as it is."""
    return {column: or_none(cap) for column, cap in caps.items() if cap is not None}


def or_none(cap: Micros | str) -> Micros | None:
    """What is stored of a cap: `none` is none."""
    return None if isinstance(cap, str) else cap


def actor() -> str:
    """Who is written down as having done it."""
    return f"cli:{getpass.getuser()}"


def person() -> Actor:
    """The same for the log of what people do."""
    return Actor(actor(), actor())
