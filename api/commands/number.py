"""`sms-voip number …`: the numbers (DIDs) that accounts own, and what rings when somebody
calls them."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from api.commands.arguments import Mode, person
from api.commands.deeds import one_account, write
from api.commands.options import console
from db import numbers as stored
from telephony.admin import carriers
from telephony.clock import now
from telephony.voice.numbers import Rule

number = typer.Typer(help="Numbers that accounts own.", no_args_is_help=True)


class Strategy(StrEnum):
    """All phones at once, or one after the other."""

    all = "all"
    order = "order"


Number = Annotated[str, typer.Argument(help="In international format, +15550111222.")]


@number.command()
def add(
    text: Number,
    account: Annotated[str, typer.Argument(help="Id or name of the account that owns it.")],
    ring: Annotated[list[str] | None, typer.Option(help="A SIP account; in order.")] = None,
    strategy: Strategy = Strategy.all,
    ring_seconds: Annotated[int, typer.Option(help="For how long each rings.")] = 25,
    forward: Annotated[str, typer.Option(help="Number to call if none answers; paid.")] = "",
    mode: Mode = Mode.live,
) -> None:
    """Give a number to an account: calls to it ring these SIP accounts, else are forwarded, else
    the caller hears that it is busy."""
    rule = Rule(tuple(ring or ()), strategy, ring_seconds, forward)
    write(
        lambda conn: carriers.own(
            conn, person(), now(), number=text, account_id=one_account(conn, account)["id"],
            mode=mode, rule=rule,
        )
    )  # fmt: skip


@number.command("list")
def list_numbers() -> None:
    """Show every number, whose it is, and what rings."""
    table = Table("number", "account", "mode", "rings", "else")
    for row in write(stored.every):
        how = f"{row['targets']} ({row['strategy']}, {row['ring_seconds']} s)"
        table.add_row(row["number"], row["name"], row["mode"], how, row["forward_to"] or "busy")
    console.print(table)


@number.command()
def remove(text: Number) -> None:
    """Take a number away from its owner."""
    write(lambda conn: carriers.disown(conn, person(), now(), text))
