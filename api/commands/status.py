"""`sms-voip status …`: how the platform is, and what customers are told of it. The commands work
beside a running platform."""

import asyncio
import getpass
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from api.commands.beside import database
from api.commands.deeds import run, write
from api.commands.options import console, instant
from telephony import status as platform
from telephony.clock import now, rfc3339
from telephony.status import History, Snapshot

status = typer.Typer(help="How the platform is, and what customers are told.", no_args_is_help=True)

Until = Annotated[
    str, typer.Option(help="When it is taken away by itself, such as 2026-11-01T08:00.")
]
Days = Annotated[int, typer.Option(min=1, max=90, help="So many days, today included.")]


@status.command()
def show() -> None:
    """Show every component as it was last looked at, and the notice."""

    async def work() -> Snapshot:
        async with database() as db:
            return await platform.look(db, now())

    found = asyncio.run(work())
    table = Table("component", "status", "since", "detail")
    for one in found.components:
        table.add_row(one.name, one.status, rfc3339(one.since), Text(one.detail))
    console.print(table)
    console.print(f"status: {found.status}")
    if found.notice:
        console.print(f"notice: {found.notice}", markup=False)


@status.command()
def notice(text: str, until: Until = "") -> None:
    """Show customers a sentence on top of the status, in place of the one before."""
    ends = instant(until) if until else None
    write(lambda conn: platform.set_notice(conn, text, ends, getpass.getuser(), now()))
    console.print("Customers see it from now on.")


@status.command()
def clear() -> None:
    """Take the notice away."""
    there = write(lambda conn: platform.clear_notice(conn, now()))
    console.print("The notice is gone." if there else "There was no notice.")


@status.command()
def incidents(days: Days = 30) -> None:
    """List what was not well, the newest first."""

    async def work() -> History:
        async with database() as db:
            return await platform.history(db, now(), days)

    table = Table("id", "component", "status", "from", "to", "detail", "note")
    for row in asyncio.run(work()).incidents:
        closed = rfc3339(row["closed_at"]) if row["closed_at"] else "lasts"
        shown = (Text(row["detail"]), Text(row["note"]))
        table.add_row(
            row["id"], row["component"], row["status"], rfc3339(row["opened_at"]), closed, *shown
        )
    console.print(table)


@status.command()
def note(incident: Annotated[str, typer.Argument(help="Its id.")], text: str) -> None:
    """Tell customers something about an incident."""
    write(lambda conn: platform.annotate(conn, incident, text))
    console.print("Customers see it from now on.")


@status.command()
def forget(name: Annotated[str, typer.Argument(help="As `status show` names it.")]) -> None:
    """Take a component that is out of service off the list, such as a PBX node that is no more:
    deleted SIP accounts wait for it no longer."""

    async def work() -> None:
        async with database() as db:
            while not await db.write(platform.forget, name, now()):
                console.print("…", end="")

    run(work())
    console.print(f"{name} is forgotten.", markup=False)
