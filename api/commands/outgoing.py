"""`sms-voip outgoing …`: the kill switch for live traffic, beside a running platform."""

from typing import Annotated

import typer

from api.commands.arguments import person
from api.commands.beside import database
from api.commands.deeds import run, write
from api.commands.options import console
from db import outgoing as stored
from db.outgoing import Outgoing
from telephony import outgoing as switch
from telephony.admin import kill_switch
from telephony.clock import now, rfc3339

outgoing = typer.Typer(help="The kill switch for what leaves the platform.", no_args_is_help=True)

Kind = Annotated[Outgoing, typer.Argument(help="messages, or calls.")]


@outgoing.command()
def stop(
    kind: Kind,
    reason: Annotated[str, typer.Option(help="Why, for those who find it stopped.")],
    hang_up: Annotated[bool, typer.Option(help="Calls under way, too.")] = False,
) -> None:
    """Refuse live messages or calls to the world; queued messages wait, queued calls end."""

    async def work() -> bool:
        async with database() as db:
            stopped = await db.write(kill_switch.stop, person(), now(), kind, reason, hang_up)
            if kind == Outgoing.calls:
                await kill_switch.finish(db, now(), hang_up)
            return stopped

    console.print("Nothing of it leaves any more." if run(work()) else "It was stopped before.")


@outgoing.command()
def resume(kind: Kind) -> None:
    """Let them leave again."""
    gone = write(lambda conn: switch.resume(conn, person(), now(), kind))
    console.print("They leave again." if gone else "They were not stopped.")


@outgoing.command()
def show() -> None:
    """Say what is stopped, since when, by whom and why."""
    rows = write(stored.stopped)
    for row in rows:
        facts = (row["kind"], "since", rfc3339(row["since"]), "by", row["actor"], row["reason"])
        console.print(*facts, markup=False, soft_wrap=True)
    if not rows:
        console.print("Nothing is stopped.")
