"""`sms-voip tariff …`: price lists in and out, and who buys by them."""

import asyncio
import sys
from collections.abc import Coroutine
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from api.commands.arguments import person
from api.commands.beside import database
from api.commands.deeds import one_account
from api.commands.options import console, instant
from db import decks
from telephony.admin import tariffs
from telephony.billing.decks import files, importer
from telephony.billing.decks.changes import KINDS, Changes
from telephony.billing.decks.importer import Order
from telephony.billing.decks.reader import DeckError, Faults, read
from telephony.billing.decks.shown import told
from telephony.clock import Instant, now, rfc3339
from telephony.errors import Problem

T = TypeVar("T")

tariff = typer.Typer(help="Price lists: import, export, assign.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
Name = Annotated[str, typer.Option(help="The price list.")]
Account = Annotated[str, typer.Argument(help="Id or name of the account.")]
TIME: Any = typer.Option(parser=instant, metavar="TIME", help="2026-11-01, RFC 3339, or now.")


@tariff.command("import")
def import_file(
    file: File,
    name: Name,
    valid_from: Annotated[Instant, TIME],
    currency: Annotated[str, typer.Option(help="Of a new price list, such as USD.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the changes.")] = False,
) -> None:
    """Make a CSV file what a price list says from a time on: all of it, or nothing."""
    changes = _run(_import(file, file.stat().st_size, Order(name, valid_from, currency), dry_run))
    _show(changes)
    done = "would be imported" if dry_run else "are in force"
    console.print(f"{changes.rates} rates of {name} {done} from {rfc3339(valid_from)}.")


@tariff.command("export")
def export_file(name: Name, at: Annotated[Instant | None, TIME] = None) -> None:
    """Write the version in force at a time to standard output, in the format of `import`."""
    _run(_export(name, at or now()))


@tariff.command("list")
def list_all() -> None:
    """Show every version of every price list."""
    _run(_list())


@tariff.command()
def assign(account: Account, name: Name) -> None:
    """Let an account buy by a price list; what it bought before keeps its price."""
    _run(_assign(account, name))


@tariff.command()
def override(account: Account, file: File) -> None:
    """Give an account the rates of a CSV file for itself, in place of those it had; a file with
    nothing but the heading takes them away."""
    _run(_override(account, file))


async def _import(file: Path, size: int, order: Order, dry_run: bool) -> Changes:
    passes = 1 if dry_run else 2
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=size * passes)
        step = partial(progress.advance, task)
        async with database() as db:
            if dry_run:
                return await importer.dry_run(db, file, order, step)
            return await importer.import_deck(db, file, order, step, person())


async def _export(name: str, at: Instant) -> None:
    async with database() as db:
        await files.export(db, name, at, sys.stdout)


async def _list() -> None:
    async with database() as db:
        rows = await decks.versions(db)
    table = Table("price list", "currency", "in force from", "rates")
    for row in rows:
        begins = rfc3339(row["valid_from"]) if row["valid_from"] else "the beginning"
        table.add_row(row["name"], row["currency"], begins, str(row["rates"]))
    console.print(table)


async def _assign(account: str, name: str) -> None:
    async with database() as db:
        await db.write(
            lambda conn: tariffs.assign(
                conn, person(), now(), one_account(conn, account)["id"], name
            )
        )


async def _override(account: str, file: Path) -> None:
    rates = read(files.lines(file, lambda _: None))
    async with database() as db:
        await db.write(
            lambda conn: tariffs.override(
                conn, person(), now(), one_account(conn, account)["id"], rates
            )
        )


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Its result; every fault of a file is a line, and ends the command."""
    try:
        return asyncio.run(work)
    except (Problem, ValueError) as error:
        faults = error.faults if isinstance(error, DeckError) else Faults()
        for fault in faults.first:
            print(f"line {fault.line}: {fault.reason}")
        if more := faults.count - len(faults.first):
            print(f"and {more} more")
        console.print(str(error), style="red", markup=False, highlight=False)
        raise SystemExit(1) from error


def _show(changes: Changes) -> None:
    """How many rates change in which way, and the first of each."""
    table = Table("change", "rates", "the first of them")
    for kind in KINDS:
        first = "\n".join(map(told, changes.first[kind]))
        table.add_row(kind, str(changes.counts[kind]), Text(first))
    console.print(table)
