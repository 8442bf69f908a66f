"""`sms-voip request`: what became of a request, by the id that its response carried."""

from typing import Annotated

import typer
from rich.table import Table

from api.commands.beside import database
from api.commands.deeds import run
from api.commands.options import console
from db.connection import Row
from telephony.clock import rfc3339
from telephony.request_log import look_up


def show_request(
    request_id: Annotated[str, typer.Argument(help="The X-Request-Id of the response.")],
) -> None:
    """Find requests by their id: who sent them, what they were answered, what they made."""
    table = Table("time", "request", "answer", "ms", "account", "key", "made")
    found = run(_found(request_id))
    for row in found:
        answer = f"{row['status']} {row['code'] or ''}".strip()
        table.add_row(
            rfc3339(row["at"]), f"{row['method']} {row['path']}", answer,
            str(row["latency_us"] // 1000), row["account_id"] or "", row["key_id"] or "",
            " ".join(row["made"]),
        )  # fmt: skip
    console.print(table if found else f"No request {request_id} is in the log.", markup=False)


async def _found(request_id: str) -> list[Row]:
    async with database() as db:
        return await look_up(db, request_id)
