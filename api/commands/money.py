"""`sms-voip account …` and `sms-voip ledger …`: what a person does to money, and its proofs. They
work beside a running platform."""

import getpass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.commands.deeds import one_account, run, write
from api.commands.options import console, database, instant
from db import accounts, audit, caller_ids, numbers
from db.connection import Conn, Row
from db.ids import new_id
from telephony.billing import adjustments, limits, verify, wallets
from telephony.clock import Instant, now, rfc3339
from telephony.money import Micros, shown, to_micros
from telephony.phone_numbers import e164
from telephony.voice import sip_accounts

account = typer.Typer(help="Customers: money, limits, status.", no_args_is_help=True)
ledger = typer.Typer(help="The ledger: proofs, statements, corrections.", no_args_is_help=True)


class Mode(StrEnum):
    """Real money, or play money."""

    live = "live"
    test = "test"


class Wallet(StrEnum):
    """What pays messages, and what pays calls."""

    wallet = "wallet"
    sip = "sip"


def _amount(text: str) -> Micros:
    return to_micros(Decimal(text))


def _cap(text: str) -> Micros | str:
    return NONE if text == NONE else to_micros(Decimal(text))


def _calls(text: str) -> int | str:
    if text != NONE and not 0 < int(text) < CALLS_LIMIT:
        raise ValueError(f"a number of calls is above 0 and below {CALLS_LIMIT}")
    return NONE if text == NONE else int(text)


NONE = "none"
CALLS_LIMIT = 1_000_000
PREFIX_DIGITS_MAX = 15
Account = Annotated[str, typer.Argument(help="Id or name of the account.")]
Reason = Annotated[str, typer.Option(help="Kept with the journal for ever.")]
AMOUNT: Any = typer.Argument(parser=_amount, metavar="AMOUNT", help="In units, such as 25.50.")
MORE: Any = typer.Option(parser=_amount, metavar="AMOUNT", help="In units, such as 25.50.")
CAP: Any = typer.Option(parser=_cap, metavar="AMOUNT|none", help="In units, or none.")
CALLS: Any = typer.Option(parser=_calls, metavar="CALLS|none", help="none: as by the settings.")
FROM: Any = typer.Option("--from", parser=instant, metavar="TIME", help="Such as 2026-11-01.")
TO: Any = typer.Option("--to", parser=instant, metavar="TIME", help="Until before it; default now.")


@account.command()
def fund(
    name: Account, amount: Annotated[int, AMOUNT], reason: Reason, mode: Mode = Mode.live
) -> None:
    """Put money that was paid in into an account's wallet."""

    def deed(conn: Conn) -> str:
        row = one_account(conn, name)
        wallets.fund(conn, row["id"], mode, amount, reference=new_id("fund"), actor=_actor(),
                     reason=reason, now=now())  # fmt: skip
        balance = wallets.balance(conn, row["id"], mode, "wallet")
        return f"The {mode} wallet of {row['name']} has {shown(balance, row['currency'])}."

    console.print(write(deed), markup=False)


@account.command("limits")
def set_limits(
    name: Account,
    day: Annotated[Any, CAP] = None,
    month: Annotated[Any, CAP] = None,
    low_wallet: Annotated[Any, CAP] = None,
    low_sip: Annotated[Any, CAP] = None,
    calls_max: Annotated[Any, CALLS] = None,
    calls_per_second: Annotated[Any, CALLS] = None,
    mode: Mode = Mode.live,
) -> None:
    """Cap what an account may spend in a day or month, its calls at once and those it starts in
    a second (in each mode), and say from which balance down it is warned (in one mode). What is
    not given stays as it is."""

    def deed(conn: Conn) -> None:
        account_id = one_account(conn, name)["id"]
        given = _given(
            spend_day_max=day, spend_month_max=month, calls_max=calls_max,
            calls_per_second=calls_per_second,
        )  # fmt: skip
        if given:
            accounts.change(conn, account_id, **given)
        for kind, threshold in (("wallet", low_wallet), ("sip", low_sip)):
            if threshold is not None:
                limits.set_threshold(conn, account_id, mode, kind, _or_none(threshold), now())

    write(deed)


@account.command("key-limit")
def set_key_limit(
    key_id: Annotated[str, typer.Argument(help="Id of the API key.")],
    day: Annotated[Any, CAP] = None,
    calls_max: Annotated[Any, CALLS] = None,
    calls_per_second: Annotated[Any, CALLS] = None,
) -> None:
    """Cap what an API key may spend in a day, its calls at once and those it starts in a second.
    What is not given stays as it is."""

    def deed(conn: Conn) -> None:
        given = _given(spend_day_max=day, calls_max=calls_max, calls_per_second=calls_per_second)
        if given and not accounts.change_key(conn, key_id, **given):
            raise ValueError(f"there is no key {key_id}")

    write(deed)


Prefix = Annotated[str, typer.Argument(help="Digits that numbers begin with, such as 4470.")]


@account.command()
def allow(name: Account, prefix: Prefix) -> None:
    """Let an account call numbers that begin so; the longest prefix counts."""
    write(lambda conn: _rule(conn, name, prefix, True))


@account.command()
def block(name: Account, prefix: Prefix) -> None:
    """Let an account not call numbers that begin so; the longest prefix counts."""
    write(lambda conn: _rule(conn, name, prefix, False))


@account.command()
def suspend(name: Account) -> None:
    """Let an account do nothing more: its keys and phones are refused, and its calls end."""
    _set_status(name, "suspended")


@account.command()
def activate(name: Account) -> None:
    """Let a suspended account work again."""
    _set_status(name, "active")


@account.command("verify-caller-id")
def verify_caller_id(
    name: Account, number: Annotated[str, typer.Argument(help="E.164, such as +4930123456.")]
) -> None:
    """Let an account show a number that it has proved to be its own."""

    def deed(conn: Conn) -> None:
        caller_ids.verify(conn, one_account(conn, name)["id"], e164(number), _actor(), now())

    write(deed)


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
        return adjustments.adjust(
            conn, one_account(conn, name)["id"], mode, wallet, add - take, reason=reason,
            reference=new_id("adjust"), actor=_actor(), now=now(),
        )  # fmt: skip

    console.print(write(deed), markup=False)


@ledger.command()
def refund(
    charge: Annotated[str, typer.Argument(help="Id or reference (charge:msg_…) of its journal.")],
    amount: Annotated[int, AMOUNT],
    reason: Reason,
) -> None:
    """Give back a charge or a part of it, never more than is left of it."""

    def deed(conn: Conn) -> str:
        return adjustments.refund(conn, charge, amount, reason=reason, actor=_actor(),
                                  reference=new_id("refund"), now=now())  # fmt: skip

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


def _rule(conn: Conn, name: str, prefix: str, allowed: bool) -> None:
    digits = prefix.removeprefix("+")
    if not digits.isdigit() or len(digits) > PREFIX_DIGITS_MAX:
        raise ValueError(f"a prefix is 1 to {PREFIX_DIGITS_MAX} digits")
    numbers.rule(conn, one_account(conn, name)["id"], digits, allowed)


def _given(**caps: int | str | None) -> dict[str, int | None]:
    """The columns to set: an option that was not given is None, and stays as it is."""
    return {column: _or_none(cap) for column, cap in caps.items() if cap is not None}


def _set_status(name: str, status: str) -> None:
    def deed(conn: Conn) -> str:
        row = one_account(conn, name)
        sip_accounts.set_account_status(conn, row["id"], status, now())
        return f"{row['name']} is {status}."

    console.print(write(deed), markup=False)


def _or_none(cap: Micros | str) -> Micros | None:
    return None if isinstance(cap, str) else cap


def _actor() -> str:
    return f"cli:{getpass.getuser()}"


def _list(found: verify.Drift) -> None:
    for name, rows in found.items():
        console.print(f"{name}:", markup=False)
        for row in rows:
            facts = " ".join(f"{column}={value}" for column, value in row.items())
            console.print(f"  {facts}", markup=False, soft_wrap=True)


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
