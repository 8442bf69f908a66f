"""`sms-voip cdr …`: the call records that the PBX wrote, and those that fit nowhere. The commands
work beside a running platform."""

import asyncio
import json
import zlib
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from api.commands.beside import database
from api.commands.options import console, settings
from db import cdrs
from db.connection import Row
from telephony.clock import rfc3339
from telephony.voice.cdr_replay import replay
from telephony.voice.cdrs import Outcome

cdr = typer.Typer(help="Call records of the PBX.", no_args_is_help=True)

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
Node = Annotated[str, typer.Option(help="The PBX node that wrote it; by default this one.")]
Limit = Annotated[int, typer.Option(min=1, max=10_000, help="How many of the newest.")]
SHOWN_CHARACTERS = 200
TOLD = {
    Outcome.matched: "new, of a call",
    Outcome.stray: "new, of no call",
    Outcome.known: "known before",
    Outcome.unreadable: "unreadable",
}


@cdr.command("replay")
def replay_file(file: File, node: Node = "") -> None:
    """Read an old record file once more, compressed or not; nothing is doubled."""
    try:
        found = asyncio.run(_replay(file, file.stat().st_size, node or settings().node))
    except (EOFError, zlib.error) as error:
        raise OSError(f"{file} is damaged; what came before the damage is kept.") from error
    table = Table("lines", "count")
    for outcome, told in TOLD.items():
        table.add_row(told, str(found[outcome]))
    console.print(table)


@cdr.command("orphans")
def list_orphans(limit: Limit = 50) -> None:
    """Show the newest records that match no call."""
    table = Table("ended", "node", "uniqueid", "from", "to", "disposition", "seconds")
    for row in asyncio.run(_orphans(limit)):
        facts = json.loads(row["raw"])
        src, dst, seconds = (str(facts.get(name, "")) for name in ("src", "dst", "billsec"))
        cells = (row["node"], row["uniqueid"], src, dst, row["disposition"], seconds)
        table.add_row(rfc3339(row["ended_at"]), *map(Text, cells))
    console.print(table)


@cdr.command("unreadable")
def list_unreadable(limit: Limit = 50) -> None:
    """Show the newest lines that could not be read, and why."""
    table = Table("read", "from", "line", "error")
    for row in asyncio.run(_unreadable(limit)):
        shown = (Text(row[name][:SHOWN_CHARACTERS]) for name in ("source", "raw", "error"))
        table.add_row(rfc3339(row["at"]), *shown)
    console.print(table)


async def _replay(file: Path, size: int, node: str) -> Counter[Outcome]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(file.name, total=size)
        async with database() as db:
            return await replay(
                db, file, node, lambda reached: progress.update(task, completed=reached)
            )


async def _orphans(limit: int) -> list[Row]:
    async with database() as db:
        return await cdrs.strays(db, limit)


async def _unreadable(limit: int) -> list[Row]:
    async with database() as db:
        return await cdrs.buried(db, limit)
