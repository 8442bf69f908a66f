"""`sms-voip ledger …`: what a person corrects in the books, and their proofs. They work beside a
running platform."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from api.commands.arguments import AMOUNT, Account, Mode, Reason, amount, person
from api.commands.beside import database
from api.commands.deeds import one_account, run, write
from api.commands.options import console, instant
from db import audit
from db.connection import Conn, Row
from telephony.admin import money
from telephony.billing import verify
from telephony.clock import Instant, now, rfc3339
from telephony.money import shown

ledger = typer.Typer(help="The ledger: proofs, statements, corrections.", no_args_is_help=True)


class Wallet(StrEnum):
    """What pays messages, and what pays calls."""

    wallet = "wallet"
    sip = "sip"


MORE: Any = typer.Option(parser=amount, metavar="AMOUNT", help="In units, such as 25.50.")
FROM: Any = typer.Option("--from", parser=instant, metavar="TIME", help="Such as 2026-11-01.")
TO: Any = typer.Option("--to", parser=instant, metavar="TIME", help="Until before it; default now.")


@ledger.command()
def adjust(
    name: Account,
    reason: Reason,
    add: Annotated[int, MORE] = 0,
    take: Annotated[int, MORE] = 0,
    mode: Mode = Mode.live,
    wallet: Wallet = Wallet.wallet,
) -> None:
    """Correct a wallet: add to it, or take from what is free in it."""

    def deed(conn: Conn) -> str:
        account_id = one_account(conn, name)["id"]
        done = money.correct(
            conn, person(), now(), account_id, mode, wallet, add - take, reason
        )  # fmt: skip
        return str(done)

    console.print(write(deed), markup=False)


@ledger.command()
def refund(
    charge: Annotated[str, typer.Argument(help="Id or reference (charge:msg_…) of its journal.")],
    amount: Annotated[int, AMOUNT],
    reason: Reason,
) -> None:
    """Give back a charge or a part of it, never more than is left of it."""

    def deed(conn: Conn) -> str:
        return str(money.refund(conn, person(), now(), charge, amount, reason))

    console.print(write(deed), markup=False)


@ledger.command("verify")
def verify_all() -> None:
    """Prove every promise of the ledger; exit status 1 and the rows that break one."""
    found = run(_verify())
    _list(found)
    if found:
        raise SystemExit(1)
    console.print("Every promise of the ledger holds.")


@ledger.command()
def reconcile(
    start: Annotated[int | None, FROM] = None,
    stop: Annotated[int | None, TO] = None,
) -> None:
    """List what is lawful and still worth a look: calls without record, surplus, late charges."""
    _list(run(_questions(start or 0, stop or now())))


@ledger.command()
def statement(
    name: Account,
    mode: Mode = Mode.live,
    start: Annotated[int | None, FROM] = None,
    stop: Annotated[int | None, TO] = None,
) -> None:
    """Print what moved an account's money, with the balance after each line."""
    row, lines = run(_statement(name, mode, start or 0, stop or now()))
    for line in lines:
        amount, balance = (shown(int(line[key]), row["currency"]) for key in ("amount", "balance"))
        console.print(
            rfc3339(line["at"]), line["pot"], line["kind"], amount, "→", balance,
            line["reference"], line["actor"], line["reason"], markup=False, soft_wrap=True,
        )  # fmt: skip


def _list(found: verify.Drift) -> None:
    for name, rows in found.items():
        console.print(f"{name}:", markup=False)
        for row in rows:
            facts = " ".join(f"{column}={value}" for column, value in _told(row).items())
            console.print(f"  {facts}", markup=False, soft_wrap=True)


def _told(row: Row) -> Row:
    """Amounts whose currency is known are written with it."""
    if "currency" not in row:
        return row
    return {
        column: shown(value, row["currency"]) if column in audit.AMOUNTS else value
        for column, value in row.items() if column != "currency"
    }  # fmt: skip


async def _verify() -> verify.Drift:
    async with database() as db:
        return await verify.verify(db)


async def _questions(start: Instant, stop: Instant) -> verify.Drift:
    async with database() as db:
        return await verify.open_questions(db, start, stop)


async def _statement(name: str, mode: str, start: int, stop: int) -> tuple[Row, list[Row]]:
    async with database() as db:
        row = await db.write(one_account, name)
        return row, await audit.statement(db, row["id"], mode, start, stop)
