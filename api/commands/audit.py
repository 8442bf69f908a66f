"""`sms-voip audit …`: what people did, and the proof that nobody has changed the log since."""

from typing import Annotated

import typer

from api.commands.beside import database
from api.commands.deeds import run
from api.commands.options import console
from db import audit_log
from db.connection import Row
from telephony.audit import verify
from telephony.clock import rfc3339

audit = typer.Typer(help="What people did: the audit log.", no_args_is_help=True)
LIMIT_MAX = audit_log.PAGE


@audit.command("verify")
def verify_chain() -> None:
    """Recompute the chain of the audit log; exit status 1 and the entry where it breaks."""
    entries, broken = run(_verify())
    if broken is not None:
        console.print(
            f"The audit log was changed: its chain breaks at entry {broken} of {entries}. Compare"
            " it with a backup.",
            style="red",
        )
        raise SystemExit(1)
    console.print(f"The audit log is whole: {entries} entries, each chained to the one before.")


@audit.command("list")
def list_acts(
    limit: Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="So many at most.")] = 50,
) -> None:
    """Print what was done last, the oldest first."""
    for row in run(_last(limit)):
        console.print(
            rfc3339(row["at"]), row["seq"], row["actor_name"] or "-", row["action"],
            row["subject"], row["before"], "→", row["after"], row["address"],
            markup=False, highlight=False, soft_wrap=True,
        )  # fmt: skip


async def _verify() -> tuple[int, int | None]:
    async with database() as db:
        return await verify(db)


async def _last(limit: int) -> list[Row]:
    async with database() as db:
        seq, _ = await audit_log.head(db)
        return await audit_log.page(db, seq - limit, seq)
